//! The model of a config repo: apps × environments × variants. Overlays are found by their paths
//! and by agents' objects. Each overlay is rendered, and production is paired with staging.
//!
//! Here: the model. `discover` finds overlays in paths, `agents` in Argo CD and Flux objects,
//! `load` puts both together, `pairs` matches environments, `renamed` matches revisions;
//! `codeowners`, `records`, `renovate` and `controls` are the other files that say how the repo is
//! run. Not here: rendering (`kustomize`), judgement (`rules`).

pub mod agents;
pub mod codeowners;
pub mod controls;
pub mod coverage;
mod definitions;
pub mod discover;
pub mod fleet;
mod instances;
mod load;
pub mod loose;
pub(crate) mod names;
mod own_url;
mod pairs;
pub mod pipelines;
mod reach;
pub mod records;
mod refs;
pub mod renamed;
pub mod renovate;
pub mod submodules;
mod unmatched;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use rayon::prelude::*;

use crate::config::{Cluster, Environment};
use crate::evidence::{self, Evidence};
use crate::glob::Glob;
use crate::kubernetes::DeclaredField;
use crate::kustomize::decode::Text;
use crate::kustomize::{ChartsOf, Kustomization, LazyRendered, Renderer, Resource};
use crate::source::{Files, Source, folder_of};
use crate::yaml::{FileId, Node, Origin};

/// The agent that applies an overlay.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Agent {
    /// `flux` or `argocd`.
    pub kind: AgentKind,
    /// Its object, for people: `Kustomization flux-system/apps`.
    pub name: String,
    /// The line that points at the path.
    pub origin: Origin,
}

/// The two agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AgentKind {
    /// Flux kustomize-controller.
    Flux,
    /// Argo CD.
    ArgoCd,
}

/// The kustomization root that an agent applies for one app, environment and variant.
#[derive(Clone, Debug)]
pub struct Overlay {
    /// Folder relative to the repo root.
    pub path: String,
    /// The app.
    pub app: String,
    /// Index into [`Repo::environments`]; `None` if the overlay belongs to no environment.
    pub environment: Option<usize>,
    /// Region, cluster, tenant.
    pub variant: Option<String>,
    /// The agent's object that points here, if the repo has one.
    pub agent: Option<Arc<Agent>>,
    /// The line for findings about the overlay as a whole: the start of its kustomization file.
    pub origin: Origin,
    /// Its rendered objects.
    pub rendered: LazyRendered,
    /// Index into [`Repo::pointers`] of the agent's object, or of the release that is assumed.
    pub applied: Option<usize>,
    /// True if nothing in the repo applies it: it is a chart with a values file for an environment.
    pub assumed: bool,
    /// The name of its Application, if several of one environment share the folder's chart.
    pub release: Option<String>,
    /// The cluster that its Application names, with the region or tenant of the Application. Two
    /// overlays with equal ones are applied side by side.
    pub cluster: Option<String>,
}

/// Folder, environment, variant and release.
pub type OverlayKey<'o> = (&'o str, Option<usize>, Option<&'o str>, Option<&'o str>);

impl Overlay {
    /// Its identity. The path is not enough: agents may apply one folder to several environments,
    /// and with several settings.
    pub fn key(&self) -> OverlayKey<'_> {
        let (variant, release) = (self.variant.as_deref(), self.release.as_deref());
        (&self.path, self.environment, variant, release)
    }
    /// The same object in another overlay, or in this one at another revision, under the name
    /// there.
    pub fn same_resource(&self, other: &Resource) -> Option<&Resource> {
        let mut resources = self.rendered.resources.iter();
        resources.find(|own| own.original.same_object(&other.original))
    }
}

/// An overlay and the overlay of the environment before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Index into [`Repo::overlays`]: staging.
    pub from: usize,
    /// Index into [`Repo::overlays`]: production.
    pub to: usize,
}

