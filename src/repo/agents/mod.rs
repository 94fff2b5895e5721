//! Flux and Argo CD: the folders that their objects in the repo point at, and what the objects add
//! to them.
//!
//! Here: finding the objects, rendering a folder as its agent does. `flux` and `argocd` read the
//! objects, `applicationset` makes Applications, `layer` edits kustomizations, `substitute` fills
//! in variables. Not here: which folders are overlays (`discover`), rendering itself (`kustomize`).

mod applicationset;
mod applied;
mod argocd;
mod assumed;
mod duplicates;
mod envsubst;
mod fields;
mod flux;
mod follow;
mod holding;
mod layer;
mod lookup;
mod mistakes;
mod named;
mod patched;
mod plain;
mod release;
mod repository;
mod revisions;
mod sourceignore;
mod strictness;
mod substitute;
mod template;
mod withheld;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::controls::{self, Control};
use super::discover::{Layout, Placement, Root, is_set_aside};
use super::refs::Chosen;
use super::{Agent, AgentKind};
use crate::config::Cluster;
use crate::kustomize::{Capabilities, Problem, Rendered, Renderer};
use crate::source::refs::split;
use crate::source::{EntryKind, Files, folder_of, join};
use crate::yaml::{FileId, Node, Origin};

use applied::Applied;
pub use argocd::{ChartSource, Directory};
pub use flux::CommonMetadata;
pub use layer::Layer;
pub(in crate::repo) use lookup::{Found, nearest};
pub use mistakes::{Mistake, MistakeKind};
use repository::Identity;
pub use revisions::AbsentRevision;
use revisions::Revisions;
use sourceignore::Ignored;
pub(in crate::repo) use sourceignore::is_ignore_file;
pub use substitute::{PostBuild, Reference, Variables};

/// Files above this size hold no agents' objects.
const LARGEST: usize = 1 << 20;

/// A folder that an agent applies.
#[derive(Clone, Debug, PartialEq)]
pub struct Pointer {
    /// The folder.
    pub folder: String,
    /// The object that points at it.
    pub agent: Arc<Agent>,
    /// The file that the object is written in.
    pub file: Arc<str>,
    /// The files from which its additions are read: its own, and `.argocd-source*.yaml`.
    pub read: Vec<FileId>,
    /// Names in the object that may tell its environment, the most telling first.
    pub hints: Vec<String>,
    /// The environment and variant that the path of the object's file tells.
    pub file_placement: Option<Placement>,
    /// The environment and variant that the path of the folder tells.
    pub folder_placement: Option<Placement>,
    /// If neither tells one, that of the agent which applies the object.
    pub inherited: Option<Placement>,
    /// The environment of the file in which the path of the folder is written: that of the object, or
    /// of a patch.
    pub written_in: Option<usize>,
    /// The environment that the name of the object contains, and the rest of the name.
    pub named: Option<(usize, String)>,
    /// The object's changes to the kustomization, if there are any.
    pub layer: Option<Layer>,
    /// The way in which a folder without a kustomization is read.
    pub plain: Plain,
    /// The variables that Flux substitutes for `${…}` once the folder is built.
    pub post_build: Option<PostBuild>,
    /// Labels and annotations that Flux sets at the end.
    pub common_metadata: CommonMetadata,
    /// Mistakes in the object.
    pub problems: Vec<Problem>,
    /// The object itself; of an ApplicationSet the Application that it makes.
    pub object: Node,
    /// True if no object in the repo applies the folder: it is a chart with a values file for an
    /// environment. Parameters that a pipeline or an object elsewhere sets are not known.
    pub assumed: bool,
}

/// The ways in which an agent reads a folder of plain manifests.
#[derive(Clone, Debug, PartialEq)]
pub enum Plain {
    /// Flux: as resources of a kustomization that it writes.
    Generated,
    /// Argo CD: file by file.
    Directory(Directory),
    /// Argo CD with `source.directory`: file by file, even if the folder has a kustomization.
    Always(Directory),
    /// Argo CD: as a chart.
    Chart(Box<ChartSource>),
    /// Argo CD: as charts that are not in this repository. The folder does not exist.
    Elsewhere(Vec<ChartSource>),
}

/// Something in an agent's object that cannot be followed without a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Note {
    /// The value that cannot be followed.
    pub origin: Origin,
    /// One sentence, lower case, no full stop.
    pub message: String,
    /// Set if this clone lacks the revision that an agent reads.
    pub absent: Option<AbsentRevision>,
    /// True if a limit was reached, so that something is not checked which could be.
    pub limit: bool,
}

impl Note {
    fn new(origin: Origin, message: impl Into<String>) -> Note {
        Note {
            origin,
            message: message.into(),
            absent: None,
            limit: false,
        }
    }

    /// A limit that was reached.
    fn limit(origin: Origin, message: impl Into<String>) -> Note {
        Note {
            limit: true,
            ..Note::new(origin, message)
        }
    }
}

