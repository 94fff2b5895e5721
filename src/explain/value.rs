//! The history of a value during rendering: all its states, from the provenance in the rendered
//! tree.

use std::collections::BTreeSet;

use super::Found;
use super::path::{Step, ends};
use crate::compare::secrets;
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::wording::count;
use crate::yaml::{Data, Node, Origin, Removed, write};

/// A value in an object of an overlay, or the place where a patch removed one.
#[derive(Clone)]
pub(crate) struct Value<'r> {
    /// The overlay.
    pub overlay: &'r Overlay,
    /// The object.
    pub resource: &'r Resource,
    /// The path to it.
    pub steps: Vec<Step>,
    /// The value itself.
    pub node: &'r Node,
    /// The line that removed it or the object around it.
    pub removed: Option<Origin>,
}

/// Every value of an object: scalars, maps, lists, and what was removed.
pub(crate) fn all(found: Found<'_>) -> Vec<Value<'_>> {
    let mut walk = Walk {
        found,
        steps: Vec::new(),
        values: Vec::new(),
    };
    walk.enter(&found.resource.node);
    walk.values
}

/// A walk through an object.
struct Walk<'r> {
    found: Found<'r>,
    /// The path to where the walk is.
    steps: Vec<Step>,
    values: Vec<Value<'r>>,
}

impl<'r> Walk<'r> {
    fn enter(&mut self, node: &'r Node) {
        self.note(node, None);
        match &node.data {
            Data::Map(map) => {
                for entry in &map.entries {
                    self.steps.push(Step::Key(entry.key.to_string()));
                    self.enter(&entry.value);
                    self.steps.pop();
                }
                self.removed(node, &map.removed, 0);
            }
            Data::List(list) => {
                for (index, item) in list.items.iter().enumerate() {
                    self.steps.push(Step::Item(index, name_of(item)));
                    self.enter(item);
                    self.steps.pop();
                }
                self.removed(node, &list.removed, list.items.len());
            }
            Data::Scalar(_) => {}
        }
    }

    /// The entries or items that were removed from a node and not set again.
    fn removed(&mut self, node: &Node, removed: &'r [Removed], index: usize) {
        for removed in removed
            .iter()
            .filter(|removed| node.get(&removed.key).is_none())
        {
            let is_item = removed.key.is_empty();
            self.steps.push(if is_item {
                Step::Item(index, name_of(&removed.node))
            } else {
                Step::Key(removed.key.to_string())
            });
            self.note(&removed.node, Some(removed.origin));
            self.steps.pop();
        }
    }

    fn note(&mut self, node: &'r Node, removed: Option<Origin>) {
        self.values.push(Value {
            overlay: self.found.overlay,
            resource: self.found.resource,
            steps: self.steps.clone(),
            node,
            removed: removed.or(self.found.deleted),
        });
    }
}

/// The name of an item, or another field that identifies it.
fn name_of(item: &Node) -> Option<String> {
    ["name", "mountPath", "containerPort", "port", "key"]
        .iter()
        .find_map(|key| item.get(key)?.text())
        .map(str::to_string)
}

/// The values that the words of a path may mean, and the names of all others.
pub(crate) fn candidates<'r>(
    found: &[Found<'r>],
    words: &[String],
) -> (Vec<Value<'r>>, BTreeSet<String>) {
    let mut values: Vec<Value> = Vec::new();
    let mut others: BTreeSet<String> = BTreeSet::new();
    for value in found.iter().flat_map(|one| all(*one)) {
        // a word means an item only if it is the item's own name
        let is_named = match value.steps.last() {
            Some(Step::Item(index, name)) => words
                .last()
                .is_some_and(|word| Some(word) == name.as_ref() || *word == index.to_string()),
            _ => true,
        };
        if is_named && ends(&value.steps, words) && !words.is_empty() {
            values.push(value);
        } else {
            let name = value.steps.last().and_then(Step::name);
            others.extend(name.map(str::to_string));
        }
    }
    // a whole path is meant, even if longer paths end in the same words
    if values.iter().any(|value| value.steps.len() == words.len()) {
        values.retain(|value| value.steps.len() == words.len());
    }
    (values, others)
}

/// A value that an object does not have, because something replaced a map or list around it: a patch
/// with `$patch: replace`, or one that sets the whole. `path` has the names of list items instead of
/// their indices.
pub(crate) fn lost<'r>(found: Found<'r>, path: &[Step]) -> Option<Value<'r>> {
    let mut node = &found.resource.node;
    for at in 0..path.len() {
        let rest = path.get(at..).unwrap_or_default();
        let earlier =
            std::iter::successors(node.replaced.as_deref(), |node| node.replaced.as_deref());
        let mut writer = node.origin;
        for before in earlier {
            if let Some(gone) = below(before, rest) {
                return Some(Value {
                    overlay: found.overlay,
                    resource: found.resource,
                    steps: path.to_vec(),
                    node: gone,
                    removed: Some(writer),
                });
            }
            writer = before.origin;
        }
        let (first, rest) = rest.split_first()?;
        let Some(inner) = step_into(node, first) else {
            let removed = removed_at(node, first)?;
            return Some(Value {
                overlay: found.overlay,
                resource: found.resource,
                steps: path.to_vec(),
                node: below(&removed.node, rest)?,
                removed: Some(removed.origin),
            });
        };
        node = inner;
    }
    None
}

