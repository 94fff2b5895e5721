//! Manifests in the folder of a kustomization that no kustomization lists.

use super::super::Unreferenced;
use super::super::controls::{group_of, is_control};
use super::super::discover::is_set_aside;
use super::{Tree, scripts};
use crate::kustomize::kustomization::path_in;
use crate::kustomize::loader::is_kustomization;
use crate::kustomize::{Kustomization, Renderer};
use crate::source::{folder_of, is_below, join};
use crate::yaml::Node;
use foldhash::HashSet;
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Manifests in the folders of kustomizations that no kustomization lists.
pub(super) fn unreferenced(tree: Tree<'_>) -> Vec<Unreferenced> {
    let source = tree.renderer.source();
    let kustomizations: Vec<(&str, Arc<Kustomization>)> = tree
        .kustomizations()
        .map(|(root, kustomization)| (root.folder.as_str(), kustomization))
        .collect();
    let real = |path: String| {
        if source.has_links() {
            source.resolve(&path).unwrap_or(path)
        } else {
            path
        }
    };
    let listed: HashSet<String> = kustomizations
        .par_iter()
        .flat_map_iter(|(folder, kustomization)| {
            let paths = kustomization.paths();
            paths
                .filter_map(|entry| join(folder, path_in(entry)))
                .map(real)
        })
        .collect();
    let folders_that = |lists: &dyn Fn(&Kustomization) -> bool| -> HashSet<&str> {
        let listing = kustomizations.iter();
        listing
            .filter(|(_, kustomization)| lists(kustomization))
            .map(|(folder, _)| *folder)
            .collect()
    };
    let listing = folders_that(&lists_files);
    // an overlay that lists nothing but its base
    let building: HashSet<&str> = folders_that(&builds_upon_folders)
        .into_iter()
        .filter(|folder| tree.layout.placement(folder).is_some())
        .collect();
    let is_candidate = |path: &&Arc<str>| {
        let folder = folder_of(path);
        let name = path.rsplit('/').next().unwrap_or(path);
        (path.ends_with(".yaml") || path.ends_with(".yml"))
            && !name.starts_with('.')
            && !is_kustomization(path)
            && (listing.contains(folder) || building.contains(folder))
            && !listed.contains(&***path)
            && !is_set_aside(folder)
            && !tree.layout.is_ignored(folder)
    };
    let candidates: Vec<&Arc<str>> = source.files().par_iter().filter(is_candidate).collect();
    let found: Vec<Unreferenced> = candidates
        .par_iter()
        .filter_map(|path| manifests(path, tree.renderer))
        .collect();
    let path_of = |found: &Unreferenced| tree.renderer.files().get(found.file).path.clone();
    let paths: Vec<Arc<str>> = found.iter().map(path_of).collect();
    let named = match paths.is_empty() {
        true => BTreeSet::new(),
        false => scripts::named(tree, &paths.iter().map(|path| &**path).collect::<Vec<_>>()),
    };
    let found = found.into_iter().zip(&paths).filter(|(found, path)| {
        let folder = folder_of(path);
        let documents = &found.documents;
        let is_agent = documents.iter().all(|node| is_control(group_of(node)));
        // the object of the agent that applies an overlay often lies beside it
        let is_apart = is_agent && (!listing.contains(folder) || applies_itself(tree, path));
        !is_apart && !named.contains(&***path)
    });
    found.map(|(found, _)| found).collect()
}

/// True if an agent's object applies the folder that it lies in: the first Application of a cluster,
/// which people apply by hand.
fn applies_itself(tree: Tree<'_>, path: &str) -> bool {
    let mut own = tree.agents.pointers.iter();
    own.any(|pointer| &*pointer.file == path && is_below(path, &pointer.folder))
}

/// True if a kustomization builds upon other folders and lists no file.
fn builds_upon_folders(kustomization: &Kustomization) -> bool {
    !lists_files(kustomization)
        && !kustomization.resources.is_empty()
        && kustomization.helm_charts.is_empty()
        && kustomization.generators.is_empty()
        && kustomization.transformers.is_empty()
}

/// True if a kustomization lists files of its own folder. If it does not, the files beside it serve
/// another purpose.
fn lists_files(kustomization: &Kustomization) -> bool {
    kustomization
        .resources
        .iter()
        .any(|entry| !entry.contains('/') && entry.contains('.'))
        && kustomization.helm_charts.is_empty()
        && kustomization.generators.is_empty()
        && kustomization.transformers.is_empty()
}

/// The file, if it holds Kubernetes objects and nothing else.
fn manifests(path: &str, renderer: &Renderer) -> Option<Unreferenced> {
    let documents = renderer.parsed(path).ok()?;
    let documents: Vec<Node> = documents
        .documents
        .iter()
        .filter(|node| !node.is_null())
        .cloned()
        .collect();
    let kustomization = renderer.kustomization(folder_of(path))?.file?;
    let file = renderer.file_id(path)?;
    (!documents.is_empty() && documents.iter().all(is_object)).then_some(Unreferenced {
        file,
        kustomization,
        documents,
    })
}

fn is_object(node: &Node) -> bool {
    let filled = |path: &[&str]| {
        node.at(path)
            .and_then(Node::text)
            .is_some_and(|text| !text.is_empty())
    };
    filled(&["apiVersion"]) && filled(&["kind"]) && filled(&["metadata", "name"])
}
