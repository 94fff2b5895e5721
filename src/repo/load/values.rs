//! The ConfigMaps and Secrets from which Flux takes variables: those that the environment of the
//! Kustomization renders, or that lie beside it without belonging to a kustomization.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::agents::{Found, Reference, nearest};
use super::super::discover::Placement;
use super::Tree;
use super::built::Built;
use crate::kustomize::Resource;
use crate::kustomize::kustomization::path_in;
use crate::source::{folder_of, join};
use crate::yaml::Node;

const KINDS: [&str; 2] = ["ConfigMap", "Secret"];

/// The ConfigMaps and Secrets that `substituteFrom` names somewhere.
pub(super) struct Values<'b> {
    rendered: Vec<(Option<&'b Placement>, &'b Resource)>,
    /// Objects in files that no kustomization lists.
    unlisted: Vec<Found>,
}

/// A kind and a name.
type Wanted<'w> = BTreeSet<(&'w str, &'w str)>;

fn wants(wanted: &Wanted<'_>, resource: &Resource) -> bool {
    wanted.contains(&(resource.kind(), resource.name()))
}

impl<'b> Values<'b> {
    /// Looks through the built overlays, and through unlisted files if the overlays lack an object.
    pub(super) fn new(built: &'b [Built<'b>], tree: Tree<'_>) -> Values<'b> {
        let wanted: Wanted<'_> = built
            .iter()
            .filter_map(|built| built.pointer?.post_build.as_ref())
            .flat_map(|build| &build.from)
            .map(|reference| (reference.kind.as_str(), reference.name.as_str()))
            .filter(|(kind, _)| KINDS.contains(kind))
            .collect();
        let mut values = Values {
            rendered: Vec::new(),
            unlisted: Vec::new(),
        };
        if wanted.is_empty() {
            return values;
        }
        for built in built {
            let resources = built.rendered.resources.iter();
            let found = resources.filter(|resource| wants(&wanted, resource));
            let placement = built.any_placement();
            let rendered = &mut values.rendered;
            rendered.extend(found.map(|resource| (placement, resource)));
        }
        let found: Wanted<'_> = values
            .rendered
            .iter()
            .map(|(_, resource)| (resource.kind(), resource.name()))
            .collect();
        if !wanted.is_subset(&found) {
            values.unlisted = unlisted(&wanted, tree);
        }
        values
    }

    /// The object that a Kustomization means: the one of its own environment and variant, else of
    /// its environment, else of none. `None` if there is none, or if several differ.
    pub(super) fn find(&self, reference: &Reference, asking: &Built<'_>) -> Option<&Node> {
        let own = asking.any_placement();
        let unlisted = self.unlisted.iter();
        nearest(own, reference, self.rendered.iter().copied())
            .or_else(|| nearest(own, reference, unlisted.map(Found::pair)))
    }
}

/// Wanted objects in files that no kustomization lists. A patch looks like an object, so it must not
/// count.
fn unlisted(wanted: &Wanted<'_>, tree: Tree<'_>) -> Vec<Found> {
    let renderer = tree.renderer;
    let mut listed: BTreeSet<String> = BTreeSet::new();
    for (root, kustomization) in tree.kustomizations() {
        let paths = kustomization.paths();
        listed.extend(paths.filter_map(|entry| join(&root.folder, path_in(entry))));
    }
    let source = renderer.source();
    let holds = |path: &&Arc<str>| {
        let bytes = source.read(path).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
        text.is_some_and(|text| {
            let mut wanted = wanted.iter();
            wanted.any(|(kind, name)| text.contains(kind) && text.contains(name))
        })
    };
    let yaml = |path: &&Arc<str>| {
        (path.ends_with(".yaml") || path.ends_with(".yml")) && !listed.contains(&***path)
    };
    let mut found = Vec::new();
    for path in source.files().iter().filter(yaml).filter(holds) {
        let Ok(documents) = renderer.parsed(path) else {
            continue;
        };
        let placement = tree.layout.placement(folder_of(path));
        let resources = documents.documents.iter().cloned().map(Resource::new);
        found.extend(
            resources
                .filter(|resource| wants(wanted, resource))
                .map(|resource| Found {
                    placement: placement.clone(),
                    resource,
                }),
        );
    }
    found
}
