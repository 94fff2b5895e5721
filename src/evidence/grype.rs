//! `grype --output json`.
//!
//! The format: <https://github.com/anchore/grype/tree/main/schema/grype>.

use serde_json::Value;

use super::{Report, Severity, Vulnerability, at, digests, items, text, time};

pub(super) fn is(document: &Value) -> bool {
    document.get("matches").is_some_and(Value::is_array) && document.get("descriptor").is_some()
}

pub(super) fn read(document: &Value) -> Report {
    let target = at(document, &["source", "target"]).unwrap_or(&Value::Null);
    let names = items(target, &["repoDigests"]).filter_map(Value::as_str);
    let others = ["manifestDigest", "userInput"].map(|key| text(target, &[key]));
    let found = items(document, &["matches"]).map(|one| Vulnerability {
        severity: Severity::of_word(text(one, &["vulnerability", "severity"]).unwrap_or_default()),
        id: text(one, &["vulnerability", "id"])
            .unwrap_or_default()
            .to_string(),
    });
    Report {
        scanner: "Grype".to_string(),
        digests: names
            .chain(others.into_iter().flatten())
            .flat_map(digests)
            .collect(),
        time: text(document, &["descriptor", "timestamp"]).and_then(time),
        found: found.collect(),
    }
}
