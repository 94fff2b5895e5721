//! What an agent changes in a kustomization before it builds it: fields are set, entries of lists added, `images` and `replicas`
//! of a name replaced, as `kustomize edit` does.

use crate::kustomize::Kustomization;
use crate::kustomize::decode::Pair;

/// The fields that an agent's object sets.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Only what the object says.
    pub kustomization: Kustomization,
}

impl Layer {
    /// Whether the object adds nothing.
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
    }

    /// The kustomization as the agent builds it.
    pub fn edit(&self, own: &Kustomization) -> Kustomization {
        let layer = self.kustomization.clone();
        let mut edited = own.clone();
        edited.name_prefix = layer.name_prefix.or(edited.name_prefix);
        edited.name_suffix = layer.name_suffix.or(edited.name_suffix);
        edited.namespace = layer.namespace.or(edited.namespace);
        edited.patches.extend(layer.patches);
        edited.components.extend(layer.components);
        edited.labels.extend(layer.labels);
        set_pairs(&mut edited.common_labels, layer.common_labels);
        set_pairs(&mut edited.common_annotations, layer.common_annotations);
        for image in layer.images {
            edited.images.retain(|present| present.name.as_deref() != image.name.as_deref());
            edited.images.push(image);
        }
        for replica in layer.replicas {
            edited.replicas.retain(|present| present.name.as_deref() != replica.name.as_deref());
            edited.replicas.push(replica);
        }
        edited
    }
}

fn set_pairs(present: &mut Vec<Pair>, new: Vec<Pair>) {
    for pair in new {
        present.retain(|other| other.key != pair.key);
        present.push(pair);
    }
}
