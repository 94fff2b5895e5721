//! The trees that an edited text must have.

use std::sync::Arc;

use super::layout::is_at;
use super::scalar::{style_of, written};
use super::{Edit, EditError, Span};
use crate::yaml::{Data, Entry, Node, Origin, Scalar};

/// The documents of a text, with edits.
pub(super) fn documents(
    text: &str,
    documents: &[Node],
    edits: &[Edit],
) -> Result<Vec<Node>, EditError> {
    let mut result = documents.to_vec();
    for edit in edits {
        let mut found = false;
        for document in &mut result {
            visit(document, &mut |node| found |= change(text, node, edit));
        }
        if !found && !matches!(edit, Edit::Replace { .. }) {
            return Err(EditError::NotFound);
        }
    }
    Ok(result)
}

/// Calls a function for every node; children first, because it may change which there are.
fn visit(node: &mut Node, act: &mut dyn FnMut(&mut Node)) {
    match &mut node.data {
        Data::Scalar(_) => {}
        Data::Map(map) => {
            for entry in &mut Arc::make_mut(map).entries {
                visit(&mut entry.value, act);
            }
        }
        Data::List(list) => {
            for item in &mut Arc::make_mut(list).items {
                visit(item, act);
            }
        }
    }
    act(node);
}

/// Makes an edit where it concerns a node. An alias has the span of its anchor, so it changes as
/// well.
fn change(text: &str, node: &mut Node, edit: &Edit) -> bool {
    match edit {
        Edit::Set { value, text: new } => set(text, node, *value, new),
        Edit::Insert {
            map,
            after,
            key,
            text,
        } if is_at(node, *map) => {
            let origin = node.origin;
            let Some(map) = node.map_mut() else {
                return false;
            };
            let Some(at) = map.entries.iter().position(|entry| *entry.key == **after) else {
                return false;
            };
            map.entries.insert(at + 1, entry(key, text, origin));
            true
        }
        Edit::Remove { map, key } if is_at(node, *map) => {
            let Some(map) = node.map_mut() else {
                return false;
            };
            let before = map.entries.len();
            map.entries.retain(|entry| *entry.key != **key);
            map.entries.len() < before
        }
        Edit::RemoveItem { list, item } if is_at(node, *list) => {
            let Some(list) = node.list_mut() else {
                return false;
            };
            let before = list.items.len();
            list.items.retain(|one| !is_at(one, *item));
            list.items.len() < before
        }
        Edit::Append { list, entries } if is_at(node, *list) => {
            let item = item(entries, node.origin);
            let Some(list) = node.list_mut() else {
                return false;
            };
            list.items.push(item);
            true
        }
        Edit::AddList { map, key, entries } if is_at(node, *map) => {
            let origin = node.origin;
            let Some(map) = node.map_mut() else {
                return false;
            };
            map.entries.push(Entry {
                key: key.as_str().into(),
                key_origin: origin,
                value: Node::list(vec![item(entries, origin)], origin),
            });
            true
        }
        _ => false,
    }
}

fn entry(key: &str, text: &str, origin: Origin) -> Entry {
    Entry {
        key: key.into(),
        key_origin: origin,
        value: Node::string(text, origin),
    }
}

fn item(entries: &[(String, String)], origin: Origin) -> Node {
    let entries = entries.iter();
    Node::map(
        entries
            .map(|(key, text)| entry(key, text, origin))
            .collect(),
        origin,
    )
}

/// Sets a scalar, or a part of the text of a scalar that holds YAML: a value below `values: |`.
fn set(text: &str, node: &mut Node, value: Span, new: &str) -> bool {
    let at = Span::from(node.origin);
    let Data::Scalar(scalar) = &node.data else {
        return false;
    };
    if at == value {
        let ending: String = match scalar.text.ends_with('\n') {
            true => format!("{new}\n"),
            false => new.to_string(),
        };
        node.data = Data::Scalar(Scalar::string(ending));
        return true;
    }
    if !(at.start <= value.start && value.end <= at.end) {
        return false;
    }
    let part = |start: u32, end: u32| text.get(start as usize..end as usize);
    let (Some(before), Some(old)) = (
        part(at.start, value.start),
        part(value.start, value.end).filter(|old| !old.is_empty()),
    ) else {
        return false;
    };
    // the indentation of a block scalar changes offsets, but not which occurrence it is
    let occurrence = before.matches(old).count();
    let Some((start, _)) = scalar.text.match_indices(old).nth(occurrence) else {
        return false;
    };
    let Ok(new) = written(new, style_of(old)) else {
        return false;
    };
    let mut result = scalar.text.to_string();
    result.replace_range(start..start + old.len(), &new);
    node.data = Data::Scalar(Scalar {
        text: result.into(),
        ..scalar.clone()
    });
    true
}
