//! A promotion as text, as the title and text of a pull request, and as JSON.

use serde_json::{Value, json};

use super::{Arguments, Draft, environment_of};
use crate::cli::options::TextJsonOrMarkdown;
use crate::cli::output::width_of;
use crate::cli::patch;
use crate::cli::table;
use crate::cli::workspace::Workspace;
use crate::compare::{self, Change, ResourceChange, secrets};
use crate::finding::Location;
use crate::promote::{Move, Promotion};
use crate::repo::Repo;
use crate::report::{escape_markdown, printable};
use crate::wording::{count, listed, wrapped};
use crate::yaml::{Node, write};

/// Differences that are listed for each app.
const LISTED: usize = 5;

pub(super) fn text(draft: &Draft, workspace: &Workspace, arguments: &Arguments) -> String {
    match arguments.format {
        TextJsonOrMarkdown::Json => as_json(draft, workspace, arguments),
        TextJsonOrMarkdown::Markdown => message(draft, workspace, arguments),
        TextJsonOrMarkdown::Text => plain(draft, workspace, arguments),
    }
}

/// The title and text of the pull request, as Git separates them.
pub(super) fn message(draft: &Draft, workspace: &Workspace, arguments: &Arguments) -> String {
    format!("{}\n\n{}", title(draft, arguments), body(draft, workspace))
}

/// `Promote api 1.4.2 to production`
fn title(draft: &Draft, arguments: &Arguments) -> String {
    let apps: Vec<&str> = draft.apps().into_iter().collect();
    let to = &arguments.to;
    let what = match apps.as_slice() {
        [] => return format!("Nothing to promote to {to}"),
        [app] => {
            let mut moves: Vec<&Move> =
                draft.promotions.iter().flat_map(|one| &one.moves).collect();
            moves.dedup_by(|one, other| one.name == other.name && one.after == other.after);
            let tag = match moves.as_slice() {
                [only] => only.after.tag.clone(),
                _ => None,
            };
            tag.map_or(app.to_string(), |tag| format!("{app} {tag}"))
        }
        several => listed(several, 3),
    };
    printable(&format!("Promote {what} to {to}")).into_owned()
}

