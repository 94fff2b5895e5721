//! JSON 6902 patches (`add`, `remove`, `replace`, `move`, `copy`, `test`) as kustomize's library
//! applies them.
//!
//! The library is laxer than RFC 6902: `replace` of a missing key adds it, `copy` of a missing key
//! adds null, and negative indices count from the end.
//!
//! Here: reading operations and applying them to one tree. Not here: selecting the objects
//! (`super`).

use std::collections::HashMap;
use std::sync::Arc;

use crate::kustomize::Problem;
use crate::kustomize::decode::old_boolean;
use crate::yaml::read::MAX_DEPTH;
use crate::yaml::{
    By, Data, Entry, Kind, List, Map, Node, Origin, Removed, Scalar, unescape_pointer,
};

/// A patch that was read.
#[derive(Clone, Debug)]
pub(super) struct Patch {
    operations: Vec<Operation>,
}

#[derive(Clone, Debug)]
struct Operation {
    kind: OperationKind,
    /// Origin of the name of the operation.
    origin: Origin,
    path: Pointer,
    from: Option<Pointer>,
    value: Node,
    /// The nodes of the value.
    size: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OperationKind {
    Add,
    Remove,
    Replace,
    Move,
    Copy,
    Test,
}

impl OperationKind {
    fn as_str(self) -> &'static str {
        match self {
            OperationKind::Add => "add",
            OperationKind::Remove => "remove",
            OperationKind::Replace => "replace",
            OperationKind::Move => "move",
            OperationKind::Copy => "copy",
            OperationKind::Test => "test",
        }
    }
}

#[derive(Clone, Debug)]
struct Pointer {
    text: Arc<str>,
    origin: Origin,
    /// The steps to the container. Text before the first slash is ignored.
    parents: Vec<String>,
    /// The last step; `None` for the whole object.
    key: Option<String>,
}

impl Pointer {
    fn new(node: &Node) -> Pointer {
        let text: Arc<str> = node
            .as_scalar()
            .map_or_else(|| "".into(), |scalar| scalar.text.clone());
        let mut steps: Vec<String> = text.split('/').skip(1).map(unescape_pointer).collect();
        let key = steps.pop();
        Pointer {
            text,
            origin: node.origin,
            parents: steps,
            key,
        }
    }
}

/// The values that the operations of a patch may copy in one object. A copy of a map into itself
/// doubles it.
const COPY_LIMIT: usize = 100_000;

/// The keys, items and values that the operations of a patch may look at in one object: about a
/// second of work.
const LOOK_LIMIT: u64 = 50_000_000;

/// Maps from this size on are searched by an index while operations stay in them.
const INDEXED: usize = 64;

/// The work that the operations of a patch have done on one object so far.
#[derive(Debug, Default)]
pub(super) struct Effort {
    copied: usize,
    looked: u64,
    /// The path of the map that the last operation added to.
    last: Vec<String>,
    /// The positions of that map's keys, once a second operation comes to it.
    positions: Option<HashMap<Arc<str>, usize>>,
}

impl Effort {
    /// The keys, items and values that were looked at.
    pub(super) fn looked(&self) -> u64 {
        self.looked
    }

    /// Counts what is looked at. False if it is too much.
    fn look(&mut self, values: usize) -> bool {
        self.looked = self.looked.saturating_add(values as u64);
        self.looked <= LOOK_LIMIT
    }

    /// Forgets the index, because the object changes otherwise.
    fn leave(&mut self) {
        self.last.clear();
        self.positions = None;
    }

    /// The position of a key in the map at a path. Only `add` may change the object in between.
    fn position(&mut self, path: &[String], map: &Map, key: &str) -> Option<usize> {
        let search = |map: &Map| map.entries.iter().position(|entry| &*entry.key == key);
        if map.entries.len() < INDEXED {
            self.leave();
            return search(map);
        }
        if self.last != path {
            self.leave();
            self.last = path.to_vec();
            self.look(map.entries.len());
            return search(map);
        }
        if self.positions.is_none() {
            self.look(map.entries.len());
        }
        let index = || {
            let keys = map.entries.iter().enumerate().rev();
            keys.map(|(at, entry)| (entry.key.clone(), at)).collect()
        };
        self.positions.get_or_insert_with(index).get(key).copied()
    }

