//! `diff`: what two environments, two overlays or two revisions render to, side by side.
//!
//! Here: choosing the pairs and printing. Not here: comparing (`compare`). Values of Secrets are
//! never printed.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use similar::TextDiff;

use super::base;
use super::error::Error;
use super::options::{RepoOptions, TextJsonOrMarkdown};
use super::workspace::{Head, Workspace};
use crate::compare::{self, Change, ResourceChange, secrets};
use crate::finding::Location;
use crate::kustomize::Resource;
use crate::kustomize::context::is_below;
use crate::names::UnknownName;
use crate::repo::names::require_app;
use crate::repo::{Overlay, Repo, renamed};
use crate::report::{json::resource as identity, printable};
use crate::source::{Files, folder_of};
use crate::wording::count;
use crate::yaml::{Node, write};

/// Lines around a change that are shown.
const CONTEXT: usize = 3;
/// Characters of Markdown that a comment on a pull request can take, with room for what surrounds
/// it.
const MARKDOWN_LIMIT: usize = 60_000;
/// Characters of Markdown that one resource can take.
const RESOURCE_LIMIT: usize = 20_000;

/// Arguments of `diff`.
#[derive(Args)]
pub struct Arguments {
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

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<String, Error> {
    Ok(super::ended_once(diff(arguments)?))
}

/// Two overlays of one app, or an overlay at two revisions; one of them may not exist.
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
}

/// Stands for an overlay that a revision does not have.
const NOT_THERE: &str = "/dev/null";

fn diff(arguments: &Arguments) -> Result<String, Error> {
    match &arguments.to {
        None => match arguments.from.split_once("...") {
            Some((from, to)) => revisions(arguments, from, Some(to), true),
            None => match arguments.from.split_once("..") {
                Some((from, to)) => revisions(arguments, from, Some(to), false),
                None => revisions(arguments, &arguments.from, None, true),
            },
        },
        Some(to) => {
            let workspace = Workspace::load(&arguments.path, &arguments.repo)?;
            match pairs(&workspace.repo, arguments, to) {
                Ok(_) if arguments.summary || !arguments.environments.is_empty() => {
                    Err(Error::Usage(
                        "--summary and --environment need two revisions; write REV1..REV2",
                    ))
                }
                Ok(pairs) => Ok(environments(arguments, &workspace.repo, pairs, to)),
                // what is neither an environment nor an overlay may be a revision
                Err(message) => {
                    let known =
                        |name: &str| workspace.git().is_ok_and(|git| git.resolve(name).is_ok());
                    if known(&arguments.from) && known(to) {
                        revisions(arguments, &arguments.from, Some(to), false)
                    } else {
                        Err(message)
                    }
                }
            }
        }
    }
}

fn environments<'r>(
    arguments: &Arguments,
    repo: &'r Repo,
    pairs: Vec<(&'r Overlay, &'r Overlay)>,
    to: &str,
) -> String {
    let sides: Vec<Side> = pairs
        .into_iter()
        .map(|(from, to)| {
            let mut changes = compare::resources(from, to, &repo.environments);
            if !arguments.all && arguments.format != TextJsonOrMarkdown::Json {
                for change in &mut changes {
                    change.changes.retain(|value| value.expected.is_none());
                }
                changes.retain(|change| {
                    change.change != Change::Changed || !change.changes.is_empty()
                });
            }
            let complete = from.rendered.complete && to.rendered.complete;
            Side {
                overlay: to,
                from: &from.path,
                to: &to.path,
                change: Change::Changed,
                complete,
                changes,
            }
        })
        .collect();
    match arguments.format {
        TextJsonOrMarkdown::Json => format!("{:#}\n", json_of((&arguments.from, to), repo, &sides)),
        TextJsonOrMarkdown::Text => text_of(&sides, arguments.all),
        TextJsonOrMarkdown::Markdown => markdown_of(&sides, false),
    }
}

