//! Identity of objects within one build: each identity may occur once.

use std::collections::HashMap;

use super::{Problem, Resource, ResourceId};
use crate::yaml::{Node, Origin};

/// A key for tables of objects: two objects have the same key if kustomize takes them for one.
pub(super) fn key(id: &ResourceId) -> String {
    format!(
        "{}\0{}\0{}\0{}",
        id.api_version,
        id.kind,
        id.effective_namespace(),
        id.name
    )
}

/// Points at the name of an object, or at the whole object if it has none.
pub(super) fn name_origin(node: &Node) -> Origin {
    node.at(&["metadata", "name"])
        .map_or(node.origin, |name| name.origin)
}

/// Two resources have the same identity.
pub(super) fn conflict(id: &ResourceId, first: &Resource, second: &Resource) -> Problem {
    Problem::error(name_origin(&second.node), format!("{id} is defined twice"))
        .with_related("the first one is here", name_origin(&first.node))
        .with_help("remove one of them, or give one another name or namespace")
}

/// Reports every resource whose identity an earlier one already has.
pub(super) fn check_unique(resources: &[Resource], problems: &mut Vec<Problem>) {
    let mut seen: HashMap<String, &Resource> = HashMap::with_capacity(resources.len());
    for resource in resources {
        let id = resource.id();
        match seen.get(&key(&id)) {
            Some(first) => problems.push(conflict(&id, first, resource)),
            None => drop(seen.insert(key(&id), resource)),
        }
    }
}
