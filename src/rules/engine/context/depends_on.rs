//! The `dependsOn` entries of Flux Kustomizations and HelmReleases. Shared by
//! `depends-on-missing`, `depends-on-cycle` and `promotion-order`. Source: the dependency check of
//! kustomize-controller and helm-controller.

use std::collections::HashMap;

use crate::repo::Overlay;
use crate::rules::Context;
use crate::rules::engine::context::controls::Control;
use crate::yaml::Node;

/// The kinds that wait, each for its own kind only.
const KINDS: &[(&str, &str)] = &[
    ("Kustomization", "kustomize.toolkit.fluxcd.io"),
    ("HelmRelease", "helm.toolkit.fluxcd.io"),
];

/// An entry of `dependsOn`.
pub(in crate::rules) struct Edge<'a> {
    /// The object that waits.
    pub from: Control<'a>,
    /// The name that it waits for, as written.
    pub entry: &'a Node,
    /// The pointer to it in the object.
    pub path: String,
    /// The name.
    pub name: &'a str,
    /// The namespace of the entry, or else of the object; `None` if neither is written.
    pub namespace: Option<&'a str>,
    /// The object that it waits for, as an index into the controls; `None` if it is not in the
    /// repo.
    pub to: Option<usize>,
    /// The object that waits, as an index into the controls.
    pub at: usize,
}

/// Every entry whose name is written out, in the order of the controls.
pub(in crate::rules) fn collect<'a>(context: &Context<'a>) -> Vec<Edge<'a>> {
    let controls = context.controls();
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, control) in controls
        .iter()
        .enumerate()
        .filter(|(_, control)| KINDS.iter().any(|(kind, group)| control.is(kind, group)))
    {
        by_name.entry(control.name()).or_default().push(at);
    }
    let mut edges = Vec::new();
    for (at, control) in controls.iter().enumerate() {
        let Some((kind, group)) = KINDS.iter().find(|(kind, group)| control.is(kind, group)) else {
            continue;
        };
        let entries = control
            .node
            .at(&["spec", "dependsOn"])
            .map_or(&[][..], Node::items);
        for (index, item) in entries.iter().enumerate() {
            let Some(entry) = item.get("name") else {
                continue;
            };
            let Some(name) = entry.text().filter(|name| !name.contains(['$', '{'])) else {
                continue;
            };
            let written = item
                .get("namespace")
                .and_then(Node::text)
                .filter(|namespace| !namespace.is_empty());
            let namespace = written.or_else(|| control.namespace());
            let fits = |other: &Control| {
                let there = other.namespace();
                other.is(kind, group)
                    && (there.is_none() || namespace.is_none() || there == namespace)
                    && other.reaches(control.environment)
            };
            // an object of the same overlay wins over another one of the same environment
            let beside = |other: &Control| {
                control.overlay.is_some()
                    && control.overlay.map(Overlay::key) == other.overlay.map(Overlay::key)
            };
            let named = by_name.get(name).into_iter().flatten().copied();
            let fitting: Vec<usize> = named
                .filter(|at| controls.get(*at).is_some_and(fits))
                .collect();
            let to = fitting
                .iter()
                .find(|at| controls.get(**at).is_some_and(beside))
                .or(fitting.first())
                .copied();
            edges.push(Edge {
                from: *control,
                entry,
                path: format!("/spec/dependsOn/{index}/name"),
                name,
                namespace,
                to,
                at,
            });
        }
    }
    edges
}
