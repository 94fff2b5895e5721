//! The parts of its identity that a patched object keeps.

use super::{about, strategic};
use crate::kustomize::kustomization::PatchEntry;
use crate::kustomize::manifests::is_empty;
use crate::kustomize::schema::Schema;
use crate::kustomize::{Problem, Resource};
use crate::yaml::{Data, Node, Scalar};

/// Merges a patch into an object. The object keeps apiVersion and namespace, and also name and kind
/// unless the options of the entry allow their change.
pub(super) fn merge(
    resource: &mut Resource,
    patch: &Node,
    entry: &PatchEntry,
    schema: &Schema,
) -> Result<(), Problem> {
    if entry.allow_name_change || entry.allow_kind_change {
        resource.store_previous();
    }
    let before = resource.node.clone();
    let merged = strategic::merge(before.clone(), patch, schema)
        .map_err(|problem| about(problem, resource))?;
    let Some(mut node) = merged.filter(|node| !is_empty(node)) else {
        let origin = patch
            .get("$patch")
            .map_or(patch.origin, |directive| directive.origin);
        resource.node.replace(Data::Scalar(Scalar::null()), origin);
        return Ok(());
    };
    keep(&mut node, &before, "apiVersion");
    if !entry.allow_kind_change {
        keep(&mut node, &before, "kind");
    }
    keep_metadata(&mut node, &before, entry);
    take_over(resource, node, entry)?;
    resource.settle_shared();
    resource.forget_unless_marked();
    Ok(())
}

/// Puts namespace and name back, the name only if it may not change.
fn keep_metadata(node: &mut Node, before: &Node, entry: &PatchEntry) {
    let Some(metadata) = before.get("metadata") else {
        return;
    };
    let is_map = |metadata: &Node| metadata.as_map().is_some();
    if !node.get("metadata").is_some_and(is_map) {
        let empty = Node::map(Vec::new(), metadata.origin);
        node.set("metadata", empty, metadata.origin);
    }
    let Some(now) = node.get("metadata") else {
        return;
    };
    // asking for a mutable map copies it
    let name = !entry.allow_name_change && changed(now, metadata, "name");
    let namespace = changed(now, metadata, "namespace");
    for (key, wanted) in [("name", name), ("namespace", namespace)] {
        if let Some(now) = node.get_mut("metadata").filter(|_| wanted) {
            keep(now, metadata, key);
        }
    }
}

/// True if a field was written, removed or added since.
fn changed(node: &Node, before: &Node, key: &str) -> bool {
    node.get(key).map(|value| value.origin) != before.get(key).map(|value| value.origin)
}

/// Puts a field back as it was.
fn keep(node: &mut Node, before: &Node, key: &str) {
    if !changed(node, before, key) {
        return;
    }
    let Some(map) = node.map_mut() else { return };
    map.removed.retain(|removed| &*removed.key != key);
    match (
        before.entry(key),
        map.entries.iter_mut().find(|entry| &*entry.key == key),
    ) {
        (Some(before), Some(entry)) => *entry = before.clone(),
        (Some(before), None) => map.entries.push(before.clone()),
        (None, _) => map.entries.retain(|entry| &*entry.key != key),
    }
}

/// Accepts the patched object, unless the patch took its kind or name away.
pub(super) fn take_over(
    resource: &mut Resource,
    node: Node,
    entry: &PatchEntry,
) -> Result<(), Problem> {
    let text = |path: &[&str]| {
        node.at(path)
            .and_then(Node::text)
            .filter(|text| !text.is_empty())
    };
    let (kind, name) = (text(&["kind"]), text(&["metadata", "name"]));
    let missing = match (kind, name) {
        (None, _) => "kind",
        (Some(kind), None) if !kind.ends_with("List") => "metadata.name",
        _ => {
            if name.is_some_and(|name| name != resource.name()) {
                resource.renamed_by = node.at(&["metadata", "name"]).map(|name| name.origin);
            }
            resource.node = node;
            return Ok(());
        }
    };
    let problem = Problem::error(entry.origin, format!("the patch leaves no {missing}"));
    Err(about(
        problem.with_help("replace the value instead of removing it"),
        resource,
    ))
}
