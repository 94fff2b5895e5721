//! `status`: which version runs in which environment, and which promotions are open; with `--images`
//! since when each image runs and by which commit. From the repository alone.
//!
//! `present` reads the images that run now, `past` walks the Git history, `relation` compares an
//! image with the previous environment, `print` writes the tables.

mod matrix;
mod past;
mod present;
mod print;
mod relation;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::chosen::Chosen;
use super::error::Error;
use super::options::{RepoOptions, TextJsonOrMarkdown};
use super::output::{warn, width_of};
use super::paint::{self, Look};
use super::reports;
use super::workspace::{Head, Workspace, revision_at};
use crate::compare::secrets;
use crate::history::{Version, overlays_of};
use crate::repo::{Overlay, Repo};
use crate::report::Matrix;
use crate::source::git::Commit;
use crate::wording;
use past::Past;
use present::Present;
use relation::Relation;

/// Arguments of `status`.
#[derive(Args)]
pub(super) struct Arguments {
    /// Any path inside the repository
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Only this app; may be given several times
    #[arg(long = "app", value_name = "NAME")]
    apps: Vec<String>,
    /// Only this environment; may be given several times
    #[arg(long = "environment", value_name = "NAME")]
    environments: Vec<String>,
    /// List every image, with the commit that brought it
    #[arg(long)]
    images: bool,
    /// Revision or date to look at instead of the work tree, such as v1.2 or 2027-01-31
    #[arg(long, value_name = "REVISION")]
    at: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    format: TextJsonOrMarkdown,
    /// Also write the table to a file: Markdown if its name ends in .md, else JSON
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    #[command(flatten)]
    repo: RepoOptions,
}

impl Arguments {
    /// True if some output has the commits of the images; the table by app does not.
    fn shows_dates(&self) -> bool {
        let by_app = matches!(self.format, TextJsonOrMarkdown::Text) && !self.images;
        !by_app || self.write.is_some()
    }
}

/// An image of an overlay: the index of the overlay, and the name of the image.
type Key = (usize, String);

/// One image of one overlay.
struct Line<'r> {
    overlay: &'r Overlay,
    name: String,
    version: Version,
    since: Option<Arc<Commit>>,
    committed: bool,
    relation: Option<Relation>,
    /// The overlay of the environment before, and the version of the image there.
    earlier: Option<(usize, Version)>,
}

/// Which version each app runs in each environment, without the history: a check reads no more of it
/// than it needs.
pub(super) fn matrix(repo: &Repo) -> Matrix {
    let overlays = overlays_of(repo, None);
    let present = Present::read(repo, &overlays);
    matrix::of(repo, &lines(&present, &Past::default()))
}

/// Prints the table, and writes it to a file if that is asked for.
pub(super) fn run(arguments: &Arguments) -> Result<String, Error> {
    let at = arguments.at.as_deref();
    let at = at.map(|at| revision_at(&arguments.path, at)).transpose()?;
    let at = at.as_deref();
    let head = at.map_or(Head::Worktree, Head::Revision);
    let workspace = Workspace::load_at(&arguments.path, &arguments.repo, head)?;
    let repo = &workspace.repo;
    let overlays = chosen(repo, &arguments.apps)?;
    warn_of_partial(repo, &overlays);
    let present = Present::read(repo, &overlays);
    let past = Past::walk(&workspace, &present, &overlays, arguments.shows_dates());
    let chosen = Chosen::new(repo, &arguments.environments, &[])?;
    let mut lines = lines(&present, &past);
    lines.retain(|line| chosen.has(line.overlay));
    workspace.whole()?;
    let report = print::Report {
        repo,
        lines: &lines,
        revision: at,
        images: arguments.images,
        columns: width_of(&std::io::stdout()),
    };
    if let Some(file) = &arguments.write {
        let is_markdown = file
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("md"));
        let format = if is_markdown {
            TextJsonOrMarkdown::Markdown
        } else {
            TextJsonOrMarkdown::Json
        };
        let text = report.text(format);
        reports::save(file, text.as_bytes()).map_err(|error| Error::writing(file, error))?;
    }
    let text = report.text(arguments.format);
    Ok(match arguments.format {
        TextJsonOrMarkdown::Text => paint::for_output(text, Look::Table, arguments.repo.color),
        _ => text,
    })
}

/// The overlays of the apps, or of all apps, that belong to an environment.
fn chosen(repo: &Repo, apps: &[String]) -> Result<Vec<usize>, Error> {
    for app in apps {
        repo.require_promoted_app(app)?;
    }
    let is_chosen = |index: &usize| {
        let overlay = repo.overlays.get(*index);
        apps.is_empty() || overlay.is_some_and(|overlay| apps.contains(&overlay.app))
    };
    let overlays: Vec<usize> = overlays_of(repo, None)
        .into_iter()
        .filter(is_chosen)
        .collect();
    if overlays.is_empty() {
        return Err(Error::NoEnvironments);
    }
    Ok(overlays)
}

/// Says once which overlays may lack images.
fn warn_of_partial(repo: &Repo, overlays: &[usize]) {
    const NAMED: usize = 3;
    let partial: Vec<&str> = overlays
        .iter()
        .filter_map(|index| repo.overlays.get(*index))
        .filter(|overlay| !overlay.rendered.complete)
        .map(|overlay| overlay.path.as_str())
        .collect();
    if partial.is_empty() {
        return;
    }
    let named = wording::listed(&partial, NAMED);
    warn(&format!(
        "{} of {} overlays cannot be rendered completely, so images may be missing: {named}; `gitops-lint check` says why",
        partial.len(),
        overlays.len()
    ));
}

/// One line for each image, by app, environment, variant and name.
fn lines<'r>(present: &Present<'r>, past: &Past) -> Vec<Line<'r>> {
    let mut lines: Vec<Line> = Vec::new();
    let copied = secrets::words_copied(present.overlays());
    for (key, overlay, version) in present.all() {
        let since = past.since.get(&key);
        let earlier = present.earlier(&key);
        let relation = earlier.as_ref().map(|(other, earlier)| {
            let (own, others) = (past.versions(&key), past.versions(other));
            Relation::new(version, earlier, own, others)
        });
        lines.push(Line {
            overlay,
            name: copied.hide(&key.1).into_owned(),
            version: Version {
                tag: version
                    .tag
                    .as_deref()
                    .map(|tag| copied.hide(tag).into_owned()),
                digest: version.digest.clone(),
            },
            since: since.cloned().flatten(),
            committed: since != Some(&None),
            relation,
            earlier: earlier.map(|((overlay, _), version)| (overlay, version)),
        });
    }
    lines.sort_by_cached_key(|line| {
        (
            line.overlay.app.clone(),
            line.overlay.environment,
            line.overlay.variant.clone(),
            line.name.clone(),
        )
    });
    lines
}