    /// Notes the key that was added at the end of the map.
    fn added(&mut self, key: Arc<str>, position: usize) {
        if let Some(positions) = &mut self.positions {
            positions.insert(key, position);
        }
    }
}

/// Adds the nodes of a tree. False if there are more than `COPY_LIMIT`.
fn count(node: &Node, copied: &mut usize) -> bool {
    *copied += 1;
    *copied <= COPY_LIMIT
        && node.items().iter().all(|item| count(item, copied))
        && node
            .entries()
            .iter()
            .all(|entry| count(&entry.value, copied))
}

/// The nodes of a tree.
fn size(node: &Node) -> usize {
    let items: usize = node.items().iter().map(size).sum();
    let entries = node.entries().iter().map(|entry| size(&entry.value));
    1 + items + entries.sum::<usize>()
}

/// True if maps and lists nest at most `levels` deep.
fn nests_within(node: &Node, levels: usize) -> bool {
    if node.as_scalar().is_some() {
        return true;
    }
    levels > 0
        && node
            .items()
            .iter()
            .all(|item| nests_within(item, levels - 1))
        && node
            .entries()
            .iter()
            .all(|entry| nests_within(&entry.value, levels - 1))
}

impl Patch {
    /// Reads a list of operations.
    pub(super) fn read(document: &Node) -> Result<Patch, Problem> {
        let Some(list) = document.as_list() else {
            return Err(Problem::error(
                document.origin,
                "a JSON 6902 patch must be a list of operations",
            )
            .with_help("write one item with op, path and value for each change"));
        };
        let operations = list
            .items
            .iter()
            .map(Operation::read)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Patch { operations })
    }

    /// True if there are no operations.
    pub(super) fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Applies the operations one after the other. The error names the operation that does not
    /// apply.
    pub(super) fn apply(&self, object: &mut Node, effort: &mut Effort) -> Result<(), Problem> {
        for operation in &self.operations {
            operation.apply(object, effort)?;
            if !effort.look(operation.size) {
                let why = format!("the patch looks at more than {LOOK_LIMIT} values");
                return Err(operation
                    .fail(&operation.path, why)
                    .with_help("use fewer operations, or a strategic merge patch"));
            }
        }
        Ok(())
    }
}

impl Operation {
    fn read(node: &Node) -> Result<Operation, Problem> {
        let start = Origin {
            end: node.origin.start,
            ..node.origin
        };
        if node.as_map().is_none() {
            return Err(Problem::error(
                node.origin,
                "an operation of a JSON 6902 patch must be a map with op and path",
            ));
        }
        let Some(op) = node.get("op") else {
            return Err(Problem::error(start, "this operation has no op")
                .with_help("op is one of add, remove, replace, move, copy and test"));
        };
        let kind = match op.as_str() {
            Some("add") => OperationKind::Add,
            Some("remove") => OperationKind::Remove,
            Some("replace") => OperationKind::Replace,
            Some("move") => OperationKind::Move,
            Some("copy") => OperationKind::Copy,
            Some("test") => OperationKind::Test,
            other => {
                let message = format!("unknown operation {:?}", other.unwrap_or_default());
                return Err(Problem::error(op.origin, message)
                    .with_help("op is one of add, remove, replace, move, copy and test"));
            }
        };
        let pointer = |key: &str| -> Result<Option<Pointer>, Problem> {
            match node.get(key) {
                None => Ok(None),
                Some(path) if path.as_str().is_some() => Ok(Some(Pointer::new(path))),
                Some(path) => Err(Problem::error(
                    path.origin,
                    format!("the {key} of this operation must be a string"),
                )),
            }
        };
        let Some(path) = pointer("path")? else {
            return Err(Problem::error(start, "this operation has no path")
                .with_help("a path looks like /spec/replicas"));
        };
        let from = pointer("from")?;
        if from.is_none() && matches!(kind, OperationKind::Move | OperationKind::Copy) {
            let message = format!("this {} operation does not say from where", kind.as_str());
            return Err(Problem::error(start, message)
                .with_help("set from to a path such as /metadata/labels/old"));
        }
        let value = node.get("value").map_or_else(
            || Node::scalar(Scalar::null(), op.origin.with(By::Patch)),
            as_json_reads,
        );
        Ok(Operation {
            kind,
            origin: op.origin.with(By::Patch),
            path,
            from,
            size: size(&value),
            value,
        })
    }

