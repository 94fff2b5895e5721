//! Compares every overlay at two revisions, or at a revision and in the work tree.

use super::{Arguments, Compared, NOT_THERE, Side, json, markdown, summary, text};
use crate::check::Base;
use crate::cli::base;
use crate::cli::chosen::Chosen;
use crate::cli::error::Error;
use crate::cli::options::TextJsonOrMarkdown;
use crate::cli::workspace::{Head, Workspace};
use crate::compare::{self, Change, ResourceChange};
use crate::kustomize::Resource;
use crate::repo::{Overlay, Repo, renamed};
use crate::source::{Files, folder_of, is_below};

/// Two revisions as typed: `A..B`, `A...B`, or `A` for the work tree against `A`.
pub(super) struct Range<'a> {
    from: &'a str,
    /// `None` is the work tree.
    to: Option<&'a str>,
    /// Compare from the commit at which `to` left `from`, as a pull request does.
    from_merge_base: bool,
}

impl<'a> Range<'a> {
    pub(super) fn parse(text: &'a str) -> Range<'a> {
        let (from, to, from_merge_base) = if let Some((from, to)) = text.split_once("...") {
            (from, Some(to), true)
        } else if let Some((from, to)) = text.split_once("..") {
            (from, Some(to), false)
        } else {
            (text, None, true)
        };
        let or_head = |name: &'a str| if name.is_empty() { "HEAD" } else { name };
        Range {
            from: or_head(from),
            to: to.map(or_head),
            from_merge_base,
        }
    }

    pub(super) fn exactly(from: &'a str, to: &'a str) -> Range<'a> {
        Range {
            from,
            to: Some(to),
            from_merge_base: false,
        }
    }

    /// The names of both ends, for people.
    fn names(&self) -> (&'a str, &'a str) {
        (self.from, self.to.unwrap_or("the work tree"))
    }
}

/// Compares the overlays.
pub(super) fn diff(arguments: &Arguments, range: &Range) -> Result<Compared, Error> {
    let head = range.to.map_or(Head::Worktree, Head::Revision);
    let workspace = Workspace::load_at(&arguments.path, &arguments.repo, head)?;
    let base = if range.from_merge_base {
        base::load(&workspace, range.from, &arguments.repo)
    } else {
        base::load_exactly(&workspace, range.from, &arguments.repo)
    };
    let base = base?.base;
    let repo = &workspace.repo;
    // only the base knows an app that the change removes
    let overlays = repo.overlays.iter().chain(&base.repo.overlays);
    let chosen = Chosen::among(overlays, repo, &arguments.environments, &arguments.apps)?;
    let sides = sides(repo, &base, &|overlay| chosen.has(overlay));
    workspace.whole()?;
    let names = range.names();
    let text = match (arguments.format, arguments.summary) {
        (TextJsonOrMarkdown::Json, true) => summary::json(names, repo, &sides),
        (TextJsonOrMarkdown::Json, false) => json::diff(names, repo, &sides),
        (TextJsonOrMarkdown::Text, true) => summary::text(repo, &sides),
        (TextJsonOrMarkdown::Markdown, true) => summary::markdown(repo, &sides),
        (TextJsonOrMarkdown::Markdown, false) => markdown::diff(&sides, true),
        (TextJsonOrMarkdown::Text, false) => {
            let compared = repo.overlays.iter().filter(|overlay| chosen.has(overlay));
            text::between_revisions(&sides, compared.count(), names)
        }
    };
    Ok(Compared {
        text,
        differs: !sides.is_empty(),
    })
}

/// The overlays that differ from a base.
pub(super) fn sides_of<'r>(repo: &'r Repo, base: &'r Base) -> Vec<Side<'r>> {
    sides(repo, base, &|_| true)
}

/// The overlays that differ, and those that may because they cannot be rendered completely.
fn sides<'r>(
    repo: &'r Repo,
    base: &'r Base,
    is_chosen: &dyn Fn(&Overlay) -> bool,
) -> Vec<Side<'r>> {
    let earlier = renamed::before(repo, &base.repo);
    let mut sides: Vec<Side> = Vec::new();
    for (now, before) in repo.overlays.iter().zip(&earlier) {
        let before = before.and_then(|index| base.repo.overlays.get(index));
        if is_chosen(now) {
            sides.extend(match before {
                Some(before) => changed(repo, base, before, now),
                None => Some(whole(now, Change::Added)),
            });
        }
    }
    for (index, before) in base.repo.overlays.iter().enumerate() {
        if is_chosen(before) && !earlier.contains(&Some(index)) {
            sides.push(whole(before, Change::Removed));
        }
    }
    sides.retain(Side::is_worth_showing);
    sides.sort_by(|one, other| one.overlay.path.cmp(&other.overlay.path));
    sides
}

/// An overlay at both revisions. `None` if nothing can have changed.
fn changed<'r>(
    repo: &'r Repo,
    base: &'r Base,
    before: &'r Overlay,
    now: &'r Overlay,
) -> Option<Side<'r>> {
    if before.rendered.is(&now.rendered) {
        return None;
    }
    let changes = compare::resources(before, now, repo);
    let may_be_read = |path| comes_near(path, &repo.files, [before, now]);
    if changes.is_empty() && !base.changed.iter().any(|path| may_be_read(path)) {
        return None;
    }
    Some(Side {
        overlay: now,
        from: &before.path,
        to: &now.path,
        change: Change::Changed,
        complete: now.rendered.complete && before.rendered.complete,
        changes,
    })
}

/// An overlay that exists at one revision only, with all its objects.
fn whole(overlay: &Overlay, change: Change) -> Side<'_> {
    let is_removed = change == Change::Removed;
    let resource = |resource: &Resource| {
        let (from, to) = if is_removed {
            (Some(resource.clone()), None)
        } else {
            (None, Some(resource.clone()))
        };
        ResourceChange {
            change,
            from,
            to,
            changes: Vec::new(),
        }
    };
    let (from, to) = if is_removed {
        (overlay.path.as_str(), NOT_THERE)
    } else {
        (NOT_THERE, overlay.path.as_str())
    };
    Side {
        overlay,
        from,
        to,
        change,
        complete: overlay.rendered.complete,
        changes: overlay.rendered.resources.iter().map(resource).collect(),
    }
}

/// True if a plugin or chart that could not be rendered may read a changed file: the file is in or
/// below the folder of its kustomization, or the kustomization names a part of the path.
fn comes_near(changed: &str, files: &Files, overlays: [&Overlay; 2]) -> bool {
    let problems = overlays
        .into_iter()
        .flat_map(|overlay| &overlay.rendered.problems)
        .filter(|problem| problem.kind.refused());
    problems
        .map(|problem| files.get(problem.origin.file))
        .any(|file| {
            is_below(changed, folder_of(&file.path))
                || changed.split('/').any(|part| file.text.contains(part))
        })
}
