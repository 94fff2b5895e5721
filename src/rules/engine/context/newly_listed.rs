//! The entries that a change adds to kustomizations. Files that they bring in are new to an overlay,
//! though no line in them is.

use std::sync::{Arc, OnceLock};

use super::Context;
use super::unlisted::entries;
use crate::kustomize::loader::is_kustomization;
use crate::repo::{Overlay, Repo};
use crate::source::is_below;
use crate::yaml::{FileId, Origin};

/// An entry of a kustomization that the base does not have.
struct Entry {
    kustomization: FileId,
    /// The file or folder that it names.
    path: String,
    origin: Origin,
}

/// The entries, found once.
#[derive(Default)]
pub(super) struct NewlyListed(OnceLock<Vec<Entry>>);

impl Context<'_> {
    /// The new entry through which an overlay reads a file that the change leaves as it is.
    pub(in crate::rules) fn newly_listed(&self, overlay: &Overlay, file: FileId) -> Option<Origin> {
        let (base, changed) = self.base.zip(self.changed)?;
        let path = self.repo.files.get(file).path.clone();
        if changed.contains(&path) {
            return None;
        }
        let found = || {
            let kustomizations = changed.iter().filter(|path| is_kustomization(path));
            let added = kustomizations.flat_map(|path| added(self.repo, base, path));
            added.collect()
        };
        let mut entries = self.newly_listed.0.get_or_init(found).iter();
        let brings = |entry: &&Entry| {
            is_below(&path, &entry.path) && overlay.rendered.files.contains(&entry.kustomization)
        };
        entries.find(brings).map(|entry| entry.origin)
    }
}

fn added(head: &Repo, base: &Repo, path: &Arc<str>) -> Vec<Entry> {
    let now = listed(head, path);
    let before = listed(base, path);
    let is_new = |entry: &Entry| !before.iter().any(|old| old.path == entry.path);
    now.into_iter().filter(is_new).collect()
}

/// The files and folders that a kustomization lists.
fn listed(repo: &Repo, path: &str) -> Vec<Entry> {
    let Some((file, document)) = repo.yaml(path) else {
        return Vec::new();
    };
    let found = entries(&document, path).map(|(path, origin)| Entry {
        kustomization: file,
        path,
        origin,
    });
    found.collect()
}