/// The agents' objects of a tree.
#[derive(Debug)]
pub struct Agents {
    /// Every folder of the tree that one points at, in the order of the files.
    pub pointers: Vec<Pointer>,
    /// The parts that could not be followed, in the order of the files.
    pub notes: Vec<Note>,
    /// Mistakes in the objects, in the order of the files.
    pub mistakes: Vec<Mistake>,
    /// Objects that steer agents, updaters and gates, in the order of the files.
    pub controls: Vec<Control>,
    /// For each pointer, the pointers that apply its object.
    pub parents: Vec<Vec<usize>>,
    /// The paths of the files that decided which objects agents apply.
    pub(in crate::repo) decisive: BTreeSet<Arc<str>>,
    /// The paths of files that look like agents' objects, and that kustomizations use as patches.
    pub(in crate::repo) patches: BTreeSet<String>,
    /// The `Chart.yaml` of each chart that nothing in the repo applies.
    pub(in crate::repo) uninstalled: Vec<FileId>,
    /// The clusters that Argo CD knows, by name.
    pub(in crate::repo) clusters: Vec<Cluster>,
    /// Refs that agents read, and that are not read here.
    pub(in crate::repo) refs: BTreeSet<String>,
    /// The built objects of some pointers, because they hold agents' objects.
    built: HashMap<usize, Arc<Rendered>>,
    ignored: Ignored,
    origins: release::Origins,
}

impl Agents {
    /// The built objects of a pointer.
    pub(in crate::repo) fn build(
        &self,
        index: usize,
        renderer: &Renderer,
    ) -> Option<Arc<Rendered>> {
        let pointer = self.pointers.get(index)?;
        let built = self.built.get(&index).cloned();
        Some(built.unwrap_or_else(|| pointer.build_without(renderer, &self.ignored)))
    }

    /// A rendering with the objects of the HelmReleases in it whose charts are in this repository.
    pub(crate) fn with_releases(
        &self,
        rendered: Arc<Rendered>,
        folder: &str,
        renderer: &Renderer,
        cluster: &Capabilities,
    ) -> Arc<Rendered> {
        release::expand(rendered, folder, &self.origins, renderer, cluster)
    }
}

impl Pointer {
    /// The environment and variant of the object, of the folder, or of what applies the object.
    pub fn any_placement(&self) -> Option<&Placement> {
        let own = self.file_placement.as_ref();
        own.or(self.folder_placement.as_ref())
            .or(self.inherited.as_ref())
    }
    /// The environment of the agent that applies the object, if nothing nearer tells one.
    pub fn inherited_environment(&self) -> Option<usize> {
        let inherited = self.inherited.as_ref();
        inherited.map(|placement| placement.environment)
    }
    /// The environment of [`Pointer::any_placement`].
    pub fn any_environment(&self) -> Option<usize> {
        self.any_placement().map(|placement| placement.environment)
    }
    /// The environment that the path of the object's file tells.
    pub fn environment(&self) -> Option<usize> {
        self.file_placement
            .as_ref()
            .map(|placement| placement.environment)
    }
    /// The environment that the folder itself carries in its path.
    pub fn folder_environment(&self) -> Option<usize> {
        self.folder_placement
            .as_ref()
            .map(|placement| placement.environment)
    }
    /// True if the folder renders as if the object did not exist.
    pub fn adds_nothing(&self) -> bool {
        let is_chart = matches!(self.plain, Plain::Chart(_) | Plain::Elsewhere(_));
        self.layer.is_none()
            && self.post_build.is_none()
            && self.common_metadata.is_empty()
            && !is_chart
    }

    /// Builds the folder in another tree, without variables and common metadata
    /// ([`Pointer::finish`] adds these).
    pub fn build(&self, renderer: &Renderer, agents: &Agents) -> Arc<Rendered> {
        self.build_without(renderer, &agents.ignored)
    }

    /// Builds the folder without the files that never reach Flux.
    fn build_without(&self, renderer: &Renderer, ignored: &Ignored) -> Arc<Rendered> {
        let loaded = renderer.kustomization(&self.folder);
        let own = match (&self.plain, &loaded) {
            (Plain::Chart(chart), _) => return self.build_chart(chart, renderer),
            (Plain::Elsewhere(charts), _) => return self.build_elsewhere(charts, renderer),
            (Plain::Always(directory), _) | (Plain::Directory(directory), None) => {
                return self.told(
                    renderer.render_plain(&self.folder, &|path| directory.reads(path)),
                    Vec::new(),
                );
            }
            (_, Some(loaded)) => match &loaded.kustomization {
                Some(own) => own.clone(),
                None => return renderer.render(&self.folder),
            },
            (Plain::Generated, None) => Arc::new(flux::generated(
                &self.folder,
                self.agent.origin,
                renderer,
                ignored,
            )),
        };
        let mut problems = match self.agent.kind {
            AgentKind::Flux => withheld::problems(&self.folder, &own, renderer, ignored),
            AgentKind::ArgoCd => Vec::new(),
        };
        let Some(layer) = &self.layer else {
            let rendered = if loaded.is_some() {
                renderer.render(&self.folder)
            } else {
                renderer.render_as(&self.folder, &own)
            };
            return self.told(rendered, problems);
        };
        let edited = layer.edit(&own, &self.folder, &**renderer.source(), &mut problems);
        let mut rendered = self.told(renderer.render_as(&self.folder, &edited), problems);
        let changed = Arc::make_mut(&mut rendered);
        changed.files.extend(self.read.iter().copied());
        changed.unknown.extend(layer.unknown.iter().cloned());
        rendered
    }

