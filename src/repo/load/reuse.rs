//! Sharing between two revisions: overlays that the change between them cannot reach keep their
//! rendering.

use super::super::agents::{self, Agents, Pointer};
use super::super::codeowners::CodeOwners;
use super::super::discover::{Root, in_chart};
use super::super::reach::Change;
use super::super::{Overlay, Repo, records, renovate, submodules};
use super::built::{finished, origin_of, to_be_built, with_releases};
use super::roots::shape;
use crate::config::Environment;
use crate::kustomize::loader::is_kustomization;
use crate::kustomize::{LazyRendered, Renderer};
use crate::source::{EntryKind, folder_of, join};
use foldhash::HashSet;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Repo {
    /// True if a change cannot alter which overlays there are: it only edits files, adds or removes
    /// no path in a kustomization, and touches no agent's object. Bumping `newTag` is such a
    /// change; adding `resources: [pdb.yaml]` is not.
    pub(super) fn keeps_shape(&self, renderer: &Renderer, changed: &BTreeSet<Arc<str>>) -> bool {
        let file = |renderer: &Renderer, path: &str| {
            renderer.source().kind(path) == Some(EntryKind::File)
                && renderer.source().link(path).is_none()
        };
        let from_values = self.pointers().iter().any(|pointer| {
            pointer
                .post_build
                .as_ref()
                .is_some_and(|build| !build.from.is_empty())
        });
        let roots: HashSet<&str> = self.roots.iter().map(|root| root.folder.as_str()).collect();
        let in_root = |path: &str| {
            path.match_indices('/')
                .filter_map(|(at, _)| path.get(..at))
                .chain([""])
                .any(|folder| roots.contains(folder))
        };
        let values: HashSet<String> = self.pointers().iter().flat_map(reads).collect();
        !from_values
            && changed.is_disjoint(&self.agents.decisive)
            && changed.iter().all(|path| {
                let name = path.rsplit('/').next().unwrap_or(path);
                let both =
                    |holds: &dyn Fn(&Renderer) -> bool| holds(&self.renderer) && holds(renderer);
                // any file outside of the kustomizations may be one that an ApplicationSet reads
                let named = || self.pointers().is_empty() || in_root(path);
                !in_chart(path, &**self.renderer.source())
                    && !in_chart(path, &**renderer.source())
                    && !values.contains(&**path)
                    && both(&|renderer| file(renderer, path))
                    && if is_kustomization(path) {
                        shape(folder_of(path), &self.renderer)
                            .is_some_and(|own| shape(folder_of(path), renderer) == Some(own))
                    } else {
                        !name.starts_with('.')
                            && both(&|renderer| !agents::mentions(renderer, path))
                            && named()
                    }
            })
    }

    /// The same overlays, rendered from another revision; for changes that [`Repo::keeps_shape`]
    /// accepts.
    pub(super) fn reshared(&self, renderer: Arc<Renderer>, changed: &BTreeSet<Arc<str>>) -> Repo {
        let (source, files) = (renderer.source().clone(), self.files.clone());
        let known = HeadRenderings::new(self, changed, None, &renderer, &self.agents);
        let overlays = self.overlays.iter().map(|overlay| {
            let pointer = self.pointer(overlay);
            let mut overlay = overlay.clone();
            match known.rendering(&overlay, pointer) {
                Some(shared) => overlay.rendered = shared,
                None => {
                    overlay.origin = origin_of(&overlay.path, pointer, &renderer);
                    let rendered =
                        to_be_built(&renderer, &overlay.path, overlay.applied, &self.agents);
                    let rendered = match pointer {
                        Some(pointer) => finished(
                            pointer,
                            overlay.applied,
                            rendered,
                            Vec::new(),
                            (&self.agents, &files),
                        ),
                        None => rendered,
                    };
                    let environment = overlay.environment;
                    let environment = environment.and_then(|index| self.environments.get(index));
                    let cluster = environment.map(Environment::cluster);
                    overlay.rendered = with_releases(
                        rendered,
                        &overlay.path,
                        cluster.unwrap_or_default(),
                        &renderer,
                        &self.agents,
                    );
                }
            }
            overlay
        });
        let overlays: Vec<Overlay> = overlays.collect();
        Repo {
            owners: CodeOwners::find(&*source, &files),
            renovate: renovate::find(&*source, &files),
            submodules: submodules::find(&*source, &files),
            records: records::read(&renderer, &self.record_paths, &overlays, &self.environments),
            source,
            files,
            environments: self.environments.clone(),
            image_fields: self.image_fields.clone(),
            overlays,
            pairs: self.pairs.clone(),
            unreferenced: self.unreferenced.clone(),
            crossings: self.crossings.clone(),
            roots: self.roots.clone(),
            uncovered: self.uncovered.clone(),
            ignored: self.ignored.clone(),
            agents: self.agents.clone(),
            record_paths: self.record_paths.clone(),
            renderer,
        }
    }
}

