//! `diff`: compares the rendered objects of two environments, two overlays or two revisions. Values
//! of Secrets are never printed.
//!
//! `environments` and `revisions` choose what is compared, `summary` lists it, `text`, `markdown` and
//! `json` print it.

mod environments;
mod json;
mod markdown;
mod revisions;
mod summary;
mod text;

use std::path::PathBuf;

use clap::Args;

use super::error::Error;
use super::options::{RepoOptions, TextJsonOrMarkdown};
use super::paint::{self, Look};
use super::progress::Progress;
use super::workspace::Workspace;
use super::{Ending, output};
use crate::check::Base;
use crate::compare::{Change, ResourceChange, secrets};
use crate::repo::{Overlay, Repo};
use crate::report::{printable, safe_text};
use revisions::Range;

/// Arguments of `diff`.
#[derive(Args)]
pub(super) struct Arguments {
    /// Environment, overlay or revision to compare from; two revisions are written REV1..REV2
    from: String,
    /// Environment, overlay or revision to compare to; without it, the work tree is compared with
    /// the commit at which it branched off FROM
    to: Option<String>,
    /// Any path inside the repository
    #[arg(long, value_name = "PATH", default_value = ".")]
    path: PathBuf,
    /// Only this app; may be given several times
    #[arg(long = "app", value_name = "NAME")]
    apps: Vec<String>,
    /// Only this environment; for revisions; may be given several times
    #[arg(long = "environment", value_name = "NAME")]
    environments: Vec<String>,
    /// Only list the overlays whose rendered content changed; for revisions
    #[arg(long)]
    summary: bool,
    /// Also show differences that are expected between environments: replicas, hosts, namespaces
    #[arg(long)]
    all: bool,
    /// End with status 1 if there are differences
    #[arg(long)]
    exit_code: bool,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    format: TextJsonOrMarkdown,
    #[command(flatten)]
    repo: RepoOptions,
}

/// Compares what the arguments name.
pub(super) fn run(arguments: &Arguments) -> Result<Ending, Error> {
    let progress = Progress::start("comparing", false);
    let compared = compared(arguments)?;
    drop(progress);
    let text = super::ended_once(compared.text);
    let text = match arguments.format {
        TextJsonOrMarkdown::Text => paint::for_output(text, Look::Changes, arguments.repo.color),
        _ => text,
    };
    output::write(&safe_text(&text)).map_err(Error::printing)?;
    Ok(match compared.differs && arguments.exit_code {
        true => Ending::Failed,
        false => Ending::Passed,
    })
}

/// The rendered changes of each overlay since a base, in Markdown; those of protected environments
/// first.
pub(super) fn changes_since(repo: &Repo, base: &Base) -> Vec<String> {
    let mut sides = revisions::sides_of(repo, base);
    sides.sort_by_key(|side| !repo.protected(side.overlay));
    sides.iter().map(markdown::whole).collect()
}

/// The comparison as text.
pub(super) fn text(arguments: &Arguments) -> Result<String, Error> {
    compared(arguments).map(|compared| super::ended_once(compared.text))
}

fn compared(arguments: &Arguments) -> Result<Compared, Error> {
    let from = &arguments.from;
    match &arguments.to {
        None => alone(arguments, from),
        Some(to) => between(arguments, to),
    }
}

/// The comparison, for people or programs.
struct Compared {
    text: String,
    /// True if there is a difference, or may be one that could not be rendered.
    differs: bool,
}

/// Compares the work tree with a revision. The name of an environment alone is not enough, unless a
/// branch has it too.
fn alone(arguments: &Arguments, from: &str) -> Result<Compared, Error> {
    let found = revisions::diff(arguments, &Range::parse(from));
    let Err(error @ Error::Git(_)) = found else {
        return found;
    };
    let repo = Workspace::load(&arguments.path, &arguments.repo)?.repo;
    if let Ok(index) = repo.environment_named(from)
        && let Some(other) = neighbour(&repo, index)
        && let Some(environment) = repo.environments.get(other)
    {
        let other_name = environment.name.as_str();
        let pair = if other < index {
            [other_name, from]
        } else {
            [from, other_name]
        };
        return Err(Error::OneEnvironment {
            name: from.to_string(),
            pair: pair.join(" "),
        });
    }
    match repo.overlay_named(from) {
        Ok(_) => Err(Error::OneOverlay(from.to_string())),
        Err(_) => Err(error),
    }
}

/// The environment before another one in the promotion order, else the one after it.
fn neighbour(repo: &Repo, index: usize) -> Option<usize> {
    let is_used = |other: &usize| {
        let mut overlays = repo.overlays.iter();
        overlays.any(|overlay| overlay.environment == Some(*other))
    };
    let before = (0..index).rev().find(is_used);
    let after = || (index + 1..repo.environments.len()).find(is_used);
    before.or_else(after)
}

/// Compares two environments or overlays. Names that are neither may be revisions.
fn between(arguments: &Arguments, to: &str) -> Result<Compared, Error> {
    let workspace = Workspace::load(&arguments.path, &arguments.repo)?;
    let repo = &workspace.repo;
    match environments::pairs(repo, arguments, to) {
        Ok(_) if arguments.summary || !arguments.environments.is_empty() => Err(Error::Usage(
            "--summary and --environment need two revisions; write REV1..REV2",
        )),
        Ok(pairs) => Ok(environments::diff(arguments, repo, pairs, to)),
        Err(error) => {
            let is_revision =
                |name: &str| workspace.git().is_ok_and(|git| git.resolve(name).is_ok());
            if is_revision(&arguments.from) && is_revision(to) {
                revisions::diff(arguments, &Range::exactly(&arguments.from, to))
            } else {
                Err(error)
            }
        }
    }
}

/// Two overlays of one app, or one overlay at two revisions; one of them may not exist.
struct Side<'r> {
    overlay: &'r Overlay,
    from: &'r str,
    to: &'r str,
    change: Change,
    complete: bool,
    changes: Vec<ResourceChange>,
}

impl Side<'_> {
    /// The two paths, or the one that both sides have.
    fn paths(&self) -> String {
        let (from, to) = (printable(self.from), printable(self.to));
        if from == to {
            to.to_string()
        } else {
            format!("{from} -> {to}")
        }
    }

    /// True if it has something to show: changes, or parts that could not be compared.
    fn is_worth_showing(&self) -> bool {
        !self.changes.is_empty() || !self.complete
    }

    /// The remark after its heading if it could not be rendered completely.
    fn incomplete(&self) -> &'static str {
        if self.complete {
            ""
        } else {
            " (cannot be rendered completely; `gitops-lint check` says why)"
        }
    }
}

/// Stands for an overlay that a revision does not have.
const NOT_THERE: &str = "/dev/null";

/// `changed Deployment/api`
fn title(change: &ResourceChange) -> String {
    let id = secrets::shown_id(change.resource());
    match &*id.kind {
        "" => format!("{} release {}", change.change.as_str(), id.name),
        kind => format!("{} {kind}/{}", change.change.as_str(), id.name),
    }
}
