//! `diff`: what two environments, or two overlays, render to, side by side.
//!
//! Here: choosing the pairs and printing. Not here: comparing (`compare`). Values of Secrets are never printed.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use similar::TextDiff;

use super::options::{RepoOptions, complain, print};
use super::workspace::Workspace;
use crate::compare::{self, Change, ResourceChange, secrets};
use crate::finding::Location;
use crate::kustomize::decode::nearest;
use crate::repo::{Overlay, Repo};
use crate::report::{json::resource as identity, printable};
use crate::yaml::{Node, write};

/// Lines around a change that are shown.
const CONTEXT: usize = 3;
/// Characters of Markdown that a comment on a pull request can take, with room for what surrounds it.
const MARKDOWN_LIMIT: usize = 60_000;

/// Arguments of `diff`.
#[derive(Args)]
pub struct Arguments {
    /// Environment or overlay to compare from, such as staging
    from: String,
    /// Environment or overlay to compare to, such as production
    to: String,
    /// Any path inside the repository
    #[arg(long, value_name = "PATH", default_value = ".")]
    path: PathBuf,
    /// Only this app; may be given several times
    #[arg(long = "app", value_name = "NAME")]
    apps: Vec<String>,
    /// Show what environments differ in by nature as well: replicas, hosts, namespaces
    #[arg(long)]
    all: bool,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    repo: RepoOptions,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Markdown,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> ExitCode {
    match diff(arguments) {
        Ok(text) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Err(message) => {
            complain(&format!("error: {message}"));
            ExitCode::from(super::FAILED)
        }
    }
}

/// Two overlays of one app; one of them may not exist.
struct Side<'r> {
    app: &'r str,
    from: &'r Overlay,
    to: &'r Overlay,
    changes: Vec<ResourceChange>,
}

fn diff(arguments: &Arguments) -> Result<String, String> {
    let workspace = Workspace::load(&arguments.path, &arguments.repo)?;
    let repo = &workspace.repo;
    let pairs = pairs(repo, arguments)?;
    let sides: Vec<Side> = pairs
        .into_iter()
        .map(|(from, to)| {
            let mut changes = compare::resources(from, to, &repo.environments);
            if !arguments.all && arguments.format != Format::Json {
                for change in &mut changes {
                    change.changes.retain(|value| value.expected.is_none());
                }
                changes.retain(|change| change.change != Change::Changed || !change.changes.is_empty());
            }
            Side { app: &to.app, from, to, changes }
        })
        .collect();
    Ok(match arguments.format {
        Format::Json => format!("{:#}\n", json_of(arguments, repo, &sides)),
        Format::Text => text_of(&sides, arguments.all),
        Format::Markdown => markdown_of(&sides),
    })
}

/// The overlays to compare: two of one path each, or those that two environments' apps have.
fn pairs<'r>(repo: &'r Repo, arguments: &Arguments) -> Result<Vec<(&'r Overlay, &'r Overlay)>, String> {
    let overlay = |path: &str| {
        let path = path.trim_end_matches('/').trim_start_matches("./");
        repo.overlays.iter().find(|overlay| overlay.path == path)
    };
    if let (Some(from), Some(to)) = (overlay(&arguments.from), overlay(&arguments.to)) {
        return Ok(vec![(from, to)]);
    }
    let environment = |name: &str| {
        let lower = name.to_ascii_lowercase();
        let found = repo.environments.iter().position(|known| known.name.to_ascii_lowercase() == lower || known.aliases.contains(&lower));
        found.ok_or_else(|| {
            let mut known: Vec<&str> = repo.environments.iter().map(|environment| environment.name.as_str()).collect();
            known.extend(repo.overlays.iter().map(|overlay| overlay.path.as_str()));
            let meant = nearest(name, &known).map_or(String::new(), |meant| format!("; did you mean {meant}?"));
            format!("{name} is neither an environment nor the path of an overlay{meant}")
        })
    };
    let (from, to) = (environment(&arguments.from)?, environment(&arguments.to)?);
    for app in &arguments.apps {
        if !repo.overlays.iter().any(|overlay| overlay.app == *app) {
            let known: Vec<&str> = repo.overlays.iter().map(|overlay| overlay.app.as_str()).collect();
            let meant = nearest(app, &known).map_or(String::new(), |meant| format!("; did you mean {meant}?"));
            return Err(format!("there is no app {app}{meant}"));
        }
    }
    let wanted = |overlay: &&Overlay| arguments.apps.is_empty() || arguments.apps.contains(&overlay.app);
    let mut found = Vec::new();
    for later in repo.overlays.iter().filter(|overlay| overlay.environment == Some(to)).filter(wanted) {
        let known = repo.pairs.iter().filter_map(|pair| Some((repo.overlays.get(pair.from)?, repo.overlays.get(pair.to)?)));
        let mut paired = known.filter(|(before, after)| std::ptr::eq(*after, later) && before.environment == Some(from));
        let same = |other: &&Overlay| other.environment == Some(from) && other.app == later.app;
        let candidates = || repo.overlays.iter().filter(same);
        let earlier = paired.next().map(|(before, _)| before);
        let earlier = earlier.or_else(|| candidates().find(|other| other.variant == later.variant)).or_else(|| candidates().next());
        found.extend(earlier.map(|earlier| (earlier, later)));
    }
    if found.is_empty() {
        return Err(format!("no app is in both {} and {}", arguments.from, arguments.to));
    }
    Ok(found)
}