/// What changes between two revisions, overlay by overlay; without a second one, up to the work
/// tree. `from_merge_base`: from the commit at which the second left the first, as a pull request
/// is compared.
fn revisions(
    arguments: &Arguments,
    from: &str,
    to: Option<&str>,
    from_merge_base: bool,
) -> Result<String, Error> {
    let from = if from.is_empty() { "HEAD" } else { from };
    let to = to.map(|to| if to.is_empty() { "HEAD" } else { to });
    let workspace = Workspace::load_at(
        &arguments.path,
        &arguments.repo,
        to.map_or(Head::Worktree, Head::Revision),
    )?;
    let base = if from_merge_base {
        base::load(&workspace, from, &arguments.repo)
    } else {
        base::load_exactly(&workspace, from, &arguments.repo)
    };
    let base = base?.base;
    let repo = &workspace.repo;
    let mut wanted = Vec::new();
    for name in &arguments.environments {
        wanted.push(repo.environment_named(name)?);
    }
    for app in &arguments.apps {
        // an app that the change removes is known to the base only
        require_app(app, repo.overlays.iter().chain(&base.repo.overlays))?;
    }
    let kept = |overlay: &Overlay| {
        (wanted.is_empty()
            || overlay
                .environment
                .is_some_and(|environment| wanted.contains(&environment)))
            && (arguments.apps.is_empty() || arguments.apps.contains(&overlay.app))
    };
    let only = |overlay: &'_ Overlay, change: Change| -> Vec<ResourceChange> {
        let one = |resource: &Resource| {
            let (from, to) = match change {
                Change::Removed => (Some(resource.clone()), None),
                _ => (None, Some(resource.clone())),
            };
            ResourceChange {
                change,
                from,
                to,
                changes: Vec::new(),
            }
        };
        overlay.rendered.resources.iter().map(one).collect()
    };
    let mut sides: Vec<Side> = Vec::new();
    let earlier = renamed::before(repo, &base.repo);
    for (now, before) in repo
        .overlays
        .iter()
        .zip(&earlier)
        .filter(|(now, _)| kept(now))
    {
        let before = before.and_then(|index| base.repo.overlays.get(index));
        if before.is_some_and(|before| before.rendered.is(&now.rendered)) {
            continue;
        }
        let complete = now.rendered.complete;
        match before {
            Some(before) => {
                let (changes, complete) = (
                    compare::resources(before, now, &repo.environments),
                    complete && before.rendered.complete,
                );
                if changes.is_empty()
                    && !base
                        .changed
                        .iter()
                        .any(|path| comes_near(path, &repo.files, [before, now]))
                {
                    continue;
                }
                sides.push(Side {
                    overlay: now,
                    from: &before.path,
                    to: &now.path,
                    change: Change::Changed,
                    complete,
                    changes,
                });
            }
            None => {
                let changes = only(now, Change::Added);
                sides.push(Side {
                    overlay: now,
                    from: NOT_THERE,
                    to: &now.path,
                    change: Change::Added,
                    complete,
                    changes,
                });
            }
        }
    }
    for (index, before) in base
        .repo
        .overlays
        .iter()
        .enumerate()
        .filter(|(_, before)| kept(before))
    {
        if !earlier.contains(&Some(index)) {
            let (changes, complete) = (only(before, Change::Removed), before.rendered.complete);
            sides.push(Side {
                overlay: before,
                from: &before.path,
                to: NOT_THERE,
                change: Change::Removed,
                complete,
                changes,
            });
        }
    }
    // what cannot be rendered may have changed
    sides.retain(|side| !side.changes.is_empty() || !side.complete);
    sides.sort_by(|one, other| one.overlay.path.cmp(&other.overlay.path));
    workspace.whole()?;
    let names = (from, to.unwrap_or("the work tree"));
    let looked_at = repo.overlays.iter().filter(|overlay| kept(overlay)).count();
    Ok(match (arguments.format, arguments.summary) {
        (TextJsonOrMarkdown::Json, true) => format!("{:#}\n", summary_json(names, repo, &sides)),
        (TextJsonOrMarkdown::Json, false) => format!("{:#}\n", json_of(names, repo, &sides)),
        (TextJsonOrMarkdown::Text, true) => summary_text(repo, &sides),
        (TextJsonOrMarkdown::Markdown, true) => summary_markdown(repo, &sides),
        (TextJsonOrMarkdown::Markdown, false) => markdown_of(&sides, true),
        (TextJsonOrMarkdown::Text, false) => {
            let text: String = sides.iter().map(|side| section(side, true)).collect();
            format!(
                "{text}{} of {} changed between {} and {}\n",
                sides.len(),
                count(looked_at, "overlay"),
                names.0,
                names.1
            )
        }
    })
}