    /// The charts that the object applies, and the folder of the one that is here.
    pub(crate) fn charts(&self) -> (&str, &[ChartSource]) {
        match &self.plain {
            Plain::Chart(chart) => (&self.folder, std::slice::from_ref(chart)),
            Plain::Elsewhere(charts) => ("", charts),
            _ => ("", &[]),
        }
    }

    /// True if the object applies a chart of this repository.
    pub(crate) fn chart_is_here(&self) -> bool {
        matches!(self.plain, Plain::Chart(_))
    }

    /// True if the charts that the object applies are not in this repository. Its folder only names
    /// the overlay then.
    pub fn is_elsewhere(&self) -> bool {
        matches!(self.plain, Plain::Elsewhere(_))
    }

    /// The names of the charts that are elsewhere.
    pub(in crate::repo) fn chart_names(&self) -> Vec<&str> {
        let (_, charts) = self.charts();
        let names = charts.iter().filter_map(ChartSource::chart_name);
        names.map(Node::raw).collect()
    }

    /// Reads the values of charts that are elsewhere.
    fn build_elsewhere(&self, sources: &[ChartSource], renderer: &Renderer) -> Arc<Rendered> {
        let Some(charts) = renderer.charts() else {
            return Arc::new(Rendered::default());
        };
        let mut rendered = argocd::rendered_elsewhere(sources, renderer, charts);
        rendered.files.extend(self.read.iter().copied());
        self.told(Arc::new(rendered), Vec::new())
    }

    /// Builds the chart in the folder.
    fn build_chart(&self, chart: &ChartSource, renderer: &Renderer) -> Arc<Rendered> {
        let Some(charts) = renderer.charts() else {
            return Arc::new(Rendered::default());
        };
        let (release, problems) = chart.release(&self.folder, renderer, charts);
        let mut rendered = chart.rendered(&self.folder, &release, charts);
        rendered.files.extend(self.read.iter().copied());
        rendered.files.extend(release.files());
        self.told(Arc::new(rendered), problems)
    }

    /// Adds the mistakes in the object, and those that editing found, to a rendering.
    fn told(&self, rendered: Arc<Rendered>, problems: Vec<Problem>) -> Arc<Rendered> {
        if self.problems.is_empty() && problems.is_empty() {
            return rendered;
        }
        let mut rendered = Arc::unwrap_or_clone(rendered);
        rendered
            .problems
            .extend(self.problems.iter().cloned().chain(problems));
        rendered.complete &= !rendered
            .problems
            .iter()
            .any(|problem| problem.kind.refused());
        Arc::new(rendered)
    }

    /// The objects that the agent applies: those that [`Pointer::build`] built, with variables and
    /// common metadata. `find` looks up the objects that `substituteFrom` names.
    pub fn finish<'n>(
        &self,
        built: Arc<Rendered>,
        find: &dyn Fn(&Reference) -> Option<&'n Node>,
        files: &Files,
    ) -> Arc<Rendered> {
        if self.post_build.is_none() && self.common_metadata.is_empty() {
            return built;
        }
        let mut rendered = Arc::unwrap_or_clone(built);
        rendered.files.extend(self.read.iter().copied());
        if let Some(build) = &self.post_build {
            let variables = build.variables(find);
            rendered
                .files
                .extend(variables.known.values().map(|(_, origin)| origin.file));
            if build.always || !variables.is_empty() {
                variables.apply(&mut rendered, files);
            }
        }
        self.common_metadata.apply(&mut rendered);
        Arc::new(rendered)
    }
}

/// A rendering with the objects and values of its HelmReleases, where no agent's object is known.
pub(crate) fn with_releases(
    rendered: Arc<Rendered>,
    folder: &str,
    renderer: &Renderer,
) -> Arc<Rendered> {
    release::expand(
        rendered,
        folder,
        &release::Origins::default(),
        renderer,
        &Capabilities::default(),
    )
}

