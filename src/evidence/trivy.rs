//! `trivy image --format json`.
//!
//! The format: <https://trivy.dev/latest/docs/configuration/reporting/>.

use serde_json::Value;

use super::{Report, Severity, Vulnerability, digests, items, text, time};

/// The lists of a result, and the keys of the names of their items.
static LISTS: [([&str; 1], [&str; 1]); 3] = [
    (["Vulnerabilities"], ["VulnerabilityID"]),
    (["Misconfigurations"], ["ID"]),
    (["Secrets"], ["RuleID"]),
];

pub(super) fn is(document: &Value) -> bool {
    document.get("SchemaVersion").is_some() && document.get("ArtifactName").is_some()
}

pub(super) fn read(document: &Value) -> Report {
    let names = items(document, &["Metadata", "RepoDigests"]).filter_map(Value::as_str);
    // the id of an image is the digest of its configuration, which no reference names
    let names = names.chain(text(document, &["ArtifactName"]));
    let found = items(document, &["Results"]).flat_map(|result| {
        LISTS.iter().flat_map(move |(list, id)| {
            let failed = |item: &&Value| text(item, &["Status"]) != Some("PASS");
            items(result, list)
                .filter(failed)
                .map(move |item| Vulnerability {
                    severity: Severity::of_word(text(item, &["Severity"]).unwrap_or_default()),
                    id: text(item, id).unwrap_or_default().to_string(),
                })
        })
    });
    Report {
        scanner: "Trivy".to_string(),
        digests: names.flat_map(digests).collect(),
        time: text(document, &["CreatedAt"]).and_then(time),
        found: found.collect(),
    }
}
