//! `layout` and `pairs`: where overlays are, and which overlays are compared with each other.

use super::keys::Key;
use super::read::{Fields, Reader};
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

pub(super) static LAYOUT: Key = Key {
    name: "layout",
    value: "list of {path, ignore}",
    summary: "where paths contain the app, environment and variant; the first match wins",
    read: |reader, node, config| config.layout = reader.each(node, "`layout`", pattern),
};

pub(super) static PAIRS: Key = Key {
    name: "pairs",
    value: "list of {from, to}",
    summary: "overlays to compare with each other if the built-in pairing is wrong",
    read: |reader, node, config| config.pairs = reader.each(node, "`pairs`", pair),
};

/// The placeholders in a path of `layout`.
const PLACEHOLDERS: [&str; 3] = ["app", "environment", "variant"];

fn pattern(reader: &mut Reader, node: &Node) -> Option<LayoutPattern> {
    let fields = reader.fields(node, "an entry of `layout`", &["path", "ignore"])?;
    let ignore = reader
        .optional(&fields, "ignore", Reader::boolean)
        .unwrap_or_default();
    let path = reader.required(&fields, "path", Reader::text)?;
    let value = fields.get("path")?;
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

fn pair(reader: &mut Reader, node: &Node) -> Option<ConfiguredPair> {
    let fields = reader.fields(node, "a pair", &["from", "to"])?;
    let mut overlay = |fields: &Fields, key| reader.required(fields, key, Reader::inside);
    let (from, to) = (overlay(&fields, "from"), overlay(&fields, "to"));
    Some(ConfiguredPair {
        from: from?,
        to: to?,
        origin: node.origin,
    })
}