/// Whether a changed file may be one that a plugin or chart would read: it lies beside or below the
/// file that asks for what could not be rendered, or something on its path is named there.
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

fn words(repo: &Repo, overlay: &Overlay) -> String {
    let environment = repo
        .environment(overlay)
        .map(|environment| environment.name.as_str());
    let words = [
        Some(overlay.app.as_str()),
        environment,
        overlay.variant.as_deref(),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn told(side: &Side) -> String {
    if side.changes.is_empty() {
        return "may have changed (cannot be rendered completely)".to_string();
    }
    let incomplete = if side.complete {
        ""
    } else {
        ", cannot be rendered completely"
    };
    format!(
        "{} ({}{incomplete})",
        side.change.as_str(),
        count(side.changes.len(), "resource")
    )
}

fn summary_text(repo: &Repo, sides: &[Side]) -> String {
    let line = |side: &Side| {
        format!(
            "{}: {}: {}\n",
            printable(&side.overlay.path),
            printable(&words(repo, side.overlay)),
            told(side)
        )
    };
    sides.iter().map(line).collect()
}

fn summary_markdown(repo: &Repo, sides: &[Side]) -> String {
    let line = |side: &Side| {
        format!(
            "| {} | {} | {} |\n",
            escaped(&side.overlay.path),
            escaped(&words(repo, side.overlay)),
            told(side)
        )
    };
    let lines: String = sides.iter().map(line).collect();
    if lines.is_empty() {
        "No overlay changes.\n".to_string()
    } else {
        format!("| overlay | app | change |\n|---|---|---|\n{lines}")
    }
}

fn summary_json(names: (&str, &str), repo: &Repo, sides: &[Side]) -> Value {
    let overlays: Vec<Value> = sides
        .iter()
        .map(|side| {
            let environment = repo.environment(side.overlay).map(|environment| environment.name.clone());
            json!({
                "path": side.overlay.path, "app": side.overlay.app, "environment": environment, "variant": side.overlay.variant,
                "change": side.change.as_str(), "resources": side.changes.len(), "complete": side.complete,
            })
        })
        .collect();
    json!({"version": 1, "from": names.0, "to": names.1, "overlays": overlays})
}

/// The environment of a name, where the path of an overlay would do as well.
fn environment_of(repo: &Repo, name: &str) -> Result<usize, Error> {
    repo.environment_named(name).map_err(|_| {
        let mut known = repo.environment_names();
        known.extend(repo.overlays.iter().map(|overlay| overlay.path.as_str()));
        UnknownName::new("environment or overlay", name, &known).into()
    })
}

/// The overlays to compare: two of one path each, or those that two environments' apps have.
fn pairs<'r>(
    repo: &'r Repo,
    arguments: &Arguments,
    to_name: &str,
) -> Result<Vec<(&'r Overlay, &'r Overlay)>, Error> {
    let overlay = |path: &str| {
        let path = path.trim_end_matches('/').trim_start_matches("./");
        repo.overlays.iter().find(|overlay| overlay.path == path)
    };
    if let (Some(from), Some(to)) = (overlay(&arguments.from), overlay(to_name)) {
        return Ok(vec![(from, to)]);
    }
    let (from, to) = (
        environment_of(repo, &arguments.from)?,
        environment_of(repo, to_name)?,
    );
    for app in &arguments.apps {
        repo.require_app(app)?;
    }
    let wanted =
        |overlay: &&Overlay| arguments.apps.is_empty() || arguments.apps.contains(&overlay.app);
    let mut found = Vec::new();
    for later in repo
        .overlays
        .iter()
        .filter(|overlay| overlay.environment == Some(to))
        .filter(wanted)
    {
        let known = repo
            .pairs
            .iter()
            .filter_map(|pair| Some((repo.overlays.get(pair.from)?, repo.overlays.get(pair.to)?)));
        let mut paired = known.filter(|(before, after)| {
            std::ptr::eq(*after, later) && before.environment == Some(from)
        });
        let same = |other: &&Overlay| other.environment == Some(from) && other.app == later.app;
        let candidates = || repo.overlays.iter().filter(same);
        let earlier = paired.next().map(|(before, _)| before);
        let earlier = earlier
            .or_else(|| candidates().find(|other| other.variant == later.variant))
            .or_else(|| candidates().next());
        found.extend(earlier.map(|earlier| (earlier, later)));
    }
    if found.is_empty() {
        return Err(Error::NoPair {
            from: arguments.from.clone(),
            to: to_name.to_string(),
        });
    }
    Ok(found)
}

fn title(change: &ResourceChange) -> String {
    let id = change.id();
    format!("{} {}/{}", change.change.as_str(), id.kind, id.name)
}

/// The lines of a change: the object as YAML on both sides, what is expected to differ taken from
/// the later side.
fn unified(side: &Side, change: &ResourceChange, all: bool) -> String {
    let (from, to) = secrets::masked(change.from.as_ref(), change.to.as_ref());
    let text = |node: &Option<Node>| node.as_ref().map(write::write).unwrap_or_default();
    if all || change.change != Change::Changed {
        let (before, after) = (text(&from), text(&to));
        let diff = TextDiff::from_lines(&before, &after);
        return diff
            .unified_diff()
            .context_radius(CONTEXT)
            .header(side.from, side.to)
            .to_string();
    }
    // only what nobody expects: value by value
    let resource = change.resource();
    let mut lines = String::new();
    for value in &change.changes {
        let (before, after) = secrets::masked_change(resource, value);
        lines.push_str(&format!("  {}\n", value.named_path()));
        for (mark, node) in [('-', before), ('+', after)] {
            for line in node
                .map(|node| write::write(&node))
                .unwrap_or_default()
                .lines()
            {
                lines.push_str(&format!("{mark}   {line}\n"));
            }
        }
    }
    lines
}

/// The changes of one overlay, as text.
fn section(side: &Side, all: bool) -> String {
    let incomplete = if side.complete {
        ""
    } else {
        " (cannot be rendered completely; `gitops-lint check` says why)"
    };
    let mut text = format!(
        "{}: {}{incomplete}\n",
        printable(&side.overlay.app),
        side.paths()
    );
    for change in &side.changes {
        text.push_str(&format!("{}\n", printable(&title(change))));
        text.extend(
            unified(side, change, all)
                .lines()
                .map(|line| format!("  {}\n", printable(line))),
        );
    }
    text.push('\n');
    text
}

fn text_of(sides: &[Side], all: bool) -> String {
    // what could be rendered in part only may differ in the rest
    let mut text: String = sides
        .iter()
        .filter(|side| !side.changes.is_empty() || !side.complete)
        .map(|side| section(side, all))
        .collect();
    let differing = sides.iter().filter(|side| !side.changes.is_empty()).count();
    text.push_str(&conclusion(differing, sides.len(), all));
    text
}

/// `2 of 3 pairs have unexpected differences`, `no unexpected differences in 1 pair`.
fn conclusion(differing: usize, compared: usize, all: bool) -> String {
    let (kind, hint) = if all {
        ("differences", "")
    } else {
        (
            "unexpected differences",
            " (--all also shows the expected ones)",
        )
    };
    let pairs = count(compared, "pair");
    match differing {
        0 => format!("no {kind} in {pairs}{hint}\n"),
        1 if compared == 1 => format!("1 pair has {kind}{hint}\n"),
        1 => format!("1 of {pairs} has {kind}{hint}\n"),
        _ => format!("{differing} of {pairs} have {kind}{hint}\n"),
    }
}

fn markdown_of(sides: &[Side], all: bool) -> String {
    let (mut text, mut left_out, mut in_overlays) = (String::new(), 0, 0);
    for side in sides
        .iter()
        .filter(|side| !side.changes.is_empty() || !side.complete)
    {
        let incomplete = if side.complete {
            ""
        } else {
            " (cannot be rendered completely; `gitops-lint check` says why)"
        };
        let mut section = format!(
            "### {}: {}{incomplete}\n\n",
            escaped(&side.overlay.app),
            paths_in_markdown(side)
        );
        let mut skipped = 0;
        for change in &side.changes {
            let piece = folded(side, change, all);
            if text.len() + section.len() + piece.len() > MARKDOWN_LIMIT {
                skipped += 1;
            } else {
                section.push_str(&piece);
            }
        }
        left_out += skipped;
        in_overlays += usize::from(skipped > 0);
        // a heading over nothing says nothing
        if skipped < side.changes.len()
            || (side.changes.is_empty() && text.len() + section.len() <= MARKDOWN_LIMIT)
        {
            text.push_str(&section);
        }
    }
    if left_out > 0 {
        let (resources, overlays) = (
            count(left_out, "more resource"),
            count(in_overlays, "overlay"),
        );
        text.push_str(&format!(
            "{resources} in {overlays} not shown here; `gitops-lint diff` shows everything.\n"
        ));
    }
    if text.is_empty() && all {
        return "No overlay changes.\n".to_string();
    }
    if text.is_empty() {
        "No unexpected differences.\n".to_string()
    } else {
        text
    }
}

/// A text that Markdown and HTML take as it is.
fn escaped(text: &str) -> String {
    let mut result = String::new();
    for letter in printable(text).chars() {
        match letter {
            '<' => result.push_str("&lt;"),
            '>' => result.push_str("&gt;"),
            '&' => result.push_str("&amp;"),
            '`' | '*' | '_' | '|' | '[' | ']' | '#' | '\\' | '~' => result.extend(['\\', letter]),
            '@' => result.push_str("&#64;"),
            _ => result.push(letter),
        }
    }
    result
}

fn paths_in_markdown(side: &Side) -> String {
    // a path with a backtick in it would end the code
    let code = |path: &str| {
        if path.contains('`') {
            escaped(path)
        } else {
            format!("`{}`", printable(path))
        }
    };
    if side.from == side.to {
        code(side.to)
    } else {
        format!("{} → {}", code(side.from), code(side.to))
    }
}

/// One resource, folded away under its name. What is very long is cut.
fn folded(side: &Side, change: &ResourceChange, all: bool) -> String {
    let text = unified(side, change, all);
    let (mut body, mut lines) = (String::new(), text.lines());
    for line in lines.by_ref() {
        body.push_str(&printable(line));
        body.push('\n');
        if body.len() > RESOURCE_LIMIT {
            break;
        }
    }
    let left = lines.count();
    if left > 0 {
        body.push_str(&format!("… {}\n", count(left, "more line")));
    }
    let fence = "`".repeat(
        body.split(|letter| letter != '`')
            .map(str::len)
            .max()
            .unwrap_or_default()
            .max(2)
            + 1,
    );
    let summary = printable(&title(change))
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('@', "&#64;");
    format!("<details><summary>{summary}</summary>\n\n{fence}diff\n{body}{fence}\n\n</details>\n\n")
}

fn json_of(names: (&str, &str), repo: &Repo, sides: &[Side]) -> Value {
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
            let path = |path: &str| Some(path.to_string()).filter(|path| path != NOT_THERE);
            json!({"app": side.overlay.app, "from": path(side.from), "to": path(side.to), "resources": resources})
        })
        .collect();
    json!({"version": 1, "from": names.0, "to": names.1, "overlays": overlays})
}
