//! A file of accepted findings, identified by fingerprint. They are counted but not reported.
//!
//! `--write-baseline` writes one that holds nothing but rules and fingerprints. Any JSON report of an
//! earlier run is a baseline as well: only its version and the `fingerprint` of each finding are read.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::finding::Located;

/// The accepted fingerprints.
#[derive(Debug, Default)]
pub struct Baseline {
    accepted: BTreeSet<String>,
}

/// The version of JSON reports whose fingerprints are understood.
const VERSION: u64 = 1;

/// Why a file cannot be the baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It is not a report.
    #[error("not a JSON report of gitops-lint ({0})")]
    NotAReport(#[from] serde_json::Error),
    /// It is a report of another program version.
    #[error(
        "a JSON report of version {0}, but this gitops-lint reads version {VERSION}; write a new one with --write-baseline FILE"
    )]
    OtherVersion(u64),
}

#[derive(Deserialize)]
struct Document {
    version: u64,
    findings: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    fingerprint: String,
}

impl Baseline {
    /// Reads a JSON report.
    ///
    /// # Errors
    /// If it is not a report, or one of another version.
    pub fn parse(text: &str) -> Result<Baseline, BaselineError> {
        let document: Document = serde_json::from_str(text)?;
        if document.version != VERSION {
            return Err(BaselineError::OtherVersion(document.version));
        }
        Ok(Baseline {
            accepted: document
                .findings
                .into_iter()
                .map(|entry| entry.fingerprint)
                .collect(),
        })
    }
    /// The text of a baseline that accepts some findings.
    pub fn text(findings: &[Located]) -> String {
        let mut entries: Vec<(&str, &str)> = findings
            .iter()
            .map(|located| (&*located.finding.rule, &*located.finding.fingerprint))
            .collect();
        entries.sort_unstable();
        let entry = |(rule, fingerprint): &(&str, &str)| {
            serde_json::json!({"rule": rule, "fingerprint": fingerprint}).to_string()
        };
        // one line for each finding, so that a change of the file can be read
        let lines: Vec<String> = entries.iter().map(entry).collect();
        let lines = lines.join(",\n    ");
        let (open, close) = if entries.is_empty() {
            ("", "")
        } else {
            ("\n    ", "\n  ")
        };
        format!("{{\n  \"version\": {VERSION},\n  \"findings\": [{open}{lines}{close}]\n}}\n")
    }
    /// The number of accepted findings that are not among the present ones.
    pub(super) fn without(&self, present: BTreeSet<&str>) -> usize {
        let accepted = self.accepted.iter();
        accepted
            .filter(|known| !present.contains(known.as_str()))
            .count()
    }
    /// True if a finding was accepted.
    pub fn accepts(&self, fingerprint: &str) -> bool {
        self.accepted.contains(fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_report_is_a_baseline() {
        let baseline =
            Baseline::parse(r#"{"version":1,"findings":[{"rule":"x","fingerprint":"aa"}]}"#)
                .unwrap();
        assert!(baseline.accepts("aa"));
        assert!(!baseline.accepts("bb"));
        assert!(Baseline::parse("[]").is_err());
        assert!(Baseline::parse(r#"{"findings":[]}"#).is_err());
        let later = Baseline::parse(r#"{"version":2,"findings":[]}"#);
        assert!(matches!(later, Err(BaselineError::OtherVersion(2))));
    }
}
