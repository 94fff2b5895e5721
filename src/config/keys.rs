//! The keys at the top of the configuration: one table for reading, for errors and for the
//! documentation.
//!
//! A new key is a [`Key`] beside the type that it is read into, a line in [`KEYS`], and a field of
//! [`Config`], which `loosened-check` then has to consider.

use super::key::Key;
use super::read::Reader;
use super::shape::Shape;
use super::{
    bots, clusters, drift, environments, evidence, freeze, layout, outside, remotes, rules,
    suppress,
};
use crate::yaml::Node;

/// Every key, in the order in which they are read: entries of the others name environments.
pub static KEYS: &[&Key] = &[
    &VERSION,
    &environments::KEY,
    &layout::LAYOUT,
    &layout::PAIRS,
    &rules::KEY,
    &drift::KEY,
    &clusters::KEY,
    &outside::EXTERNAL,
    &outside::IMAGES,
    &bots::KEY,
    &freeze::FREEZE,
    &freeze::BREAK_GLASS,
    &outside::DEPENDENCIES,
    &RECORDS,
    &evidence::EVIDENCE,
    &remotes::REMOTES,
    &remotes::CHARTS,
    &remotes::VALUES,
    &POLICIES,
    &DATA,
    &SCHEMAS,
    &BASELINE,
    &suppress::KEY,
];

static VERSION: Key = Key {
    name: "version",
    value: "1",
    summary: "the version of the configuration format",
    shape: Shape::Version,
    read: |reader, node, _| {
        if node.as_int() != Some(1) {
            reader.refuse(
                node.origin,
                "unsupported version of the configuration format",
                "write `version: 1`",
            );
        }
    },
};

static RECORDS: Key = Key {
    name: "records",
    value: "list of paths",
    summary: "files that record what runs where, besides those that are found by their names",
    shape: Shape::List(&Shape::Text),
    read: |reader, node, config| config.records = reader.paths(node, "`records`"),
};

static POLICIES: Key = Key {
    name: "policies",
    value: "list of paths or `builtin/NAME`",
    summary: "Rego policies to evaluate",
    shape: Shape::List(&Shape::Text),
    read: |reader, node, config| config.policies = reader.each(node, "`policies`", policy),
};

static DATA: Key = Key {
    name: "data",
    value: "list of paths",
    summary: "JSON and YAML files with data for policies",
    shape: Shape::List(&Shape::Text),
    read: |reader, node, config| config.data = reader.paths(node, "`data`"),
};

static SCHEMAS: Key = Key {
    name: "schemas",
    value: "list of paths",
    summary: "folders with JSON schemas of custom resources, laid out as for kubeconform",
    shape: Shape::List(&Shape::Text),
    read: |reader, node, config| config.schemas = reader.paths(node, "`schemas`"),
};

static BASELINE: Key = Key {
    name: "baseline",
    value: "path",
    summary: "file with accepted findings, which `check --write-baseline` writes",
    shape: Shape::Path,
    read: |reader, node, config| {
        if node.as_str().is_none() {
            reader.mistyped(node, "`baseline`", "the path of a file");
            return;
        }
        let path = reader.inside(node, "`baseline`");
        config.baseline = path.map(|path| (path, node.origin));
    },
};

/// A path, or the name of a built-in policy.
fn policy(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    match node.text() {
        Some(name) if name.starts_with("builtin/") => Some(name.to_string()),
        _ => reader.inside(node, "a policy"),
    }
}
