//! Results of vulnerability scans that are kept beside the manifests.
//!
//! Here: which image was scanned, when, by what, and what was found. `trivy`, `grype`, `sarif` and
//! `in_toto` read one format each. A scan counts for the digests that its file names, never for a
//! tag. Signatures are not verified. Not here: which scans are good enough (`rules`).

mod grype;
mod in_toto;
mod sarif;
mod trivy;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use rayon::prelude::*;
use serde_json::Value;

use crate::glob::Glob;
use crate::source::{Files, Source};
use crate::yaml::Origin;

/// The most documents of one file that are read, such as the lines of `attestations.jsonl`.
const MOST_DOCUMENTS: usize = 10_000;

/// The scans in a tree.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence {
    /// By digest (`sha256:…`), in the order of the files.
    pub scans: BTreeMap<Arc<str>, Vec<Arc<Scan>>>,
    /// Files that hold no scan that can be used, in the order of their paths.
    pub unused: Vec<Unused>,
}

/// A scan of an image.
#[derive(Clone, Debug)]
pub(crate) struct Scan {
    /// The file, at its beginning.
    pub origin: Origin,
    /// Its path.
    pub path: Arc<str>,
    /// What scanned: `Trivy`.
    pub scanner: String,
    /// When, if the file says so.
    pub time: Option<Timestamp>,
    /// What was found, the most serious first.
    pub found: Vec<Vulnerability>,
}

impl Scan {
    /// The number of vulnerabilities that are as serious as this.
    pub(crate) fn count(&self, severity: Severity) -> usize {
        let same = self.found.iter().filter(|one| one.severity == severity);
        same.count()
    }
}

/// Something that a scan found: a vulnerability, or a secret or mistake in the image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Vulnerability {
    /// How serious it is.
    pub severity: Severity,
    /// `CVE-2026-1234`.
    pub id: String,
}

/// How serious a scanner takes something, the least serious first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The scanner does not know.
    Unknown,
    /// Not worth acting on.
    Negligible,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
}

impl Severity {
    /// All of them, the least serious first.
    pub const ALL: [Severity; 6] = [
        Severity::Unknown,
        Severity::Negligible,
        Severity::Low,
        Severity::Medium,
        Severity::High,
        Severity::Critical,
    ];
    /// Those that a limit can name, the least serious first.
    pub const LIMITS: [&str; 4] = ["low", "medium", "high", "critical"];

    /// The severity of a word of a scanner, in any case.
    pub fn of_word(word: &str) -> Severity {
        match word.to_ascii_lowercase().as_str() {
            "negligible" | "none" | "info" => Severity::Negligible,
            "low" | "note" => Severity::Low,
            "medium" | "moderate" | "warning" => Severity::Medium,
            "high" | "important" | "error" => Severity::High,
            "critical" => Severity::Critical,
            _ => Severity::Unknown,
        }
    }

