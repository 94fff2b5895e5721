//! Field paths as `replacements` write them: `spec.containers.[name=web].ports.0`,
//! `metadata.annotations.[a.b/c]`, `*`.
//!
//! Here: splitting a path, looking one value up, and visiting every value that a path matches,
//! creating what is missing on the way when asked to. The two ways differ, as they do in kustomize:
//! a lookup compares `[name=web]` literally and takes the first item, a visit takes `web` for a
//! regular expression without anchors and visits every item. Not here: what is done with the
//! values.

use regex::Regex;

use super::embedded;
use crate::yaml::read::MAX_DEPTH;
use crate::yaml::{Data, Entry, Node, Origin, Scalar, Style, write};

/// The parts of a path. `\.` is a dot inside a part, and dots between `[` and `]` separate nothing.
pub fn split(path: &str) -> Vec<String> {
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
pub enum PathError {
    /// A part asks for a key, but there is no map.
    #[error("{0:?} asks for a key of a map, but there is {1}")]
    NoMap(String, &'static str),
    /// A part asks for an item, but there is no list.
    #[error("{0:?} asks for an item of a list, but there is {1}")]
    NoList(String, &'static str),
    /// An index beyond the end.
    #[error("there is no item {0}: the list has {1}")]
    NoItem(String, usize),
    /// More parts than values may nest.
    #[error("it has more than {MAX_DEPTH} parts")]
    TooDeep,
    /// A part in brackets without `=`, a negative index, `*` where one value is needed.
    #[error("{0:?} is no valid part of a path here: {1}")]
    Invalid(String, String),
}

fn kind_of(node: &Node) -> &'static str {
    match &node.data {
        Data::Map(_) => "a map",
        Data::List(_) => "a list",
        Data::Scalar(_) => "a single value",
    }
}

fn items_of<'n>(node: &'n Node, part: &str) -> Result<&'n [Node], PathError> {
    match &node.data {
        Data::List(list) => Ok(&list.items),
        _ if node.is_null() => Ok(&[]),
        _ => Err(PathError::NoList(part.to_string(), kind_of(node))),
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

fn raw(node: &Node) -> &str {
    node.as_scalar().map_or("", |scalar| &scalar.text)
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
                "" => raw(item) == value,
                key => item.get(key).is_some_and(|found| raw(found) == value),
            });
            Ok(found.map(Step::Item))
        }
        _ if node.as_map().is_some() || node.is_null() => Ok(Some(Step::Key(part))),
        _ => Err(PathError::NoMap(part.to_string(), kind_of(node))),
    }
}

fn steps<P: AsRef<str>>(path: &[P]) -> impl Iterator<Item = &str> {
    path.iter()
        .map(|part| part.as_ref().trim())
        .filter(|part| !part.is_empty())
}

/// The value at a path, comparing literally; `None` when something on the way is missing or null.
pub fn lookup<'n, P: AsRef<str>>(
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

/// The same for writing.
pub fn lookup_mut<'n, P: AsRef<str>>(root: &'n mut Node, path: &[P]) -> Option<&'n mut Node> {
    let mut node = root;
    for part in steps(path) {
        node = step(node, part).ok()??.get_mut(node)?;
    }
    Some(node)
}

/// The content of a value that is about to be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A scalar.
    Scalar,
    /// A map.
    Map,
    /// A list.
    List,
}

impl Shape {
    /// The shape of a value.
    pub fn of(node: &Node) -> Shape {
        match &node.data {
            Data::Scalar(_) => Shape::Scalar,
            Data::Map(_) => Shape::Map,
            Data::List(_) => Shape::List,
        }
    }
    fn empty(self, origin: Origin) -> Node {
        match self {
            Shape::Scalar => Node::scalar(Scalar::null(), origin),
            Shape::Map => Node::map(Vec::new(), origin),
            Shape::List => Node::list(Vec::new(), origin),
        }
    }
}

/// What to create where a path leads to nothing.
#[derive(Clone, Copy, Debug)]
pub struct Create {
    /// The shape of the value at the end of the path.
    pub leaf: Shape,
    /// The origin of everything created.
    pub origin: Origin,
}

impl Create {
    /// What has to stand where `rest` is still to be followed.
    fn shape(&self, rest: &[String]) -> Shape {
        match rest.first().map(String::as_str) {
            None | Some("") => self.leaf,
            Some(next) if is_item(next) || index_of(next).is_some_and(|index| index >= 0) => {
                Shape::List
            }
            Some(_) => Shape::Map,
        }
    }
}

