//! `fleet`: what each cluster gets, from the agents' objects in the repository.
//!
//! `text`, `json` and `mermaid` print it. Not here: how agents are followed (`repo::agents`).

mod json;
mod mermaid;
mod text;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::base;
use super::chosen::Chosen;
use super::error::Error;
use super::options::RepoOptions;
use super::output::width_of;
use super::paint::{self, Look};
use super::workspace::{Head, Workspace};
use crate::repo::Repo;
use crate::repo::fleet::{Applied, Change, Fleet};

/// Arguments of `fleet`.
#[derive(Args)]
pub(super) struct Arguments {
    /// Any path inside the repository
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Only agents that apply something to this environment; may be given several times
    #[arg(long = "environment", value_name = "NAME")]
    environments: Vec<String>,
    /// Only agents that apply this app, themselves or through others; may be given several times
    #[arg(long = "app", value_name = "NAME")]
    apps: Vec<String>,
    /// Also show which agents changed since the head left this revision
    #[arg(long, value_name = "REVISION")]
    base: Option<String>,
    /// Revision to look at instead of the work tree
    #[arg(long, value_name = "REVISION")]
    at: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    repo: RepoOptions,
}

/// The form in which the tree is printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    /// A flowchart for a page of documentation
    Mermaid,
}

/// A fleet, and what changed in it.
struct Report<'r> {
    repo: &'r Repo,
    fleet: Fleet<'r>,
    /// `None` if no base was asked for.
    changes: Option<Vec<Change>>,
    /// The width of the terminal, if the text goes to one.
    columns: Option<usize>,
}

impl Report<'_> {
    /// `production/eu`, or what stands for agents without an environment.
    fn cluster(&self, one: &Applied<'_>) -> String {
        let environment = one
            .environment
            .and_then(|index| self.repo.environments.get(index));
        let Some(environment) = environment else {
            return "no environment".to_string();
        };
        match one.variant {
            Some(variant) => format!("{}/{variant}", environment.name),
            None => environment.name.clone(),
        }
    }

    /// The roots of each cluster, in the order of promotion.
    fn clusters(&self) -> Vec<(String, Vec<usize>)> {
        let mut clusters: Vec<(String, Vec<usize>)> = Vec::new();
        for index in &self.fleet.roots {
            let Some(one) = self.fleet.applied.get(*index) else {
                continue;
            };
            let name = self.cluster(one);
            match clusters.last_mut().filter(|(last, _)| *last == name) {
                Some((_, roots)) => roots.push(*index),
                None => clusters.push((name, vec![*index])),
            }
        }
        clusters
    }
}

/// The number of objects that an agent applies; `None` if its folder is not rendered.
fn objects(one: &Applied<'_>) -> Option<usize> {
    one.overlay.map(|overlay| overlay.rendered.resources.len())
}

/// The folder as people write it.
fn folder(path: &str) -> &str {
    if path.is_empty() { "." } else { path }
}

/// Keeps the agents that apply something in the chosen environments and apps.
fn narrow(fleet: &mut Fleet, arguments: &Arguments, chosen: &Chosen) {
    if arguments.environments.is_empty() && arguments.apps.is_empty() {
        return;
    }
    fleet.keep(&|one| match one.overlay {
        Some(overlay) => chosen.has(overlay),
        None => arguments.apps.is_empty() && chosen.has_environment(one.environment),
    });
}

/// Prints the fleet.
pub(super) fn run(arguments: &Arguments) -> Result<String, Error> {
    let head = arguments
        .at
        .as_deref()
        .map_or(Head::Worktree, Head::Revision);
    let workspace = Workspace::load_at(&arguments.path, &arguments.repo, head)?;
    let repo = &workspace.repo;
    repo.render_all();
    let chosen = Chosen::new(repo, &arguments.environments, &arguments.apps)?;
    let mut fleet = repo.fleet();
    narrow(&mut fleet, arguments, &chosen);
    let changes = match &arguments.base {
        Some(revision) => {
            let base = base::load(&workspace, revision, &arguments.repo)?.base;
            Some(fleet.changes(repo, (&base.repo.fleet(), &base.repo)))
        }
        None => None,
    };
    workspace.whole()?;
    let report = Report {
        repo,
        fleet,
        changes,
        columns: width_of(&std::io::stdout()),
    };
    Ok(match arguments.format {
        Format::Text => {
            paint::for_output(text::write(&report), Look::Outline, arguments.repo.color)
        }
        Format::Json => json::write(&report),
        Format::Mermaid => mermaid::write(&report),
    })
}
