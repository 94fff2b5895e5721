//! Follows one overlay back in time. It is rendered again at each commit that touches one of its
//! files.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::sought::Sought;
use super::versions::images_in;
use super::{Images, images};
use crate::kubernetes::DeclaredField;
use crate::kustomize::loader::is_kustomization;
use crate::kustomize::{Capabilities, Rendered, Renderer};
use crate::repo::Repo;
use crate::repo::agents::{self, Agents, Pointer, Reference};
use crate::repo::discover::Layout;
use crate::source::git::{ChangedPath, Commit, Gaps, Id, Repository};
use crate::source::refs::split;
use crate::source::{EntryKind, Files, folder_of, is_below, join};
use crate::yaml::Node;

/// The largest file, in bytes, whose lines are compared; before a change of a larger one the overlay is
/// rendered.
const LARGEST: u64 = 1 << 20;

/// The file that makes a folder a chart.
const CHART_FILE: &str = "Chart.yaml";

/// An overlay as it was at the commit that the walk has reached.
pub(super) struct Tracked {
    /// Index into [`Repo::overlays`] of the head.
    pub(super) overlay: usize,
    path: String,
    /// The agent's object that applies the overlay, which may patch it.
    applied: Option<Arc<Pointer>>,
    /// The files that the overlay is rendered from.
    files: BTreeSet<String>,
    /// The files with the objects that Flux takes variables from.
    values: BTreeSet<String>,
    pub(super) images: Images,
    declared: Vec<DeclaredField>,
    /// The overlay did not exist before this commit.
    pub(super) begun: bool,
    /// Nobody asks about earlier commits any more.
    pub(super) done: bool,
    /// The clone lacks files of this commit, so the overlay could not be rendered.
    pub(super) cut: bool,
    /// Why it is not rendered at earlier commits.
    pub(super) unrendered: Option<&'static str>,
    /// True if a chart makes its Application.
    templated: bool,
    /// The number of times that its chart may still be rendered.
    charts: usize,
    /// The number of times that the overlay may still be rendered.
    pub(super) renderings: usize,
    /// The versions that are looked for; `None` if every change counts.
    pub(super) sought: Option<Sought>,
}

/// A commit and the one before it on the branch.
pub(super) struct Step {
    pub(super) newer: Arc<Commit>,
    pub(super) earlier: Commit,
    pub(super) changed: Vec<ChangedPath>,
}

/// The images of an overlay before and after a step, where they differ.
pub(super) struct StepBack {
    pub(super) before: Images,
    pub(super) after: Images,
    /// The rendering before the step.
    pub(super) rendered: Option<Arc<Rendered>>,
}

impl Tracked {
    /// An overlay of the head, where the walk starts.
    pub(super) fn new(repo: &Repo, index: usize, charts: usize) -> Option<Tracked> {
        let overlay = repo.overlays.get(index)?;
        let applied = repo.pointer(overlay).cloned().map(Arc::new);
        let templated = applied.as_ref().is_some_and(|one| repo.is_templated(one));
        Some(Tracked {
            overlay: index,
            path: overlay.path.clone(),
            files: paths(&overlay.rendered, &repo.files),
            values: values(applied.as_deref(), &overlay.rendered, &repo.files),
            applied,
            images: images(&overlay.rendered, repo),
            declared: repo.image_fields.clone(),
            begun: false,
            done: false,
            cut: false,
            unrendered: None,
            templated,
            charts,
            renderings: usize::MAX,
            sought: None,
        })
    }

    /// The folder of the ref that the overlay is in; empty for the branch that is walked.
    pub(super) fn root(&self) -> &str {
        split(&self.path).0
    }

    /// True if the walk cannot follow the overlay to earlier commits.
    pub(super) fn has_ended(&self) -> bool {
        self.begun || self.cut || self.unrendered.is_some()
    }

    /// True if the overlay is rendered from one of some files.
    pub(super) fn reads_any(&self, files: &HashSet<String>) -> bool {
        let mut own = self.files.iter().chain(&self.values);
        own.any(|file| files.contains(file))
    }

    /// The next step back that touches a file of the overlay.
    pub(super) fn next_touched(
        &self,
        by_path: &HashMap<&str, Vec<usize>>,
        steps: &[Step],
        from: usize,
    ) -> Option<usize> {
        let first = |path: &str| {
            by_path
                .get(path)?
                .iter()
                .copied()
                .find(|step| *step >= from)
        };
        let others = self.others_values();
        let mut next = self
            .files
            .iter()
            .chain(&self.values)
            .filter(|file| !others(file))
            .filter_map(|file| first(file))
            .min();
        if let Some(pointer) = &self.applied {
            let name = pointer
                .agent
                .name
                .rsplit(['/', ' '])
                .next()
                .unwrap_or_default();
            let overrides = [
                format!("{}/.argocd-source.yaml", self.path),
                format!("{}/.argocd-source-{name}.yaml", self.path),
            ];
            next = overrides
                .iter()
                .map(String::as_str)
                .chain([&*pointer.file])
                .filter_map(first)
                .chain(next)
                .min();
            // a folder without a kustomization file is rendered from every file below it
            let below = |step: &Step| {
                step.changed
                    .iter()
                    .any(|change| is_below(&change.path, &self.path) && !others(&change.path))
            };
            let plain = steps
                .iter()
                .enumerate()
                .skip(from)
                .find(|(_, step)| below(step))
                .map(|(number, _)| number);
            next = plain.into_iter().chain(next).min();
        }
        next
    }

