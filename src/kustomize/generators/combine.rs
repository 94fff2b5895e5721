//! Generated resources that exist already: the behaviors `merge` and `replace`.

use std::collections::HashMap;
use std::sync::Arc;

use super::{base64_lines, block};
use crate::kustomize::{Behavior, Resource};
use crate::yaml::{Data, Entry, Kind, Node, Scalar};

/// Merges a generated resource into the present one, or replaces it, as the behaviors `merge` and
/// `replace` do.
pub(in crate::kustomize) fn combine(present: &Resource, mut new: Resource) -> Resource {
    for key in ["labels", "annotations"] {
        if let Some(node) = merged_map(
            present.node.at(&["metadata", key]),
            new.node.at(&["metadata", key]),
            false,
        ) && let Some(metadata) = new.node.get_mut("metadata")
        {
            put(metadata, key, node);
        }
    }
    let identity = [
        ("name", present.node.at(&["metadata", "name"])),
        ("namespace", present.node.at(&["metadata", "namespace"])),
    ];
    for (key, value) in identity {
        if let Some(metadata) = new.node.get_mut("metadata") {
            match value {
                Some(value) => put(metadata, key, value.clone()),
                None => remove(metadata, key),
            }
        }
    }
    if new.behavior == Behavior::Merge {
        let data = match (new.kind(), new.api_version()) {
            ("Secret", "v1") => with_string_data(&present.node),
            _ => present.node.get("data").cloned(),
        };
        for (key, old) in [
            ("data", data),
            ("binaryData", present.node.get("binaryData").cloned()),
        ] {
            match merged_map(old.as_ref(), new.node.get(key), true) {
                Some(node) => put(&mut new.node, key, node),
                None => remove(&mut new.node, key),
            }
        }
    }
    new.needs_hash &= present.needs_hash;
    new.behavior = present.behavior;
    new.original = present.original.clone();
    new.previous = present.previous.clone();
    new.prefixes = present.prefixes.clone();
    new.suffixes = present.suffixes.clone();
    new.variables = present.variables.clone();
    new.renamed_by = present.renamed_by;
    new
}

fn remove(map: &mut Node, key: &str) {
    if let Some(map) = map.map_mut() {
        map.entries.retain(|entry| &*entry.key != key);
    }
}

fn put(map: &mut Node, key: &str, value: Node) {
    match map.get_mut(key) {
        Some(present) => *present = value,
        None => {
            let origin = value.origin;
            if let Some(map) = map.map_mut() {
                map.entries.push(Entry {
                    key: key.into(),
                    key_origin: origin,
                    value,
                });
            }
        }
    }
}

/// Merges two maps of strings. New values win and remember the old ones. `None` if the result is
/// empty.
fn merged_map(old: Option<&Node>, new: Option<&Node>, sorted: bool) -> Option<Node> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut index: HashMap<Arc<str>, usize> = HashMap::new();
    for entry in old.into_iter().chain(new).flat_map(Node::entries) {
        let mut value = entry.value.clone();
        let scalar = value.as_scalar().map_or_else(
            || Scalar::string(""),
            |scalar| match scalar.kind {
                Kind::Null => Scalar::string(""),
                _ => Scalar {
                    kind: Kind::String,
                    ..scalar.clone()
                },
            },
        );
        value.data = Data::Scalar(scalar);
        match index.get(&entry.key) {
            Some(position) => {
                let Some(present) = entries.get_mut(*position) else {
                    continue;
                };
                present.value.replace(value.data, value.origin);
            }
            None => {
                index.insert(entry.key.clone(), entries.len());
                entries.push(Entry {
                    value,
                    ..entry.clone()
                });
            }
        }
    }
    if entries.is_empty() {
        return None;
    }
    if sorted {
        entries.sort_by(|a, b| a.key.cmp(&b.key));
    }
    let origin = new.or(old)?.origin;
    Some(Node::map(entries, origin))
}

/// The data of a Secret, including its `stringData` as the API server would encode it.
fn with_string_data(node: &Node) -> Option<Node> {
    let Some(strings) = node.get("stringData").filter(|strings| !strings.is_null()) else {
        return node.get("data").cloned();
    };
    let encoded = strings.entries().iter().map(|entry| {
        let text = entry.value.text().unwrap_or_default();
        Entry {
            value: block(base64_lines(text.as_bytes()), entry.value.origin),
            ..entry.clone()
        }
    });
    merged_map(
        node.get("data"),
        Some(&Node::map(encoded.collect(), strings.origin)),
        true,
    )
}
