//! Compares the overlays of two environments, or two overlays.

use super::{Arguments, Compared, Side, json, markdown, text};
use crate::cli::error::Error;
use crate::cli::options::TextJsonOrMarkdown;
use crate::compare::{self, Change, Expectation, ResourceChange};
use crate::names::UnknownName;
use crate::repo::{Overlay, Repo};

/// The overlays of two environments or paths that belong together.
type Pairs<'r> = Vec<(&'r Overlay, &'r Overlay)>;

/// Compares the pairs.
pub(super) fn diff(arguments: &Arguments, repo: &Repo, pairs: Pairs, to: &str) -> Compared {
    // JSON marks the expected differences instead of leaving them out
    let unexpected_only = !arguments.all && arguments.format != TextJsonOrMarkdown::Json;
    let side = |(from, to): (_, _)| side(repo, from, to, unexpected_only);
    let sides: Vec<Side> = pairs.into_iter().map(side).collect();
    Compared {
        text: match arguments.format {
            TextJsonOrMarkdown::Json => json::diff((&arguments.from, to), repo, &sides),
            TextJsonOrMarkdown::Text => text::diff(&sides, arguments.all),
            TextJsonOrMarkdown::Markdown => markdown::diff(&sides, false),
        },
        differs: sides.iter().any(|side| is_different(side, arguments.all)),
    }
}

fn side<'r>(repo: &Repo, from: &'r Overlay, to: &'r Overlay, unexpected_only: bool) -> Side<'r> {
    let mut changes = compare::resources(from, to, repo);
    if unexpected_only {
        for change in &mut changes {
            // images are what a promotion is about
            change
                .changes
                .retain(|value| matches!(value.expected, None | Some(Expectation::ImageVersion)));
        }
        let is_left = |change: &ResourceChange| {
            change.change != Change::Changed || !change.changes.is_empty()
        };
        changes.retain(is_left);
    }
    Side {
        overlay: to,
        from: &from.path,
        to: &to.path,
        change: Change::Changed,
        complete: from.rendered.complete && to.rendered.complete,
        changes,
    }
}

/// True if something differs that environments should share, or anything with `all`.
fn is_different(side: &Side, all: bool) -> bool {
    let is_unexpected = |change: &ResourceChange| {
        change.change != Change::Changed
            || change.changes.iter().any(|value| value.expected.is_none())
    };
    !side.complete
        || side
            .changes
            .iter()
            .any(|change| all || is_unexpected(change))
}

/// The overlays to compare: the two of these paths, or those of the apps that both environments
/// have.
pub(super) fn pairs<'r>(
    repo: &'r Repo,
    arguments: &Arguments,
    to_name: &str,
) -> Result<Pairs<'r>, Error> {
    let overlay = |path: &str| repo.overlay_named(path);
    if let (Ok(from), Ok(to)) = (overlay(&arguments.from), overlay(to_name)) {
        return Ok(vec![(from, to)]);
    }
    let (from, to) = (
        environment(repo, &arguments.from)?,
        environment(repo, to_name)?,
    );
    for app in &arguments.apps {
        repo.require_app(app)?;
    }
    let is_wanted = |overlay: &&Overlay| {
        overlay.environment == Some(to)
            && (arguments.apps.is_empty() || arguments.apps.contains(&overlay.app))
    };
    let found: Pairs = repo
        .overlays
        .iter()
        .filter(is_wanted)
        .filter_map(|later| Some((earlier(repo, later, from)?, later)))
        .collect();
    if found.is_empty() {
        return Err(Error::NoPair {
            from: arguments.from.clone(),
            to: to_name.to_string(),
        });
    }
    Ok(found)
}

/// The overlay of an environment that another overlay is compared with: the one of its pair, else the
/// one of the same variant, else any of the same app.
fn earlier<'r>(repo: &'r Repo, later: &Overlay, environment: usize) -> Option<&'r Overlay> {
    let in_environment = |other: &&Overlay| other.environment == Some(environment);
    let is_same_app =
        |other: &&Overlay| other.environment == Some(environment) && other.app == later.app;
    let candidates = || repo.overlays.iter().filter(is_same_app);
    let paired = repo.earlier(later).filter(in_environment);
    paired
        .or_else(|| candidates().find(|other| other.variant == later.variant))
        .or_else(|| candidates().next())
}

/// The environment of a name. The error also suggests the paths of overlays.
fn environment(repo: &Repo, name: &str) -> Result<usize, Error> {
    repo.environment_named(name).map_err(|_| {
        let mut known = repo.environment_names();
        known.extend(repo.overlays.iter().map(|overlay| overlay.path.as_str()));
        UnknownName::new("environment or overlay", name, &known).into()
    })
}
