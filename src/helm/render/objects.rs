//! From documents to Kubernetes objects.

use std::collections::{BTreeSet, VecDeque};

use super::Made;
use crate::kustomize::{Problem, Rendered, Resource};
use crate::yaml::{Data, FileId, Node, Origin};

/// Refuses what Helm refuses to read as an object.
pub(super) fn check(tree: &Node, place: &dyn Fn(Origin) -> Origin) -> Result<(), Box<Problem>> {
    let refused = |node: &Node, what: &str| {
        let message = format!("what the template prints is not an object: {what}");
        let help = "check what the template writes there";
        Err(Box::new(
            Problem::error(place(node.origin), message).with_help(help),
        ))
    };
    if tree.as_map().is_none() {
        return refused(tree, &format!("it is {}", tree.describe()));
    }
    for key in ["apiVersion", "kind"] {
        if let Some(node) = tree.get(key).filter(|node| node.as_scalar().is_none()) {
            return refused(node, &format!("`{key}` is {}", node.describe()));
        }
    }
    let Some(metadata) = tree.get("metadata").filter(|node| !node.is_null()) else {
        return Ok(());
    };
    if metadata.as_map().is_none() {
        return refused(metadata, &format!("`metadata` is {}", metadata.describe()));
    }
    if let Some(name) = metadata
        .get("name")
        .filter(|name| name.as_scalar().is_none())
    {
        return refused(name, &format!("`metadata.name` is {}", name.describe()));
    }
    let Some(annotations) = metadata.get("annotations").filter(|node| !node.is_null()) else {
        return Ok(());
    };
    if annotations.as_map().is_none() {
        return refused(
            annotations,
            &format!("`annotations` is {}", annotations.describe()),
        );
    }
    for entry in annotations.entries() {
        if entry.value.as_scalar().is_none() {
            let what = format!(
                "the annotation `{}` is {}",
                entry.key,
                entry.value.describe()
            );
            return refused(&entry.value, &what);
        }
    }
    Ok(())
}

/// The objects of a release, and its problems.
pub(in crate::helm) fn rendered(made: Made, files: BTreeSet<FileId>) -> Rendered {
    let mut problems = made.problems;
    let mut resources = Vec::new();
    for tree in made.documents.into_iter().flat_map(|read| read.trees) {
        // a list stands for its items
        let mut waiting = VecDeque::from([tree]);
        while let Some(node) = waiting.pop_front() {
            let kind = node.get("kind").map(Node::raw).unwrap_or_default();
            if is_empty(&node) {
                continue;
            }
            if kind.ends_with("List")
                && node
                    .get("items")
                    .is_some_and(|items| items.as_list().is_some())
            {
                waiting.extend(
                    node.get("items")
                        .map_or(&[][..], Node::items)
                        .iter()
                        .cloned(),
                );
            } else if kind.is_empty() {
                let message = "what the template prints has no kind, so it is not an object";
                let at = Origin {
                    end: node.origin.start,
                    ..node.origin
                };
                problems
                    .push(Problem::error(at, message).with_help("write `kind`, or print nothing"));
            } else {
                resources.push(Resource::new(node));
            }
        }
    }
    let complete = !problems.iter().any(|problem| problem.kind.refused());
    Rendered {
        resources,
        problems,
        complete,
        files,
        ..Rendered::default()
    }
}

fn is_empty(node: &Node) -> bool {
    match &node.data {
        Data::Map(map) => map.entries.is_empty(),
        Data::List(list) => list.items.is_empty(),
        Data::Scalar(_) => node.is_null(),
    }
}
