//! `sarif`: SARIF 2.1.0 for code scanning. Every result has a location (one without makes GitHub
//! refuse the whole file), URIs are relative to the root, columns count Unicode code points.
//!
//! GitHub shows the first 5,000 results of a run by severity and accepts at most 25,000. The least
//! severe results above that limit are left out, and the run says so.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::{summary, url};
use crate::check::Outcome;
use crate::finding::{Fix, Located, Location, RuleDescription, Severity};
use crate::rules;

/// Results in one run that GitHub takes.
const RESULTS: usize = 25_000;
/// Related locations of one result that are listed.
const RELATED: usize = 100;

pub(super) fn write(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let mut kept: Vec<&Located> = outcome.findings.iter().collect();
    let left_out = kept.len().saturating_sub(RESULTS);
    if left_out > 0 {
        kept.sort_by_key(|located| std::cmp::Reverse(located.finding.severity));
        kept.truncate(RESULTS);
        kept.sort_by(|a, b| a.order(b));
    }
    let (descriptors, indexes) = descriptors(&kept, &outcome.described);
    let mut notifications = Vec::new();
    if left_out > 0 {
        let text = format!("{left_out} more findings are left out of this file");
        notifications.push(json!({"level": "warning", "message": {"text": text}}));
    }
    if !outcome.checked_anything() {
        notifications.push(json!({"level": "error", "message": {"text": summary(outcome)}}));
    }
    let report = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": env!("CARGO_PKG_NAME"),
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": descriptors,
            }},
            "columnKind": "unicodeCodePoints",
            "automationDetails": {"id": "gitops-lint/"},
            "invocations": [{
                "executionSuccessful": outcome.checked_anything(),
                "toolExecutionNotifications": notifications,
            }],
            "results": kept.iter().map(|located| result(located, &indexes)).collect::<Vec<_>>(),
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &report)?;
    writeln!(out)
}

/// The descriptors of the built-in rules and of the policies that found something, and the index of each.
fn descriptors(
    findings: &[&Located],
    described: &[RuleDescription],
) -> (Vec<Value>, BTreeMap<String, usize>) {
    let mut descriptors = Vec::new();
    let mut indexes = BTreeMap::new();
    for rule in rules::all() {
        let metadata = rule.metadata();
        indexes.insert(metadata.id.to_string(), descriptors.len());
        let documentation = metadata.documentation();
        let mut descriptor = json!({
            "id": metadata.id,
            "shortDescription": {"text": metadata.summary},
            "help": {"text": documentation, "markdown": documentation},
            "defaultConfiguration": {"level": level(metadata.severity)},
            "properties": {"tags": ["gitops", metadata.category.as_str()]},
        });
        add_help_uri(&mut descriptor, metadata.id);
        descriptors.push(descriptor);
    }
    for located in findings {
        let id = &located.finding.rule;
        if indexes.contains_key(id) {
            continue;
        }
        indexes.insert(id.clone(), descriptors.len());
        let about = described.iter().find(|one| one.id == *id);
        descriptors.push(of_policy(id, located.finding.severity, about));
    }
    (descriptors, indexes)
}

/// The descriptor of a policy, with what its METADATA says.
fn of_policy(id: &str, severity: Severity, about: Option<&RuleDescription>) -> Value {
    let title = about.and_then(|about| about.title.as_deref());
    let mut descriptor = json!({
        "id": id,
        "shortDescription": {"text": title.unwrap_or(id)},
        "defaultConfiguration": {"level": level(severity)},
        "properties": {"tags": ["gitops", "policy"]},
    });
    add_help_uri(&mut descriptor, id);
    let Some(about) = about else {
        return descriptor;
    };
    if let Some(description) = &about.description {
        descriptor["fullDescription"] = json!({"text": description});
    }
    if let Some(help) = &about.help {
        descriptor["help"] = json!({"text": help});
    }
    if let Some(link) = about
        .link
        .as_deref()
        .filter(|link| link.starts_with("https://"))
    {
        descriptor["helpUri"] = Value::from(link);
    }
    descriptor
}