/// Everything a check looks at.
#[derive(Clone)]
pub struct Repo {
    /// The tree under check.
    pub source: Arc<dyn Source>,
    /// Files read so far.
    pub files: Arc<Files>,
    /// The promotion order.
    pub environments: Vec<Environment>,
    /// Fields that the configuration declares to hold images.
    pub image_fields: Vec<DeclaredField>,
    /// Sorted by path.
    pub overlays: Vec<Overlay>,
    /// Sorted by (to, from). Each overlay is the `to` of one pair at most.
    pub pairs: Vec<Pair>,
    /// Manifests beside a kustomization that no kustomization lists, sorted by path.
    pub unreferenced: Vec<Unreferenced>,
    /// Entries of kustomizations that lead from one environment into another, in the order of the
    /// files.
    pub crossings: Vec<Crossing>,
    /// The configuration of Renovate, if there is one.
    pub renovate: Option<renovate::Renovate>,
    /// The CODEOWNERS file, if there is one.
    pub owners: Option<codeowners::CodeOwners>,
    /// Records of what runs where.
    pub records: Vec<records::Record>,
    /// The submodules in `.gitmodules`, in the order of the file.
    pub submodules: Vec<submodules::Submodule>,
    roots: Vec<discover::Root>,
    /// Folders of kustomizations that belong to no overlay.
    uncovered: Vec<String>,
    /// Folders of kustomizations that the configuration ignores, sorted.
    ignored: Vec<String>,
    agents: Arc<agents::Agents>,
    record_paths: Vec<String>,
    renderer: Arc<Renderer>,
}

/// An entry of a kustomization, or a values file of an Application, that leads from one environment
/// into another.
#[derive(Clone, Debug)]
pub struct Crossing {
    /// Folder of the kustomization or chart.
    pub folder: String,
    /// The entry.
    pub origin: Origin,
    /// Where it leads, relative to the root.
    pub target: String,
    /// Index of the environment that reads it.
    pub from: usize,
    /// Index of the environment that it leads into.
    pub to: usize,
}

/// A file of Kubernetes objects in the folder of a kustomization that no kustomization lists.
#[derive(Clone, Debug)]
pub struct Unreferenced {
    /// The file.
    pub file: FileId,
    /// The kustomization beside it.
    pub kustomization: FileId,
    /// The objects in it.
    pub documents: Vec<Node>,
}

impl Repo {
    /// The paths of all files of the tree, whatever they contain.
    pub fn paths(&self) -> &[Arc<str>] {
        self.source.files()
    }
    /// True if the tree has something at a path.
    pub fn has_path(&self, path: &str) -> bool {
        self.source.kind(path).is_some()
    }
    /// The scans in the files that match.
    pub(crate) fn evidence(&self, globs: &[Glob]) -> Evidence {
        evidence::read(&*self.source, &self.files, globs)
    }
    /// The folders that agents' objects in the repo point at, in the order of the files.
    pub fn pointers(&self) -> &[agents::Pointer] {
        &self.agents.pointers
    }
    /// The parts of agents' objects that only a cluster can resolve, in the order of the files.
    pub fn notes(&self) -> &[agents::Note] {
        &self.agents.notes
    }
    /// Mistakes in agents' objects, in the order of the files.
    pub fn mistakes(&self) -> &[agents::Mistake] {
        &self.agents.mistakes
    }
    /// Objects that steer agents, updaters and gates, in the order of the files.
    pub fn controls(&self) -> &[controls::Control] {
        &self.agents.controls
    }
    /// The clusters that Argo CD knows, as far as the configuration or the repo tells.
    pub fn clusters(&self) -> &[Cluster] {
        &self.agents.clusters
    }
    /// The agent's object that applies an overlay of this repo.
    pub fn pointer(&self, overlay: &Overlay) -> Option<&agents::Pointer> {
        self.agents.pointers.get(overlay.applied?)
    }
    /// The environment of an overlay.
    pub fn environment(&self, overlay: &Overlay) -> Option<&Environment> {
        overlay
            .environment
            .and_then(|index| self.environments.get(index))
    }
    /// True if an overlay belongs to an environment whose position in the promotion order is
    /// unknown.
    pub fn is_unordered(&self, overlay: &Overlay) -> bool {
        self.environment(overlay)
            .is_some_and(|environment| !environment.ordered)
    }

