//! Values that kustomize changes when it applies a patch, although the patch does not name them.

use crate::kustomize::hash::go_json;
use crate::yaml::{By, Data, Kind, Node, Scalar, reprint, scalar, write};

/// The patch with labels and annotations as strings. kustomize reads them so, nulls included, when
/// it copies a patch to the objects of a target.
pub(super) fn with_string_metadata(patch: &Node) -> Node {
    let mut patch = patch.clone();
    let Some(metadata) = patch.get_mut("metadata") else {
        return patch;
    };
    for key in ["labels", "annotations"] {
        string_values(metadata, key);
    }
    patch
}

/// Makes the values of a map strings. An empty map is removed.
fn string_values(metadata: &mut Node, key: &str) {
    let Some(map) = metadata.get(key) else { return };
    if map.entries().is_empty() {
        if let Some(metadata) = metadata.map_mut() {
            metadata.entries.retain(|entry| &*entry.key != key);
        }
        return;
    }
    if map
        .entries()
        .iter()
        .all(|entry| entry.value.as_str().is_some())
    {
        return;
    }
    for entry in metadata
        .get_mut(key)
        .and_then(Node::map_mut)
        .map(|map| &mut map.entries[..])
        .unwrap_or_default()
    {
        if entry.value.as_str().is_none() {
            let text = entry
                .value
                .as_scalar()
                .map_or_else(|| "".into(), |scalar| scalar.text.clone());
            entry.value.data = Data::Scalar(Scalar::string(text));
        }
    }
}

/// Applies what kustomize's conversion to JSON and back changes in an object beside the patch:
/// empty values become `null`, integers beyond 64 bits lose digits, annotations become strings.
pub(super) fn as_json_leaves(node: &mut Node) {
    reprint::settle(node);
    change_leaves(node);
    let annotations = node
        .get_mut("metadata")
        .and_then(|metadata| metadata.get_mut("annotations"))
        .and_then(Node::map_mut);
    for entry in annotations.into_iter().flat_map(|map| &mut map.entries) {
        if entry
            .value
            .as_scalar()
            .is_some_and(|scalar| !matches!(scalar.kind, Kind::Null | Kind::String))
        {
            let value = write::to_json(&entry.value);
            let mut text = String::new();
            match value.as_str() {
                Some(date) => text.push_str(date),
                None => go_json(&value, &mut text),
            }
            let origin = entry.value.origin.with(By::Transformer);
            entry
                .value
                .replace(Data::Scalar(Scalar::string(text)), origin);
        }
    }
    // anything but a map of strings becomes one, or is removed
    let written_anew = |found: &Node| {
        found.entries().is_empty()
            || found
                .entries()
                .iter()
                .any(|entry| entry.value.as_str().is_none())
    };
    if node
        .at(&["metadata", "annotations"])
        .is_some_and(written_anew)
        && let Some(metadata) = node.get_mut("metadata")
    {
        string_values(metadata, "annotations");
    }
}

/// The scalar that JSON makes of another one; `None` if it stays the same.
fn json_leaf(scalar: &Scalar) -> Option<Scalar> {
    match scalar.kind {
        Kind::Null if &*scalar.text != "null" => Some(Scalar::plain("null")),
        Kind::Int if scalar.text.len() > 18 && scalar::parse_int(&scalar.text).is_none() => scalar
            .text
            .parse::<f64>()
            .ok()
            .map(|value| Scalar::plain(value.to_string())),
        _ => None,
    }
}

fn change_leaves(node: &mut Node) {
    fn changes(node: &Node) -> bool {
        match &node.data {
            Data::Scalar(scalar) => json_leaf(scalar).is_some(),
            Data::Map(map) => map.entries.iter().any(|entry| changes(&entry.value)),
            Data::List(list) => list.items.iter().any(changes),
        }
    }
    if !changes(node) {
        return;
    }
    if let Some(leaf) = node.as_scalar().and_then(json_leaf) {
        match leaf.kind {
            Kind::Null => node.data = Data::Scalar(leaf),
            _ => node.replace(Data::Scalar(leaf), node.origin.with(By::Transformer)),
        }
    } else if let Some(map) = node.map_mut() {
        map.entries
            .iter_mut()
            .for_each(|entry| change_leaves(&mut entry.value));
    } else if let Some(list) = node.list_mut() {
        list.items.iter_mut().for_each(change_leaves);
    }
}