fn body(draft: &Draft, workspace: &Workspace) -> String {
    let repo = &workspace.repo;
    let mut text = String::new();
    if !draft.promotions.is_empty() {
        text.push_str("| app | environment | version of | before | after | proof |\n|---|---|---|---|---|---|\n");
    }
    for promotion in &draft.promotions {
        for found in &promotion.moves {
            let cells = [
                promotion.to.app.clone(),
                environment_of(repo, promotion.to),
                found.name.clone(),
                table::version(&found.before),
                table::version(&found.after),
                proof(draft, repo, promotion, found),
            ];
            let cells = cells.map(|cell| escape_markdown(&cell));
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
    }
    let section = |heading: &str, lines: &[(String, Vec<String>)]| {
        let mut section = format!("\n{heading}\n\n");
        for (app, lines) in lines {
            for line in lines.iter().take(LISTED) {
                section.push_str(&format!(
                    "- {}: {}\n",
                    escape_markdown(app),
                    escape_markdown(line)
                ));
            }
            if lines.len() > LISTED {
                let more = lines.len() - LISTED;
                section.push_str(&format!("- {}: {more} more\n", escape_markdown(app)));
            }
        }
        section
    };
    if !draft.left_behind.is_empty() {
        text.push_str(&section(
            "Not promoted, so the environments still differ:",
            &draft.left_behind,
        ));
    }
    if !draft.warnings.is_empty() {
        let lines = draft
            .warnings
            .iter()
            .map(|(app, line)| (app.clone(), vec![line.clone()]));
        let lines: Vec<(String, Vec<String>)> = lines.collect();
        text.push_str(&section("Warnings of the check:", &lines));
    }
    if !draft.refused.is_empty() {
        let refused = draft.refused.iter();
        let lines = refused.map(|(app, why)| (app.clone(), why.iter().cloned().collect()));
        let lines: Vec<(String, Vec<String>)> = lines.collect();
        text.push_str(&section("Cannot be promoted:", &lines));
    }
    text
}

/// `in staging since 2026-11-24`
fn proof(draft: &Draft, repo: &Repo, promotion: &Promotion, found: &Move) -> String {
    let environment = environment_of(repo, promotion.from);
    let key = (
        promotion.to.app.clone(),
        found.name.clone(),
        found.after.to_string(),
    );
    let since = draft.since.get(&key);
    let since = since.and_then(|time| jiff::Timestamp::from_second(*time).ok());
    match since {
        Some(time) => {
            let day: String = time.to_string().chars().take(10).collect();
            format!("in {environment} since {day}")
        }
        None => format!("runs in {environment}"),
    }
}

fn plain(draft: &Draft, workspace: &Workspace, arguments: &Arguments) -> String {
    let repo = &workspace.repo;
    let mut lines: Vec<String> = Vec::new();
    for promotion in &draft.promotions {
        lines.push(format!(
            "{}: {} -> {}",
            promotion.to.app,
            environment_of(repo, promotion.from),
            environment_of(repo, promotion.to)
        ));
        for found in &promotion.moves {
            let (before, after) = (table::version(&found.before), table::version(&found.after));
            lines.push(format!("  {}: {before} -> {after}", found.name));
            let place = found
                .place
                .map(|origin| Location::resolve(&repo.files, origin));
            let place = place.map_or(String::new(), |at| format!("{}:{}, ", at.file, at.line));
            lines.push(format!(
                "    {place}{}",
                proof(draft, repo, promotion, found)
            ));
        }
    }
    for (app, left) in &draft.left_behind {
        let still = if left.len() == 1 {
            "1 other difference stays"
        } else {
            "other differences stay"
        };
        lines.push(format!("{app}: {still}"));
        lines.extend(left.iter().take(LISTED).map(|line| format!("  {line}")));
        if left.len() > LISTED {
            let more = left.len() - LISTED;
            lines.push(format!("  and {more} more; `gitops-lint diff` shows all"));
        }
    }
    let warnings = draft.warnings.iter();
    lines.extend(warnings.map(|(app, line)| format!("{app}: warning: {line}")));
    for (app, reasons) in &draft.refused {
        lines.push(format!("{app}: not promoted"));
        lines.extend(reasons.iter().map(|reason| format!("  {reason}")));
    }
    if let Some(first) = draft
        .same
        .first()
        .filter(|_| draft.promotions.is_empty() && draft.refused.is_empty())
    {
        let what = if draft.same.len() == 1 {
            first.clone()
        } else {
            count(draft.same.len(), "app")
        };
        lines.push(format!(
            "{what}: nothing to promote, {} already has these versions",
            arguments.to
        ));
    }
    let columns = width_of(&std::io::stdout()).unwrap_or(usize::MAX);
    let shown = |line: &String| {
        let indent = line.len() - line.trim_start().len();
        format!("{}\n", wrapped(&printable(line), columns, indent + 4))
    };
    let mut text: String = lines.iter().map(shown).collect();
    if !draft.promotions.is_empty() {
        text.push_str(&outcome(draft, arguments));
    }
    text
}

/// The changes that were made, or would be made, to the files; and the pull request.
fn outcome(draft: &Draft, arguments: &Arguments) -> String {
    let files: Vec<&str> = draft.files.iter().map(|file| file.path.as_str()).collect();
    let files_edited = count(files.len(), "file");
    let mut text = String::from("\n");
    if arguments.dry_run {
        text.push_str(&patch::text(&draft.files));
        text.push_str(&format!(
            "\n{files_edited} would be edited; run without --dry-run to edit\n"
        ));
    } else if arguments.commit {
        let branch = draft.branch(arguments);
        text.push_str(&format!(
            "{files_edited} committed on branch {branch}; next: git push -u origin {branch}\n"
        ));
    } else {
        text.push_str(&format!("{files_edited} edited: {}\n", listed(&files, 3)));
    }
    text.push_str(&format!(
        "title for the pull request: {} (--format markdown prints its text as well)\n",
        title(draft, arguments)
    ));
    text
}

fn as_json(draft: &Draft, workspace: &Workspace, arguments: &Arguments) -> String {
    let repo = &workspace.repo;
    let mut promotions: Vec<Value> = Vec::new();
    for promotion in &draft.promotions {
        let moves = promotion.moves.iter().map(|found| {
            let place = found
                .place
                .map(|origin| Location::resolve(&repo.files, origin));
            json!({
                "name": found.name,
                "before": {"tag": found.before.tag, "digest": found.before.digest},
                "after": {"tag": found.after.tag, "digest": found.after.digest},
                "place": place.as_ref().map(crate::report::json::location),
                "proof": proof(draft, repo, promotion, found),
            })
        });
        promotions.push(json!({
            "app": promotion.to.app,
            "from": environment_of(repo, promotion.from), "to": environment_of(repo, promotion.to),
            "overlay": promotion.to.path,
            "versions": moves.collect::<Vec<Value>>(),
            "records": promotion.records,
        }));
    }
    let by_app = |lines: &[(String, Vec<String>)]| -> Vec<Value> {
        let all = lines.iter();
        all.map(|(app, lines)| json!({"app": app, "differences": lines}))
            .collect()
    };
    let refused: Vec<Value> = draft
        .refused
        .iter()
        .map(|(app, reasons)| json!({"app": app, "reasons": reasons}))
        .collect();
    let warnings = draft.warnings.iter();
    let warnings: Vec<Value> = warnings
        .map(|(app, line)| json!({"app": app, "message": line}))
        .collect();
    let files: Vec<&str> = draft.files.iter().map(|file| file.path.as_str()).collect();
    let whole = json!({
        "version": 1,
        "title": title(draft, arguments), "body": body(draft, workspace),
        "branch": arguments.commit.then(|| draft.branch(arguments)),
        "written": !arguments.dry_run && !draft.promotions.is_empty(),
        "files": files, "promotions": promotions,
        "left_behind": by_app(&draft.left_behind), "warnings": warnings, "refused": refused,
        "unchanged": draft.same,
    });
    format!("{whole:#}\n")
}

/// The unexpected differences that stay between the environments after the promotion, by app.
pub(super) fn left_behind(draft: &Draft, edited: &Repo) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for promotion in &draft.promotions {
        let (Some(from), Some(to)) = (edited.same(promotion.from), edited.same(promotion.to))
        else {
            continue;
        };
        let names = (environment_of(edited, from), environment_of(edited, to));
        let changes = compare::resources(from, to, edited);
        let lines: Vec<String> = changes
            .iter()
            .flat_map(|change| told(change, &names))
            .collect();
        if lines.is_empty() {
            continue;
        }
        match found.iter_mut().find(|(app, _)| *app == to.app) {
            Some((_, known)) => known.extend(lines),
            None => found.push((to.app.clone(), lines)),
        }
    }
    found
}

