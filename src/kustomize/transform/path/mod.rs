//! Field paths as `replacements` write them: `spec.containers.[name=web].ports.0`,
//! `metadata.annotations.[a.b/c]`, `*`.
//!
//! A lookup compares `[name=web]` literally and takes the first item. A visit takes `web` for a
//! regular expression without anchors and visits every item. The two differ because they do in
//! kustomize. Not here: what is done with the values.

mod edit;
mod visit;

use super::embedded;
use crate::yaml::read::MAX_DEPTH;
use crate::yaml::{Data, Node};
pub(super) use edit::edit;
pub(super) use visit::{Create, Found, Shape, visit};

/// The parts of a path. `\.` is a dot inside a part, and dots between `[` and `]` do not separate
/// parts.
pub(super) fn split(path: &str) -> Vec<String> {
    let mut pieces = path.split('.').peekable();
    if path.len() > 1 && path.starts_with('.') {
        pieces.next();
    }
    let mut parts: Vec<String> = Vec::new();
    for piece in pieces {
        match parts.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push('.');
                last.push_str(piece);
            }
            _ => parts.push(piece.to_string()),
        }
    }
    let mut result = Vec::with_capacity(parts.len());
    let mut parts = parts.into_iter();
    while let Some(part) = parts.next() {
        if !part.starts_with('[') || part.ends_with(']') {
            result.push(part);
            continue;
        }
        let mut joined = part;
        for next in parts.by_ref() {
            joined.push('.');
            joined.push_str(&next);
            if next.ends_with(']') {
                break;
            }
        }
        result.push(if joined.contains('=') {
            joined
        } else {
            joined.trim_matches(['[', ']']).to_string()
        });
    }
    result
}

/// Why a path cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PathError {
    /// A part asks for a key of something that is not a map.
    #[error("{0:?} asks for a key of a map, but there is {1}")]
    NoMap(String, &'static str),
    /// A part asks for an item of something that is not a list.
    #[error("{0:?} asks for an item of a list, but there is {1}")]
    NoList(String, &'static str),
    /// An index beyond the end.
    #[error("there is no item {0}: the list has {1}")]
    NoItem(String, usize),
    /// More parts than values may nest.
    #[error("it has more than {MAX_DEPTH} parts")]
    TooDeep,
    /// A part in brackets without `=`, a negative index, `*` where one value is needed.
    #[error("{0:?} is not valid in this path: {1}")]
    Invalid(String, String),
}

fn items_of<'n>(node: &'n Node, part: &str) -> Result<&'n [Node], PathError> {
    match &node.data {
        Data::List(list) => Ok(&list.items),
        _ if node.is_null() => Ok(&[]),
        _ => Err(PathError::NoList(part.to_string(), node.describe())),
    }
}

fn is_item(part: &str) -> bool {
    part.starts_with('[') && part.ends_with(']')
}

fn index_of(part: &str) -> Option<i64> {
    part.parse().ok()
}

/// Splits `[name=web]` into key and value; `[=web]` has an empty key.
fn key_and_value(part: &str) -> Result<(&str, &str), PathError> {
    let inner = part.strip_suffix(']').unwrap_or(part);
    let inner = inner.strip_prefix('[').unwrap_or(inner);
    inner.split_once('=').ok_or_else(|| {
        PathError::Invalid(
            part.to_string(),
            "brackets hold a key, = and a value".to_string(),
        )
    })
}

/// One step of a lookup.
enum Step<'p> {
    Key(&'p str),
    Item(usize),
}

impl Step<'_> {
    fn get<'n>(&self, node: &'n Node) -> Option<&'n Node> {
        match self {
            Step::Key(key) => node.get(key),
            Step::Item(index) => node.items().get(*index),
        }
    }
    fn get_mut<'n>(&self, node: &'n mut Node) -> Option<&'n mut Node> {
        match self {
            Step::Key(key) => node.get_mut(key),
            Step::Item(index) => node.list_mut()?.items.get_mut(*index),
        }
    }
}

