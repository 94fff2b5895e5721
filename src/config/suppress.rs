//! `suppress`: accepted findings in files that cannot hold a comment.

use super::key::Key;
use super::read::Reader;
use super::rules;
use super::shape::{Field, Shape};
use crate::glob::Glob;
use crate::names::NamePattern;
use crate::yaml::{Node, Origin};

/// An entry of `suppress`.
#[derive(Clone, Debug)]
pub struct Suppression {
    /// Rule id.
    pub rule: String,
    /// The file, or the folder of the overlay.
    pub path: Option<Glob>,
    /// Kind of the object.
    pub kind: Option<NamePattern>,
    /// Name of the object.
    pub name: Option<NamePattern>,
    /// Why.
    pub reason: String,
    /// The last day on which it counts.
    pub until: Option<jiff::civil::Date>,
    /// The entry in the file.
    pub origin: Origin,
}

static FIELDS: [Field; 6] = [
    Field::new("rule", Shape::Text, "id of the rule").required(),
    Field::new(
        "path",
        Shape::Text,
        "glob of the file, or of the folder of the overlay",
    ),
    Field::new("kind", Shape::Pattern, "kind of the object"),
    Field::new("name", Shape::Pattern, "name of the object"),
    Field::new("reason", Shape::Text, "why the finding is accepted").required(),
    Field::new("until", Shape::Date, "last day on which the entry counts"),
];

pub(super) static KEY: Key = Key {
    name: "suppress",
    value: "list of {rule, path, kind, name, reason, until}",
    summary: "accepted findings, for files that cannot hold a comment",
    shape: Shape::List(&Shape::Record(&FIELDS)),
    read: |reader, node, config| {
        config.suppress = reader.each(node, "`suppress`", suppression);
    },
};

/// True if a criterion leaves anything out: `*`, `**` and `/*` do not.
pub(super) fn is_narrow(node: &Node) -> bool {
    let text = node.text();
    text.is_none_or(|text| text.contains(|character| !matches!(character, '*' | '/')))
}

fn suppression(reader: &mut Reader, node: &Node) -> Option<Suppression> {
    let fields = reader.record(node, "a suppression", &FIELDS)?;
    let rule = reader.required(&fields, "rule", rules::suppressible);
    let reason = reader.required(&fields, "reason", Reader::text);
    let (path, kind, name) = (
        reader.optional(&fields, "path", Reader::glob),
        reader.optional(&fields, "kind", Reader::kind),
        reader.optional(&fields, "name", Reader::pattern),
    );
    let until = reader.optional(&fields, "until", Reader::date);
    let narrows = |key: &&str| fields.get(key).is_some_and(is_narrow);
    if !["path", "kind", "name"].iter().any(narrows) {
        reader.refuse(
            node.origin,
            "this entry accepts every finding of the rule",
            "add a path, kind or name, or switch the rule off",
        );
    }
    Some(Suppression {
        rule: rule?,
        path,
        kind,
        name,
        reason: reason.unwrap_or_default(),
        until,
        origin: node.origin,
    })
}
