//! `history`: the promotions of an app, from the Git history.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::chosen::Chosen;
use super::error::Error;
use super::options::{RepoOptions, TextOrJson};
use super::output::width_of;
use super::paint::{self, Look};
use super::table::{day, environment, environment_name, table, time, version};
use super::workspace::{Workspace, warn_of_gaps};
use crate::history::{Change, Version, Walk, overlays_of};
use crate::repo::{Overlay, Repo};
use crate::report::printable;
use crate::source::git::{Commit, Id, hex, short};

/// Arguments of `history`.
#[derive(Args)]
pub(super) struct Arguments {
    /// App whose promotions to list
    app: String,
    /// Only this environment; may be given several times
    #[arg(long = "environment", value_name = "NAME")]
    environments: Vec<String>,
    /// Any path inside the repository
    #[arg(long, value_name = "PATH", default_value = ".")]
    path: PathBuf,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    format: TextOrJson,
    #[command(flatten)]
    repo: RepoOptions,
}

/// One image of one overlay that a commit changed.
struct Promotion<'r> {
    overlay: &'r Overlay,
    /// `None` if the change is not committed.
    commit: Option<&'r Commit>,
    image: &'r str,
    from: Option<Version>,
    to: Option<Version>,
}

impl Promotion<'_> {
    fn id(&self) -> Option<Id> {
        self.commit.map(|commit| commit.id)
    }
}

/// Lists the promotions.
pub(super) fn run(arguments: &Arguments) -> Result<String, Error> {
    let workspace = Workspace::load(&arguments.path, &arguments.repo)?;
    let repo = &workspace.repo;
    repo.require_promoted_app(&arguments.app)?;
    let changes = changes(&workspace, &arguments.app)?;
    workspace.whole()?;
    let chosen = Chosen::new(repo, &arguments.environments, &[])?;
    let mut promotions = promotions(repo, &changes);
    promotions.retain(|promotion| chosen.has(promotion.overlay));
    Ok(match arguments.format {
        TextOrJson::Json => json_of(repo, &arguments.app, &promotions),
        TextOrJson::Text => paint::for_output(
            text_of(repo, &promotions),
            Look::Table,
            arguments.repo.color,
        ),
    })
}

/// The changes of the app's overlays, newest first.
fn changes(workspace: &Workspace, app: &str) -> Result<Vec<Change>, Error> {
    let branch = workspace.branch()?;
    let overlays = overlays_of(branch.repo, Some(app));
    let mut changes: Vec<Change> = Vec::new();
    let mut walk = Walk::new(&branch, &overlays);
    let end = walk.run(&mut |change| {
        changes.push(change);
        true
    });
    warn_of_gaps(branch.repo, &walk, &end);
    // the changes of several refs come one ref after the other
    changes.sort_by_key(|change| {
        let time = change
            .commit
            .as_ref()
            .map_or(i64::MAX, |commit| commit.time);
        std::cmp::Reverse(time)
    });
    Ok(changes)
}

fn promotions<'r>(repo: &'r Repo, changes: &'r [Change]) -> Vec<Promotion<'r>> {
    let mut promotions = Vec::new();
    for change in changes {
        let Some(overlay) = repo.overlays.get(change.overlay) else {
            continue;
        };
        let images: BTreeSet<&String> = change.before.keys().chain(change.after.keys()).collect();
        for image in images {
            let first = |versions: Option<&BTreeSet<Version>>| versions?.first().cloned();
            let (from, to) = (
                first(change.before.get(image)),
                first(change.after.get(image)),
            );
            if from != to {
                promotions.push(Promotion {
                    overlay,
                    commit: change.commit.as_deref(),
                    image,
                    from,
                    to,
                });
            }
        }
    }
    // the changes of one commit in promotion order
    for same in promotions.chunk_by_mut(|one, other| one.id() == other.id()) {
        same.sort_by_key(|promotion| (promotion.overlay.environment, &promotion.overlay.variant));
    }
    promotions
}

const HEADER: [&str; 7] = [
    "DATE",
    "COMMIT",
    "AUTHOR",
    "ENVIRONMENT",
    "IMAGE",
    "FROM",
    "TO",
];

fn text_of(repo: &Repo, promotions: &[Promotion]) -> String {
    if promotions.is_empty() {
        return "no promotions found\n".to_string();
    }
    let shown = |found: &Option<Version>| found.as_ref().map_or("-".to_string(), version);
    let row = |promotion: &Promotion| {
        let commit = promotion.commit;
        let row = [
            commit.map_or("now".to_string(), day),
            commit.map_or("(not committed)".to_string(), |commit| short(&commit.id)),
            commit.map_or(String::new(), |commit| commit.author.name.clone()),
            environment(repo, promotion.overlay),
            promotion.image.to_string(),
            shown(&promotion.from),
            shown(&promotion.to),
        ];
        row.map(|cell| printable(&cell).into_owned())
    };
    let header = HEADER.map(str::to_string);
    let rows: Vec<[String; 7]> = std::iter::once(header)
        .chain(promotions.iter().map(row))
        .collect();
    table(&rows, width_of(&std::io::stdout()))
}

fn json_of(repo: &Repo, app: &str, promotions: &[Promotion]) -> String {
    let promotion = |promotion: &Promotion| {
        let (overlay, commit) = (promotion.overlay, promotion.commit);
        json!({
            "environment": environment_name(repo, overlay), "variant": overlay.variant,
            "commit": commit.map(|commit| hex(&commit.id)), "date": commit.map(time),
            "author": commit.map(|commit| commit.author.name.clone()), "image": promotion.image,
            "from": promotion.from.as_ref().map(Version::to_string),
            "to": promotion.to.as_ref().map(Version::to_string),
        })
    };
    let promotions: Vec<Value> = promotions.iter().map(promotion).collect();
    format!(
        "{:#}\n",
        json!({"version": 1, "app": app, "promotions": promotions})
    )
}