    /// True if a step that touches the overlay cannot bring a version that is looked for.
    pub(super) fn passes_over(&self, step: &Step, repository: &Repository) -> bool {
        let Some(sought) = &self.sought else {
            return false;
        };
        let pointer = self.applied.as_ref();
        let is_own = |path: &String| {
            self.files.contains(path)
                || self.values.contains(path)
                || pointer
                    .is_some_and(|pointer| **path == *pointer.file || is_below(path, &self.path))
        };
        let text = |id: Option<&Id>| String::from_utf8(repository.small_blob(id?, LARGEST)?).ok();
        let mut own = step.changed.iter().filter(|change| is_own(&change.path));
        own.all(|change| {
            let texts = text(change.before.as_ref()).zip(text(change.after.as_ref()));
            texts.is_some_and(|(before, after)| !sought.may_be_in(&before, &after))
        })
    }

    /// True for a values file in the folder of the chart that belongs to another environment.
    fn others_values(&self) -> impl Fn(&str) -> bool + '_ {
        let charts = self.applied.as_ref().map(|pointer| pointer.charts());
        let own = charts.and_then(|(folder, charts)| Some((folder, charts.first()?.reads(folder))));
        let own = own.filter(|(folder, _)| !folder.is_empty());
        move |path: &str| {
            let Some((folder, own)) = &own else {
                return false;
            };
            let name = path
                .strip_prefix(folder)
                .map(|rest| rest.trim_start_matches('/'));
            let is_values = |name: &str| name.contains("values") && !name.contains('/');
            name.is_some_and(|name| is_values(name) && name != "values.yaml")
                && !own.iter().any(|own| own == path)
        }
    }

    /// Renders the overlay in the tree before a step. Returns its images if the step changed them.
    pub(super) fn step_back(
        &mut self,
        (renderer, gaps): (&Renderer, &Gaps),
        layout: &Layout,
        changed: &[ChangedPath],
    ) -> Option<StepBack> {
        if renderer.kustomization(&self.path).is_none()
            && let Some(before) = renamed(&self.path, changed)
        {
            self.path = before;
        }
        if let Some(reason) = self.limit() {
            self.unrendered = Some(reason);
            return None;
        }
        let there = renderer.kustomization(&self.path).is_some();
        let earlier = self
            .applied
            .take()
            .and_then(|pointer| earlier_pointer(&pointer, &self.path, renderer, layout, changed));
        let rendered = match &earlier {
            Some((pointer, agents)) => {
                let built = pointer.build(renderer, agents);
                let found = self.variables(pointer, renderer);
                let find = |reference: &Reference| {
                    let mut found = found.iter();
                    found
                        .find(|(other, _)| other == reference)
                        .map(|(_, node)| node)
                };
                let applied = pointer.finish(built, &find, renderer.files());
                let cluster = Capabilities::default();
                Some(agents.with_releases(applied, &self.path, renderer, &cluster))
            }
            None => there
                .then(|| agents::with_releases(renderer.render(&self.path), &self.path, renderer)),
        };
        self.applied = earlier.map(|(pointer, _)| pointer);
        // if a partial clone lacks files, the rendering does not show all images
        if rendered.as_ref().is_none_or(|rendered| !rendered.complete) && gaps.message().is_some() {
            self.cut = true;
            return None;
        }
        self.begun = rendered.is_none();
        let before = rendered
            .as_ref()
            .map(|rendered| images_in(rendered, renderer.files(), &self.declared))
            .unwrap_or_default();
        self.files = rendered
            .as_ref()
            .map(|rendered| paths(rendered, renderer.files()))
            .unwrap_or_default();
        let after = std::mem::replace(&mut self.images, before.clone());
        (before != after).then_some(StepBack {
            before,
            after,
            rendered,
        })
    }
}

impl Tracked {
    /// The objects that Flux takes variables from, in the tree of a renderer.
    fn variables(&self, pointer: &Pointer, renderer: &Renderer) -> Vec<(Reference, Node)> {
        let references = pointer.post_build.iter().flat_map(|build| &build.from);
        let found = references.filter_map(|reference| {
            let mut files = self.values.iter();
            files.find_map(|path| {
                let documents = renderer.parsed(path).ok()?;
                let mut documents = documents.documents.iter();
                let node = documents.find(|node| reference.means(node))?;
                Some((reference.clone(), node.clone()))
            })
        });
        found.collect()
    }

