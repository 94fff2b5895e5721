//! `status`: which image runs in which environment, since when, by which commit. `history`: the
//! promotions of an app.
//!
//! From the repository alone. Here: tables and JSON. Not here: walking Git (`history`).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use rayon::prelude::*;
use serde_json::{Value, json};

use super::error::Error;
use super::options::{RepoOptions, TextJsonOrMarkdown, TextOrJson};
use super::output::warn;
use super::workspace::{Head, Workspace};
use crate::history::{Change, End, Images, Version, Walk, images, overlays_of};
use crate::repo::{Overlay, Repo};
use crate::report::printable;
use crate::source::git::{Commit, hex, short};

/// Arguments of `status`.
#[derive(Args)]
pub struct StatusArguments {
    /// Any path inside the repository
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Only this app; may be given several times
    #[arg(long = "app", value_name = "NAME")]
    apps: Vec<String>,
    /// Revision to look at instead of the work tree
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

/// Arguments of `history`.
#[derive(Args)]
pub struct HistoryArguments {
    /// App whose promotions to list
    app: String,
    /// Any path inside the repository
    #[arg(long, value_name = "PATH", default_value = ".")]
    path: PathBuf,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    format: TextOrJson,
    #[command(flatten)]
    repo: RepoOptions,
}

/// How an image stands to the environment before.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Relation {
    Same,
    Behind(usize),
    Ahead,
    Unknown,
}

impl Relation {
    fn as_str(&self) -> &'static str {
        match self {
            Relation::Same => "same",
            Relation::Behind(_) => "behind",
            Relation::Ahead => "ahead",
            Relation::Unknown => "unknown",
        }
    }
}

/// One image of one overlay.
struct Line<'r> {
    overlay: &'r Overlay,
    name: String,
    version: Version,
    since: Option<Arc<Commit>>,
    committed: bool,
    relation: Option<Relation>,
}

/// The versions of an image that an overlay went through, newest first, as far as the walk went.
type Past = BTreeMap<(usize, String), Vec<Version>>;

/// An image that two environments run in different versions, each side with its overlay, its name
/// there and its version.
struct Differing {
    earlier: ((usize, String), Version),
    later: ((usize, String), Version),
}

impl Differing {
    /// Whether more of an overlay's past may tell how the two stand: the earlier environment's
    /// until it shows what the later one runs, the later one's until it shows what the earlier one
    /// runs.
    fn is_open(&self, overlay: usize, past: &Past) -> bool {
        let ran = |side: &(usize, String), version: &Version| {
            past.get(side)
                .is_some_and(|all| all.iter().any(|old| old.same(version)))
        };
        !ran(&self.earlier.0, &self.later.1)
            && (overlay == self.earlier.0.0 || !ran(&self.later.0, &self.earlier.1))
    }
}

fn one(images: &Images, name: &str) -> Option<Version> {
    images
        .get(name)
        .and_then(|versions| versions.iter().next().cloned())
}

