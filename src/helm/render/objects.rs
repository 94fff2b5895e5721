//! From documents to Kubernetes objects.

use std::collections::{BTreeSet, VecDeque};

use foldhash::HashMap;

use super::Made;
use crate::kustomize::{Problem, Release, Rendered, Resource};
use crate::yaml::{Data, FileId, Node, Origin};

/// Refuses what Helm refuses to read as an object.
pub(super) fn check(tree: &Node, place: &dyn Fn(Origin) -> Origin) -> Result<(), Box<Problem>> {
    let refused = |node: &Node, what: &str| {
        let message = format!("the output of the template is not an object: {what}");
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

/// The objects of a release, and its problems. `chart` is the name of the chart.
pub(in crate::helm) fn rendered(
    made: Made,
    (chart, release): (&str, &Release),
    files: BTreeSet<FileId>,
) -> Rendered {
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
                let message = "the output of the template has no kind, so it is not an object";
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
    forget_release(&mut resources, chart, release);
    let complete = !problems.iter().any(|problem| problem.kind.refused());
    Rendered {
        resources,
        releases: made.lacking,
        problems,
        complete,
        files,
        ..Rendered::default()
    }
}

/// Lets objects be found again in other environments, whose releases have other names and
/// namespaces: `web-staging-api` of the release `web-staging` counts as `web-api`.
fn forget_release(resources: &mut [Resource], chart: &str, release: &Release) {
    let plain = |name: &str| {
        let rest = name.strip_prefix(release.name.as_str())?;
        if rest.is_empty() {
            return Some(chart.to_string());
        }
        let rest = rest.strip_prefix('-')?;
        let names_chart = rest == chart || rest.starts_with(&format!("{chart}-"));
        Some(match names_chart {
            true => rest.to_string(),
            false => format!("{chart}-{rest}"),
        })
    };
    let names = resources.iter().map(|resource| {
        let name = &resource.original.name;
        plain(name).unwrap_or_else(|| name.clone())
    });
    let names: Vec<String> = names.collect();
    let mut taken: HashMap<(String, &str), usize> = HashMap::default();
    for (resource, name) in resources.iter().zip(&names) {
        *taken
            .entry((resource.kind().to_string(), name))
            .or_default() += 1;
    }
    for (resource, name) in resources.iter_mut().zip(&names) {
        let kind = resource.kind().to_string();
        if taken.get(&(kind, name.as_str())) == Some(&1) {
            resource.original.name = name.clone();
        }
        if resource.original.namespace.as_deref() == Some(release.namespace.as_str()) {
            resource.original.namespace = None;
        }
    }
}

fn is_empty(node: &Node) -> bool {
    match &node.data {
        Data::Map(map) => map.entries.is_empty(),
        Data::List(list) => list.items.is_empty(),
        Data::Scalar(_) => node.is_null(),
    }
}
