//! The changes that an agent makes to a kustomization before it builds it.
//!
//! Flux writes fields into the file (`github.com/fluxcd/pkg/kustomize`, `GenerateManifest`); Argo
//! CD runs `kustomize edit` for each of them (`util/kustomize`, `Build`). Not here: reading
//! the agents' objects (`flux`, `argocd`).

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::kustomize::decode::{Pair, Text};
use crate::kustomize::kustomization::{ImageEntry, LabelEntry};
use crate::kustomize::{Kustomization, Problem};
use crate::repo::AgentKind;
use crate::source::{Source, join};

/// Stands for a part of an image that stays as the kustomization has it.
const KEEP: &str = "*";

/// The fields that an agent's object sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// The agent whose object it is.
    pub agent: AgentKind,
    /// Only the fields that the object sets.
    pub kustomization: Kustomization,
    /// Leave out components whose folder does not exist.
    pub ignore_missing_components: bool,
    /// Argo CD: replace labels that the kustomization sets.
    pub force_labels: bool,
    /// Argo CD: replace annotations that the kustomization sets.
    pub force_annotations: bool,
    /// Parts of its values that stay as written because only the cluster knows them.
    pub unknown: BTreeSet<Arc<str>>,
}

impl Layer {
    /// A layer that adds nothing.
    pub fn new(agent: AgentKind, kustomization: Kustomization) -> Layer {
        Layer {
            agent,
            kustomization,
            ignore_missing_components: false,
            force_labels: false,
            force_annotations: false,
            unknown: BTreeSet::new(),
        }
    }

    /// True if the object adds nothing.
    pub fn is_empty(&self) -> bool {
        let layer = &self.kustomization;
        layer.name_prefix.is_none()
            && layer.name_suffix.is_none()
            && layer.namespace.is_none()
            && layer.common_labels.is_empty()
            && layer.labels.is_empty()
            && layer.common_annotations.is_empty()
            && layer.patches.is_empty()
            && layer.images.is_empty()
            && layer.replicas.is_empty()
            && layer.components.is_empty()
            && layer.build_metadata.is_empty()
    }

    /// The kustomization of a folder as the agent builds it.
    pub fn edit(
        &self,
        own: &Kustomization,
        folder: &str,
        source: &dyn Source,
        problems: &mut Vec<Problem>,
    ) -> Kustomization {
        let layer = self.kustomization.clone();
        let mut edited = own.clone();
        edited.name_prefix = layer.name_prefix.or(edited.name_prefix);
        edited.name_suffix = layer.name_suffix.or(edited.name_suffix);
        edited.namespace = layer.namespace.or(edited.namespace);
        edited.patches.extend(layer.patches);
        if !layer.build_metadata.is_empty() {
            edited.build_metadata = layer.build_metadata;
        }
        for component in layer.components {
            let exists =
                || join(folder, &component).is_some_and(|path| source.kind(&path).is_some());
            // Flux adds a listed component once more, and kustomize then refuses it
            let mut listed = edited.components.iter();
            let is_listed =
                self.agent == AgentKind::ArgoCd && listed.any(|listed| **listed == *component);
            if !is_listed && (!self.ignore_missing_components || exists()) {
                edited.components.push(component);
            }
        }
        for replica in layer.replicas {
            edited
                .replicas
                .retain(|present| present.name.as_deref() != replica.name.as_deref());
            edited.replicas.push(replica);
        }
        match self.agent {
            AgentKind::Flux => layer
                .images
                .into_iter()
                .for_each(|image| merge_image(&mut edited.images, image)),
            AgentKind::ArgoCd if !layer.images.is_empty() => {
                set_images(&mut edited.images, layer.images)
            }
            AgentKind::ArgoCd => {}
        }
        let mut annotations = Setter {
            what: "annotation",
            force_field: "forceCommonAnnotations",
            force: self.force_annotations,
            problems,
        };
        annotations.set(&mut edited.common_annotations, layer.common_annotations);
        let mut labels = Setter {
            what: "label",
            force_field: "forceCommonLabels",
            force: self.force_labels,
            problems,
        };
        labels.set(&mut edited.common_labels, layer.common_labels);
        for entry in layer.labels {
            let same = |other: &&mut LabelEntry| {
                !other.include_selectors && other.include_templates == entry.include_templates
            };
            match edited.labels.iter_mut().find(same) {
                Some(other) => labels.set(&mut other.pairs, entry.pairs),
                None => edited.labels.push(entry),
            }
        }
        edited
    }
}

/// Sets labels or annotations. Argo CD refuses one that is already set, unless it is told to force
/// it.
struct Setter<'p> {
    what: &'static str,
    force_field: &'static str,
    force: bool,
    problems: &'p mut Vec<Problem>,
}

impl Setter<'_> {
    fn set(&mut self, pairs: &mut Vec<Pair>, new: Vec<Pair>) {
        for pair in new {
            match pairs.iter_mut().find(|old| old.key == pair.key) {
                Some(old) if self.force => *old = pair,
                Some(old) => {
                    let message = format!(
                        "{} {:?} is already set by the kustomization; Argo CD cannot build it",
                        self.what, pair.key
                    );
                    let help =
                        format!("set `{}: true`, or remove one of the two", self.force_field);
                    self.problems.push(
                        Problem::error(pair.key_origin, message)
                            .with_help(help)
                            .with_related("it is set here", old.key_origin),
                    );
                }
                None => pairs.push(pair),
            }
        }
    }
}

fn named<'i>(images: &'i mut [ImageEntry], image: &ImageEntry) -> Option<&'i mut ImageEntry> {
    images
        .iter_mut()
        .find(|present| present.name.as_deref() == image.name.as_deref())
}

/// Flux: fields of an entry of the same name are replaced one by one, tag and digest together.
fn merge_image(images: &mut Vec<ImageEntry>, image: ImageEntry) {
    let Some(present) = named(images, &image) else {
        return images.push(image);
    };
    if image.new_name.is_some() {
        present.new_name = image.new_name;
    }
    if image.new_tag.is_some() || image.digest.is_some() {
        (present.new_tag, present.digest) = (image.new_tag, image.digest);
    }
    present.origin = image.origin;
}

/// Argo CD: `kustomize edit set image` replaces entries of the same name, keeps parts written as
/// `*`, and sorts by name.
fn set_images(images: &mut Vec<ImageEntry>, new: Vec<ImageEntry>) {
    let kept = |new: Option<Text>, old: Option<&Text>| match new {
        Some(text) if *text == *KEEP => old.cloned(),
        other => other,
    };
    for mut image in new {
        let old = named(images, &image).cloned();
        let old = old.as_ref();
        image.new_name = kept(image.new_name, old.and_then(|old| old.new_name.as_ref()));
        image.new_tag = kept(image.new_tag, old.and_then(|old| old.new_tag.as_ref()));
        image.digest = kept(image.digest, old.and_then(|old| old.digest.as_ref()));
        images.retain(|present| present.name.as_deref() != image.name.as_deref());
        images.push(image);
    }
    images.sort_by(|one, other| one.name.as_deref().cmp(&other.name.as_deref()));
}
