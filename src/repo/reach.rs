//! Finds the kustomizations that a change can affect: those that name a changed file or folder, and
//! all that build on them.
//!
//! This works without rendering. If it cannot be decided, a kustomization counts as affected.

use std::collections::BTreeSet;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use super::discover::Root;
use super::{Overlay, Repo};
use crate::kustomize::kustomization::path_in;
use crate::kustomize::loader::FILE_NAMES;
use crate::kustomize::{Kustomization, Renderer};
use crate::source::join;

impl Repo {
    /// The overlays that may read one of some files, found without rendering.
    pub fn readers_of(&self, files: &BTreeSet<Arc<str>>) -> Vec<&Overlay> {
        let renderer: &Renderer = &self.renderer;
        let change = Change::new(files, &[renderer]);
        let reached = change.reached(&self.roots, renderer);
        let may_read =
            |overlay: &&Overlay| reached.contains(&overlay.path) || change.touches(&overlay.path);
        self.overlays.iter().filter(may_read).collect()
    }
}

/// The paths that changed, indexed for look-ups.
pub(super) struct Change<'a> {
    files: HashSet<&'a str>,
    /// Every folder with a changed file somewhere below.
    folders: HashSet<&'a str>,
    /// The folders whose kustomization changed.
    own: HashSet<&'a str>,
    /// The last segments of all these paths, for a quick first test: a path whose last segment is
    /// not in here did not change.
    names: HashSet<&'a str>,
    /// A symbolic link changed: any path may lead elsewhere.
    links: bool,
}

impl<'a> Change<'a> {
    /// The change of some paths, between any of the trees that renderers read.
    pub(super) fn new(paths: &'a BTreeSet<Arc<str>>, renderers: &[&Renderer]) -> Change<'a> {
        let files: HashSet<&str> = paths.iter().map(|path| &**path).collect();
        let above =
            |path: &'a Arc<str>| path.match_indices('/').filter_map(|(at, _)| path.get(..at));
        // a path in a submodule that is not checked out may lead anywhere as well
        let anywhere = |renderer: &Renderer, path: &Arc<str>| {
            let source = renderer.source();
            source.has_links() && source.link(path).is_some()
                || source.kind(path).is_none() && source.withheld(path).is_some()
        };
        let links = renderers
            .iter()
            .any(|renderer| paths.iter().any(|path| anywhere(renderer, path)));
        let folders: HashSet<&str> = paths.iter().flat_map(above).collect();
        let split = |path: &'a str| path.rsplit_once('/').unwrap_or(("", path));
        let own = files
            .iter()
            .map(|path| split(path))
            .filter(|(_, name)| FILE_NAMES.contains(name))
            .map(|(folder, _)| folder)
            .collect();
        let names = files
            .iter()
            .chain(&folders)
            .map(|path| split(path).1)
            .collect();
        Change {
            files,
            folders,
            own,
            names,
            links,
        }
    }

    /// True if a file changed, or something in a folder.
    pub(super) fn touches(&self, path: &str) -> bool {
        self.links || self.files.contains(path) || self.folders.contains(path)
    }

    /// The folders of the kustomizations that the change can reach.
    pub(super) fn reached(&self, roots: &[Root], renderer: &Renderer) -> HashSet<String> {
        let known: HashSet<&str> = roots.iter().map(|root| root.folder.as_str()).collect();
        let mut users: HashMap<&str, Vec<&str>> = HashMap::default();
        for root in roots {
            for folder in &root.references {
                users.entry(folder).or_default().push(&root.folder);
            }
        }
        let mut waiting: Vec<&str> = roots
            .iter()
            .filter(|root| self.reaches(root, renderer, &known))
            .map(|root| root.folder.as_str())
            .collect();
        let mut found: HashSet<String> = HashSet::default();
        while let Some(folder) = waiting.pop() {
            if found.insert(folder.to_string()) {
                waiting.extend(users.get(folder).into_iter().flatten());
            }
        }
        found
    }

    fn reaches(&self, root: &Root, renderer: &Renderer, known: &HashSet<&str>) -> bool {
        if self.links || self.own.contains(root.folder.as_str()) {
            return true;
        }
        let Some(kustomization) = renderer
            .kustomization(&root.folder)
            .and_then(|loaded| loaded.kustomization.clone())
        else {
            return true;
        };
        // plugins read files that their own configuration names, and our configuration names copies
        // of charts
        !self.files.is_empty() && kustomization.has_plugins()
            || self.names(&kustomization, &root.folder, renderer, |target| {
                known.contains(target)
            })
    }

    /// True if a kustomization names a changed path. A changed folder that `elsewhere` accepts does
    /// not count.
    pub(super) fn names(
        &self,
        kustomization: &Kustomization,
        folder: &str,
        renderer: &Renderer,
        elsewhere: impl Fn(&str) -> bool,
    ) -> bool {
        let source = renderer.source();
        kustomization.paths().any(|entry| {
            let path = path_in(entry);
            let last = path
                .trim_end_matches('/')
                .rsplit('/')
                .next()
                .unwrap_or(path);
            if !source.has_links() && !matches!(last, "" | "." | "..") && !self.names.contains(last)
            {
                return false;
            }
            let Some(path) = join(folder, path) else {
                return false;
            };
            let target = if source.has_links() {
                source.resolve(&path).unwrap_or(path)
            } else {
                path
            };
            self.files.contains(&*target)
                || (self.folders.contains(&*target) && !elsewhere(&target))
        })
    }
}