/// The files of a tree that may hold agents' objects.
pub(crate) fn candidates(renderer: &Renderer) -> Vec<Arc<str>> {
    let holds = |path: &&Arc<str>| argocd::overridden(path).is_some() || mentions(renderer, path);
    renderer
        .source()
        .files()
        .par_iter()
        .filter(holds)
        .cloned()
        .collect()
}

/// Reads the agents' objects of a tree, in the files of [`candidates`].
pub(in crate::repo) fn collect(
    renderer: &Renderer,
    (layout, chosen): (&Layout, &Chosen),
    files: &[Arc<str>],
    roots: &[Root],
) -> Agents {
    let every = renderer.source().files().iter();
    let folders = || {
        every
            .flat_map(|path| path.match_indices('/').filter_map(|(at, _)| path.get(..at)))
            .collect()
    };
    let patched = patched::files(renderer, roots, files);
    read_with(
        renderer,
        (layout, chosen),
        (files, &patched, roots),
        Extent::Tree,
        folders,
    )
}

/// The address and the name by which every Argo CD calls the cluster that it runs in.
pub const OWN_CLUSTER: (&str, &str) = ("https://kubernetes.default.svc", "in-cluster");

/// The cluster that an Application names: its address, else its name. The cluster that Argo CD runs in
/// is `in-cluster`.
pub fn destination(application: &Node) -> Option<&str> {
    let part = |key: &str| {
        let text = application.at(&["spec", "destination", key])?.text();
        text.filter(|text| !text.is_empty())
    };
    let (server, name) = (part("server"), part("name"));
    match server == Some(OWN_CLUSTER.0) || name == Some(OWN_CLUSTER.1) {
        true => Some(OWN_CLUSTER.1),
        false => server.or(name),
    }
}

/// What is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// A whole tree.
    Tree,
    /// Some files of an earlier commit. What else its tree has is not looked for.
    Files {
        /// See [`PostBuild::lenient`].
        lenient: bool,
    },
}

/// Reads the agents' objects of some files of an earlier commit. `lenient`: true if Flux makes
/// variables without a value empty, as [`PostBuild::lenient`] says for the newest commit: what
/// decides it may stand anywhere in a tree. `folders`: those that generators of ApplicationSets
/// choose from.
pub(crate) fn read<'f>(
    renderer: &Renderer,
    layout: &Layout,
    files: &[Arc<str>],
    lenient: bool,
    folders: impl FnOnce() -> BTreeSet<&'f str>,
) -> Agents {
    let (patched, chosen) = (BTreeSet::new(), Chosen::default());
    let files = (files, &patched, &[][..]);
    let extent = Extent::Files { lenient };
    read_with(renderer, (layout, &chosen), files, extent, folders)
}

fn read_with<'f>(
    renderer: &Renderer,
    (layout, chosen): (&Layout, &Chosen),
    (files, patched, roots): (&[Arc<str>], &BTreeSet<Arc<str>>, &[Root]),
    extent: Extent,
    folders: impl FnOnce() -> BTreeSet<&'f str>,
) -> Agents {
    let (objects, unreadable) = objects(renderer, files);
    let mut sources = flux::Sources::default();
    for object in &objects {
        if is(&object.node, "GitRepository", flux::SOURCES) {
            sources.add(&object.node, &object.path);
        }
    }
    let mut sets = objects.iter();
    let any_set = sets.any(|object| is(&object.node, "ApplicationSet", argocd::GROUP));
    let folders = any_set.then(folders).unwrap_or_default();
    let identity = identity(&objects, &sources, renderer);
    let named = named::revisions(&objects, &sources, &identity);
    let reading = Reading {
        renderer,
        layout,
        folders: &folders,
        revisions: Revisions::new(&**renderer.source(), chosen, &named),
        elsewhere: in_other_trees(layout, &objects),
        identity: &identity,
        ignored: sources.ignored(renderer),
        sources: &sources,
        clusters: clusters(layout, &objects),
        patched,
        lenient: match extent {
            Extent::Tree => strictness::is_lenient(renderer, files, &objects),
            Extent::Files { lenient } => lenient,
        },
        extent,
    };
    let fleet = follow::follow(&reading, roots, (&objects, files));
    let controls = reading.controls(&objects);
    let mut agents = reading.assemble(fleet, &objects);
    agents.controls = controls;
    agents.refs = reading.revisions.wanted();
    agents.mistakes.splice(0..0, unreadable);
    // an ApplicationSet causes the same note for each of its Applications
    let mut seen: HashSet<Note> = HashSet::new();
    agents.notes.retain(|note| seen.insert(note.clone()));
    let mut seen: HashSet<Mistake> = HashSet::new();
    agents
        .mistakes
        .retain(|mistake| seen.insert(mistake.clone()));
    agents
}

/// An object in a file that may hold agents' objects, or as something renders it.
#[derive(Clone)]
struct Object {
    file: FileId,
    path: Arc<str>,
    node: Node,
}

