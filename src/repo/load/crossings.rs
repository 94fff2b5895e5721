//! Entries of kustomizations that lead from one environment into another.

use super::super::Crossing;
use super::super::discover::Root;
use super::Tree;
use crate::kustomize::Kustomization;
use crate::kustomize::kustomization::path_in;
use crate::source::{EntryKind, folder_of, is_below, join};
use rayon::prelude::*;
use std::sync::Arc;

/// Entries that lead from one environment into another.
pub(super) fn crossings(tree: Tree<'_>) -> Vec<Crossing> {
    let source = tree.renderer.source();
    let of_root = |(root, kustomization): &(&Root, Arc<Kustomization>)| {
        let mut found = Vec::new();
        let Some(own) = tree.layout.placement(&root.folder) else {
            return found;
        };
        for entry in kustomization.paths() {
            let path = path_in(entry);
            // a path inside the folder of its own environment does not lead into another one, even
            // if a folder on it has the name of another environment
            let Some(target) =
                join(&root.folder, path).filter(|target| !is_below(target, &own.prefix))
            else {
                continue;
            };
            let folder = match source.kind(&target) {
                Some(EntryKind::Directory) => target.as_str(),
                Some(EntryKind::File) => folder_of(&target),
                None => continue,
            };
            if let Some(other) = tree.layout.placement(folder)
                && other.environment != own.environment
                // a folder that is only recognised by its shape may be a shared base instead
                && tree.layout.is_ordered(other.environment)
                && (tree.layout.is_protected(own.environment) || !is_for_several(&target))
            {
                let (from, to) = (own.environment, other.environment);
                found.push(Crossing {
                    folder: root.folder.clone(),
                    origin: entry.origin(),
                    target,
                    from,
                    to,
                });
            }
        }
        found
    };
    let kustomizations: Vec<_> = tree.kustomizations().collect();
    kustomizations.par_iter().flat_map_iter(of_root).collect()
}

/// Folders of components that environments share by kind: `variants/prod` has what staging and
/// production have in common.
const SHARED: &[&str] = &["variants", "components", "profiles", "features"];

/// True if the name of a folder says that several environments use it: `components/prod`,
/// `shared/nonprod`.
fn is_for_several(path: &str) -> bool {
    path.to_ascii_lowercase().split('/').any(|segment| {
        SHARED.contains(&segment) || segment.replace(['-', '_'], "").contains("nonprod")
    })
}
