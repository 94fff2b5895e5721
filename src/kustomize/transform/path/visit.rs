//! Visiting every value that a path matches, and creating missing values on the way if asked to.

use regex::Regex;

use super::{PathError, embedded, index_of, is_item, items_of, key_and_value};
use crate::yaml::read::MAX_DEPTH;
use crate::yaml::{Data, Entry, Node, Origin, Scalar, Style, write};

/// The content of a value that is about to be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kustomize::transform) enum Shape {
    /// A scalar.
    Scalar,
    /// A map.
    Map,
    /// A list.
    List,
}

impl Shape {
    /// The shape of a value.
    pub(in crate::kustomize::transform) fn of(node: &Node) -> Shape {
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

/// The value to create where a path ends early.
#[derive(Clone, Copy, Debug)]
pub(in crate::kustomize::transform) struct Create {
    /// The shape of the value at the end of the path.
    pub(in crate::kustomize::transform) leaf: Shape,
    /// The origin of everything created.
    pub(in crate::kustomize::transform) origin: Origin,
}

impl Create {
    /// The shape of a value in which `rest` is to be followed.
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

/// The state of a visited value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kustomize::transform) enum Found {
    /// It was there.
    Present,
    /// It was created for this visit, and holds nothing yet.
    Created,
    /// It is part of a copy of a document in a string. The copy is thrown away.
    Copy,
}

impl Found {
    /// The state of a value below.
    fn child(self, created: bool) -> Found {
        match self {
            Found::Copy => Found::Copy,
            _ if created => Found::Created,
            _ => Found::Present,
        }
    }
}

/// Called with every value.
type Visit<'v> = dyn FnMut(&mut Node, Found) + 'v;

/// Visits every value that a path matches and returns how many there were.
pub(in crate::kustomize::transform) fn visit(
    root: &mut Node,
    path: &[String],
    create: Option<Create>,
    action: &mut Visit<'_>,
) -> Result<usize, PathError> {
    if path.len() > MAX_DEPTH {
        return Err(PathError::TooDeep);
    }
    Visitor { create, action }.follow(root, path, Found::Present)
}

/// A visit on its way through a tree.
struct Visitor<'v, 'a> {
    create: Option<Create>,
    action: &'v mut Visit<'a>,
}

impl Visitor<'_, '_> {
    /// Follows the rest of a path and returns how many values it matches.
    fn follow(
        &mut self,
        node: &mut Node,
        path: &[String],
        found: Found,
    ) -> Result<usize, PathError> {
        let Some((part, rest)) = path.split_first() else {
            (self.action)(node, found);
            return Ok(1);
        };
        if let Some(index) = index_of(part).and_then(|index| usize::try_from(index).ok()) {
            let count = items_of(node, part)?.len();
            let appended = self.create.filter(|_| index == count);
            if let Some(create) = appended {
                append(node, create.shape(rest).empty(create.origin));
            }
            let item = node.list_mut().and_then(|list| list.items.get_mut(index));
            let item = item.ok_or_else(|| PathError::NoItem(part.clone(), count))?;
            return self.follow(item, rest, found.child(appended.is_some()));
        }
        if is_item(part) {
            return self.matching(node, part, rest, found);
        }
        if part == "*" {
            items_of(node, part)?;
            let items = node.list_mut().map(|list| list.items.iter_mut());
            let mut count = 0;
            for item in items.into_iter().flatten() {
                count += self.follow(item, rest, found.child(false))?;
            }
            return Ok(count);
        }
        self.key(node, part, rest, found)
    }

    fn key(
        &mut self,
        node: &mut Node,
        part: &str,
        rest: &[String],
        found: Found,
    ) -> Result<usize, PathError> {
        if node.is_null() {
            return Ok(0);
        }
        if part.is_empty() {
            return Err(PathError::Invalid(
                part.to_string(),
                "it is empty".to_string(),
            ));
        }
        if node.as_map().is_none() {
            return Err(PathError::NoMap(part.to_string(), node.describe()));
        }
        let missing = node.get(part).is_none();
        if missing {
            let Some(create) = self.create else {
                return Ok(0);
            };
            node.set(part, create.shape(rest).empty(create.origin), create.origin);
        }
        match node.get_mut(part) {
            // kustomize writes into a copy of the document in the string: the field counts as
            // found, and stays as it is
            Some(value) if value.as_scalar().is_some() && !rest.is_empty() => {
                match embedded::parse(value) {
                    Some(mut document) => self.follow(&mut document, rest, Found::Copy),
                    None => Ok(0),
                }
            }
            Some(value) => self.follow(value, rest, found.child(missing)),
            None => Ok(0),
        }
    }

    /// `[name=web]`: the items whose key matches the expression, `[=web]`: the items that match
    /// themselves. Parts after `[=web]` are ignored.
    fn matching(
        &mut self,
        node: &mut Node,
        part: &str,
        rest: &[String],
        found: Found,
    ) -> Result<usize, PathError> {
        let (key, value) = key_and_value(part)?;
        let regex = Regex::new(value).map_err(|_| {
            let reason = "the value is not a regular expression".to_string();
            PathError::Invalid(part.to_string(), reason)
        })?;
        let matches = |item: &Node| match key {
            "" => regex.is_match(&printed(item)),
            key => item
                .get(key)
                .is_some_and(|found| regex.is_match(&printed(found))),
        };
        items_of(node, part)?;
        let items = node.list_mut().map(|list| list.items.iter_mut());
        let items = items.into_iter().flatten().filter(|item| matches(item));
        let mut count = 0;
        for item in items {
            count += self.item(item, key, rest, found.child(false))?;
        }
        let Some(create) = self.create.filter(|_| count == 0) else {
            return Ok(count);
        };
        let item = new_item(key, value, create);
        if !matches(&item) || node.as_list().is_none() {
            let reason =
                "an item for it cannot be created, because the expression does not match itself";
            return Err(PathError::Invalid(part.to_string(), reason.to_string()));
        }
        append(node, item);
        match node.list_mut().and_then(|list| list.items.last_mut()) {
            Some(item) => self.item(item, key, rest, found.child(key.is_empty())),
            None => Ok(0),
        }
    }

    fn item(
        &mut self,
        item: &mut Node,
        key: &str,
        rest: &[String],
        found: Found,
    ) -> Result<usize, PathError> {
        let rest = if key.is_empty() { &[] } else { rest };
        self.follow(item, rest, found)
    }
}

/// An item that `[key=value]` finds.
fn new_item(key: &str, value: &str, create: Create) -> Node {
    let scalar = Node::scalar(Scalar::plain(value), create.origin);
    if key.is_empty() {
        return scalar;
    }
    let entry = Entry {
        key: key.into(),
        key_origin: create.origin,
        value: scalar,
    };
    Node::map(vec![entry], create.origin)
}

fn append(node: &mut Node, item: Node) {
    if let Some(list) = node.list_mut() {
        list.items.push(item);
    }
}

/// The text that expressions are matched with: YAML, quotes included.
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
    use super::super::split;
    use super::*;
    use crate::yaml::{By, FileId, read::read};

    fn tree(text: &str) -> Node {
        read(text, FileId(0)).unwrap().documents.remove(0)
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
