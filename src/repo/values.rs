//! The ConfigMaps and Secrets from which Flux takes variables: those that the environment of the
//! Kustomization renders, or that lie beside it without belonging to a kustomization.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::agents::Reference;
use super::discover::{Layout, Placement, Root};
use super::load::Built;
use crate::kustomize::kustomization::path_in;
use crate::kustomize::{Renderer, Resource};
use crate::source::{folder_of, join};
use crate::yaml::{Node, write};

/// Where an object is, as far as the repo tells.
struct Candidate<'b> {
    place: Option<&'b Placement>,
    node: &'b Node,
    namespace: Option<String>,
    name: String,
    kind: &'static str,
}

/// Objects that hold variables.
pub(super) struct Values<'b> {
    rendered: Vec<Candidate<'b>>,
    loose: Vec<Loose>,
}

/// An object in a file that no kustomization names.
struct Loose {
    place: Option<Placement>,
    resource: Resource,
}

const KINDS: [&str; 2] = ["ConfigMap", "Secret"];

impl<'b> Values<'b> {
    /// Looks through what is built; through loose files only where something is asked for that is
    /// not there.
    pub(super) fn new(
        built: &'b [Built<'b>],
        roots: &[Root],
        renderer: &Renderer,
        layout: &Layout,
    ) -> Values<'b> {
        let wanted: BTreeSet<(&str, &str)> = built
            .iter()
            .filter_map(|built| built.pointer?.post_build.as_ref())
            .flat_map(|build| &build.from)
            .map(|reference| (reference.kind.as_str(), reference.name.as_str()))
            .collect();
        let mut values = Values {
            rendered: Vec::new(),
            loose: Vec::new(),
        };
        if wanted.is_empty() {
            return values;
        }
        for built in built {
            // what stands in the folder of a cluster's objects belongs to that environment as well
            let place = built
                .place
                .as_ref()
                .or_else(|| built.pointer?.place.as_ref());
            for resource in &built.rendered.resources {
                let kind = KINDS.into_iter().find(|kind| {
                    *kind == resource.kind() && wanted.contains(&(kind, resource.name()))
                });
                values.rendered.extend(kind.map(|kind| Candidate {
                    place,
                    node: &resource.node,
                    namespace: resource.namespace().map(str::to_string),
                    name: resource.name().to_string(),
                    kind,
                }));
            }
        }
        let found = |(kind, name): &(&str, &str)| {
            values
                .rendered
                .iter()
                .any(|candidate| candidate.kind == *kind && candidate.name == *name)
        };
        if !wanted.iter().all(found) {
            values.loose = loose(&wanted, roots, renderer, layout);
        }
        values
    }

    /// The object that a Kustomization means: of its own environment and variant first, then of its
    /// environment, then of none. `None` when there is none, or several that differ.
    pub(super) fn find(&self, reference: &Reference, asking: &Built<'_>) -> Option<&Node> {
        let place = asking
            .place
            .as_ref()
            .or_else(|| asking.pointer?.place.as_ref());
        let rendered = self.rendered.iter().map(|candidate| {
            (
                candidate.kind,
                &*candidate.name,
                candidate.namespace.as_deref(),
                candidate.place,
                candidate.node,
            )
        });
        let loose = self.loose.iter().map(|loose| {
            let resource = &loose.resource;
            (
                resource.kind(),
                resource.name(),
                resource.namespace(),
                loose.place.as_ref(),
                &resource.node,
            )
        });
        [rendered.collect::<Vec<_>>(), loose.collect()]
            .into_iter()
            .find_map(|candidates| {
                let ranked: Vec<(usize, &Node)> = candidates
                    .into_iter()
                    .filter(|(kind, name, namespace, _, _)| {
                        let same = namespace.is_none()
                            || reference.namespace.is_none()
                            || *namespace == reference.namespace.as_deref();
                        *kind == reference.kind && *name == reference.name && same
                    })
                    .filter_map(|(_, _, _, other, node)| Some((rank(place, other)?, node)))
                    .collect();
                let best = ranked.iter().map(|(rank, _)| *rank).min()?;
                let mut best = ranked
                    .into_iter()
                    .filter(|(rank, _)| *rank == best)
                    .map(|(_, node)| node);
                let first = best.next()?;
                let data = |node: &Node| {
                    ["data", "stringData"].map(|key| node.get(key).map(write::to_json))
                };
                best.all(|other| data(other) == data(first))
                    .then_some(first)
            })
    }
}

/// How near an object is to a Kustomization; `None` when it is another environment's.
fn rank(own: Option<&Placement>, other: Option<&Placement>) -> Option<usize> {
    match (own, other) {
        (Some(own), Some(other)) if own.environment != other.environment => None,
        (Some(own), Some(other)) if own.variant == other.variant => Some(0),
        (Some(_), Some(_)) => Some(1),
        (None, Some(_)) => Some(3),
        (_, None) => Some(2),
    }
}

/// Wanted objects in files that no kustomization names; a patch has the shape of an object as well.
fn loose(
    wanted: &BTreeSet<(&str, &str)>,
    roots: &[Root],
    renderer: &Renderer,
    layout: &Layout,
) -> Vec<Loose> {
    let mut named: BTreeSet<String> = BTreeSet::new();
    for root in roots {
        let Some(kustomization) = renderer
            .kustomization(&root.folder)
            .and_then(|loaded| loaded.kustomization.clone())
        else {
            continue;
        };
        named.extend(
            kustomization
                .paths()
                .filter_map(|entry| join(&root.folder, path_in(entry))),
        );
    }
    let source = renderer.source();
    let holds = |path: &&Arc<str>| {
        let text = source
            .read(path)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes.to_vec()).ok())
            .unwrap_or_default();
        wanted
            .iter()
            .any(|(kind, name)| text.contains(kind) && text.contains(name))
    };
    let yaml = |path: &&Arc<str>| {
        (path.ends_with(".yaml") || path.ends_with(".yml")) && !named.contains(&***path)
    };
    let mut found = Vec::new();
    for path in source.files().iter().filter(yaml).filter(holds) {
        let Ok(documents) = renderer.parsed(path) else {
            continue;
        };
        let place = layout.place(folder_of(path)).and_then(Result::ok);
        for node in &documents.documents {
            let resource = Resource::new(node.clone());
            if wanted.contains(&(resource.kind(), resource.name())) {
                found.push(Loose {
                    place: place.clone(),
                    resource,
                });
            }
        }
    }
    found
}