/// What a visited value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It was there.
    Present,
    /// It was created for this visit, and holds nothing yet.
    Created,
    /// It is part of a copy of what a string holds, which is thrown away.
    Copy,
}

impl Found {
    /// What a value below is.
    fn child(self, created: bool) -> Found {
        match self {
            Found::Copy => Found::Copy,
            _ if created => Found::Created,
            _ => Found::Present,
        }
    }
}

/// What a visitor is told.
pub type Visit<'v> = dyn FnMut(&mut Node, Found) + 'v;

/// Visits every value that a path matches and returns how many there were.
pub fn visit(
    root: &mut Node,
    path: &[String],
    create: Option<Create>,
    action: &mut Visit<'_>,
) -> Result<usize, PathError> {
    if path.len() > MAX_DEPTH {
        return Err(PathError::TooDeep);
    }
    follow(root, path, create, Found::Present, action)
}

fn follow(
    node: &mut Node,
    path: &[String],
    create: Option<Create>,
    found: Found,
    action: &mut Visit<'_>,
) -> Result<usize, PathError> {
    let Some((part, rest)) = path.split_first() else {
        action(node, found);
        return Ok(1);
    };
    if let Some(index) = index_of(part).and_then(|index| usize::try_from(index).ok()) {
        let count = items_of(node, part)?.len();
        let appended = create.filter(|_| index == count);
        if let Some(create) = appended {
            append(node, create.shape(rest).empty(create.origin));
        }
        let item = node.list_mut().and_then(|list| list.items.get_mut(index));
        let item = item.ok_or_else(|| PathError::NoItem(part.clone(), count))?;
        return follow(item, rest, create, found.child(appended.is_some()), action);
    }
    if is_item(part) {
        return matching(node, part, rest, create, found, action);
    }
    if part == "*" {
        items_of(node, part)?;
        let mut count = 0;
        for item in node
            .list_mut()
            .map(|list| list.items.iter_mut())
            .into_iter()
            .flatten()
        {
            count += follow(item, rest, create, found.child(false), action)?;
        }
        return Ok(count);
    }
    if node.is_null() {
        return Ok(0);
    }
    if part.is_empty() {
        return Err(PathError::Invalid(part.clone(), "it is empty".to_string()));
    }
    if node.as_map().is_none() {
        return Err(PathError::NoMap(part.clone(), kind_of(node)));
    }
    let missing = node.get(part).is_none();
    if missing {
        let Some(create) = create else { return Ok(0) };
        node.set(part, create.shape(rest).empty(create.origin), create.origin);
    }
    match node.get_mut(part) {
        // kustomize writes into a copy of what the string holds: the field counts as found, and
        // stays as it is.
        Some(value) if value.as_scalar().is_some() && !rest.is_empty() => {
            match embedded::parse(value) {
                Some(mut document) => follow(&mut document, rest, create, Found::Copy, action),
                None => Ok(0),
            }
        }
        Some(value) => follow(value, rest, create, found.child(missing), action),
        None => Ok(0),
    }
}

fn append(node: &mut Node, item: Node) {
    if let Some(list) = node.list_mut() {
        list.items.push(item);
    }
}

/// `[name=web]`: the items whose key matches the expression, `[=web]`: the items that do. What
/// follows `[=web]` is ignored.
fn matching(
    node: &mut Node,
    part: &str,
    rest: &[String],
    create: Option<Create>,
    found: Found,
    action: &mut Visit<'_>,
) -> Result<usize, PathError> {
    let (key, value) = key_and_value(part)?;
    let regex = Regex::new(value).map_err(|_| {
        PathError::Invalid(
            part.to_string(),
            "the value is no regular expression".to_string(),
        )
    })?;
    let matches = |item: &Node| match key {
        "" => regex.is_match(&printed(item)),
        key => item
            .get(key)
            .is_some_and(|found| regex.is_match(&printed(found))),
    };
    items_of(node, part)?;
    let mut count = 0;
    for item in node
        .list_mut()
        .map(|list| list.items.iter_mut())
        .into_iter()
        .flatten()
        .filter(|item| matches(item))
    {
        if key.is_empty() {
            action(item, found.child(false));
            count += 1;
        } else {
            count += follow(item, rest, create, found.child(false), action)?;
        }
    }
    let Some(create) = create.filter(|_| count == 0) else {
        return Ok(count);
    };
    let scalar = Node::scalar(Scalar::plain(value), create.origin);
    let item = match key {
        "" => scalar,
        key => Node::map(
            vec![Entry {
                key: key.into(),
                key_origin: create.origin,
                value: scalar,
            }],
            create.origin,
        ),
    };
    if !matches(&item) || node.as_list().is_none() {
        let reason =
            "an item for it cannot be created, because the expression does not match itself";
        return Err(PathError::Invalid(part.to_string(), reason.to_string()));
    }
    append(node, item);
    let Some(item) = node.list_mut().and_then(|list| list.items.last_mut()) else {
        return Ok(0);
    };
    if key.is_empty() {
        action(item, found.child(true));
        return Ok(1);
    }
    follow(item, rest, Some(create), found.child(false), action)
}

