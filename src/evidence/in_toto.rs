//! in-toto statements about vulnerabilities, plain or in the envelope of a signature (DSSE).
//!
//! The formats: <https://github.com/in-toto/attestation/tree/main/spec>, with the predicates `vulns`
//! of in-toto and `vuln` of cosign, whose result is the report of a scanner.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::Value;

use super::{Document, Report, Severity, Vulnerability, at, items, of_document, text, time};

/// Reads a statement, or an envelope with one. Everything else is no scan.
pub(super) fn read(document: &Value, depth: usize) -> Document {
    if let Some(payload) = text(document, &["payload"]) {
        let payload = STANDARD
            .decode(payload)
            .or_else(|_| URL_SAFE.decode(payload));
        let payload = payload.ok();
        let inner: Option<Value> = payload.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        return inner.map_or(Document::Other, |inner| of_document(&inner, depth + 1));
    }
    let Some(predicate) = document
        .get("predicate")
        .filter(|_| document.get("predicateType").is_some())
    else {
        return Document::Other;
    };
    let subjects: BTreeSet<Arc<str>> = items(document, &["subject"])
        .filter_map(|subject| text(subject, &["digest", "sha256"]))
        .map(|digits| Arc::from(format!("sha256:{}", digits.to_ascii_lowercase())))
        .collect();
    let mut reports = of_predicate(predicate, depth);
    let finished = ["scanFinishedOn", "scanStartedOn"]
        .into_iter()
        .find_map(|key| text(predicate, &["metadata", key]).and_then(time));
    let finished = finished.or_else(|| text(predicate, &["Timestamp"]).and_then(time));
    for report in &mut reports {
        // the statement says what was scanned, whatever the report in it says
        report.digests.clone_from(&subjects);
        report.time = report.time.or(finished);
    }
    match reports.is_empty() {
        true => Document::Other,
        false => Document::Scan(reports),
    }
}

fn of_predicate(predicate: &Value, depth: usize) -> Vec<Report> {
    let scanner = at(predicate, &["scanner"]);
    match scanner.and_then(|scanner| scanner.get("result")) {
        Some(Value::Array(found)) => return vec![listed(scanner, found)],
        // a scan without results
        None if scanner.is_some() => return vec![listed(scanner, &[])],
        Some(result) => return inner(result, depth),
        None => {}
    }
    let data = predicate.get("Data").unwrap_or(predicate);
    inner(data, depth)
}

/// The report of a scanner inside of a statement, as a value or as text.
fn inner(value: &Value, depth: usize) -> Vec<Report> {
    let parsed: Option<Value> = value
        .as_str()
        .and_then(|text| serde_json::from_str(text).ok());
    match of_document(parsed.as_ref().unwrap_or(value), depth + 1) {
        Document::Scan(reports) => reports,
        Document::Other => Vec::new(),
    }
}

/// The predicate `vulns`: a list of vulnerabilities, each with the severities that others gave it.
fn listed(scanner: Option<&Value>, found: &[Value]) -> Report {
    let name = scanner.and_then(|scanner| text(scanner, &["uri"]));
    let found = found.iter().map(|one| Vulnerability {
        severity: items(one, &["severity"])
            .map(severity)
            .max()
            .unwrap_or(Severity::Unknown),
        id: text(one, &["id"]).unwrap_or_default().to_string(),
    });
    Report {
        scanner: name.unwrap_or("in-toto").to_string(),
        digests: BTreeSet::new(),
        time: None,
        found: found.collect(),
    }
}

/// A score is a number or a word.
fn severity(given: &Value) -> Severity {
    let Some(score) = given.get("score") else {
        return Severity::Unknown;
    };
    let number = score
        .as_f64()
        .or_else(|| score.as_str()?.parse::<f64>().ok());
    match number {
        Some(number) => Severity::of_score(number),
        None => Severity::of_word(score.as_str().unwrap_or_default()),
    }
}