fn title(change: &ResourceChange) -> String {
    let id = change.id();
    format!("{} {}/{}", change.change.as_str(), id.kind, id.name)
}

/// The lines of a change: the object as YAML on both sides, what is expected to differ taken from the later side.
fn unified(side: &Side, change: &ResourceChange, all: bool) -> String {
    let (from, to) = secrets::masked(change.from.as_ref(), change.to.as_ref());
    let text = |node: &Option<Node>| node.as_ref().map(write::write).unwrap_or_default();
    if all || change.change != Change::Changed {
        let (before, after) = (text(&from), text(&to));
        let diff = TextDiff::from_lines(&before, &after);
        return diff.unified_diff().context_radius(CONTEXT).header(&side.from.path, &side.to.path).to_string();
    }
    // only what nobody expects: value by value
    let resource = change.resource();
    let mut lines = String::new();
    for value in &change.changes {
        let (before, after) = secrets::masked_change(resource, value);
        lines.push_str(&format!("  {}\n", value.named_path()));
        for (mark, node) in [('-', before), ('+', after)] {
            for line in node.map(|node| write::write(&node)).unwrap_or_default().lines() {
                lines.push_str(&format!("{mark}   {line}\n"));
            }
        }
    }
    lines
}

fn text_of(sides: &[Side], all: bool) -> String {
    let mut text = String::new();
    let mut differing = 0;
    for side in sides.iter().filter(|side| !side.changes.is_empty()) {
        differing += 1;
        text.push_str(&format!("{}: {} -> {}\n", side.app, side.from.path, side.to.path));
        for change in &side.changes {
            text.push_str(&format!("{}\n", title(change)));
            text.extend(unified(side, change, all).lines().map(|line| format!("  {}\n", printable(line))));
        }
        text.push('\n');
    }
    let what = if all { "differences" } else { "differences beyond what environments differ in by nature" };
    text.push_str(&format!("{differing} of {} compared pairs have {what}", sides.len()));
    text.push_str(if all { "\n" } else { " (--all shows the rest)\n" });
    text
}

fn markdown_of(sides: &[Side]) -> String {
    let mut text = String::new();
    let mut left_out = 0;
    for side in sides.iter().filter(|side| !side.changes.is_empty()) {
        let mut section = format!("### {}: `{}` → `{}`\n\n", side.app, side.from.path, side.to.path);
        for change in &side.changes {
            let body = unified(side, change, false);
            let fence = "`".repeat(body.split(|letter| letter != '`').map(str::len).max().unwrap_or_default().max(2) + 1);
            let summary = title(change).replace('<', "&lt;");
            section.push_str(&format!("<details><summary>{summary}</summary>\n\n{fence}diff\n{body}{fence}\n\n</details>\n\n"));
        }
        if text.len() + section.len() > MARKDOWN_LIMIT {
            left_out += 1;
        } else {
            text.push_str(&section);
        }
    }
    if left_out > 0 {
        text.push_str(&format!("{left_out} more overlays differ; `gitops-lint diff` shows them.\n"));
    }
    if text.is_empty() { "No difference beyond what environments differ in by nature.\n".to_string() } else { text }
}

fn json_of(arguments: &Arguments, repo: &Repo, sides: &[Side]) -> Value {
    let overlays: Vec<Value> = sides
        .iter()
        .map(|side| {
            let resources: Vec<Value> = side
                .changes
                .iter()
                .map(|change| {
                    let values: Vec<Value> = change
                        .changes
                        .iter()
                        .map(|value| {
                            let (from, to) = secrets::masked_change(change.resource(), value);
                            json!({
                                "path": value.path(),
                                "from": from.as_ref().map(write::to_json),
                                "to": to.as_ref().map(write::to_json),
                                "expected": value.expected.is_some(),
                                "location": Location::resolve(&repo.files, value.origin).to_json(),
                            })
                        })
                        .collect();
                    json!({"resource": identity(&change.id()), "change": change.change.as_str(), "changes": values})
                })
                .collect();
            json!({"app": side.app, "from": side.from.path, "to": side.to.path, "resources": resources})
        })
        .collect();
    json!({"version": 1, "from": arguments.from, "to": arguments.to, "overlays": overlays})
}
