//! Annotations with which an agent leaves an object as it is in the cluster.

use crate::yaml::Node;

/// The annotations, and the value that has this effect.
const ANNOTATIONS: [(&str, &str); 4] = [
    ("kustomize.toolkit.fluxcd.io/reconcile", "disabled"),
    ("kustomize.toolkit.fluxcd.io/ssa", "Ignore"),
    ("argocd.argoproj.io/skip-reconcile", "true"),
    ("argocd.argoproj.io/hook", "Skip"),
];

/// The annotation of an object that has this effect, with its value.
pub(in crate::rules) fn by_annotation(object: &Node) -> Option<(&'static str, &Node)> {
    ANNOTATIONS.iter().find_map(|(name, stopping)| {
        let value = object.at(&["metadata", "annotations", name])?;
        let stops = value.text()?.eq_ignore_ascii_case(stopping);
        stops.then_some((*name, value))
    })
}