    fn apply(&self, object: &mut Node, effort: &mut Effort) -> Result<(), Problem> {
        if !matches!(self.kind, OperationKind::Add | OperationKind::Replace) {
            effort.leave();
        }
        match self.kind {
            OperationKind::Add => self.add(object, self.value.clone(), effort),
            OperationKind::Remove => self.remove(object, &self.path, effort).map(drop),
            OperationKind::Replace => self.replace(object, effort),
            OperationKind::Move => {
                let from = self.from()?;
                let node = self.remove(object, from, effort)?;
                self.add(object, node, effort)
            }
            OperationKind::Copy => {
                let from = self.from()?;
                let (container, key) = self.container(object, from, effort)?;
                let found = match &container.data {
                    Data::List(list) => {
                        Some(list.items.get(self.index(key, list.items.len(), from)?)).flatten()
                    }
                    _ => container.get(key),
                };
                let node = found
                    .cloned()
                    .unwrap_or_else(|| Node::scalar(Scalar::null(), self.origin));
                if !count(&node, &mut effort.copied) {
                    let why = format!("the patch copies more than {COPY_LIMIT} values");
                    return Err(self.fail(from, why));
                }
                self.add(object, node, effort)
            }
            OperationKind::Test => self.test(object, effort),
        }
    }

    fn from(&self) -> Result<&Pointer, Problem> {
        self.from
            .as_ref()
            .ok_or_else(|| Problem::error(self.origin, "this operation does not say from where"))
    }

    fn fail(&self, pointer: &Pointer, why: String) -> Problem {
        Problem::error(
            pointer.origin,
            format!(
                "the {} operation at {:?} does not apply: {why}",
                self.kind.as_str(),
                &*pointer.text
            ),
        )
        .with_help("correct the path, or narrow the target to objects that have it")
    }

    /// The map or list that contains the target of a pointer, and the key in it.
    fn container<'n, 'p>(
        &self,
        object: &'n mut Node,
        pointer: &'p Pointer,
        effort: &mut Effort,
    ) -> Result<(&'n mut Node, &'p str), Problem> {
        let Some(key) = &pointer.key else {
            return Err(self
                .fail(pointer, "the path does not name a field".to_string())
                .with_help("a path looks like /spec/replicas"));
        };
        let mut node = object;
        for (depth, step) in pointer.parents.iter().enumerate() {
            let missing = |node: &Node| {
                let shown = pointer
                    .text
                    .split('/')
                    .take(depth + 2)
                    .collect::<Vec<_>>()
                    .join("/");
                self.fail(pointer, format!("there is no {shown:?}"))
                    .with_related(
                        "this is as far as the object goes",
                        Origin {
                            end: node.origin.start,
                            ..node.origin
                        },
                    )
                    .with_help("add what holds the value first, or correct the path")
            };
            let position = match &node.data {
                Data::Map(map) => map.entries.iter().position(|entry| *entry.key == **step),
                Data::List(list) => index(step, list.items.len()),
                Data::Scalar(_) => None,
            };
            let Some(position) = position else {
                return Err(missing(node));
            };
            effort.look(position);
            let origin = node.origin;
            let next = match &mut node.data {
                Data::Map(map) => Arc::make_mut(map)
                    .entries
                    .get_mut(position)
                    .map(|entry| &mut entry.value),
                Data::List(list) => Arc::make_mut(list).items.get_mut(position),
                Data::Scalar(_) => None,
            };
            match next {
                Some(next) if next.as_scalar().is_none() => node = next,
                Some(next) => return Err(missing(next)),
                None => return Err(missing(&Node::scalar(Scalar::null(), origin))),
            }
        }
        Ok((node, key))
    }

    fn index(&self, key: &str, length: usize, pointer: &Pointer) -> Result<usize, Problem> {
        index(key, length).ok_or_else(|| {
            let why = match key.parse::<i64>() {
                Ok(_) => format!("the list has {length} items, so there is no item {key}"),
                Err(_) => format!("{key:?} is not an index of a list"),
            };
            self.fail(pointer, why)
                .with_help("items are counted from 0")
        })
    }