/// The reading of one object.
#[derive(Clone, Default)]
struct Outcome {
    pointers: Vec<Pointer>,
    notes: Vec<Note>,
    mistakes: Vec<Mistake>,
    applied: Vec<Applied>,
}

impl Outcome {
    fn extend(&mut self, other: Outcome) {
        self.pointers.extend(other.pointers);
        self.notes.extend(other.notes);
        self.mistakes.extend(other.mistakes);
        self.applied.extend(other.applied);
    }
}

/// True if a file is a template of a chart: its objects are those that the chart renders to.
pub(crate) fn is_template(path: &str, renderer: &Renderer) -> bool {
    let mut parts = path.match_indices("templates/");
    parts.any(|(at, _)| {
        let chart = path
            .get(..at)
            .filter(|above| above.is_empty() || above.ends_with('/'));
        let chart = chart.and_then(|above| join(above, "Chart.yaml"));
        chart.is_some_and(|chart| renderer.source().kind(&chart) == Some(EntryKind::File))
    })
}

/// The clusters of the configuration and of the repository, by name.
fn clusters(layout: &Layout, objects: &[Object]) -> Vec<Cluster> {
    let registered = objects
        .iter()
        .filter_map(|object| applicationset::clusters::of_object(&object.node));
    let mut clusters: Vec<Cluster> = layout.clusters.to_vec();
    clusters.extend(registered);
    clusters.sort_by(|one, other| one.name.cmp(&other.name));
    // the configuration comes first, and may say what a Secret hides
    clusters.dedup_by(|next, before| next.name == before.name);
    clusters
}

/// The objects of some files, and the files that cannot be read.
fn objects(renderer: &Renderer, files: &[Arc<str>]) -> (Vec<Object>, Vec<Mistake>) {
    let (mut objects, mut unreadable) = (Vec::new(), Vec::new());
    let files = files.iter().filter(|path| !is_template(path, renderer));
    for path in files {
        let (documents, file) = match (renderer.parsed(path), renderer.file_id(path)) {
            (Ok(documents), Some(file)) => (documents, file),
            (Err(error), _) => {
                unreadable.extend(mistakes::unreadable(renderer, path, &error));
                continue;
            }
            (Ok(_), None) => continue,
        };
        let nodes = documents.documents.iter().flat_map(items);
        objects.extend(nodes.map(|node| Object {
            file,
            path: path.clone(),
            node: node.clone(),
        }));
    }
    (objects, unreadable)
}

/// The objects of a document: those in it, if it is a list of objects.
fn items(document: &Node) -> Vec<&Node> {
    let mut found = Vec::new();
    let mut waiting = vec![document];
    while let Some(node) = waiting.pop() {
        let kind = node.get("kind").and_then(Node::text).unwrap_or_default();
        match node.get("items").and_then(Node::as_list) {
            Some(list) if kind.ends_with("List") => waiting.extend(list.items.iter().rev()),
            _ => found.push(node),
        }
    }
    found
}

/// The objects in branches of environments that the tree under check has under the same name. Such a
/// branch often is a copy of everything.
fn in_other_trees(layout: &Layout, objects: &[Object]) -> HashSet<Origin> {
    let is_other = |object: &&Object| {
        let root = layout.branch_of(&object.path);
        root.is_some_and(|root| !root.is_empty())
    };
    let name = |object: &Object| {
        let kind = object.node.get("kind").and_then(Node::text);
        name_of(&object.node, kind.unwrap_or_default())
    };
    let here = objects
        .iter()
        .filter(|object| split(&object.path).0.is_empty());
    let known: BTreeSet<String> = here.map(name).collect();
    let others = objects.iter().filter(is_other);
    let twice = others.filter(|object| is_agent(&object.node) && known.contains(&name(object)));
    twice.map(|object| object.node.origin).collect()
}

/// The agents' objects of a tree, while they are read.
struct Reading<'a> {
    renderer: &'a Renderer,
    layout: &'a Layout<'a>,
    folders: &'a BTreeSet<&'a str>,
    identity: &'a Identity,
    revisions: Revisions<'a>,
    /// Objects in branches of environments that the tree under check has as well.
    elsewhere: HashSet<Origin>,
    sources: &'a flux::Sources,
    /// Files with objects that a kustomization changes before they are applied.
    patched: &'a BTreeSet<Arc<str>>,
    ignored: Ignored,
    /// The clusters that Argo CD knows, by name.
    clusters: Vec<Cluster>,
    /// True if variables that nothing sets become empty.
    lenient: bool,
    extent: Extent,
}

