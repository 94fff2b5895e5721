//! Manifests in the folder of a kustomization that no kustomization lists.

use super::super::Unreferenced;
use super::super::discover::{Layout, Root, is_set_aside};
use crate::kustomize::kustomization::path_in;
use crate::kustomize::loader::is_kustomization;
use crate::kustomize::{Kustomization, Renderer};
use crate::source::{folder_of, join};
use crate::yaml::Node;
use foldhash::HashSet;
use rayon::prelude::*;
use std::sync::Arc;

/// Manifests in the folders of kustomizations that no kustomization names.
pub(super) fn unreferenced(
    roots: &[Root],
    renderer: &Renderer,
    layout: &Layout,
) -> Vec<Unreferenced> {
    let source = renderer.source();
    let read: Vec<(&Root, Arc<Kustomization>)> = roots
        .par_iter()
        .filter_map(|root| {
            Some((
                root,
                renderer
                    .kustomization(&root.folder)?
                    .kustomization
                    .clone()?,
            ))
        })
        .collect();
    let real = |path: String| {
        if source.has_links() {
            source.resolve(&path).unwrap_or(path)
        } else {
            path
        }
    };
    let named: HashSet<String> = read
        .par_iter()
        .flat_map_iter(|(root, kustomization)| {
            kustomization
                .paths()
                .filter_map(|entry| join(&root.folder, path_in(entry)))
                .map(real)
        })
        .collect();
    // a folder whose kustomization lists no file of its own holds its files for another purpose
    let lists = |kustomization: &Kustomization| {
        kustomization
            .resources
            .iter()
            .any(|entry| !entry.contains('/') && entry.contains('.'))
            && kustomization.helm_charts.is_empty()
            && kustomization.generators.is_empty()
            && kustomization.transformers.is_empty()
    };
    let listing: HashSet<&str> = read
        .iter()
        .filter(|(_, kustomization)| lists(kustomization))
        .map(|(root, _)| root.folder.as_str())
        .collect();
    let candidates: Vec<&Arc<str>> = source
        .files()
        .par_iter()
        .filter(|path| {
            let folder = folder_of(path);
            let name = path.rsplit('/').next().unwrap_or(path);
            (path.ends_with(".yaml") || path.ends_with(".yml"))
                && !name.starts_with('.')
                && !is_kustomization(path)
                && listing.contains(folder)
                && !named.contains(&***path)
                && !is_set_aside(folder)
                && !matches!(layout.place(folder), Some(Err(())))
        })
        .collect();
    candidates
        .par_iter()
        .filter_map(|path| {
            let documents = renderer.parsed(path).ok()?;
            let object = |node: &Node| {
                let filled = |path: &[&str]| {
                    node.at(path)
                        .and_then(Node::text)
                        .is_some_and(|text| !text.is_empty())
                };
                filled(&["apiVersion"]) && filled(&["kind"]) && filled(&["metadata", "name"])
            };
            let documents: Vec<Node> = documents
                .documents
                .iter()
                .filter(|node| !node.is_null())
                .cloned()
                .collect();
            let kustomization = renderer.kustomization(folder_of(path))?.file?;
            let file = renderer.file_id(path)?;
            (!documents.is_empty() && documents.iter().all(object)).then_some(Unreferenced {
                file,
                kustomization,
                documents,
            })
        })
        .collect()
}
