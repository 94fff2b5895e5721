//! From the documents of a file to resources: lists are expanded, empty documents are skipped, and
//! anything that is not a Kubernetes object is reported.

use std::collections::VecDeque;

use super::decode::Text;
use super::{Problem, Resource};
use crate::yaml::read::Documents;
use crate::yaml::{Data, Node, Origin};

/// True for `null`, `{}` and `[]`.
pub(super) fn is_empty(node: &Node) -> bool {
    match &node.data {
        Data::Scalar(_) => node.is_null(),
        Data::Map(map) => map.entries.is_empty(),
        Data::List(list) => list.items.is_empty(),
    }
}

/// The resources of a file. `reference` is the entry that names the file.
pub(super) fn manifests(
    documents: &Documents,
    reference: Option<&Text>,
    problems: &mut Vec<Problem>,
) -> Vec<Resource> {
    problems.extend(documents.directive.map(directive_problem));
    let mut waiting: VecDeque<Node> = documents.documents.iter().cloned().collect();
    let mut found = Vec::with_capacity(waiting.len());
    while let Some(node) = waiting.pop_front() {
        if is_empty(&node) {
            continue;
        }
        let kind = node.get("kind").and_then(Node::text).unwrap_or_default();
        let mut refuse = |message: &str, help: &str| {
            let mut problem = Problem::error(
                Origin {
                    end: node.origin.start,
                    ..node.origin
                },
                message,
            )
            .with_help(help);
            if let Some(reference) = reference {
                problem = problem.with_related("it is listed here", reference.origin());
            }
            problems.push(problem);
        };
        if kind.is_empty() {
            refuse(
                "this document has no kind, so it is not a Kubernetes object",
                "list only manifests under resources",
            );
            continue;
        }
        if kind.ends_with("List") {
            match node.get("items") {
                Some(items) if items.as_list().is_some() => {
                    waiting.extend(items.items().iter().cloned());
                    continue;
                }
                Some(items) if items.is_null() => continue,
                Some(_) => {
                    refuse(
                        "the items of this list are not a list",
                        "write one item below each \"- \"",
                    );
                    continue;
                }
                None => {}
            }
        } else if node
            .at(&["metadata", "name"])
            .and_then(Node::text)
            .is_none_or(str::is_empty)
        {
            refuse("this object has no metadata.name", "give it a name");
            continue;
        }
        found.push(Resource::new(node));
    }
    found
}

/// A directive in a file of objects, which kustomize splits at every `---` before it reads
/// them.
pub(super) fn directive_problem(origin: Origin) -> Problem {
    Problem::error(
        origin,
        "kustomize does not read a directive such as %YAML before a document",
    )
    .with_help("remove the line")
}
