//! `why`: where a rendered value comes from: the line that wrote it, what replaced or removed it, and
//! its value in each environment. Values of Secrets are never printed.
//!
//! `object` and `named` find the object and the value that the user typed, `print` writes what
//! `explain` says about it.

mod named;
mod object;
mod print;
mod variables;

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::Args;

use super::chosen::Chosen;
use super::error::Error;
use super::options::{RepoOptions, TextOrJson};
use super::output::width_of;
use super::workspace::Workspace;
use crate::explain::{Found, value};
use crate::repo::{Overlay, Repo};
use crate::report::printable;
use print::Report;

/// The most things that are listed if a name could mean several.
const LISTED: usize = 20;

/// Arguments of `why`.
#[derive(Args)]
pub(super) struct Arguments {
    /// Object to explain: Deployment/api, or its name alone
    resource: String,
    /// Value in the object: spec.replicas, containers[api].image, /spec/replicas; the last part of
    /// a path is enough
    value: Option<String>,
    /// Any path inside the repository
    #[arg(long, value_name = "PATH", default_value = ".")]
    path: PathBuf,
    /// Only this environment; may be given several times
    #[arg(long = "environment", value_name = "NAME")]
    environments: Vec<String>,
    /// Only the overlay in this folder; may be given several times
    #[arg(long = "overlay", value_name = "PATH")]
    overlays: Vec<String>,
    /// Only this app; may be given several times
    #[arg(long = "app", value_name = "NAME")]
    apps: Vec<String>,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    format: TextOrJson,
    #[command(flatten)]
    repo: RepoOptions,
}

/// Explains an object or a value in it. A name that fits nothing, or several things, is an error.
pub(super) fn run(arguments: &Arguments) -> Result<String, Error> {
    let workspace = Workspace::load(&arguments.path, &arguments.repo)?;
    let repo = &workspace.repo;
    let value = arguments.value.as_deref();
    let overlays = overlays(repo, arguments)?;
    let mut found = object::find(&overlays, &arguments.resource, value)?;
    let mut note = None;
    let values = match value {
        Some(path) => match variables::taken(&found, path) {
            Some(taken) => {
                found = taken.found;
                note = Some(taken.note);
                taken.values
            }
            None => {
                let container = arguments.resource.rsplit('/').next().unwrap_or_default();
                named::at(&found, path, container)?
            }
        },
        None => found.iter().flat_map(|one| value::changed(*one)).collect(),
    };
    let is_without = |overlay: &&&Overlay| {
        let is_here = |one: &Found| std::ptr::eq(one.overlay, **overlay);
        overlay.environment.is_some()
            && found.iter().any(|one| one.overlay.app == overlay.app)
            && !found.iter().any(is_here)
    };
    let without: Vec<&Overlay> = overlays.iter().filter(is_without).copied().collect();
    let report = Report {
        repo,
        found: &found,
        without: &without,
        note: note.as_deref(),
        values: &values,
        columns: width_of(&io::stdout()),
    };
    Ok(super::ended_once(match arguments.format {
        TextOrJson::Json => report.json(),
        TextOrJson::Text => {
            let terminal = io::stdout().is_terminal();
            report.text(value.is_some(), arguments.repo.color.colored(terminal))
        }
    }))
}

/// The overlays that the options select.
fn overlays<'r>(repo: &'r Repo, arguments: &Arguments) -> Result<Vec<&'r Overlay>, Error> {
    let chosen = Chosen::new(repo, &arguments.environments, &arguments.apps)?;
    let mut folders: Vec<&str> = Vec::new();
    for path in &arguments.overlays {
        folders.push(&repo.overlay_named(path)?.path);
    }
    let kept = |overlay: &&Overlay| {
        (folders.is_empty() || folders.contains(&overlay.path.as_str())) && chosen.has(overlay)
    };
    let mut overlays: Vec<&Overlay> = repo.overlays.iter().filter(kept).collect();
    overlays.sort_by_key(|overlay| {
        (
            overlay.app.as_str(),
            overlay.environment,
            overlay.variant.as_deref(),
            overlay.path.as_str(),
        )
    });
    if overlays.is_empty() {
        Err(Error::Usage(
            "no overlay matches --app, --environment and --overlay together",
        ))
    } else {
        Ok(overlays)
    }
}

/// A list of names, one on a line.
fn listed(names: impl IntoIterator<Item = String>) -> String {
    let names: Vec<String> = names
        .into_iter()
        .map(|name| format!("  {}", printable(&name)))
        .collect();
    let more = names.len().saturating_sub(LISTED);
    let mut text = names
        .into_iter()
        .take(LISTED)
        .collect::<Vec<_>>()
        .join("\n");
    if more > 0 {
        text.push_str(&format!("\n  and {more} more"));
    }
    text
}