    fn add(&self, object: &mut Node, mut value: Node, effort: &mut Effort) -> Result<(), Problem> {
        let above = self.path.parents.len();
        if !nests_within(&value, MAX_DEPTH.saturating_sub(above)) {
            let why = format!("maps and lists would nest deeper than {MAX_DEPTH} levels");
            return Err(self.fail(&self.path, why));
        }
        let (container, key) = self.container(object, &self.path, effort)?;
        match &mut container.data {
            Data::List(list) => {
                let length = list.items.len();
                effort.leave();
                effort.look(length / 8);
                let at = match key {
                    "-" => length,
                    // an index may also be that after the last item
                    key => self.index(key, length + 1, &self.path)?,
                };
                Arc::make_mut(list).items.insert(at, value);
            }
            Data::Map(map) => {
                let position = effort.position(&self.path.parents, map, key);
                let map = Arc::make_mut(map);
                match position.and_then(|position| map.entries.get_mut(position)) {
                    Some(entry) => {
                        value.replaced = Some(Arc::new(entry.value.clone()));
                        entry.value = value;
                    }
                    None => {
                        let key: Arc<str> = key.into();
                        effort.added(key.clone(), map.entries.len());
                        map.entries.push(Entry {
                            key,
                            key_origin: self.path.origin.with(By::Patch),
                            value,
                        });
                    }
                }
            }
            Data::Scalar(_) => {
                return Err(self.fail(&self.path, "there is neither a map nor a list".to_string()));
            }
        }
        Ok(())
    }

    fn remove(
        &self,
        object: &mut Node,
        pointer: &Pointer,
        effort: &mut Effort,
    ) -> Result<Node, Problem> {
        let (container, key) = self.container(object, pointer, effort)?;
        effort.look(container.items().len() + container.entries().len());
        let origin = Origin {
            start: self.origin.start.min(pointer.origin.start),
            end: self.origin.end.max(pointer.origin.end),
            ..self.origin
        };
        match &mut container.data {
            Data::List(list) => {
                let at = self.index(key, list.items.len(), pointer)?;
                let list = Arc::make_mut(list);
                let node = list.items.remove(at);
                list.removed.push(Removed {
                    key: "".into(),
                    origin,
                    node: node.clone(),
                });
                Ok(node)
            }
            Data::Map(map) => {
                let Some(position) = map.entries.iter().position(|entry| &*entry.key == key) else {
                    let why = format!("there is no field {key:?}");
                    return Err(self
                        .fail(pointer, why)
                        .with_help("drop the operation, or correct the path"));
                };
                let map = Arc::make_mut(map);
                let entry = map.entries.remove(position);
                map.removed.push(Removed {
                    key: entry.key,
                    origin,
                    node: entry.value.clone(),
                });
                Ok(entry.value)
            }
            Data::Scalar(_) => {
                Err(self.fail(pointer, "there is neither a map nor a list".to_string()))
            }
        }
    }

    fn replace(&self, object: &mut Node, effort: &mut Effort) -> Result<(), Problem> {
        if self.path.text.is_empty() {
            if self.value.as_map().is_none() {
                return Err(self.fail(
                    &self.path,
                    "an object can only be replaced by a map".to_string(),
                ));
            }
            effort.leave();
            object.replace(self.value.data.clone(), self.value.origin);
            return Ok(());
        }
        let (container, key) = self.container(object, &self.path, effort)?;
        match &mut container.data {
            Data::List(list) => {
                let at = self.index(key, list.items.len(), &self.path)?;
                if let Some(item) = Arc::make_mut(list).items.get_mut(at) {
                    item.replace(self.value.data.clone(), self.value.origin);
                }
                Ok(())
            }
            _ => self.add(object, self.value.clone(), effort),
        }
    }

    fn test(&self, object: &mut Node, effort: &mut Effort) -> Result<(), Problem> {
        let found = if self.path.text.is_empty() {
            Some(&*object)
        } else {
            let (container, key) = self.container(object, &self.path, effort)?;
            effort.look(container.entries().len());
            match &container.data {
                Data::List(list) => {
                    list.items
                        .get(self.index(key, list.items.len(), &self.path)?)
                }
                _ => container.get(key),
            }
        };
        let equal = match found {
            Some(found) => {
                found.same_value(&self.value) || (found.is_null() && self.value.is_null())
            }
            None => self.value.is_null(),
        };
        if equal {
            return Ok(());
        }
        let problem = self.fail(
            &self.path,
            "the value there is another one than tested for".to_string(),
        );
        let problem = problem.with_help("test for the value that is there, or drop the test");
        Err(match found {
            Some(found) => problem.with_related("the value is here", found.origin),
            None => problem,
        })
    }
}