/// Says once which overlays may lack images.
fn warn_of_partial(paths: &[&str], all: usize) {
    const NAMED: usize = 3;
    let named = paths
        .iter()
        .take(NAMED)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    let others = match paths.len().saturating_sub(NAMED) {
        _ if paths.is_empty() => return,
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    warn(&format!(
        "{} of {all} overlays cannot be rendered completely, so images may be missing: {named}{others}; `gitops-lint check` says why",
        paths.len()
    ));
}

pub(super) fn status(arguments: &StatusArguments) -> Result<String, Error> {
    let head = arguments
        .at
        .as_deref()
        .map_or(Head::Worktree, Head::Revision);
    let workspace = Workspace::load_at(&arguments.path, &arguments.repo, head)?;
    let repo = &workspace.repo;
    for app in &arguments.apps {
        repo.require_promoted_app(app)?;
    }
    let wanted: Vec<usize> = overlays_of(repo, None)
        .into_iter()
        .filter(|index| {
            arguments.apps.is_empty()
                || repo
                    .overlays
                    .get(*index)
                    .is_some_and(|overlay| arguments.apps.contains(&overlay.app))
        })
        .collect();
    if wanted.is_empty() {
        return Err(Error::NoEnvironments);
    }
    let rendered = wanted.par_iter().filter_map(|index| {
        Some((
            *index,
            images(&repo.overlays.get(*index)?.rendered, &repo.files),
        ))
    });
    let present: BTreeMap<usize, Images> = rendered.collect::<Vec<_>>().into_iter().collect();
    let partial = wanted
        .iter()
        .filter_map(|index| repo.overlays.get(*index))
        .filter(|overlay| !overlay.rendered.complete);
    warn_of_partial(
        &partial
            .map(|overlay| overlay.path.as_str())
            .collect::<Vec<_>>(),
        wanted.len(),
    );
    // of several, the first pair of the list
    let before: BTreeMap<usize, usize> = repo
        .pairs
        .iter()
        .rev()
        .map(|pair| (pair.to, pair.from))
        .collect();
    // an image without tag and digest in the overlay before is found by the end of its name:
    // mirrors differ in the registry
    let counterpart = |index: usize, name: &str| -> Option<(usize, String)> {
        let from = *before.get(&index)?;
        let names = present.get(&from)?;
        let end = |name: &str| name.rsplit('/').next().unwrap_or(name).to_string();
        let found = names
            .keys()
            .find(|other| *other == name)
            .or_else(|| names.keys().find(|other| end(other) == end(name)))?;
        Some((from, found.clone()))
    };
    let mut since: BTreeMap<(usize, String), Option<Arc<Commit>>> = BTreeMap::new();
    let mut past: Past = BTreeMap::new();
    let differing: Vec<Differing> = present
        .iter()
        .flat_map(|(index, images)| {
            images
                .keys()
                .filter_map(|name| Some((*index, name.clone(), one(images, name)?)))
        })
        .filter_map(|(index, name, version)| {
            let (from, other) = counterpart(index, &name)?;
            let earlier = one(present.get(&from)?, &other)?;
            (!earlier.same(&version)).then_some(Differing {
                earlier: ((from, other), earlier),
                later: ((index, name), version),
            })
        })
        .collect();
    let mut differing_of: BTreeMap<usize, Vec<&Differing>> = BTreeMap::new();
    for pair in &differing {
        differing_of.entry(pair.earlier.0.0).or_default().push(pair);
        differing_of.entry(pair.later.0.0).or_default().push(pair);
    }
    let end = match workspace
        .git()
        .and_then(|git| Ok((git, workspace.head_commit()?)))
    {
        Err(error) => End::Truncated(error.to_string()),
        Ok((repository, head)) => {
            let mut walk = Walk::new(
                repository,
                &workspace.config,
                repo,
                Some(workspace.path.root.clone()),
                &wanted,
            );
            walk.run(repo, &head, &mut |change: Change| {
                let Some(images) = present.get(&change.overlay) else {
                    return false;
                };
                for name in images.keys() {
                    let key = (change.overlay, name.clone());
                    let (old, new) = (one(&change.before, name), one(&change.after, name));
                    if old != new {
                        since
                            .entry(key.clone())
                            .or_insert_with(|| change.commit.clone());
                        past.entry(key).or_default().extend(old);
                    }
                }
                let dated = images
                    .keys()
                    .all(|name| since.contains_key(&(change.overlay, name.clone())));
                let mut pairs = differing_of.get(&change.overlay).into_iter().flatten();
                !dated || pairs.any(|pair| pair.is_open(change.overlay, &past))
            })
        }
    };
    let mut lines = Vec::new();
    for (index, images) in &present {
        let Some(overlay) = repo.overlays.get(*index) else {
            continue;
        };
        for (name, versions) in images {
            for version in versions {
                let key = (*index, name.clone());
                let relation = counterpart(*index, name).and_then(|(from, other)| {
                    let earlier = one(present.get(&from)?, &other)?;
                    Some(relation(
                        version,
                        &earlier,
                        past.get(&key),
                        past.get(&(from, other)),
                    ))
                });
                let found = since.get(&key).cloned();
                let committed = !matches!(found, Some(None));
                lines.push(Line {
                    overlay,
                    name: name.clone(),
                    version: version.clone(),
                    since: found.flatten(),
                    committed,
                    relation,
                });
            }
        }
    }
    lines.sort_by(|one, other| {
        let key = |line: &Line| {
            (
                line.overlay.app.clone(),
                line.overlay.environment,
                line.overlay.variant.clone(),
                line.name.clone(),
            )
        };
        key(one).cmp(&key(other))
    });
    if let End::Truncated(reason) = &end {
        warn(&format!("the history is incomplete: {}", reason));
    }
    workspace.whole()?;
    let revision = arguments.at.clone();
    if let Some(file) = &arguments.write {
        let markdown = file
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("md"));
        let text = if markdown {
            markdown_of(repo, &lines)
        } else {
            json_of(repo, &lines, revision.as_deref())
        };
        std::fs::write(file, text).map_err(|error| Error::writing(file, error))?;
    }
    Ok(match arguments.format {
        TextJsonOrMarkdown::Text => text_of(repo, &lines),
        TextJsonOrMarkdown::Json => json_of(repo, &lines, revision.as_deref()),
        TextJsonOrMarkdown::Markdown => markdown_of(repo, &lines),
    })
}