/// The entry or item that was removed from a node.
fn removed_at<'n>(node: &'n Node, step: &Step) -> Option<&'n Removed> {
    match (&node.data, step) {
        (Data::Map(map), Step::Key(key)) => map.removed.iter().find(|one| *one.key == **key),
        (Data::List(list), Step::Item(_, Some(name))) => {
            let mut removed = list.removed.iter();
            removed.find(|one| name_of(&one.node).as_ref() == Some(name))
        }
        _ => None,
    }
}

/// The value at a path below a node.
fn below<'n>(node: &'n Node, path: &[Step]) -> Option<&'n Node> {
    path.iter().try_fold(node, step_into)
}

fn step_into<'n>(node: &'n Node, step: &Step) -> Option<&'n Node> {
    match step {
        Step::Key(key) => node.get(key),
        Step::Item(_, Some(name)) => {
            let mut items = node.items().iter();
            items.find(|item| name_of(item).as_ref() == Some(name))
        }
        Step::Item(index, None) => node.items().get(*index),
    }
}

/// The values that were written or removed by something other than the object's manifest.
pub(crate) fn changed(found: Found<'_>) -> Vec<Value<'_>> {
    let manifest = found.resource.node.origin;
    let is_changed = |value: &Value| {
        let is_leaf = value.node.entries().is_empty() && value.node.items().is_empty();
        let origin = value.node.origin;
        let is_touched = value.node.replaced.is_some()
            || origin.by != manifest.by
            || origin.file != manifest.file;
        value.removed.is_some() || (is_leaf && is_touched)
    };
    let mut values = all(found);
    // if the object is deleted, report that once and not for each of its values
    values.retain(|value| found.deleted.is_none() || value.steps.is_empty());
    values.retain(is_changed);
    values
}

/// A state that a value was in. No value means that it was removed.
pub(crate) struct State {
    /// The value.
    pub value: Option<Node>,
    /// Who wrote it: `manifest`, `patch`, …
    pub by: &'static str,
    /// Where.
    pub origin: Origin,
}

impl Value<'_> {
    /// The name of the container around the value.
    pub(crate) fn container(&self) -> Option<&str> {
        self.steps.windows(2).find_map(|pair| match pair {
            [Step::Key(list), Step::Item(_, Some(name))]
                if list.to_ascii_lowercase().ends_with("containers") =>
            {
                Some(name.as_str())
            }
            _ => None,
        })
    }

    /// The states, oldest first; the last one is the present one. Values of Secrets are masked.
    pub(crate) fn states(&self) -> Vec<State> {
        let nodes = std::iter::successors(Some(self.node), |node| node.replaced.as_deref());
        let mut states: Vec<State> = nodes
            .map(|node| State {
                value: Some(self.masked(node)),
                by: node.origin.by.as_str(),
                origin: node.origin,
            })
            .collect();
        states.reverse();
        states.dedup_by(|later, earlier| {
            later.origin == earlier.origin && later.one_line() == earlier.one_line()
        });
        states.extend(self.removed.map(|origin| State {
            value: None,
            by: origin.by.as_str(),
            origin,
        }));
        states
    }

    fn masked(&self, node: &Node) -> Node {
        let words: Vec<secrets::Word> = self.steps.iter().map(Step::word).collect();
        secrets::masked_at(self.resource, &words, node)
    }
}

impl State {
    /// The value on one line; `None` if it was removed.
    pub(crate) fn one_line(&self) -> Option<String> {
        self.value.as_ref().map(one_line)
    }
}

/// A value on one line.
fn one_line(node: &Node) -> String {
    const LONGEST: usize = 160;
    let cut = |text: &str| match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{} …", &text[..at]),
        None => text.to_string(),
    };
    match &node.data {
        Data::Scalar(scalar) => {
            let text = write::write(node);
            let mut lines = text.trim_end().lines();
            match (lines.next(), lines.next()) {
                (Some(line), None) => cut(line),
                // folded by the writer
                _ if !scalar.text.trim_end().contains('\n') => cut(scalar.text.trim_end()),
                _ => format!("{} …", cut(scalar.text.lines().next().unwrap_or_default())),
            }
        }
        Data::Map(map) => {
            whole(node).unwrap_or_else(|| format!("{{{}}}", count(map.entries.len(), "key")))
        }
        Data::List(list) => {
            whole(node).unwrap_or_else(|| format!("[{}]", count(list.items.len(), "item")))
        }
    }
}

/// A small map or list, all of it.
fn whole(node: &Node) -> Option<String> {
    const WIDEST: usize = 60;
    Some(write::to_json(node).to_string()).filter(|text| text.chars().count() <= WIDEST)
}