fn step<'p>(node: &Node, part: &'p str) -> Result<Option<Step<'p>>, PathError> {
    if let Some(index) = index_of(part) {
        let index = usize::try_from(index).map_err(|_| {
            PathError::Invalid(part.to_string(), "an index is not negative".to_string())
        })?;
        return Ok((index < items_of(node, part)?.len()).then_some(Step::Item(index)));
    }
    match part {
        "-" => Ok(items_of(node, part)?.len().checked_sub(1).map(Step::Item)),
        "*" => Err(PathError::Invalid(
            part.to_string(),
            "a single value is needed".to_string(),
        )),
        _ if is_item(part) => {
            let (key, value) = key_and_value(part)?;
            let found = items_of(node, part)?.iter().position(|item| match key {
                "" => item.raw() == value,
                key => item.get(key).is_some_and(|found| found.raw() == value),
            });
            Ok(found.map(Step::Item))
        }
        _ if node.as_map().is_some() || node.is_null() => Ok(Some(Step::Key(part))),
        _ => Err(PathError::NoMap(part.to_string(), node.describe())),
    }
}

fn steps<P: AsRef<str>>(path: &[P]) -> impl Iterator<Item = &str> {
    path.iter()
        .map(|part| part.as_ref().trim())
        .filter(|part| !part.is_empty())
}

/// The value at a path, comparing literally; `None` if a value on the way is missing or null.
pub(super) fn lookup<'n, P: AsRef<str>>(
    root: &'n Node,
    path: &[P],
) -> Result<Option<&'n Node>, PathError> {
    let mut node = root;
    for part in steps(path) {
        match step(node, part)?.and_then(|step| step.get(node)) {
            Some(next) => node = next,
            None => return Ok(None),
        }
    }
    Ok(Some(node))
}

/// The value at a path, for writing.
pub(super) fn lookup_mut<'n, P: AsRef<str>>(
    root: &'n mut Node,
    path: &[P],
) -> Option<&'n mut Node> {
    let mut node = root;
    for part in steps(path) {
        node = step(node, part).ok()??.get_mut(node)?;
    }
    Some(node)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{FileId, read::read, write};

    fn tree(text: &str) -> Node {
        read(text, FileId(0)).unwrap().documents.remove(0)
    }
    fn at(root: &Node, path: &str) -> Result<Option<String>, PathError> {
        lookup(root, &split(path))
            .map(|found| found.map(|node| write::write(node).trim().to_string()))
    }
    #[test]
    fn splits_at_dots_outside_brackets_and_escapes() {
        assert_eq!(split("a.b.c"), ["a", "b", "c"]);
        assert_eq!(split("a.b\\.c.d"), ["a", "b.c", "d"]);
        assert_eq!(split("a.[b.c/d].e"), ["a", "b.c/d", "e"]);
        assert_eq!(split("a.[name=b.c].e"), ["a", "[name=b.c]", "e"]);
        assert_eq!(split("a.[b].c"), ["a", "[b]", "c"]);
        assert_eq!(split(".a"), ["a"]);
        assert_eq!(split(""), [""]);
        assert_eq!(split("[a.b"), ["a.b"]);
    }

    #[test]
    fn looks_up_literally() {
        let root = tree("a:\n- {name: web-2, v: 1}\n- {name: web, v: 2}\nb: null\nc: [x, z]\n");
        assert_eq!(at(&root, "a.[name=web].v"), Ok(Some("2".into())));
        assert_eq!(at(&root, "a.1.v"), Ok(Some("2".into())));
        assert_eq!(at(&root, "a.-.v"), Ok(Some("2".into())));
        assert_eq!(at(&root, "c.[=z]"), Ok(Some("z".into())));
        assert_eq!(at(&root, "a.7.v"), Ok(None));
        assert_eq!(at(&root, "b.c"), Ok(None));
        assert!(at(&root, "a.*.v").is_err());
        assert!(at(&root, "a.v").is_err());
        assert!(at(&root, "c.[z]").is_err());
        assert!(at(&root, "b.-1").is_err());
    }
}
