//! `evidence`: reports of scanners that have to exist for the images of protected environments.

use super::key::Key;
use super::read::Reader;
use super::shape::{Field, Shape};
use crate::calendar;
use crate::evidence::Severity;
use crate::glob::Glob;
use crate::names::UnknownName;
use crate::yaml::{Node, Origin};

/// The setting.
#[derive(Clone, Debug)]
pub struct EvidenceSetting {
    /// The files with reports.
    pub paths: Vec<Glob>,
    /// The least serious vulnerability that an image may not have.
    pub fail_on: Severity,
    /// How old a scan may be, in seconds.
    pub max_age: Option<i64>,
    /// The setting in the file.
    pub origin: Origin,
}

pub(super) static EVIDENCE: Key = Key {
    name: "evidence",
    value: "{paths, failOn, maxAge}",
    summary: "reports of scanners for the images of protected environments",
    shape: Shape::Record(&FIELDS),
    read: |reader, node, config| config.evidence = setting(reader, node),
};

static FIELDS: [Field; 3] = [
    Field::new(
        "paths",
        Shape::List(&Shape::Text),
        "globs of the files with reports, relative to the root",
    )
    .required(),
    Field::new(
        "failOn",
        Shape::Words(&Severity::LIMITS),
        "the least serious vulnerability that an image may not have",
    )
    .or("`high`"),
    Field::new("maxAge", Shape::Duration, "how old a scan may be").or("any age"),
];

fn setting(reader: &mut Reader, node: &Node) -> Option<EvidenceSetting> {
    let fields = reader.record(node, "`evidence`", &FIELDS)?;
    let paths = reader.required(&fields, "paths", Reader::globs);
    if let Some(node) = fields.get("paths") {
        reader.not_empty(node, "paths");
    }
    let fail_on = reader.optional(&fields, "failOn", limit);
    let max_age = fields.get("maxAge");
    Some(EvidenceSetting {
        paths: paths?,
        fail_on: fail_on.unwrap_or(Severity::High),
        max_age: max_age.and_then(|node| reader.parsed(node, "maxAge", calendar::duration)),
        origin: node.origin,
    })
}

fn limit(reader: &mut Reader, node: &Node, what: &str) -> Option<Severity> {
    let text = reader.text(node, what)?;
    if !Severity::LIMITS.contains(&text.as_str()) {
        let unknown = UnknownName::new("severity", &text, &Severity::LIMITS);
        reader.unknown(node.origin, &unknown);
        return None;
    }
    Some(Severity::of_word(&text))
}
