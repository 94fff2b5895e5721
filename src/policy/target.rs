//! The place that a result of a policy points at.

use serde_json::Value as Json;

use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::yaml::{Origin, escape_pointer};

/// A path as policies write it, `/spec/replicas` or `spec.template.spec.containers[0].image`, as a
/// pointer.
fn pointer(path: &str) -> String {
    if path.starts_with('/') || path.is_empty() {
        return path.to_string();
    }
    let parts = path.split(['.', '[', ']']).filter(|part| !part.is_empty());
    parts
        .map(|part| format!("/{}", escape_pointer(part)))
        .collect()
}

/// The object or value that a result is about.
pub(super) struct Target<'r> {
    pub(super) origin: Origin,
    /// The object, and the pointer of the value in it (empty for the object itself).
    pub(super) value: Option<(&'r Resource, String)>,
}

/// The value that a result names, or the nearest existing value above it. Without one it is the
/// first line of the object, or else the overlay.
pub(super) fn target<'r>(
    overlay: &'r Overlay,
    input: Option<&'r Resource>,
    result: &Json,
) -> Target<'r> {
    let text = |key: &str| result.get(key).and_then(Json::as_str);
    // the input of a `promotion` policy is a pair: the result says which object it means
    let named = || {
        let (kind, name) = (text("kind")?, text("name")?);
        let is_named = |one: &&Resource| one.kind() == kind && one.name() == name;
        overlay.rendered.resources.iter().find(is_named)
    };
    let Some(resource) = input.or_else(named) else {
        return Target {
            origin: overlay.origin,
            value: None,
        };
    };
    let whole = text("path").map(pointer).unwrap_or_default();
    let mut pointer = whole.as_str();
    while !pointer.is_empty() {
        if let Some(node) = resource.node.pointer(pointer) {
            return Target {
                origin: node.origin,
                value: Some((resource, pointer.to_string())),
            };
        }
        let above = pointer.rfind('/').and_then(|at| pointer.get(..at));
        pointer = above.unwrap_or_default();
    }
    let first_entry = resource.node.entries().first().map(|entry| &entry.value);
    let first = resource.node.get("apiVersion").or(first_entry);
    Target {
        origin: first.map_or(resource.node.origin, |node| node.origin),
        value: Some((resource, String::new())),
    }
}
