//! Folders of rendered manifests in a branch that is an environment, as Argo CD's source hydrator and
//! other tools write them. The object of the agent that applies such a folder is in another branch.
//!
//! Here: which folders these are. Not here: following them (`follow`).

use std::collections::{BTreeMap, BTreeSet};

use super::assumed::Release;
use super::{Object, Reading, argocd};
use crate::kustomize::Renderer;
use crate::kustomize::loader::is_kustomization;
use crate::repo::discover::is_set_aside;
use crate::source::folder_of;
use crate::source::refs::split;
use crate::yaml::{Node, Origin, Scalar};

/// Larger files are no manifests that a person or a hydrator writes.
const LARGEST: usize = 16 << 20;

/// The folders of manifests in branches without a kustomization, the topmost ones. `is_applied`
/// returns true for a folder that an agent applies.
pub(super) fn releases(reading: &Reading<'_>, is_applied: &dyn Fn(&str) -> bool) -> Vec<Release> {
    let renderer = reading.renderer;
    let mut found = Vec::new();
    for (root, _) in reading.layout.branches() {
        let files = renderer.source().files().iter();
        let own = files.filter(|path| split(path).0 == root);
        let paths: Vec<&str> = own.map(|path| &**path).collect();
        if paths
            .iter()
            .any(|path| is_kustomization(path) || is_chart(path))
        {
            continue;
        }
        for (folder, first) in topmost(&paths, renderer) {
            let placement = reading.layout.placement(folder);
            if let Some(placement) = placement.filter(|_| !is_applied(folder))
                && let Some(object) = object(folder, first, renderer)
            {
                let shown = if folder.is_empty() { "." } else { folder };
                found.push(Release {
                    object,
                    name: format!("manifests in {shown}"),
                    placement,
                });
            }
        }
    }
    found
}

fn is_chart(path: &str) -> bool {
    path.ends_with("/Chart.yaml") || path == "Chart.yaml"
}

/// The folders with a file of objects that are not below another one, each with its first file.
fn topmost<'p>(paths: &[&'p str], renderer: &Renderer) -> BTreeMap<&'p str, &'p str> {
    let mut folders: BTreeMap<&str, &str> = BTreeMap::new();
    for path in paths {
        let folder = folder_of(path);
        let is_hidden = split(path).1.split('/').any(|part| part.starts_with('.'));
        if !folders.contains_key(folder)
            && !is_hidden
            && !is_set_aside(folder)
            && holds_objects(path, renderer)
        {
            folders.insert(folder, path);
        }
    }
    let every: BTreeSet<&str> = folders.keys().copied().collect();
    folders.retain(|folder, _| {
        let above = std::iter::successors(Some(*folder), |path| {
            (!path.is_empty()).then(|| folder_of(path))
        });
        !above.skip(1).any(|path| every.contains(path))
    });
    folders
}

fn holds_objects(path: &str, renderer: &Renderer) -> bool {
    let is_yaml = [".yaml", ".yml", ".json"];
    let mentions = |text: &str| text.contains("apiVersion") && text.contains("kind");
    is_yaml.iter().any(|end| path.ends_with(end))
        && renderer.skim(path, LARGEST, mentions)
        && renderer.parsed(path).is_ok_and(|read| {
            let mut documents = read.documents.iter();
            documents.any(|node| node.get("apiVersion").is_some() && node.get("kind").is_some())
        })
}

/// An Application with the folder, as a part of its first file.
fn object(folder: &str, path: &str, renderer: &Renderer) -> Option<Object> {
    let file = renderer.file_id(path)?;
    let origin = Origin::start_of(file);
    let mut node = argocd::elsewhere(folder, "", origin);
    if let Some(source) = node.get_mut("spec").and_then(|spec| spec.get_mut("source")) {
        let mut directory = Node::map(Vec::new(), origin);
        directory.set("recurse", Node::scalar(Scalar::bool(true), origin), origin);
        source.set("directory", directory, origin);
    }
    let path = renderer.files().get(file).path.clone();
    Some(Object { file, path, node })
}