impl Reading<'_> {
    /// The folders that an object applies, and the mistakes in it.
    fn read_object(&self, object: &Object) -> Outcome {
        let node = &object.node;
        let mut outcome = Outcome::default();
        if self.elsewhere.contains(&node.origin) {
            return outcome;
        }
        let found = if is(node, "Application", argocd::GROUP) {
            let (pointers, notes) = self.application(object, node, false);
            outcome.notes.extend(notes);
            pointers
        } else if is(node, "ApplicationSet", argocd::GROUP) {
            self.application_set(object, &mut outcome)
        } else if is(node, "Kustomization", flux::GROUP) && self.is_of_this_repository(node) {
            let pointer = flux::pointer(node, object.file, &object.path, self.renderer);
            let pointer = pointer.map(|pointer| self.at_revision(pointer, object, &mut outcome));
            pointer.into_iter().collect()
        } else {
            Vec::new()
        };
        self.note_mistakes(object, &mut outcome);
        let found = found.into_iter();
        let found = found.filter(|pointer| self.is_applied_there(pointer, object));
        let found = found.filter_map(|pointer| self.placed(pointer));
        outcome.pointers.extend(found);
        outcome
    }

    /// A pointer of Flux in the branch or tag that its source reads.
    fn at_revision(&self, pointer: Pointer, object: &Object, outcome: &mut Outcome) -> Pointer {
        let name = object.node.at(&["spec", "sourceRef", "name"]);
        let name = name.and_then(Node::text).unwrap_or_default();
        let revision = self.sources.revision(name, &object.path);
        match self.revisions.folder(revision, &pointer.folder) {
            Some(folder) => Pointer { folder, ..pointer },
            None => {
                let (agent, origin) = (&pointer.agent.name, pointer.agent.origin);
                outcome
                    .notes
                    .push(revisions::absent(agent, revision, origin));
                pointer
            }
        }
    }

    /// False for an object in the branch of an environment that applies another branch: that one is
    /// followed from the tree under check.
    fn is_applied_there(&self, pointer: &Pointer, object: &Object) -> bool {
        let own = self.layout.branch_of(&object.path);
        own.filter(|root| !root.is_empty())
            .is_none_or(|root| split(&pointer.folder).0 == root || pointer.is_elsewhere())
    }

    /// A pointer with what its paths and names tell; `None` if there is no such folder.
    fn placed(&self, mut pointer: Pointer) -> Option<Pointer> {
        if !pointer.is_elsewhere() {
            if self.renderer.source().kind(&pointer.folder) != Some(EntryKind::Directory) {
                return None;
            }
            pointer.folder_placement = self.placement(&pointer.folder);
        }
        if let Some(build) = &mut pointer.post_build {
            build.lenient = self.lenient;
        }
        let name = pointer.object.at(&["metadata", "name"]);
        let name = name.and_then(Node::text);
        pointer.named = name.and_then(|name| self.layout.parted(name));
        Some(pointer)
    }

    /// The objects that steer agents, updaters and gates.
    fn controls(&self, objects: &[Object]) -> Vec<Control> {
        let steering = objects
            .iter()
            .filter(|object| controls::is_control(controls::group_of(&object.node)))
            .filter(|object| !self.layout.is_only_pointed_at(&object.path))
            .filter(|object| !self.elsewhere.contains(&object.node.origin));
        steering
            .map(|object| Control {
                node: object.node.clone(),
                file: object.file,
                environment: self
                    .placement(folder_of(&object.path))
                    .map(|placement| placement.environment),
            })
            .collect()
    }

    /// The agents that were followed, in the order of the files.
    fn assemble(&self, fleet: follow::Fleet, objects: &[Object]) -> Agents {
        let source = &**self.renderer.source();
        let mut told = fleet.told;
        let absent = applied::absent(std::mem::take(&mut told.applied), source);
        told.mistakes
            .extend(mistakes::missing_paths(&absent, source));
        let mut order: Vec<usize> = (0..fleet.steps.len()).collect();
        order.sort_by_key(|index| {
            let step = fleet.steps.get(*index);
            step.map(|step| (&step.pointer.file, step.pointer.object.origin.start))
        });
        let mut places: Vec<usize> = vec![0; order.len()];
        for (place, index) in order.iter().enumerate() {
            if let Some(slot) = places.get_mut(*index) {
                *slot = place;
            }
        }
        let mut steps: BTreeMap<usize, follow::Step> =
            fleet.steps.into_iter().enumerate().collect();
        let mut agents = Agents {
            pointers: Vec::new(),
            notes: told.notes,
            mistakes: told.mistakes,
            controls: Vec::new(),
            parents: Vec::new(),
            clusters: self.clusters.clone(),
            refs: BTreeSet::new(),
            decisive: BTreeSet::new(),
            patches: fleet.patches,
            uninstalled: fleet.uninstalled,
            built: HashMap::new(),
            ignored: self.ignored.clone(),
            origins: release::Origins {
                sources: self.sources.clone(),
                identity: self.identity.clone(),
                applications: HashSet::new(),
            },
        };
        for index in order {
            let Some(step) = steps.remove(&index) else {
                continue;
            };
            let built = step.built.map(|built| (agents.pointers.len(), built));
            agents.built.extend(built);
            let parents = step.parents.iter().filter_map(|parent| places.get(*parent));
            agents.parents.push(parents.copied().collect());
            if !step.pointer.charts().1.is_empty() {
                let Origin { file, start, .. } = step.pointer.object.origin;
                agents.origins.applications.insert((file, start));
            }
            let mut pointer = step.pointer;
            let cluster = self.layout.cluster(pointer.any_environment());
            if let Plain::Chart(chart) = &mut pointer.plain {
                chart.cluster = cluster;
            } else if let Plain::Elsewhere(charts) = &mut pointer.plain {
                for chart in charts {
                    chart.cluster = cluster.clone();
                }
            }
            agents.pointers.push(pointer);
        }
        let twice = duplicates::mistakes(&agents.pointers, &agents.parents);
        agents.mistakes.extend(twice);
        let files = fleet.files.iter();
        agents.decisive = files
            .map(|file| self.renderer.files().get(*file).path.clone())
            .collect();
        let pointers = agents.pointers.iter();
        let followed: HashSet<String> = pointers.map(|pointer| pointer.folder.clone()).collect();
        for object in objects {
            self.read_override(object, &followed, &mut agents);
        }
        agents
    }

    /// Notes the mistakes in an object.
    fn note_mistakes(&self, object: &Object, outcome: &mut Outcome) {
        let node = &object.node;
        let kind = node.get("kind").and_then(Node::text).unwrap_or_default();
        if !controls::is_control(controls::group_of(node)) {
            return;
        }
        let name = name_of(node, kind);
        let found = fields::misspelt(node, &name).into_iter();
        let found = found.chain(mistakes::refused_values(node, &name));
        outcome.mistakes.extend(found);
        if is(node, "Kustomization", flux::GROUP) {
            let applied = applied::by_kustomization(object, self);
            outcome.applied.extend(applied);
        } else if is(node, "Application", argocd::GROUP) {
            self.note_sources(node, outcome);
        }
    }

    /// Notes the folders of an Application's sources, and the mistakes in them.
    fn note_sources(&self, node: &Node, outcome: &mut Outcome) {
        let name = name_of(node, argocd::KIND);
        let spec = node.get("spec");
        let several = spec.and_then(|spec| spec.get("sources"));
        let sources = spec.and_then(|spec| spec.get("source")).into_iter();
        let sources = sources.chain(several.map_or(&[][..], Node::items));
        let found = sources.flat_map(|source| mistakes::repeated_images(source, &name));
        outcome.mistakes.extend(found);
        outcome.applied.extend(applied::by_application(node, self));
    }

    fn placement(&self, folder: &str) -> Option<Placement> {
        self.layout.placement(folder)
    }

    /// The folders of this repository that an Application applies.
    fn application(
        &self,
        object: &Object,
        node: &Node,
        is_open: bool,
    ) -> (Vec<Pointer>, Vec<Note>) {
        let application = argocd::Application {
            node,
            file: object.file,
            path: &object.path,
            is_open,
            reading: self,
        };
        let mut notes = Vec::new();
        let pointers = application.pointers(&mut notes).into_iter();
        (pointers.chain(application.elsewhere()).collect(), notes)
    }

    fn application_set(&self, object: &Object, outcome: &mut Outcome) -> Vec<Pointer> {
        let surroundings = applicationset::Surroundings {
            renderer: self.renderer,
            folders: self.folders,
            identity: self.identity,
            clusters: &self.clusters,
            revisions: &self.revisions,
        };
        let mut notes = Vec::new();
        let told = (&mut notes, &mut outcome.mistakes);
        let made = applicationset::expand(&object.node, surroundings, told);
        // if a generator is not known, its Applications are not either: that needs no further note
        let known = notes.is_empty();
        let mut found = Vec::new();
        for node in &made {
            self.note_sources(node, outcome);
            let (pointers, own_notes) = self.application(object, node, !known);
            found.extend(pointers);
            notes.extend(own_notes.into_iter().filter(|_| known));
        }
        outcome.notes.append(&mut notes);
        found
    }

    fn is_of_this_repository(&self, kustomization: &Node) -> bool {
        let urls = self.sources.of(kustomization);
        flux::Sources::is_bootstrap(kustomization)
            || urls.is_empty()
            || urls.iter().any(|url| self.identity.is_own(url))
    }

    /// Parameter overrides beside a kustomization show an Application whose object is kept in
    /// another repository.
    fn read_override(&self, object: &Object, followed: &HashSet<String>, agents: &mut Agents) {
        let Some((folder, name)) = argocd::overridden(&object.path) else {
            return;
        };
        if followed.contains(folder) || self.renderer.kustomization(folder).is_none() {
            return;
        }
        let application = argocd::Application {
            node: &argocd::elsewhere(folder, name, object.node.origin),
            file: object.file,
            path: &object.path,
            is_open: false,
            reading: self,
        };
        for mut pointer in application.pointers(&mut agents.notes) {
            pointer.file_placement = self.placement(folder);
            pointer.folder_placement = pointer.file_placement.clone();
            agents.parents.push(Vec::new());
            agents.pointers.push(pointer);
        }
    }
}