/// SARIF asks for an absolute URI there, or none.
fn add_help_uri(descriptor: &mut Value, id: &str) {
    let url = url(id);
    if url.contains("://") {
        descriptor["helpUri"] = Value::from(url);
    }
}

fn result(located: &Located, indexes: &BTreeMap<String, usize>) -> Value {
    let finding = &located.finding;
    let mut text = finding.message.clone();
    if let Some(revision) = &located.location.revision {
        text.push_str(&format!(" (at {revision})"));
    }
    if let Some(help) = &finding.help {
        text.push_str("\n\n");
        text.push_str(help);
    }
    if !finding.also_in.is_empty() {
        text.push_str(&format!("\n\nalso in: {}", finding.also_in.join(", ")));
    }
    let related: Vec<Value> = finding
        .related
        .iter()
        .zip(&located.related)
        .take(RELATED)
        .enumerate()
        .map(|(index, (related, place))| {
            let message = match &place.revision {
                Some(revision) => format!("{} (at {revision})", related.message),
                None => related.message.clone(),
            };
            json!({"id": index, "message": {"text": message}, "physicalLocation": physical(place)})
        })
        .collect();
    let mut properties = Map::new();
    let overlay = finding.overlay.as_deref();
    let facts = [
        ("app", overlay.map(|overlay| overlay.app.as_str())),
        ("environment", finding.environment()),
        (
            "variant",
            overlay.and_then(|overlay| overlay.variant.as_deref()),
        ),
        ("overlay", finding.overlay_path()),
        ("path", finding.path.as_deref()),
    ];
    for (name, value) in facts {
        if let Some(value) = value {
            properties.insert(name.to_string(), Value::from(value));
        }
    }
    if !finding.also_in.is_empty() {
        properties.insert("alsoIn".to_string(), json!(finding.also_in));
    }
    let mut place = json!({"physicalLocation": physical(&located.location)});
    if let Some(resource) = &finding.resource {
        let name = match &resource.namespace {
            Some(namespace) => format!("{}/{namespace}/{}", resource.kind, resource.name),
            None => format!("{}/{}", resource.kind, resource.name),
        };
        place["logicalLocations"] = json!([{"fullyQualifiedName": name, "kind": "resource"}]);
    }
    let mut result = json!({
        "ruleId": finding.rule,
        "ruleIndex": indexes.get(&finding.rule),
        "level": level(finding.severity),
        "message": {"text": text},
        "locations": [place],
        "partialFingerprints": {"gitopsLint/v2": finding.fingerprint},
    });
    if let Some(fix) = &located.fix {
        result["fixes"] = Value::from(vec![fixed(fix)]);
    }
    if !related.is_empty() {
        result["relatedLocations"] = Value::from(related);
    }
    if !properties.is_empty() {
        result["properties"] = Value::from(properties);
    }
    result
}

/// The edits of a fix, one artifact change for each file.
fn fixed(fix: &Fix) -> Value {
    let mut files: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for one in &fix.replacements {
        files.entry(&one.file).or_default().push(json!({
            "deletedRegion": {
                "startLine": one.from.0, "startColumn": one.from.1,
                "endLine": one.to.0, "endColumn": one.to.1,
            },
            "insertedContent": {"text": one.text},
        }));
    }
    let changes: Vec<Value> = files
        .into_iter()
        .map(|(file, replacements)| {
            json!({
                "artifactLocation": {"uri": uri(file), "uriBaseId": "%SRCROOT%"},
                "replacements": replacements,
            })
        })
        .collect();
    json!({"description": {"text": fix.title}, "artifactChanges": changes})
}

fn physical(place: &Location) -> Value {
    let mut region = json!({"startLine": place.line, "startColumn": place.column});
    if (place.end_line, place.end_column) > (place.line, place.column) {
        region["endLine"] = Value::from(place.end_line);
        region["endColumn"] = Value::from(place.end_column);
    }
    json!({"artifactLocation": {"uri": uri(&place.file), "uriBaseId": "%SRCROOT%"}, "region": region})
}

/// A relative path as a URI reference: everything but unreserved characters and `/` is
/// percent-encoded.
pub(crate) fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}
