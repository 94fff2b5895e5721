//! Which files hold agents' objects that a kustomization changes before a cluster gets them, as
//! `patches` of `argocd/overlays/production` over `argocd/base/app.yaml` do.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use rayon::prelude::*;

use super::super::discover::Root;
use crate::kustomize::Renderer;
use crate::kustomize::kustomization::path_in;
use crate::source::join;

/// The files among `candidates` that a kustomization changes, or one that builds upon it.
pub(super) fn files(
    renderer: &Renderer,
    roots: &[Root],
    candidates: &[Arc<str>],
) -> BTreeSet<Arc<str>> {
    if candidates.is_empty() {
        return BTreeSet::new();
    }
    let wanted: HashMap<&str, &Arc<str>> = candidates.iter().map(|path| (&**path, path)).collect();
    let mut users: HashMap<&str, Vec<&Root>> = HashMap::new();
    for root in roots {
        for folder in &root.references {
            users.entry(folder).or_default().push(root);
        }
    }
    roots
        .par_iter()
        .flat_map_iter(|root| {
            let held = held(root, renderer, &wanted);
            let changed = !held.is_empty() && is_changed(root, &users);
            held.into_iter().filter(move |_| changed)
        })
        .collect()
}

/// The candidates that a kustomization lists itself.
fn held(root: &Root, renderer: &Renderer, wanted: &HashMap<&str, &Arc<str>>) -> Vec<Arc<str>> {
    let loaded = renderer.kustomization(&root.folder);
    let Some(kustomization) = loaded.and_then(|loaded| loaded.kustomization.clone()) else {
        return Vec::new();
    };
    let listed = kustomization.resources.iter();
    listed
        .filter_map(|entry| join(&root.folder, path_in(entry)))
        .filter_map(|path| Some((*wanted.get(path.as_str())?).clone()))
        .collect()
}

/// True if a kustomization, or one that builds upon it, changes what it lists.
fn is_changed<'r>(root: &'r Root, users: &HashMap<&str, Vec<&'r Root>>) -> bool {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut waiting = vec![root];
    while let Some(root) = waiting.pop() {
        if root.changes || root.component {
            return true;
        }
        if seen.insert(&root.folder) {
            waiting.extend(users.get(root.folder.as_str()).into_iter().flatten());
        }
    }
    false
}
