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
use super::workspace::Workspace;
use crate::compare::{Change, ResourceChange};
use crate::repo::Overlay;
use crate::report::printable;
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
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    format: TextJsonOrMarkdown,
    #[command(flatten)]
    repo: RepoOptions,
}

/// Compares what the arguments name.
pub(super) fn run(arguments: &Arguments) -> Result<String, Error> {
    let from = &arguments.from;
    let text = match &arguments.to {
        None => revisions::diff(arguments, &Range::parse(from)),
        Some(to) => between(arguments, to),
    };
    text.map(super::ended_once)
}

/// Compares two environments or overlays. Names that are neither may be revisions.
fn between(arguments: &Arguments, to: &str) -> Result<String, Error> {
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
    let id = change.id();
    match &*id.kind {
        "" => format!("{} release {}", change.change.as_str(), id.name),
        kind => format!("{} {kind}/{}", change.change.as_str(), id.name),
    }
}