fn relation(
    version: &Version,
    earlier: &Version,
    own_past: Option<&Vec<Version>>,
    earlier_past: Option<&Vec<Version>>,
) -> Relation {
    if version.same(earlier) {
        return Relation::Same;
    }
    if let Some(steps) = earlier_past.and_then(|past| past.iter().position(|old| old.same(version)))
    {
        return Relation::Behind(steps + 1);
    }
    match own_past.is_some_and(|past| past.iter().any(|old| old.same(earlier))) {
        true => Relation::Ahead,
        false => Relation::Unknown,
    }
}

fn environment_name(repo: &Repo, overlay: &Overlay) -> String {
    repo.environment(overlay)
        .map(|environment| environment.name.clone())
        .unwrap_or_default()
}

/// `2026-11-24`, in UTC.
fn day(commit: &Commit) -> String {
    jiff::Timestamp::from_second(commit.time)
        .map(|time| time.to_string().chars().take(10).collect())
        .unwrap_or_default()
}

fn time(commit: &Commit) -> String {
    jiff::Timestamp::from_second(commit.time)
        .map(|time| time.to_string())
        .unwrap_or_default()
}

/// A version as a column can hold it.
fn shown(version: &Version) -> String {
    let cut = |digest: &String| {
        digest
            .split_once(':')
            .map_or(digest.as_str(), |(_, hex)| hex)
            .chars()
            .take(12)
            .collect::<String>()
    };
    match (&version.tag, &version.digest) {
        (Some(tag), Some(digest)) => format!("{tag}@{}", cut(digest)),
        (Some(tag), None) => tag.clone(),
        (None, Some(digest)) => format!("@{}", cut(digest)),
        (None, None) => "(no tag)".to_string(),
    }
}

fn cells(repo: &Repo, line: &Line) -> [String; 8] {
    let environment = environment_name(repo, line.overlay);
    let environment = match &line.overlay.variant {
        Some(variant) => format!("{environment}/{variant}"),
        None => environment,
    };
    let (since, commit, author) = match (&line.since, line.committed) {
        (Some(commit), _) => (day(commit), short(&commit.id), commit.author.name.clone()),
        (None, false) => (
            "now".to_string(),
            "(not committed)".to_string(),
            String::new(),
        ),
        (None, true) => (String::new(), String::new(), String::new()),
    };
    let relation = match &line.relation {
        Some(Relation::Behind(steps)) => format!("{steps} behind"),
        Some(other) => other.as_str().to_string(),
        None => String::new(),
    };
    [
        line.overlay.app.clone(),
        environment,
        line.name.clone(),
        shown(&line.version),
        since,
        commit,
        author,
        relation,
    ]
}

const HEADER: [&str; 8] = [
    "APP",
    "ENVIRONMENT",
    "IMAGE",
    "VERSION",
    "SINCE",
    "COMMIT",
    "AUTHOR",
    "VS PREVIOUS",
];

fn text_of(repo: &Repo, lines: &[Line]) -> String {
    let mut rows: Vec<[String; 8]> = vec![HEADER.map(str::to_string)];
    rows.extend(
        lines
            .iter()
            .map(|line| cells(repo, line).map(|cell| printable(&cell).into_owned())),
    );
    table(&rows)
}

fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        cells.join("  ").trim_end().to_string() + "\n"
    };
    rows.iter().map(line).collect()
}

fn markdown_of(repo: &Repo, lines: &[Line]) -> String {
    let escape = |text: &str| printable(text).replace('|', "\\|").replace('<', "&lt;");
    let mut text = format!(
        "| {} |\n|{}\n",
        HEADER.map(str::to_lowercase).join(" | "),
        "---|".repeat(HEADER.len())
    );
    for line in lines {
        text.push_str(&format!(
            "| {} |\n",
            cells(repo, line).map(|cell| escape(&cell)).join(" | ")
        ));
    }
    text
}