/// A value as it is matched: its YAML, quotes included.
fn printed(node: &Node) -> String {
    match &node.data {
        Data::Scalar(scalar) => match scalar.style {
            Style::SingleQuoted => format!("'{}'", scalar.text.replace('\'', "''")),
            Style::DoubleQuoted => format!(
                "\"{}\"",
                scalar.text.replace('\\', "\\\\").replace('"', "\\\"")
            ),
            _ => scalar.text.trim().to_string(),
        },
        _ => write::write(node).trim().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{By, FileId, read::read};

    fn tree(text: &str) -> Node {
        read(text, FileId(0)).unwrap().documents.remove(0)
    }
    fn at(root: &Node, path: &str) -> Result<Option<String>, PathError> {
        lookup(root, &split(path))
            .map(|found| found.map(|node| write::write(node).trim().to_string()))
    }
    fn texts(
        text: &str,
        path: &str,
        create: Option<Shape>,
    ) -> Result<(Vec<String>, String), PathError> {
        let mut root = tree(text);
        let origin = Origin {
            file: FileId(0),
            start: 0,
            end: 0,
            by: By::Replacement,
        };
        let mut seen = Vec::new();
        visit(
            &mut root,
            &split(path),
            create.map(|leaf| Create { leaf, origin }),
            &mut |node, found| {
                seen.push(format!(
                    "{}{}",
                    if found == Found::Created { "+" } else { "" },
                    write::write(node).trim()
                ));
            },
        )?;
        Ok((seen, write::write(&root)))
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

    #[test]
    fn visits_by_expression_without_anchors() {
        let text = "a:\n- {name: web-2, v: 1}\n- {name: web, v: 2}\n- {name: db, v: 3}\n";
        assert_eq!(texts(text, "a.[name=web].v", None).unwrap().0, ["1", "2"]);
        assert_eq!(texts(text, "a.[name=^web$].v", None).unwrap().0, ["2"]);
        assert_eq!(texts(text, "a.*.v", None).unwrap().0, ["1", "2", "3"]);
        assert_eq!(texts(text, "a.[name=x].v", None).unwrap().0.len(), 0);
        assert!(texts(text, "a.5.v", None).is_err());
        assert!(texts(text, "a..v", None).is_err());
        assert!(texts(text, "a.name", None).is_err());
    }

    #[test]
    fn creates_what_is_missing() {
        assert_eq!(
            texts("a: {}\n", "a.b.c", Some(Shape::Scalar)).unwrap().0,
            ["+null"]
        );
        let (seen, after) = texts("a: 1\n", "b.[name=x].c.0.d", Some(Shape::Scalar)).unwrap();
        assert_eq!(seen, ["+null"]);
        assert_eq!(after, "a: 1\nb:\n- c:\n  - d: null\n  name: x\n");
        assert!(
            texts("a: []\n", "a.1", Some(Shape::Scalar)).is_err(),
            "only the item after the last can be created"
        );
        assert!(texts("a: []\n", "a.[name=^x.$].b", Some(Shape::Scalar)).is_err());
        assert_eq!(
            texts("a: 1\n", &vec!["b"; 256].join("."), Some(Shape::Scalar)),
            Err(PathError::TooDeep)
        );
        assert_eq!(
            texts("a: []\n", "a.*.b", Some(Shape::Scalar))
                .unwrap()
                .0
                .len(),
            0
        );
    }
}
