//! `drift`: which differences between environments are compared, and which are allowed.

use jiff::civil::Date;

use super::key::Key;
use super::read::Reader;
use super::shape::{Field, Shape};
use super::suppress::is_narrow;
use crate::names::NamePattern;
use crate::yaml::{Node, Origin};

/// An entry of `drift.allow`.
#[derive(Clone, Debug)]
pub struct Allowance {
    /// Kind; `None` matches all.
    pub kind: Option<NamePattern>,
    /// Original or rendered name.
    pub name: Option<NamePattern>,
    /// Pointer of the value.
    pub path: Option<PointerPattern>,
    /// App.
    pub app: Option<NamePattern>,
    /// Why.
    pub reason: String,
    /// The last day on which it counts.
    pub until: Option<Date>,
    /// The entry in the file.
    pub origin: Origin,
}

/// A pointer in which `*` stands for any text. It also matches everything below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointerPattern {
    whole: NamePattern,
    below: NamePattern,
}

impl PointerPattern {
    fn new(text: &str) -> PointerPattern {
        let text = text.trim_end_matches('/');
        PointerPattern {
            whole: NamePattern::new(text),
            below: NamePattern::new(format!("{text}/*")),
        }
    }

    /// True if it matches a pointer, or one above it.
    pub fn matches(&self, pointer: &str) -> bool {
        self.whole.matches(pointer) || self.below.matches(pointer)
    }

    /// The pointer as it is written, without a slash at its end.
    pub fn as_str(&self) -> &str {
        self.whole.as_str()
    }
}

static FIELDS: [Field; 2] = [
    Field::new(
        "kinds",
        Shape::List(&Shape::Pattern),
        "kinds that `overlay-drift` compares in addition to workloads, Services, NetworkPolicies and ConfigMaps",
    )
    .or("none"),
    Field::new(
        "allow",
        Shape::List(&Shape::Record(&ALLOWANCE_FIELDS)),
        "differences between environments that are intended",
    )
    .or("none"),
];

static ALLOWANCE_FIELDS: [Field; 6] = [
    Field::new("kind", Shape::Pattern, "kind of the object"),
    Field::new("name", Shape::Pattern, "name of the object"),
    Field::new(
        "path",
        Shape::Pattern,
        "JSON pointer of the value; includes everything below it",
    ),
    Field::new("app", Shape::Pattern, "app"),
    Field::new("reason", Shape::Text, "why the difference is intended").required(),
    Field::new("until", Shape::Date, "last day on which the entry counts"),
];

pub(super) static KEY: Key = Key {
    name: "drift",
    value: "{kinds, allow}",
    summary: "more kinds for `overlay-drift` to compare, and differences that are intended",
    shape: Shape::Record(&FIELDS),
    read: |reader, node, config| {
        let Some(fields) = reader.record(node, "`drift`", &FIELDS) else {
            return;
        };
        if let Some(node) = fields.get("kinds") {
            let kind = |reader: &mut Reader, node: &Node| {
                Some((
                    reader.kind(node, "a kind")?.as_str().to_string(),
                    node.origin,
                ))
            };
            config.drift_kinds = reader.each(node, "`drift.kinds`", kind);
        }
        if let Some(node) = fields.get("allow") {
            config.drift_allow = reader.each(node, "`drift.allow`", allowance);
        }
    },
};

fn allowance(reader: &mut Reader, node: &Node) -> Option<Allowance> {
    let fields = reader.record(node, "an entry of `drift.allow`", &ALLOWANCE_FIELDS)?;
    let result = Allowance {
        kind: reader.optional(&fields, "kind", Reader::kind),
        name: reader.optional(&fields, "name", Reader::pattern),
        path: reader.optional(&fields, "path", pointer),
        app: reader.optional(&fields, "app", Reader::pattern),
        reason: reader
            .required(&fields, "reason", Reader::text)
            .unwrap_or_default(),
        until: reader.optional(&fields, "until", Reader::date),
        origin: node.origin,
    };
    let narrows = |key: &&str| fields.get(key).is_some_and(is_narrow);
    if !["kind", "name", "path", "app"].iter().any(narrows) {
        reader.refuse(
            node.origin,
            "this entry allows every difference",
            "add a kind, name, path or app",
        );
    }
    Some(result)
}

fn pointer(reader: &mut Reader, node: &Node, what: &str) -> Option<PointerPattern> {
    let text = reader.text(node, what)?;
    if !text.starts_with('/') {
        reader.refuse(
            node.origin,
            format!("{what} must begin with /"),
            "write it as /spec/template/spec/nodeSelector",
        );
    }
    Some(PointerPattern::new(&text))
}
