//! A file of accepted findings, identified by fingerprint. They are counted but not reported.
//!
//! Any JSON report of an earlier run is a baseline. Only the `fingerprint` of each finding is read.

use std::collections::BTreeSet;

use serde::Deserialize;

/// The accepted fingerprints.
#[derive(Debug, Default)]
pub struct Baseline {
    accepted: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Document {
    findings: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    fingerprint: String,
}

impl Baseline {
    /// Reads a JSON report.
    pub fn parse(text: &str) -> Result<Baseline, serde_json::Error> {
        let document: Document = serde_json::from_str(text)?;
        Ok(Baseline {
            accepted: document
                .findings
                .into_iter()
                .map(|entry| entry.fingerprint)
                .collect(),
        })
    }
    /// Whether a finding was accepted.
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
    }
}