/// True if a file may hold an agent's object.
pub(crate) fn mentions(renderer: &Renderer, path: &str) -> bool {
    let ends = [".yaml", ".yml", ".json"];
    let is_manifest = ends.iter().any(|end| path.ends_with(end));
    is_manifest
        && !is_set_aside(path)
        && renderer.skim(path, LARGEST, |text| {
            controls::mentioned(text)
                || text.contains("kind: Application")
                || text.contains(applicationset::clusters::LABEL)
        })
}

/// True if an object tells an agent what to apply.
fn is_agent(node: &Node) -> bool {
    is(node, "Kustomization", flux::GROUP)
        || is(node, "Application", argocd::GROUP)
        || is(node, "ApplicationSet", argocd::GROUP)
}

fn is(node: &Node, kind: &str, group: &str) -> bool {
    let text = |key: &str| node.get(key).and_then(Node::text).unwrap_or_default();
    text("kind") == kind
        && text("apiVersion")
            .split_once('/')
            .is_some_and(|(own, _)| own == group)
}

/// Which URLs are this repository's.
fn identity(objects: &[Object], sources: &flux::Sources, renderer: &Renderer) -> Identity {
    let source = renderer.source();
    let exists = |path: Option<&str>| {
        let path = path
            .map(|path| path.trim_start_matches("./").trim_matches('/'))
            .filter(|path| !path.is_empty());
        // of a glob or template, the part before it
        let plain = path.map(|path| {
            path.split('/')
                .take_while(|part| !part.contains(['*', '{']))
                .collect::<Vec<_>>()
                .join("/")
        });
        plain.is_some_and(|path| !path.is_empty() && source.kind(&path).is_some())
    };
    let mut mentions: Vec<(String, bool)> = Vec::new();
    for object in objects {
        let node = &object.node;
        if is(node, "Kustomization", flux::GROUP) {
            let path = node.at(&["spec", "path"]).and_then(Node::text);
            mentions.extend(
                sources
                    .of(node)
                    .iter()
                    .map(|url| (url.clone(), exists(path))),
            );
        } else if is(node, "Application", argocd::GROUP)
            || is(node, "ApplicationSet", argocd::GROUP)
        {
            with_repository(node, &mut |url, node| {
                let globs = ["directories", "files"]
                    .iter()
                    .filter_map(|key| node.get(key))
                    .flat_map(Node::items);
                let paths = globs
                    .chain(std::iter::once(node))
                    .filter_map(|node| node.get("path").and_then(Node::text));
                mentions.push((
                    url.to_string(),
                    paths.into_iter().any(|path| exists(Some(path))),
                ));
            });
        }
    }
    let known: Vec<String> = source
        .remotes()
        .into_iter()
        .chain(sources.own().iter().cloned())
        .collect();
    // the source that `flux bootstrap` creates is this repository, even if only the cluster has it
    let bootstrapped = || {
        objects.iter().any(|object| {
            is(&object.node, "Kustomization", flux::GROUP)
                && flux::Sources::is_bootstrap(&object.node)
        })
    };
    Identity::recognise(&known, &mentions, &bootstrapped)
}