/// An index of a list of this length; negative ones count from the end.
fn index(key: &str, length: usize) -> Option<usize> {
    let index: i64 = key.parse().ok()?;
    let length = i64::try_from(length).ok()?;
    let index = if index < 0 { index + length } else { index };
    usize::try_from(index).ok().filter(|_| index < length)
}

/// Converts a value as JSON reads it: with the booleans of YAML 1.1, and dates as strings.
fn as_json_reads(node: &Node) -> Node {
    fn convert(node: &Node) -> Node {
        let data = match &node.data {
            Data::Scalar(scalar) => Data::Scalar(match scalar.kind {
                Kind::String if scalar.style == crate::yaml::Style::Plain => {
                    match old_boolean(&scalar.text) {
                        Some(value) => Scalar::bool(value),
                        None => scalar.clone(),
                    }
                }
                Kind::Timestamp => Scalar::string(scalar.text.clone()),
                Kind::Null => Scalar::plain("null"),
                _ => scalar.clone(),
            }),
            Data::Map(map) => {
                let entries = map
                    .entries
                    .iter()
                    .map(|entry| Entry {
                        value: convert(&entry.value),
                        ..entry.clone()
                    })
                    .collect();
                Data::Map(Arc::new(Map {
                    entries,
                    removed: Vec::new(),
                }))
            }
            Data::List(list) => Data::List(Arc::new(List {
                items: list.items.iter().map(convert).collect(),
                removed: Vec::new(),
            })),
        };
        Node {
            data,
            origin: node.origin,
            replaced: None,
        }
    }
    convert(node).attributed_to(By::Patch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::FileId;
    use crate::yaml::read::read;
    use crate::yaml::write::to_json;
    use proptest::prelude::*;

    fn tree(text: &str, file: u32) -> Node {
        read(text, FileId(file)).unwrap().documents.remove(0)
    }
    fn patched(object: &str, operations: &str) -> Result<Node, Problem> {
        let mut node = tree(object, 0);
        Patch::read(&tree(operations, 1))?.apply(&mut node, &mut Effort::default())?;
        Ok(node)
    }
    fn shown(object: &str, operations: &str) -> String {
        patched(object, operations)
            .map_or_else(|problem| problem.message, |node| to_json(&node).to_string())
    }

    #[test]
    fn the_six_operations() {
        assert_eq!(
            shown(
                "{a: 1}",
                "[{op: add, path: /b, value: {c: []}}, {op: add, path: /b/c/-, value: x}]"
            ),
            r#"{"a":1,"b":{"c":["x"]}}"#
        );
        assert_eq!(
            shown(
                "{a: [1, 2]}",
                "[{op: add, path: /a/1, value: 9}, {op: remove, path: /a/0}]"
            ),
            r#"{"a":[9,2]}"#
        );
        assert_eq!(
            shown("{a: [1, 2]}", "[{op: replace, path: /a/-1, value: 9}]"),
            r#"{"a":[1,9]}"#
        );
        assert_eq!(
            shown(
                "{a: {b: 1}}",
                "[{op: move, from: /a/b, path: /c}, {op: copy, from: /c, path: /d}]"
            ),
            r#"{"a":{},"c":1,"d":1}"#
        );
        assert_eq!(
            shown(
                "{a: {b: 1}}",
                "[{op: test, path: /a, value: {b: 1}}, {op: test, path: /no, value: null}]"
            ),
            r#"{"a":{"b":1}}"#
        );
    }

    #[test]
    fn escapes_and_lax_corners() {
        assert_eq!(
            shown("{a/b: {m~n: 1}}", "[{op: remove, path: /a~1b/m~0n}]"),
            r#"{"a/b":{}}"#
        );
        assert_eq!(
            shown("{a: 1}", "[{op: replace, path: /b, value: 2}]"),
            r#"{"a":1,"b":2}"#
        );
        assert_eq!(
            shown(
                "{a: 1}",
                "[{op: copy, from: /no, path: /b}, {op: add, path: /c}]"
            ),
            r#"{"a":1,"b":null,"c":null}"#
        );
        assert_eq!(
            shown("{a: 1}", "- op: replace\n  path: /a\n  value: yes\n"),
            r#"{"a":true}"#
        );
    }

    #[test]
    fn what_does_not_apply_is_refused() {
        let refused = |operations: &str| {
            patched("{a: {b: [1]}, c: x}", operations)
                .unwrap_err()
                .message
        };
        assert_eq!(
            refused("[{op: remove, path: /a/x}]"),
            r#"the remove operation at "/a/x" does not apply: there is no field "x""#
        );
        assert_eq!(
            refused("[{op: add, path: /x/y, value: 1}]"),
            r#"the add operation at "/x/y" does not apply: there is no "/x""#
        );
        assert_eq!(
            refused("[{op: add, path: /c/y, value: 1}]"),
            r#"the add operation at "/c/y" does not apply: there is no "/c""#
        );
        assert!(refused("[{op: add, path: /a/b/5, value: 1}]").contains("so there is no item 5"));
        assert!(refused("[{op: remove, path: /a/b/-2}]").contains("so there is no item -2"));
        assert!(
            refused("[{op: replace, path: /a/b/-, value: 1}]")
                .contains("is not an index of a list")
        );
        assert!(
            refused("[{op: test, path: /a/b/0, value: '1'}]")
                .contains("another one than tested for")
        );
        assert!(
            refused("[{op: add, path: '', value: 1}]").contains("the path does not name a field")
        );
        assert_eq!(
            refused("[{op: drop, path: /a}]"),
            r#"unknown operation "drop""#
        );
        assert_eq!(
            refused("[{op: add, value: 1}]"),
            "this operation has no path"
        );
        assert_eq!(
            refused("[{op: move, path: /a}]"),
            "this move operation does not say from where"
        );
        assert_eq!(
            refused("{op: remove, path: /a}"),
            "a JSON 6902 patch must be a list of operations"
        );
    }

    #[test]
    fn what_was_there_before_is_remembered() {
        let node = patched(
            "{a: 1, b: 2}",
            "[{op: replace, path: /a, value: 3}, {op: remove, path: /b}]",
        )
        .unwrap();
        let a = node.get("a").unwrap();
        assert_eq!((a.origin.file, a.origin.by), (FileId(1), By::Patch));
        assert_eq!(
            a.replaced.as_ref().and_then(|before| before.as_int()),
            Some(1)
        );
        let removed = node.as_map().unwrap().removed.first().unwrap();
        assert_eq!(
            (&*removed.key, removed.origin.file, removed.origin.by),
            ("b", FileId(1), By::Patch)
        );
    }

    proptest! {
        #[test]
        fn no_path_makes_it_fall_over(path in "(/(a|b|-|-?[0-9]|~1|~)?){0,4}", from in "(/(a|b|0|-1)){0,3}", op in 0usize..6) {
            let op = ["add", "remove", "replace", "move", "copy", "test"][op];
            let _ = patched("{a: [{a: [0, 1]}, 1], b: {b: {a: x}}}", &format!("[{{op: {op}, path: '{path}', from: '{from}', value: {{a: 1}}}}]"));
        }
    }

    #[test]
    fn fuzz_json_patch() {
        let words = &[
            "- op: ",
            "add\n",
            "remove\n",
            "replace\n",
            "move\n",
            "copy\n",
            "test\n",
            "  path: ",
            "/a",
            "/a/b",
            "/l/0",
            "/l/-",
            "/l/1",
            "/",
            "/a~1b",
            "~0",
            "~2",
            "/-1",
            "/00",
            "\n",
            "  from: ",
            "  value: ",
            "{c: [1]}",
            "null",
            "1",
            "[]",
            "x",
        ];
        let examples = [
            "- op: add\n  path: /a/c\n  value: {d: 1}\n- op: move\n  from: /a\n  path: /l/0\n",
            "- {op: copy, from: /a, path: /a/b}\n- {op: test, path: /l/0, value: 1}\n- {op: remove, path: /l/1}\n",
            "- {op: replace, path: '', value: {a: 1}}\n",
        ];
        let object = tree("a: {b: 1}\nl: [1, {x: y}]\n'a/b': null\n", 0);
        crate::fuzz::run("json_patch", &examples, words, |text| {
            let Ok(mut read) = read(text, FileId(1)) else {
                return;
            };
            let Some(Ok(patch)) = read.documents.pop().map(|document| Patch::read(&document))
            else {
                return;
            };
            let mut patched = object.clone();
            if patch.apply(&mut patched, &mut Effort::default()).is_ok() {
                to_json(&patched);
            }
        });
    }
}