/// ``Deployment/api /spec/replicas: 2 in staging, 3 in production``
fn told(change: &ResourceChange, (from, to): &(String, String)) -> Vec<String> {
    let id = change.id();
    let object = format!("{}/{}", id.kind, id.name);
    match change.change {
        Change::Added => vec![format!("{object} exists in {to} only")],
        Change::Removed => vec![format!("{object} exists in {from} only")],
        Change::Changed => {
            let unexpected = change
                .changes
                .iter()
                .filter(|value| value.expected.is_none());
            let line = |value: &compare::ValueChange| {
                let (old, new) = secrets::masked_change(change.resource(), value);
                let shown = |node: Option<Node>, environment: &str| match node {
                    None => format!("missing in {environment}"),
                    Some(node) => format!("{} in {environment}", short(&node)),
                };
                let path = secrets::named_path(change.resource(), value);
                format!("{object} {path}: {}, {}", shown(old, from), shown(new, to))
            };
            unexpected.map(line).collect()
        }
    }
}

/// A value on one line.
fn short(node: &Node) -> String {
    /// The longest value that is shown.
    const LONGEST: usize = 40;
    let text = match node.as_scalar() {
        Some(_) => write::write(node).trim_end().to_string(),
        None => write::to_json(node).to_string(),
    };
    let line = text.lines().next().unwrap_or_default();
    crate::wording::shortened(line, LONGEST).into_owned()
}