    /// Why the overlay is not rendered at an earlier commit, if it is not.
    fn limit(&mut self) -> Option<&'static str> {
        let Some(renderings) = self.renderings.checked_sub(1) else {
            return Some("its files change too often to be rendered at every earlier commit");
        };
        self.renderings = renderings;
        let pointer = self.applied.as_ref()?;
        if self.templated {
            return Some(
                "earlier versions of the chart that makes its Application are not rendered",
            );
        }
        if pointer.charts().1.is_empty() {
            return None;
        }
        let left = self.charts.checked_sub(1);
        self.charts = left.unwrap_or_default();
        left.is_none()
            .then_some("its chart changes too often to be rendered at every earlier commit")
    }
}

/// The agent's object in an earlier tree: in the same file, or in one that the step deleted.
fn earlier_pointer(
    pointer: &Arc<Pointer>,
    folder: &str,
    renderer: &Renderer,
    layout: &Layout,
    changed: &[ChangedPath],
) -> Option<(Arc<Pointer>, Agents)> {
    let folders = || {
        folder
            .match_indices('/')
            .filter_map(|(at, _)| folder.get(..at))
            .chain([folder])
            .collect()
    };
    let build = pointer.post_build.as_ref();
    let lenient = build.is_some_and(|build| build.lenient);
    let read = |files: &[Arc<str>]| agents::read(renderer, layout, files, lenient, folders);
    if pointer.assumed {
        // the values file is all that says that the chart is installed
        let chart = join(folder, CHART_FILE)?;
        let is_there = |path: &str| renderer.source().kind(path) == Some(EntryKind::File);
        let has_chart = !pointer.chart_is_here() || is_there(&chart);
        let whole = has_chart && is_there(&pointer.file);
        return whole.then(|| (pointer.clone(), read(&[])));
    }
    let moved = changed
        .iter()
        .filter(|change| change.after.is_none())
        .map(|change| Arc::from(change.path.as_str()));
    let found = std::iter::once(pointer.file.clone())
        .chain(moved)
        .find_map(|file| {
            let agents = read(std::slice::from_ref(&file));
            let same = agents
                .pointers
                .iter()
                .find(|other| other.agent.name == pointer.agent.name && other.folder == folder)?;
            Some((Arc::new(same.clone()), agents))
        });
    if found.is_some() {
        return found;
    }
    // what a parent does to an object does not stand in its file: as long as the file has the
    // object, the parent is taken to do what it does now
    let file = std::slice::from_ref(&pointer.file);
    let is_there = || {
        let parsed = renderer.parsed(&pointer.file).ok()?;
        let name = pointer.object.at(&["metadata", "name"])?.text();
        let mut names = parsed
            .documents
            .iter()
            .map(|one| one.at(&["metadata", "name"]));
        names
            .any(|one| one.and_then(Node::text) == name)
            .then_some(())
    };
    is_there()?;
    Some((pointer.clone(), read(file)))
}

/// The files of a rendering that may hold the objects from which Flux takes variables.
fn values(pointer: Option<&Pointer>, rendered: &Rendered, files: &Files) -> BTreeSet<String> {
    let build = pointer.and_then(|pointer| pointer.post_build.as_ref());
    let references = build.map_or(&[][..], |build| &build.from);
    if references.is_empty() {
        return BTreeSet::new();
    }
    let read = rendered.files.iter().map(|file| files.get(*file));
    let holding = read.filter(|file| {
        let mut references = references.iter();
        references.any(|one| file.text.contains(&one.name) && file.text.contains(&one.kind))
    });
    holding.map(|file| file.path.to_string()).collect()
}

/// The paths of the files that a rendering read.
fn paths(rendered: &Rendered, files: &Files) -> BTreeSet<String> {
    rendered
        .files
        .iter()
        .map(|file| files.get(*file).path.to_string())
        .collect()
}

/// The folder of an overlay before a commit moved it: the deleted kustomization with the same
/// content, or else with the most similar path. Example: `overlays/prod` before `git mv
/// overlays/prod overlays/production`.
fn renamed(folder: &str, changed: &[ChangedPath]) -> Option<String> {
    let added = changed.iter().find(|change| {
        change.before.is_none()
            && is_kustomization(&change.path)
            && folder_of(&change.path) == folder
    })?;
    let gone: Vec<&ChangedPath> = changed
        .iter()
        .filter(|change| change.after.is_none() && is_kustomization(&change.path))
        .collect();
    let alike = |path: &str| {
        let (one, other): (Vec<&str>, Vec<&str>) = (
            path.split('/').rev().collect(),
            added.path.split('/').rev().collect(),
        );
        let end = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
        end + one
            .iter()
            .rev()
            .zip(other.iter().rev())
            .take_while(|(a, b)| a == b)
            .count()
    };
    // the file name alone does not make two paths similar
    let best = gone
        .iter()
        .max_by_key(|change| (change.before == added.after, alike(&change.path)))?;
    (best.before == added.after || alike(&best.path) > 2).then(|| folder_of(&best.path).to_string())
}