    /// The overlay with the same folder, environment and variant as one of another revision.
    pub fn same(&self, other: &Overlay) -> Option<&Overlay> {
        self.overlays.get(self.index_of_same(other)?)
    }
    /// The overlays of a folder: one, or one for each environment and setting in which agents apply
    /// it.
    pub fn overlays_at<'a>(&'a self, path: &str) -> impl Iterator<Item = &'a Overlay> + use<'a> {
        self.numbered_at(path).map(|(_, overlay)| overlay)
    }
    /// The index of an overlay in [`Repo::overlays`]; `None` if it belongs to another revision.
    pub fn index(&self, overlay: &Overlay) -> Option<usize> {
        self.overlays.element_offset(overlay)
    }
    /// True if a YAML file holds a text. This reads all of them.
    pub fn has_yaml_with(&self, text: &str) -> bool {
        let is_yaml = |path: &&Arc<str>| path.ends_with(".yaml") || path.ends_with(".yml");
        let mut files = self.source.files().iter().filter(is_yaml);
        files.any(|path| {
            let bytes = self.source.read(path);
            bytes.is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text))
        })
    }
    /// The number and the first document of a YAML file; `None` if it is not there or no YAML.
    pub fn yaml(&self, path: &str) -> Option<(FileId, Node)> {
        let parsed = self.renderer.parsed(path).ok()?;
        let document = parsed.documents.first()?.clone();
        Some((self.renderer.file_id(path)?, document))
    }
    /// True if the text of a YAML file passes a test. This reads all of them.
    pub fn has_yaml_that(&self, test: impl Fn(&str) -> bool + Sync) -> bool {
        let paths = self.yaml_paths();
        paths
            .par_iter()
            .any(|path| self.renderer.skim(path, definitions::LARGEST, &test))
    }
    /// The index of the overlay that is [the same](Self::same) as one of another revision.
    pub fn index_of_same(&self, other: &Overlay) -> Option<usize> {
        self.numbered_at(&other.path)
            .find(|(_, overlay)| overlay.key() == other.key())
            .map(|(index, _)| index)
    }
    /// The overlays of a folder with their indexes in [`Repo::overlays`], which is sorted by path.
    fn numbered_at<'a>(
        &'a self,
        path: &str,
    ) -> impl Iterator<Item = (usize, &'a Overlay)> + use<'a> {
        let first = self
            .overlays
            .partition_point(|overlay| *overlay.path < *path);
        let rest = self.overlays.get(first..).unwrap_or_default();
        let count = rest
            .iter()
            .take_while(|overlay| overlay.path == path)
            .count();
        (first..).zip(rest.iter().take(count))
    }
    /// The renderer of charts, for renderings of other revisions.
    pub fn charts(&self) -> Option<ChartsOf> {
        self.renderer.options().charts
    }
    /// The kustomization in a file, whether or not its folder is an overlay; `None` if the file is
    /// no kustomization or cannot be read.
    pub fn kustomization(&self, file: FileId) -> Option<Arc<Kustomization>> {
        let path = &self.files.get(file).path;
        let loaded = self.renderer.kustomization(folder_of(path))?;
        loaded
            .kustomization
            .clone()
            .filter(|_| loaded.file == Some(file))
    }
    /// The start of the kustomization file in a folder, whether or not the folder is an overlay;
    /// `None` if there is no such file.
    pub fn kustomization_origin(&self, folder: &str) -> Option<Origin> {
        let file = self.renderer.kustomization(folder)?.file?;
        Some(Origin::start_of(file))
    }
    /// The folders that kustomizations build upon or list, each with the folder of one that does.
    pub fn listed_folders(&self) -> HashMap<&str, &str> {
        let lists = self.roots.iter().filter(|root| !root.component);
        let folders = lists.flat_map(|root| {
            let references = root.references.iter();
            references.map(|folder| (folder.as_str(), root.folder.as_str()))
        });
        folders.collect()
    }
    /// True if a chart makes the object of a pointer, so that its file is a template.
    pub(crate) fn is_templated(&self, pointer: &agents::Pointer) -> bool {
        agents::is_template(&pointer.file, &self.renderer)
    }
    /// True if any kustomization runs a plugin or inflates a chart.
    pub fn uses_plugins(&self) -> bool {
        self.any_kustomization(&|own| own.has_plugins())
    }
    /// True if any kustomization names a base by URL.
    pub fn uses_remotes(&self) -> bool {
        let is_url = |entry: &Text| entry.contains("://") || entry.contains("?ref=");
        self.any_kustomization(&|own| {
            let mut lists = own.lists_of_folders().into_iter();
            lists.any(|list| list.iter().any(is_url))
        })
    }
    fn any_kustomization(&self, is: &dyn Fn(&Kustomization) -> bool) -> bool {
        let mut own = self.roots.iter().filter_map(|root| {
            let loaded = self.renderer.kustomization(&root.folder)?;
            loaded.kustomization.clone()
        });
        own.any(|kustomization| is(&kustomization))
    }
    /// True if the configuration says that the kustomization in a folder is no overlay.
    pub fn is_ignored(&self, folder: &str) -> bool {
        let found = self.ignored.binary_search_by(|other| (**other).cmp(folder));
        found.is_ok()
    }
    /// The overlay that an overlay is compared with: that of the environment before it.
    pub fn earlier(&self, overlay: &Overlay) -> Option<&Overlay> {
        let to = self.index(overlay)?;
        let at = self.pairs.binary_search_by_key(&to, |pair| pair.to).ok()?;
        self.overlays.get(self.pairs.get(at)?.from)
    }
    /// The overlays of the same app in all environments before that of an overlay. There are none if
    /// the place of its environment in the promotion order is not known.
    pub fn before<'r>(&'r self, overlay: &Overlay) -> impl Iterator<Item = &'r Overlay> {
        let is_ordered = |index: &usize| {
            let environment = self.environments.get(*index);
            environment.is_some_and(|environment| environment.ordered)
        };
        let own = overlay.environment.filter(is_ordered);
        self.overlays.iter().filter(move |other| {
            let environment = other.environment.filter(is_ordered);
            other.app == overlay.app && environment.is_some() && environment < own
        })
    }
    /// True if the object that applies an overlay also applies something that is not rendered: an
    /// Application with a chart from elsewhere, or another repository, among its sources. What the
    /// overlay lacks may come from there.
    pub fn is_a_part(&self, overlay: &Overlay) -> bool {
        let pointer = |index: usize| self.pointers().get(index);
        let Some(pointer) = overlay.applied.and_then(pointer) else {
            return false;
        };
        let sources = pointer.object.at(&["spec", "sources"]);
        let applies = |source: &&Node| {
            ["chart", "path"]
                .iter()
                .any(|key| source.get(key).is_some())
        };
        let wanted = sources.map_or(&[][..], Node::items).iter().filter(applies);
        let wanted = wanted.count();
        if wanted < 2 {
            return false;
        }
        let place = pointer.object.origin;
        let rendered = self.pointers().iter().filter(|other| {
            let same = other.object.origin == place && other.agent.name == pointer.agent.name;
            same && !other.is_elsewhere()
        });
        let folders: BTreeSet<&str> = rendered.map(|other| other.folder.as_str()).collect();
        wanted > folders.len()
    }
    /// True if an environment, by its name, is protected.
    pub fn protects(&self, environment: &str) -> bool {
        let mut environments = self.environments.iter();
        environments.any(|known| known.name == environment && known.protected)
    }
    /// True if the path of an object tells a protected environment, or none at all.
    pub fn may_be_protected(&self, environment: Option<usize>) -> bool {
        environment.is_none_or(|index| {
            let environment = self.environments.get(index);
            environment.is_some_and(|environment| environment.protected)
        })
    }
    /// True if an overlay belongs to a protected environment.
    pub fn protected(&self, overlay: &Overlay) -> bool {
        self.environment(overlay)
            .is_some_and(|environment| environment.protected)
    }
}
