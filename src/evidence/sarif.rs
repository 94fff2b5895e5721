//! SARIF 2.1, as scanners of images write it.
//!
//! The format: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/>. SARIF has no field for the image.
//! Scanners name it in the properties of a run (Trivy), or in the logical locations of the results
//! (Grype).

use std::collections::BTreeSet;
use std::sync::Arc;

use foldhash::HashMap;
use serde_json::Value;

use super::{Report, Severity, Vulnerability, at, digests, items, text, time};

pub(super) fn is(document: &Value) -> bool {
    document.get("runs").is_some_and(Value::is_array)
}

pub(super) fn read(document: &Value) -> Vec<Report> {
    items(document, &["runs"]).map(of_run).collect()
}

fn of_run(run: &Value) -> Report {
    let driver = at(run, &["tool", "driver"]).unwrap_or(&Value::Null);
    let rules = items(driver, &["rules"]);
    let rules: HashMap<&str, &Value> = rules
        .filter_map(|rule| Some((text(rule, &["id"])?, rule)))
        .collect();
    let mut named = BTreeSet::new();
    for key in ["properties", "automationDetails", "artifacts"] {
        collect(run.get(key), 0, &mut named);
    }
    let mut found = Vec::new();
    for result in items(run, &["results"]) {
        collect(result.get("locations"), 0, &mut named);
        let kind = text(result, &["kind"]).unwrap_or("fail");
        if kind == "fail" && !is_suppressed(result) {
            let id = text(result, &["ruleId"]).unwrap_or_default();
            found.push(Vulnerability {
                severity: severity(result, rules.get(id).copied()),
                id: id.to_string(),
            });
        }
    }
    let times = items(run, &["invocations"]).filter_map(|invocation| {
        let keys = ["endTimeUtc", "startTimeUtc"];
        keys.into_iter()
            .find_map(|key| text(invocation, &[key]).and_then(time))
    });
    Report {
        scanner: text(driver, &["name"]).unwrap_or("SARIF").to_string(),
        digests: named,
        time: times.max(),
        found,
    }
}

/// The digests in all texts of a value.
fn collect(value: Option<&Value>, depth: usize, found: &mut BTreeSet<Arc<str>>) {
    match value {
        Some(Value::String(text)) => found.extend(digests(text)),
        Some(Value::Array(items)) if depth < super::DEEPEST => {
            let items = items.iter();
            items.for_each(|item| collect(Some(item), depth + 1, found));
        }
        Some(Value::Object(map)) if depth < super::DEEPEST => {
            let values = map.values();
            values.for_each(|value| collect(Some(value), depth + 1, found));
        }
        _ => {}
    }
}

/// True if a person accepted a result.
fn is_suppressed(result: &Value) -> bool {
    let mut suppressions = items(result, &["suppressions"]);
    suppressions.any(|one| text(one, &["status"]).is_none_or(|status| status == "accepted"))
}

/// The score of the rule, else the word that the rule is tagged with, else the level of the result.
fn severity(result: &Value, rule: Option<&Value>) -> Severity {
    let rule = rule.unwrap_or(&Value::Null);
    let score = |value: &Value| {
        let score = at(value, &["properties", "security-severity"])?;
        let number = score.as_f64().or_else(|| score.as_str()?.parse().ok())?;
        Some(Severity::of_score(number))
    };
    let tags = items(rule, &["properties", "tags"]).filter_map(Value::as_str);
    let tagged = || {
        let words = tags.map(Severity::of_word);
        words.max().filter(|worst| *worst != Severity::Unknown)
    };
    let level = || {
        let level = text(result, &["level"]);
        level.or_else(|| text(rule, &["defaultConfiguration", "level"]))
    };
    score(result)
        .or_else(|| score(rule))
        .or_else(tagged)
        .unwrap_or_else(|| Severity::of_word(level().unwrap_or("warning")))
}
