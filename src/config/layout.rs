//! `layout` and `pairs`: where overlays are, and which overlays are compared with each other.

use super::key::Key;
use super::read::{Fields, Reader};
use super::shape::{Field, Shape};
use crate::glob::Glob;
use crate::yaml::{Node, Origin};

/// An entry of `layout`.
#[derive(Clone, Debug)]
pub struct LayoutPattern {
    /// Which paths it is about.
    pub path: LayoutPath,
    /// Paths that match are not overlays.
    pub ignore: bool,
    /// The entry in the file.
    pub origin: Origin,
}

/// Which paths an entry of `layout` is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayoutPath {
    /// A path with placeholders: `deploy/{environment}/{variant}/{app}`.
    Placeholders(String),
    /// Everything that a glob matches.
    Glob(Glob),
}

impl LayoutPath {
    /// The path as it is written.
    pub fn as_str(&self) -> &str {
        match self {
            LayoutPath::Placeholders(path) => path,
            LayoutPath::Glob(glob) => glob.as_str(),
        }
    }
}

/// An entry of `pairs`.
#[derive(Clone, Debug)]
pub struct ConfiguredPair {
    /// Overlay path of the earlier environment.
    pub from: String,
    /// Overlay path of the later environment.
    pub to: String,
    /// The entry in the file.
    pub origin: Origin,
}

static FIELDS: [Field; 2] = [
    Field::new(
        "path",
        Shape::Text,
        "a pattern with `{environment}`, `{app}` and `{variant}`, or a glob if `ignore` is set",
    )
    .required(),
    Field::new(
        "ignore",
        Shape::Boolean,
        "folders that match are not checked as overlays",
    )
    .or("`false`"),
];

static PAIR_FIELDS: [Field; 2] = [
    Field::new(
        "from",
        Shape::Text,
        "folder of the overlay in the earlier environment",
    )
    .required(),
    Field::new(
        "to",
        Shape::Text,
        "folder of the overlay in the later environment",
    )
    .required(),
];

pub(super) static LAYOUT: Key = Key {
    name: "layout",
    value: "list of {path, ignore}",
    summary: "where paths contain the app, environment and variant; the first match wins",
    shape: Shape::List(&Shape::Record(&FIELDS)),
    read: |reader, node, config| config.layout = reader.each(node, "`layout`", pattern),
};

pub(super) static PAIRS: Key = Key {
    name: "pairs",
    value: "list of {from, to}",
    summary: "overlays to compare with each other if the built-in pairing is wrong",
    shape: Shape::List(&Shape::Record(&PAIR_FIELDS)),
    read: |reader, node, config| config.pairs = read_pairs(reader, node),
};

/// The placeholders in a path of `layout`.
const PLACEHOLDERS: [&str; 3] = ["app", "environment", "variant"];

fn pattern(reader: &mut Reader, node: &Node) -> Option<LayoutPattern> {
    let fields = reader.record(node, "an entry of `layout`", &FIELDS)?;
    let ignore = reader
        .optional(&fields, "ignore", Reader::boolean)
        .unwrap_or_default();
    let path = reader.required(&fields, "path", Reader::text)?;
    let value = fields.get("path")?;
    if path.contains('{') {
        refuse_unmatchable(reader, &path, value.origin);
    }
    let placeholders = path.split('{').skip(1);
    for placeholder in placeholders.filter_map(|rest| rest.split('}').next()) {
        if !PLACEHOLDERS.contains(&placeholder) {
            reader.refuse(
                value.origin,
                format!("unknown placeholder `{{{placeholder}}}` in a layout path"),
                "use {app}, {environment} and {variant}",
            );
        }
    }
    if !ignore && !path.contains("{environment}") {
        reader.refuse(
            value.origin,
            "the layout path does not say where the environment is",
            "put {environment} in its place, or add `ignore: true`",
        );
    }
    let path = if path.contains('{') {
        LayoutPath::Placeholders(path)
    } else {
        LayoutPath::Glob(reader.glob(value, "path")?)
    };
    Some(LayoutPattern {
        path,
        ignore,
        origin: node.origin,
    })
}

/// Refuses a pattern with placeholders that no folder can match.
fn refuse_unmatchable(reader: &mut Reader, path: &str, origin: Origin) {
    let segments = path.trim_matches('/').split('/');
    let is_partial = |part: &&str| {
        part.contains(['{', '}'])
            && !(part.starts_with('{') && part.find('}') == Some(part.len() - 1))
    };
    let last = segments.clone().next_back().unwrap_or_default();
    let (message, help) = if let Some(part) = segments.clone().find(is_partial) {
        (
            format!("`{part}` mixes a placeholder with other text"),
            "write a placeholder for the whole segment; words beside that of the environment become the variant",
        )
    } else if segments
        .clone()
        .any(|part| part.contains('*') && part != "*")
    {
        (
            "a path with placeholders can only have `*` as a whole segment".to_string(),
            "write one segment for each folder: `*/{app}/{environment}`",
        )
    } else if segments.clone().any(|part| matches!(part, "" | "." | "..")) {
        (
            format!("`{path}` matches no path"),
            "write it relative to the root of the repository",
        )
    } else if last.ends_with(".yaml") || last.ends_with(".yml") {
        (
            format!("`{path}` names a file"),
            "name the folder of the kustomization",
        )
    } else {
        return;
    };
    reader.refuse(origin, message, help);
}

fn read_pairs(reader: &mut Reader, node: &Node) -> Vec<ConfiguredPair> {
    let pairs = reader.each(node, "`pairs`", pair);
    for (at, pair) in pairs.iter().enumerate() {
        if pairs.iter().take(at).any(|other| other.to == pair.to) {
            reader.refuse(
                pair.origin,
                format!("`{}` is already compared with another overlay", pair.to),
                "remove one of the two entries",
            );
        }
    }
    pairs
}

fn pair(reader: &mut Reader, node: &Node) -> Option<ConfiguredPair> {
    let fields = reader.record(node, "a pair", &PAIR_FIELDS)?;
    let mut overlay = |fields: &Fields, key| reader.required(fields, key, Reader::inside);
    let (from, to) = (overlay(&fields, "from"), overlay(&fields, "to"));
    if from.is_some() && from == to {
        reader.refuse(
            node.origin,
            "this pair compares an overlay with itself",
            "write the overlay of the earlier environment as `from`",
        );
    }
    Some(ConfiguredPair {
        from: from?,
        to: to?,
        origin: node.origin,
    })
}