    /// The severity of a score of CVSS, 0.0 to 10.0, by the scale of its version 3.
    fn of_score(score: f64) -> Severity {
        match score {
            score if score >= 9.0 => Severity::Critical,
            score if score >= 7.0 => Severity::High,
            score if score >= 4.0 => Severity::Medium,
            score if score > 0.0 => Severity::Low,
            _ => Severity::Unknown,
        }
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Unknown => "unknown",
            Severity::Negligible => "negligible",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

/// A file that `evidence` names and that holds no scan that can be used.
#[derive(Clone, Debug)]
pub(crate) struct Unused {
    /// The file, at its beginning.
    pub origin: Origin,
    /// Its path.
    pub path: Arc<str>,
    /// Why.
    pub reason: Reason,
}

/// Why a file holds no scan that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It cannot be read, or it is not JSON.
    Unreadable(String),
    /// It is JSON, but not the report of a scanner that is known here.
    UnknownFormat,
    /// It is the report of a scanner, but names no digest.
    NoDigest,
}

/// What a format makes of a document.
struct Report {
    scanner: String,
    digests: BTreeSet<Arc<str>>,
    time: Option<Timestamp>,
    found: Vec<Vulnerability>,
}

/// Reads the files of a tree that match.
pub(crate) fn read(source: &dyn Source, files: &Files, globs: &[Glob]) -> Evidence {
    let paths = source.files().iter();
    let paths: Vec<&Arc<str>> = paths
        .filter(|path| globs.iter().any(|glob| glob.is_match(path)))
        .collect();
    let read: Vec<(Arc<[u8]>, Result<Vec<Report>, Reason>)> = paths
        .par_iter()
        .map(|path| match source.read(path) {
            Ok(bytes) => (bytes.clone(), reports(&bytes)),
            Err(error) => (Arc::from([]), Err(Reason::Unreadable(error.to_string()))),
        })
        .collect();
    let mut evidence = Evidence::default();
    for (path, (bytes, reports)) in paths.into_iter().zip(read) {
        let text = String::from_utf8_lossy(&bytes).into();
        let file = files.add(path, source.revision_of(path).as_deref(), text);
        let origin = Origin::start_of(file);
        match reports {
            Ok(reports) => evidence.add(path, origin, reports),
            Err(reason) => evidence.unused.push(Unused {
                origin,
                path: path.clone(),
                reason,
            }),
        }
    }
    evidence
}

impl Evidence {
    fn add(&mut self, path: &Arc<str>, origin: Origin, reports: Vec<Report>) {
        for report in reports {
            let mut found = report.found;
            found.sort_by(|one, other| {
                let severity = other.severity.cmp(&one.severity);
                severity.then_with(|| one.id.cmp(&other.id))
            });
            found.dedup();
            let scan = Arc::new(Scan {
                origin,
                path: path.clone(),
                scanner: report.scanner,
                time: report.time,
                found,
            });
            for digest in report.digests {
                self.scans.entry(digest).or_default().push(scan.clone());
            }
        }
    }
}

/// The scans in a file: one JSON document, or several.
fn reports(bytes: &[u8]) -> Result<Vec<Report>, Reason> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let documents = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
    let (mut found, mut reason) = (Vec::new(), Reason::UnknownFormat);
    for document in documents.take(MOST_DOCUMENTS) {
        let document = document.map_err(|error| Reason::Unreadable(error.to_string()))?;
        match of_document(&document, 0) {
            Document::Scan(reports) => found.extend(reports),
            Document::Other => {}
        }
    }
    if !found.is_empty() {
        reason = Reason::NoDigest;
        found.retain(|report: &Report| !report.digests.is_empty());
    }
    match found.is_empty() {
        true => Err(reason),
        false => Ok(found),
    }
}

/// What a JSON document is.
enum Document {
    /// The report of a scanner; several for SARIF with several runs.
    Scan(Vec<Report>),
    /// Something else, such as a list of packages.
    Other,
}

/// How deeply envelopes may lie in each other.
const DEEPEST: usize = 8;

fn of_document(document: &Value, depth: usize) -> Document {
    if depth > DEEPEST {
        return Document::Other;
    }
    let one = |report| Document::Scan(vec![report]);
    if trivy::is(document) {
        one(trivy::read(document))
    } else if grype::is(document) {
        one(grype::read(document))
    } else if sarif::is(document) {
        Document::Scan(sarif::read(document))
    } else {
        in_toto::read(document, depth)
    }
}

/// The text at a path of keys.
fn text<'v>(value: &'v Value, path: &[&str]) -> Option<&'v str> {
    at(value, path)?.as_str()
}

/// The items of the list at a path of keys.
fn items<'v>(value: &'v Value, path: &[&str]) -> impl Iterator<Item = &'v Value> {
    let items = at(value, path).and_then(Value::as_array);
    items.into_iter().flatten()
}

fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

/// The time in a text, such as `2026-11-28T09:00:00.123+01:00`.
fn time(text: &str) -> Option<Timestamp> {
    text.trim().parse().ok()
}

/// The digests in a text, such as `ghcr.io/acme/api@sha256:…`.
fn digests(text: &str) -> impl Iterator<Item = Arc<str>> {
    const ALGORITHM: &str = "sha256:";
    text.match_indices(ALGORITHM).filter_map(move |(at, mark)| {
        let from = at + mark.len();
        let digits = text.get(from..from + 64)?;
        let is_digest = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_digest.then(|| Arc::from(format!("{ALGORITHM}{}", digits.to_ascii_lowercase())))
    })
}

#[cfg(test)]
mod tests;
