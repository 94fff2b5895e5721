//! Findings as an editor shows them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::check::Outcome;
use crate::config::ConfigProblem;
use crate::finding::{Located, Location, Severity};
use crate::report::url;
use crate::source::{Files, SourceFile};

/// Turns a path of the repo into the address of the document.
pub(super) type Address<'a> = &'a dyn Fn(&str) -> String;

/// The range of bytes in a file.
pub(super) fn range(file: &SourceFile, start: usize, end: usize) -> Value {
    let at = |offset: usize| {
        let position = file.editor_position(offset);
        json!({"line": position.line, "character": position.character})
    };
    json!({"start": at(start), "end": at(end)})
}

/// The range of a location.
pub(super) fn range_of(files: &Files, location: &Location) -> Value {
    let zero = json!({"line": 0, "character": 0});
    match files.find(&location.file, &location.revision) {
        Some(id) => range(&files.get(id), location.byte_start, location.byte_end),
        None => json!({"start": zero, "end": zero}),
    }
}

/// The diagnostic of a finding.
pub(super) fn diagnostic(located: &Located, files: &Files, address: Address<'_>) -> Value {
    let finding = &located.finding;
    let related = finding.related.iter().zip(&located.related);
    let related: Vec<Value> = related
        .map(|(related, location)| {
            json!({
                "location": {"uri": address(&location.file), "range": range_of(files, location)},
                "message": related.message,
            })
        })
        .collect();
    let mut message = finding.message.clone();
    if let Some(help) = &finding.help {
        message.push_str(&format!("\nhelp: {help}"));
    }
    if !finding.also_in.is_empty() {
        message.push_str(&format!("\nalso in: {}", finding.also_in.join(", ")));
    }
    let mut diagnostic = json!({
        "range": range_of(files, &located.location),
        "severity": severity(finding.severity),
        "code": finding.rule,
        "source": "gitops-lint",
        "message": message,
        "relatedInformation": related,
        "data": {"fingerprint": finding.fingerprint},
    });
    let url = url(&finding.rule);
    if url.contains("://")
        && let Some(fields) = diagnostic.as_object_mut()
    {
        fields.insert("codeDescription".to_string(), json!({"href": url}));
    }
    diagnostic
}

fn severity(severity: Severity) -> u8 {
    match severity {
        Severity::Error => 1,
        Severity::Warning => 2,
        Severity::Info => 3,
    }
}

/// The diagnostic of a mistake in the configuration.
pub(super) fn of_configuration(problem: &ConfigProblem, file: &SourceFile) -> Value {
    let (start, end) = (problem.origin.start as usize, problem.origin.end as usize);
    let help = problem.help.as_ref();
    let help = help.map_or(String::new(), |help| format!("\nhelp: {help}"));
    json!({
        "range": range(file, start, end),
        "severity": severity(Severity::Error),
        "code": "configuration",
        "source": "gitops-lint",
        "message": format!("{}{help}", problem.message),
    })
}

/// The findings of each file: those of open documents, and those of other files in which the unsaved
/// texts cause one.
pub(super) fn by_file<'o>(
    outcome: &'o Outcome,
    saved: &Outcome,
    open: &BTreeSet<String>,
) -> BTreeMap<&'o str, Vec<&'o Located>> {
    let known: BTreeSet<&str> = saved
        .findings
        .iter()
        .map(|located| located.finding.fingerprint.as_str())
        .collect();
    let mut files: BTreeMap<&str, Vec<&Located>> = BTreeMap::new();
    for located in &outcome.findings {
        let of_file = files.entry(&located.location.file).or_default();
        of_file.push(located);
    }
    let is_new = |located: &&Located| !known.contains(located.finding.fingerprint.as_str());
    files.retain(|path, findings| open.contains(*path) || findings.iter().any(is_new));
    files
}