fn json_of(repo: &Repo, lines: &[Line], revision: Option<&str>) -> String {
    let mut apps: Vec<Value> = Vec::new();
    for app in lines.chunk_by(|one, other| one.overlay.app == other.overlay.app) {
        let environments: Vec<Value> = app
            .chunk_by(|one, other| std::ptr::eq(one.overlay, other.overlay))
            .filter_map(|lines| {
                let overlay = lines.first()?.overlay;
                let images: Vec<Value> = lines
                    .iter()
                    .map(|line| {
                        json!({
                            "name": line.name, "tag": line.version.tag, "digest": line.version.digest,
                            "since": line.since.as_ref().map(|commit| time(commit)),
                            "commit": line.since.as_ref().map(|commit| hex(&commit.id)),
                            "author": line.since.as_ref().map(|commit| commit.author.name.clone()),
                            "relation": line.relation.as_ref().map_or("unknown", Relation::as_str),
                            "behind_by": match &line.relation { Some(Relation::Behind(steps)) => Some(*steps), _ => None },
                        })
                    })
                    .collect();
                Some(json!({
                    "environment": environment_name(repo, overlay), "variant": overlay.variant, "overlay": overlay.path, "images": images,
                }))
            })
            .collect();
        apps.push(json!({"app": app.first().map(|line| line.overlay.app.clone()), "environments": environments}));
    }
    format!(
        "{:#}\n",
        json!({"version": 1, "revision": revision, "apps": apps})
    )
}

pub(super) fn history(arguments: &HistoryArguments) -> Result<String, Error> {
    let workspace = Workspace::load(&arguments.path, &arguments.repo)?;
    let repo = &workspace.repo;
    repo.require_promoted_app(&arguments.app)?;
    let (repository, head) = (workspace.git()?, workspace.head_commit()?);
    let wanted = overlays_of(repo, Some(&arguments.app));
    let mut changes: Vec<Change> = Vec::new();
    let end = Walk::new(
        repository,
        &workspace.config,
        repo,
        Some(workspace.path.root.clone()),
        &wanted,
    )
    .run(repo, &head, &mut |change| {
        changes.push(change);
        true
    });
    if let End::Truncated(reason) = &end {
        warn(&format!("the history is incomplete: {}", reason));
    }
    let mut rows: Vec<[String; 7]> = vec![
        [
            "DATE",
            "COMMIT",
            "AUTHOR",
            "ENVIRONMENT",
            "IMAGE",
            "FROM",
            "TO",
        ]
        .map(str::to_string),
    ];
    let mut promotions = Vec::new();
    for change in &changes {
        let Some(overlay) = repo.overlays.get(change.overlay) else {
            continue;
        };
        let names: std::collections::BTreeSet<&String> =
            change.before.keys().chain(change.after.keys()).collect();
        for name in names {
            let (from, to) = (one(&change.before, name), one(&change.after, name));
            if from == to {
                continue;
            }
            let environment = environment_name(repo, overlay);
            let commit = change.commit.as_deref();
            promotions.push(json!({
                "environment": environment, "variant": overlay.variant,
                "commit": commit.map(|commit| hex(&commit.id)), "date": commit.map(time), "author": commit.map(|commit| commit.author.name.clone()),
                "image": name, "from": from.as_ref().map(Version::to_string), "to": to.as_ref().map(Version::to_string),
            }));
            let place = overlay
                .variant
                .as_ref()
                .map_or(environment.clone(), |variant| {
                    format!("{environment}/{variant}")
                });
            let version =
                |version: &Option<Version>| version.as_ref().map_or("-".to_string(), shown);
            let row = [
                commit.map_or("now".to_string(), day),
                commit.map_or("(not committed)".to_string(), |commit| short(&commit.id)),
                commit.map_or(String::new(), |commit| commit.author.name.clone()),
                place,
                name.clone(),
                version(&from),
                version(&to),
            ];
            rows.push(row.map(|cell| printable(&cell).into_owned()));
        }
    }
    workspace.whole()?;
    Ok(match arguments.format {
        TextOrJson::Json => format!(
            "{:#}\n",
            json!({"version": 1, "app": arguments.app, "promotions": promotions})
        ),
        TextOrJson::Text if rows.len() == 1 => "no promotions found\n".to_string(),
        TextOrJson::Text => table(&rows),
    })
}
