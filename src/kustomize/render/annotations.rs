//! Annotations and labels at the end of a build: `buildMetadata` adds some, and those that
//! kustomize keeps for itself are removed.

use std::sync::Arc;

use crate::kustomize::context::BuildContext;
use crate::kustomize::identity::name_origin;
use crate::kustomize::{Kustomization, Problem, Resource, transform};
use crate::yaml::{Data, Entry, Kind, Node, Origin, Scalar, reprint};

const ORIGIN: &str = "config.kubernetes.io/origin";
const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";
const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "kustomize-v5.8.2");

/// Annotations that kustomize keeps for itself and removes at the end.
const BUILD_ANNOTATIONS: [&str; 19] = [
    "internal.config.kubernetes.io/previousKinds",
    "internal.config.kubernetes.io/previousNames",
    "internal.config.kubernetes.io/prefixes",
    "internal.config.kubernetes.io/suffixes",
    "internal.config.kubernetes.io/previousNamespaces",
    "internal.config.kubernetes.io/allowNameChange",
    "internal.config.kubernetes.io/allowKindChange",
    "internal.config.kubernetes.io/refBy",
    "internal.config.kubernetes.io/generatorBehavior",
    "internal.config.kubernetes.io/needsHashSuffix",
    "internal.config.kubernetes.io/path",
    "internal.config.kubernetes.io/index",
    "internal.config.kubernetes.io/seqindent",
    "internal.config.kubernetes.io/id",
    "internal.config.kubernetes.io/annotations-migration-resource-id",
    "config.kubernetes.io/path",
    "config.kubernetes.io/index",
    "config.k8s.io/id",
    transform::HELM_GENERATED,
];

/// The entries of `buildMetadata`.
#[derive(Clone, Copy, Default)]
pub(super) struct BuildMetadata {
    pub(super) managed_by: bool,
    origin: bool,
    transformations: bool,
}

impl BuildMetadata {
    /// For objects that are not part of the output: adds nothing, and keeps existing annotations.
    pub(super) const KEEP: BuildMetadata = BuildMetadata {
        managed_by: false,
        origin: true,
        transformations: true,
    };

    pub(super) fn of(kustomization: Option<&Kustomization>) -> BuildMetadata {
        let entries = kustomization.map_or(&[][..], |kustomization| &kustomization.build_metadata);
        let has = |name: &str| entries.iter().any(|entry| &**entry == name);
        BuildMetadata {
            managed_by: has("managedByLabel"),
            origin: has("originAnnotations"),
            transformations: has("transformerAnnotations"),
        }
    }

    /// Writes the metadata of a resource as the output has them. `here` is the origin of additions.
    pub(super) fn write(
        self,
        resource: &mut Resource,
        here: Origin,
        context: &mut BuildContext<'_>,
    ) {
        let node = &mut resource.node;
        if self.managed_by {
            set_string(node, "labels", MANAGED_BY.0, MANAGED_BY.1, here);
        }
        if let Some(trail) = &resource.trail {
            if let Some(origin) = trail.origin.as_deref().filter(|_| self.origin) {
                set_string(node, "annotations", ORIGIN, origin, here);
            }
            if self.transformations && !trail.transformations.is_empty() {
                let entries = trail.transformations.iter();
                let text: String = entries.map(|text| list_item(text)).collect();
                set_string(node, "annotations", TRANSFORMATIONS, &text, here);
            }
        }
        self.tidy(node);
        if let Some((value, why)) = reprint::unwritable(node) {
            context.report(
                Problem::error(value.origin, why)
                    .with_related("it is part of this object", name_origin(node)),
            );
        }
        let annotations = node.at(&["metadata", "annotations"]);
        for entry in annotations.map(Node::entries).unwrap_or_default() {
            // kustomize prints every annotation again
            transform::check_key(&entry.key, entry.key_origin, context);
        }
    }

    /// Removes the annotations of the build. Values become strings, and an empty map is removed,
    /// because kustomize builds a new map.
    pub(super) fn tidy(self, node: &mut Node) {
        let Some(annotations) = node.at(&["metadata", "annotations"]) else {
            return;
        };
        let dropped = |key: &str| match key {
            ORIGIN => !self.origin,
            TRANSFORMATIONS => !self.transformations,
            key => BUILD_ANNOTATIONS.contains(&key),
        };
        let untouched = annotations.as_map().is_some()
            && !annotations.entries().is_empty()
            && annotations.entries().iter().all(|entry| {
                !dropped(&entry.key)
                    && entry
                        .value
                        .as_scalar()
                        .is_some_and(|scalar| scalar.kind == Kind::String)
            });
        if untouched {
            return;
        }
        let entries: Vec<Entry> = annotations
            .entries()
            .iter()
            .filter(|entry| !dropped(&entry.key))
            .map(|entry| {
                let mut entry = entry.clone();
                let text = entry
                    .value
                    .as_scalar()
                    .map(|scalar| scalar.text.clone())
                    .unwrap_or_default();
                if entry
                    .value
                    .as_scalar()
                    .is_none_or(|scalar| scalar.kind != Kind::String)
                {
                    entry.value.data = Data::Scalar(Scalar::string(text));
                }
                entry
            })
            .collect();
        let Some(metadata) = node.get_mut("metadata") else {
            return;
        };
        if entries.is_empty() {
            if let Some(map) = metadata.map_mut() {
                map.entries.retain(|entry| &*entry.key != "annotations");
            }
        } else if let Some(map) = metadata.get_mut("annotations") {
            match map.map_mut() {
                Some(map) => map.entries = entries,
                None => map.data = Data::Map(Arc::default()),
            }
        }
    }
}

fn set_string(node: &mut Node, map: &str, key: &str, text: &str, origin: Origin) {
    let Some(metadata) = node.get_mut("metadata") else {
        return;
    };
    if metadata
        .get(map)
        .is_none_or(|present| present.as_map().is_none())
    {
        metadata.set(map, Node::map(Vec::new(), origin), origin);
    }
    if let Some(map) = metadata.get_mut(map) {
        map.set(key, Node::string(text, origin), origin);
    }
}

/// The text of an entry of the transformations annotation.
fn list_item(text: &str) -> String {
    format!("- {}\n", text.trim_end().replace('\n', "\n  "))
}