/// Every map with a `repoURL` that is not a template and no chart's; the depth is bounded by the
/// reader.
fn with_repository(node: &Node, see: &mut dyn FnMut(&str, &Node)) {
    let url = node
        .get("repoURL")
        .and_then(Node::text)
        .filter(|url| !url.contains("{{") && node.get("chart").is_none());
    if let Some(url) = url {
        see(url, node);
    }
    node.entries()
        .iter()
        .map(|entry| &entry.value)
        .chain(node.items())
        .for_each(|child| with_repository(child, see));
}

fn name_of(node: &Node, kind: &str) -> String {
    let text = |key: &str| {
        node.at(&["metadata", key])
            .and_then(Node::text)
            .unwrap_or_default()
    };
    match text("namespace") {
        "" if text("name").is_empty() => kind.to_string(),
        "" => format!("{kind} {}", text("name")),
        namespace => format!("{kind} {namespace}/{}", text("name")),
    }
}

/// Gives every value of a tree the origin of the field that the tree comes from.
fn set_origin(node: &mut Node, origin: Origin) {
    node.origin = origin;
    if let Some(map) = node.map_mut() {
        for entry in &mut map.entries {
            entry.key_origin = origin;
            set_origin(&mut entry.value, origin);
        }
    } else if let Some(list) = node.list_mut() {
        list.items
            .iter_mut()
            .for_each(|item| set_origin(item, origin));
    }
}
