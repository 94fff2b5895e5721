//! Code actions: the fix of a finding, and a comment that suppresses it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use serde_json::{Value as Json, json};

use super::diagnostics::{Address, diagnostic, range};
use crate::check::Outcome;
use crate::finding::{Fix, Located};
use crate::fix;
use crate::repo::Repo;
use crate::source::SourceFile;
use crate::yaml::{FileId, Node, read};

/// The most findings that one answer looks at.
const MOST: usize = 50;

/// Lines above a finding that are tried for a comment. A comment cannot stand inside of a block of
/// text.
const LINES: usize = 40;

/// The actions for the findings on some lines of a file, which count from 0.
pub(super) fn actions(
    repo: &Repo,
    outcome: &Outcome,
    file: &SourceFile,
    lines: RangeInclusive<usize>,
    address: Address<'_>,
) -> Json {
    let is_there = |located: &&Located| {
        let place = &located.location;
        let (first, last) = (
            place.line.saturating_sub(1),
            place.end_line.saturating_sub(1),
        );
        place.file == file.path
            && place.revision == file.revision
            && first <= *lines.end()
            && last >= *lines.start()
    };
    let findings = outcome.findings.iter().filter(is_there).take(MOST);
    let mut findings: Vec<Located> = findings.cloned().collect();
    fix::attach(&mut findings, repo);
    let mut actions = Vec::new();
    let mut suppressed = BTreeSet::new();
    for located in &findings {
        let about = diagnostic(located, &repo.files, address);
        if let Some(edit) = located
            .fix
            .as_ref()
            .and_then(|fix| edit_of(repo, fix, address))
        {
            let title = located.fix.as_ref().map(|fix| sentence(&fix.title));
            actions.push(json!({
                "title": title, "kind": "quickfix", "diagnostics": [about], "edit": edit,
                "isPreferred": true,
            }));
        }
        let key = (located.location.line, &located.finding.rule);
        if suppressed.insert(key)
            && let Some((at, text)) = suppression(file, located)
        {
            let edit = json!({"changes": {address(&file.path): [{"range": range(file, at, at), "newText": text}]}});
            actions.push(json!({
                "title": format!("Suppress `{}` here; add the reason behind the comment", located.finding.rule),
                "kind": "quickfix", "diagnostics": [about], "edit": edit,
            }));
        }
    }
    Json::Array(actions)
}

fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters
        .next()
        .map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + characters.as_str()
}

/// The edits of a fix. `None` if a file is no longer the one that was checked.
fn edit_of(repo: &Repo, fix: &Fix, address: Address<'_>) -> Option<Json> {
    let mut changes: BTreeMap<String, Vec<Json>> = BTreeMap::new();
    for one in &fix.replacements {
        let revision = repo.source.revision_of(&one.file);
        let file = repo.files.get(repo.files.find(&one.file, &revision)?);
        let range = range(&file, one.bytes.start, one.bytes.end);
        let edit = json!({"range": range, "newText": one.text});
        changes.entry(address(&one.file)).or_default().push(edit);
    }
    Some(json!({"changes": changes}))
}

/// The byte and the text of a comment that suppresses a finding. Without a reason it has no effect
/// yet, and says so. `None` if no comment can stand there, as in JSON.
fn suppression(file: &SourceFile, located: &Located) -> Option<(usize, String)> {
    let rule = &located.finding.rule;
    let before = trees(&file.text)?;
    let text = file.line(located.location.line);
    let indent: String = text.chars().take_while(|c| *c == ' ').collect();
    let end = if file.text.contains("\r\n") {
        "\r\n"
    } else {
        "\n"
    };
    let comment = format!("{indent}# gitops-lint: ignore[{rule}] {end}");
    let lines = (1..=located.location.line).rev().take(LINES);
    lines.into_iter().find_map(|line| {
        let at = file.start_of_line(line)?;
        let mut edited = file.text.to_string();
        edited.get(at..)?;
        edited.insert_str(at, &comment);
        let after = trees(&edited)?;
        let is_same = before.len() == after.len()
            && before
                .iter()
                .zip(&after)
                .all(|(one, other)| one.same_value(other));
        is_same.then(|| (at, comment.clone()))
    })
}

fn trees(text: &str) -> Option<Vec<Node>> {
    Some(read::read(text, FileId(0)).ok()?.documents)
}
