//! Entries of kustomizations that lead from one environment into another.

use super::super::Crossing;
use super::super::discover::{Layout, Root};
use crate::kustomize::Renderer;
use crate::kustomize::context::is_below;
use crate::kustomize::kustomization::path_in;
use crate::source::{EntryKind, folder_of, join};
use rayon::prelude::*;

/// Entries that lead from one environment into another.
pub(super) fn crossings(roots: &[Root], renderer: &Renderer, layout: &Layout) -> Vec<Crossing> {
    let source = renderer.source();
    let of_root = |root: &Root| {
        let mut found = Vec::new();
        let Some(Ok(own)) = layout.place(&root.folder) else {
            return found;
        };
        let Some(kustomization) = renderer
            .kustomization(&root.folder)
            .and_then(|loaded| loaded.kustomization.clone())
        else {
            return found;
        };
        for entry in kustomization.paths() {
            let path = path_in(entry);
            // what is written below the own environment stays there, whatever words its folders
            // carry
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
            if let Some(Ok(other)) = layout.place(folder)
                && other.environment != own.environment
                // what is not known to be an environment may be meant to be built upon
                && layout.is_ordered(other.environment)
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
    roots.par_iter().flat_map_iter(of_root).collect()
}