/// The renderings of the head that are valid for the base as well.
pub(super) struct HeadRenderings<'a> {
    pub(super) head: &'a Repo,
    pub(super) change: Change<'a>,
    pub(super) reached: HashSet<String>,
    pub(super) renderer: &'a Renderer,
    /// True if the agents' objects of the two revisions differ. Such objects may read files
    /// anywhere, so any change may affect the overlays that they apply.
    pub(super) agents_differ: bool,
    /// True if the change touches a `.sourceignore`, which may hide files from any agent.
    pub(super) ignores_differ: bool,
    /// True if the change may affect any chart: it touches one, or a file that no kustomization
    /// reads, which may hold values.
    pub(super) charts_differ: bool,
}

/// The files and folders that the charts of a pointer read besides their own folders.
fn reads(pointer: &Pointer) -> impl Iterator<Item = String> {
    let (folder, charts) = pointer.charts();
    charts.iter().flat_map(move |chart| chart.reads(folder))
}

impl<'a> HeadRenderings<'a> {
    /// `roots`: those of the base, if they differ from the head's.
    pub(super) fn new(
        head: &'a Repo,
        changed: &'a BTreeSet<Arc<str>>,
        roots: Option<&[Root]>,
        renderer: &'a Renderer,
        agents: &Agents,
    ) -> HeadRenderings<'a> {
        let change = Change::new(changed, &[&head.renderer, renderer]);
        let mut reached = change.reached(&head.roots, &head.renderer);
        reached.extend(
            roots
                .iter()
                .flat_map(|roots| change.reached(roots, renderer)),
        );
        let known: HashSet<&str> = head.roots.iter().map(|root| root.folder.as_str()).collect();
        let elsewhere = |path: &Arc<str>| {
            let mut folders = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
            !folders.any(|folder| known.contains(folder))
        };
        let mut paths = changed.iter();
        let charts_differ = paths.any(|path| {
            elsewhere(path)
                || in_chart(path, &**head.renderer.source())
                || in_chart(path, &**renderer.source())
        });
        HeadRenderings {
            charts_differ,
            head,
            change,
            reached,
            renderer,
            agents_differ: head.pointers() != agents.pointers,
            ignores_differ: changed.iter().any(|path| agents::is_ignore_file(path)),
        }
    }

    pub(super) fn rendering(
        &self,
        overlay: &Overlay,
        pointer: Option<&Pointer>,
    ) -> Option<LazyRendered> {
        if self.reached.contains(&overlay.path) {
            return None;
        }
        let known = self.head.same(overlay)?;
        if self.head.pointer(known) != pointer || self.ignores_differ && pointer.is_some() {
            return None;
        }
        let touched = pointer.is_some_and(|pointer| {
            // besides the kustomization, agents read files in its folder and files that their
            // additions name
            let reached =
                |folder: &str| self.reached.contains(folder) || self.change.touches(folder);
            let from = pointer
                .post_build
                .as_ref()
                .is_some_and(|build| !build.from.is_empty());
            let layer = pointer.layer.as_ref().map(|layer| &layer.kustomization);
            from || (self.agents_differ && pointer.layer.is_some())
                || self.change.touches(&overlay.path)
                || layer.is_some_and(|layer| {
                    self.change
                        .names(layer, &overlay.path, self.renderer, |_| false)
                        || layer.components.iter().any(|entry| {
                            join(&overlay.path, entry).is_some_and(|folder| reached(&folder))
                        })
                })
        });
        let chart = pointer.is_some_and(|pointer| {
            let mut read = reads(pointer).peekable();
            let here = self.charts_differ && !pointer.charts().1.is_empty();
            here || read.any(|path| self.change.touches(&path))
        });
        // only a change of charts is worth rendering the overlay
        let releases = || {
            let is_expanded = || known.rendered.resources.iter().any(|one| one.expanded);
            self.charts_differ && is_expanded()
        };
        (!touched && !chart && !releases()).then(|| known.rendered.clone())
    }
}
