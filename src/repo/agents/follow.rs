//! Follows agents' objects as they are applied: from the kustomizations and roots that nothing
//! else applies, through what each of them renders. A parent may patch its children, as
//! `clusters/production/kustomization.yaml` does with a Flux Kustomization beside it, and fill in
//! `${SITE}` in their paths.
//!
//! Here: the order in which objects are followed, and what each gets from its parent. An object
//! that nothing renders is followed as it is written. `holding` tells which folders are worth a
//! look. Not here: what one object says (`Reading`).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::super::discover::{Placement, Root, is_example, is_set_aside};
use super::holding::Holding;
use super::lookup::{Found, nearest};
use super::{
    Extent, Note, Object, Outcome, Pointer, Reading, Reference, argocd, assumed, is_agent, name_of,
    plain,
};
use crate::kustomize::kustomization::path_in;
use crate::kustomize::{Kustomization, Rendered, Resource};
use crate::source::{folder_of, join};
use crate::yaml::{FileId, Node, Origin};

/// The deepest nesting of parents and children. Real fleets have three or four levels.
const DEEPEST: usize = 12;
/// The most folders that all agents of a tree may apply.
const MOST: usize = 50_000;
/// The number of times that an object which applies itself may change itself.
const SETTLES: usize = 2;

/// A folder that an agent applies, with the objects that lead to it.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) pointer: Pointer,
    /// The steps that apply its object; empty for a root.
    pub(super) parents: Vec<usize>,
    /// The built objects, if they were needed to find further agents.
    pub(super) built: Option<Arc<Rendered>>,
}

/// All that was followed.
#[derive(Default)]
pub(super) struct Fleet {
    pub(super) steps: Vec<Step>,
    pub(super) told: Outcome,
    /// The files that decided which agents there are, besides those of the objects.
    pub(super) files: BTreeSet<FileId>,
    /// The paths of files that kustomizations use as patches and the like.
    pub(super) patches: BTreeSet<String>,
    /// The `Chart.yaml` of each chart that nothing in the repo applies.
    pub(super) uninstalled: Vec<FileId>,
}

/// Where an object comes from.
struct Place {
    /// The folder whose rendering holds it; `None` if it is read from its file.
    folder: Option<String>,
    /// The environment of that folder, or of the agent that applies it.
    placement: Option<Placement>,
    /// The step that applies the folder.
    parent: Option<usize>,
    depth: usize,
}

/// Follows the objects of a tree. `raw` are those of the `files` that mention agents.
pub(super) fn follow(
    reading: &Reading<'_>,
    roots: &[Root],
    (raw, files): (&[Object], &[Arc<str>]),
) -> Fleet {
    let read = |object: &Object| is_agent(&object.node).then(|| reading.read_object(object));
    let outcomes: Vec<Option<Outcome>> = raw.par_iter().map(read).collect();
    let holding = Holding::new(reading.renderer, roots, (raw, files));
    let mut following = Following {
        reading,
        roots,
        raw,
        written: raw
            .iter()
            .enumerate()
            .map(|(index, object)| ((object.node.origin.file, object.node.origin.start), index))
            .collect(),
        outcomes,
        holding,
        reached: HashSet::new(),
        by_folder: HashMap::new(),
        values: HashMap::new(),
        fleet: Fleet::default(),
    };
    following.prepare();
    following.follow_tops();
    following.follow_roots();
    if reading.extent == Extent::Tree {
        following.follow_assumed();
    }
    following.fleet
}

struct Following<'a> {
    reading: &'a Reading<'a>,
    roots: &'a [Root],
    raw: &'a [Object],
    /// The index of each raw object, by file and first byte.
    written: HashMap<(FileId, u32), usize>,
    /// The reading of each raw object; `None` if it is not an agent's.
    outcomes: Vec<Option<Outcome>>,
    holding: Holding<'a>,
    /// File and first byte of every object that something renders.
    reached: HashSet<(FileId, u32)>,
    by_folder: HashMap<String, Vec<usize>>,
    values: HashMap<(String, String), Vec<Found>>,
    fleet: Fleet,
}

impl Following<'_> {
    /// The folders that raw objects point at.
    fn pointed(&self) -> impl Iterator<Item = &str> {
        let outcomes = self.outcomes.iter().flatten();
        let pointers = outcomes.flat_map(|outcome| &outcome.pointers);
        pointers.map(|pointer| pointer.folder.as_str())
    }

    /// Renders on all threads what is about to be looked at one by one.
    fn prepare(&self) {
        let renderer = self.reading.renderer;
        let folders: BTreeSet<&str> = self
            .tops()
            .into_iter()
            .chain(self.pointed().filter(|folder| self.holding.holds(folder)))
            .filter(|folder| renderer.kustomization(folder).is_some())
            .collect();
        folders
            .par_iter()
            .for_each(|folder| _ = renderer.render(folder));
    }

    /// The kustomizations with agents' objects that nothing in the repo applies: somebody does it by
    /// hand, or a bootstrap that is kept elsewhere.
    fn tops(&self) -> Vec<&str> {
        let used: HashSet<&str> = self
            .roots
            .iter()
            .flat_map(|root| &root.references)
            .map(String::as_str)
            .chain(self.pointed())
            .collect();
        let ignored = |folder: &str| self.reading.layout.is_ignored(folder);
        self.roots
            .iter()
            .filter(|root| !root.component)
            .map(|root| root.folder.as_str())
            .filter(|folder| self.holding.holds(folder) && !used.contains(folder))
            .filter(|folder| !is_example(folder) && !is_set_aside(folder) && !ignored(folder))
            .collect()
    }

    fn follow_tops(&mut self) {
        let tops: Vec<String> = self.tops().into_iter().map(str::to_string).collect();
        for folder in tops {
            let place = Place {
                placement: self.reading.placement(&folder),
                folder: Some(folder),
                parent: None,
                depth: 0,
            };
            self.look_into(&place);
        }
    }

    /// Follows what nothing rendered so far: first objects that apply their own folder, as
    /// `gotk-sync.yaml` does, then those in no folder that another one applies, then the rest.
    fn follow_roots(&mut self) {
        let held: HashSet<String> = self.holding.files_of(self.pointed());
        let patches = self.patches();
        let mut order: Vec<(usize, usize, usize)> = Vec::new();
        for (index, (object, outcome)) in self.raw.iter().zip(&self.outcomes).enumerate() {
            let Some(outcome) = outcome else { continue };
            if patches.contains(&*object.path)
                || self.reading.layout.is_only_pointed_at(&object.path)
            {
                continue;
            }
            let above = |pointer: &&Pointer| is_below(&object.path, &pointer.folder);
            let own = outcome.pointers.iter().find(above);
            order.push(match own {
                Some(pointer) => (0, pointer.folder.len(), index),
                None => (1 + usize::from(held.contains(&*object.path)), 0, index),
            });
        }
        self.fleet.patches = patches;
        order.sort_unstable();
        for (_, _, index) in order {
            let Some(object) = self.raw.get(index) else {
                continue;
            };
            let origin = object.node.origin;
            if self.reached.contains(&(origin.file, origin.start)) {
                continue;
            }
            let place = Place {
                folder: None,
                placement: None,
                parent: None,
                depth: 0,
            };
            self.enter(object.clone(), &place);
        }
    }

    /// Follows the charts that nothing applies. Those that make agents' objects come first, because
    /// these may apply others.
    fn follow_assumed(&mut self) {
        let applied = |folder: &str| self.by_folder.contains_key(folder);
        let found = assumed::releases(self.reading, self.roots, self.raw, &applied);
        let plain = plain::releases(self.reading, &applied);
        self.fleet.uninstalled = found.uninstalled;
        let mut pointers: Vec<(bool, Pointer)> = Vec::new();
        for release in found.releases.into_iter().chain(plain) {
            let application = argocd::Application {
                node: &release.object.node,
                file: release.object.file,
                path: &release.object.path,
                is_open: false,
                reading: self.reading,
            };
            for mut pointer in application.pointers(&mut self.fleet.told.notes) {
                pointer.assumed = true;
                Arc::make_mut(&mut pointer.agent).name = release.name.clone();
                pointer.file_placement = Some(release.placement.clone());
                pointer.folder_placement = self.reading.placement(&pointer.folder);
                pointers.push((!self.holding.holds_agents(&pointer), pointer));
            }
        }
        pointers.sort_by_key(|(holds_none, _)| *holds_none);
        for (holds_none, pointer) in pointers {
            self.enter_assumed(pointer, !holds_none);
        }
        let steps = std::mem::take(&mut self.fleet.steps);
        self.fleet.steps = drop_superseded(steps);
    }

    fn enter_assumed(&mut self, pointer: Pointer, holds: bool) {
        let is_real = |index: &usize| {
            let step = self.fleet.steps.get(*index);
            step.is_some_and(|step| !step.pointer.assumed)
        };
        let here = self.by_folder.entry(pointer.folder.clone()).or_default();
        if here.iter().any(is_real) || self.fleet.steps.len() >= MOST {
            return;
        }
        let index = self.fleet.steps.len();
        here.push(index);
        let place = Place {
            folder: None,
            placement: pointer.file_placement.clone(),
            parent: None,
            depth: 0,
        };
        self.fleet.steps.push(Step {
            pointer,
            parents: Vec::new(),
            built: None,
        });
        if holds {
            self.descend(index, false, &place);
        }
    }

    /// The files that kustomizations use as patches and the like. They look like objects.
    fn patches(&self) -> BTreeSet<String> {
        let used = |root: &Root| -> Vec<(bool, String)> {
            let loaded = self.reading.renderer.kustomization(&root.folder);
            let Some(own) = loaded.and_then(|loaded| loaded.kustomization.clone()) else {
                return Vec::new();
            };
            let listed = |own: &Kustomization, path: &str| {
                own.resources
                    .iter()
                    .any(|entry| join(&root.folder, path_in(entry)).as_deref() == Some(path))
            };
            let candidates = own.paths().filter(|entry| !entry.contains('\n'));
            let paths = candidates.filter_map(|entry| join(&root.folder, path_in(entry)));
            paths
                .filter(|path| self.holding.is_candidate(path))
                .map(|path| (listed(&own, &path), path))
                .collect()
        };
        let used: Vec<(bool, String)> = self.roots.par_iter().flat_map_iter(used).collect();
        let resources: HashSet<&String> = used
            .iter()
            .filter(|(listed, _)| *listed)
            .map(|(_, path)| path)
            .collect();
        let others = used.iter().filter(|(listed, _)| !listed);
        others
            .map(|(_, path)| path)
            .filter(|path| !resources.contains(path))
            .cloned()
            .collect()
    }

    /// Follows the agents' objects in what a folder renders to. A kustomization that only lists
    /// others has the objects of those, whose paths tell more.
    fn look_into(&mut self, place: &Place) {
        let Some(folder) = place.folder.as_deref() else {
            return;
        };
        let mut waiting = vec![folder.to_string()];
        let mut seen = BTreeSet::new();
        while let Some(folder) = waiting.pop() {
            if !seen.insert(folder.clone()) {
                continue;
            }
            let roots = self.roots;
            let root = roots.binary_search_by(|root| root.folder.as_str().cmp(&folder));
            let root = root.ok().and_then(|index| roots.get(index));
            if let Some(root) = root.filter(|root| root.only_gathers && !root.references.is_empty())
            {
                let held = root.references.iter().rev();
                waiting.extend(held.filter(|folder| self.holding.holds(folder)).cloned());
                let loaded = self.reading.renderer.kustomization(&folder);
                self.fleet
                    .files
                    .extend(loaded.and_then(|loaded| loaded.file));
                continue;
            }
            let rendered = self.reading.renderer.render(&folder);
            let inner = Place {
                placement: self
                    .reading
                    .placement(&folder)
                    .or_else(|| place.placement.clone()),
                folder: Some(folder),
                ..*place
            };
            self.look_through(&rendered, &inner);
        }
    }

    /// Follows the agents' objects of a rendering.
    fn look_through(&mut self, rendered: &Rendered, place: &Place) {
        self.fleet.files.extend(rendered.files.iter().copied());
        let deleted = rendered.deleted.iter().map(|one| &one.resource);
        for resource in rendered.resources.iter().chain(deleted) {
            let origin = resource.node.origin;
            self.reached.insert((origin.file, origin.start));
        }
        for object in self.objects_of(rendered, place) {
            let name = agent_name(&object.node);
            match self.above(place.parent, &name) {
                // an object that applies itself
                Some(0) => {}
                Some(_) => self.note(
                    object.node.origin,
                    format!("{name} applies an object that applies {name} again"),
                ),
                None => self.enter(object, place),
            }
        }
    }

    /// The agents' objects of a rendering. If nothing applies a folder but an object in it, as
    /// where a patch sets the path of `flux-system`, only that object matters: it applies the others.
    fn objects_of(&self, rendered: &Rendered, place: &Place) -> Vec<Object> {
        let agents = rendered.resources.iter().filter(|one| is_agent(&one.node));
        let mut objects: Vec<Object> = agents.map(|one| self.object(one)).collect();
        if place.parent.is_none() {
            let applies_it = |object: &Object| {
                let pointers = self.read(object).pointers;
                let mut folders = pointers.iter().map(|pointer| Some(&pointer.folder));
                folders.any(|folder| folder == place.folder.as_ref())
            };
            let own: Vec<bool> = objects.iter().map(applies_it).collect();
            if own.contains(&true) {
                let mut own = own.into_iter();
                objects.retain(|_| own.next().unwrap_or_default());
            }
        }
        objects
    }

    fn object(&self, resource: &Resource) -> Object {
        let file = resource.node.origin.file;
        Object {
            file,
            path: self.reading.renderer.files().get(file).path.clone(),
            node: resource.node.clone(),
        }
    }

    /// The number of levels between a step and an agent of this name above it.
    fn above(&self, mut step: Option<usize>, name: &str) -> Option<usize> {
        for level in 0..=DEEPEST {
            let one = self.fleet.steps.get(step?)?;
            if one.pointer.agent.name == name {
                return Some(level);
            }
            step = one.parents.first().copied();
        }
        None
    }

    fn note(&mut self, origin: Origin, message: String) {
        self.fleet.told.notes.push(Note::new(origin, message));
    }

    /// The reading of an object, and whether it is as its file has it.
    fn read(&self, object: &Object) -> Outcome {
        let origin = object.node.origin;
        let index = self.written.get(&(origin.file, origin.start)).copied();
        let raw = index.and_then(|index| self.raw.get(index));
        let outcome = index.and_then(|index| self.outcomes.get(index)?.as_ref());
        match (raw, outcome) {
            (Some(raw), Some(outcome)) if raw.node == object.node => outcome.clone(),
            _ => self.reading.read_object(object),
        }
    }

    /// Follows one object to the folders that it applies.
    fn enter(&mut self, object: Object, place: &Place) {
        let origin = object.node.origin;
        self.reached.insert((origin.file, origin.start));
        if place.depth > DEEPEST || self.fleet.steps.len() >= MOST {
            let message = "too many agents apply each other here; the deeper ones are not checked";
            return self.fleet.told.notes.push(Note::limit(origin, message));
        }
        let mut outcome = self.read(&object);
        if place.folder.is_none() && self.reading.patched.contains(&*object.path) {
            // what it lacks or names wrongly may be set where it is patched
            outcome.mistakes.clear();
            outcome.applied.clear();
        }
        let pointers = std::mem::take(&mut outcome.pointers);
        self.fleet.told.extend(outcome);
        let alone = pointers.len() == 1;
        for mut pointer in pointers {
            self.place(&mut pointer, &object, place);
            if let Some(same) = self.same(&pointer) {
                let parents = self.fleet.steps.get_mut(same).map(|step| &mut step.parents);
                if let (Some(parents), Some(parent)) = (parents, place.parent)
                    && !parents.contains(&parent)
                {
                    parents.push(parent);
                }
                continue;
            }
            let index = self.fleet.steps.len();
            let here = self.by_folder.entry(pointer.folder.clone());
            here.or_default().push(index);
            let holds = self.holding.holds_agents(&pointer);
            self.fleet.steps.push(Step {
                pointer,
                parents: place.parent.into_iter().collect(),
                built: None,
            });
            if holds {
                self.descend(index, alone, place);
            }
        }
    }

    /// The environment of a pointer: by the file of the object, or by the folder that renders it.
    fn place(&self, pointer: &mut Pointer, object: &Object, place: &Place) {
        let own = self.reading.placement(folder_of(&object.path));
        let gathered = match &place.folder {
            Some(folder) => is_below(&object.path, folder),
            None => true,
        };
        if gathered {
            pointer.file_placement = own;
        } else {
            // a base is told apart by the overlay that builds upon it
            let folder = place.folder.as_deref().unwrap_or_default();
            pointer.file_placement = self.reading.placement(folder);
        }
        if pointer.file_placement.is_none() && pointer.folder_placement.is_none() {
            pointer.inherited = place.placement.clone();
        }
        let written_in = self.reading.renderer.files().get(pointer.agent.origin.file);
        let written_in = self.reading.placement(folder_of(&written_in.path));
        pointer.written_in = written_in.map(|placement| placement.environment);
        pointer.read.extend(others_in(&object.node, object.file));
    }

    /// The step that applies the same with the same settings to the same environment.
    fn same(&self, pointer: &Pointer) -> Option<usize> {
        let here = self.by_folder.get(&pointer.folder)?;
        here.iter().copied().find(|index| {
            let step = self.fleet.steps.get(*index);
            step.is_some_and(|step| {
                let other = &step.pointer;
                other.agent == pointer.agent
                    && other.object == pointer.object
                    && other.layer == pointer.layer
                    && other.any_environment() == pointer.any_environment()
            })
        })
    }

    /// Follows what a folder renders to as its agent builds it. `alone`: its object applies no other
    /// folder.
    fn descend(&mut self, index: usize, alone: bool, place: &Place) {
        let mut rendered = self.render(index);
        for _ in 0..SETTLES {
            if !alone || !self.changes_itself(index, &rendered, place) {
                break;
            }
            rendered = self.render(index);
        }
        let Some(step) = self.fleet.steps.get(index) else {
            return;
        };
        let pointer = &step.pointer;
        let placement = pointer.folder_placement.clone();
        let inner = Place {
            placement: placement
                .or_else(|| pointer.file_placement.clone())
                .or_else(|| pointer.inherited.clone()),
            folder: Some(pointer.folder.clone()),
            parent: Some(index),
            depth: place.depth + 1,
        };
        if pointer.adds_nothing()
            && self
                .reading
                .renderer
                .kustomization(&pointer.folder)
                .is_some()
        {
            self.look_into(&inner);
        } else {
            self.look_through(&rendered, &inner);
        }
    }

    /// If an agent applies its own object changed, as where a kustomization patches
    /// `gotk-sync.yaml`, what counts is the changed one.
    fn changes_itself(&mut self, index: usize, rendered: &Rendered, place: &Place) -> bool {
        let Some(step) = self.fleet.steps.get(index) else {
            return false;
        };
        let pointer = &step.pointer;
        let mut agents = rendered.resources.iter().filter(|one| is_agent(&one.node));
        let own = agents.find(|one| agent_name(&one.node) == pointer.agent.name);
        let Some(own) = own.filter(|own| own.node != pointer.object) else {
            return false;
        };
        let object = self.object(own);
        let mut outcome = self.reading.read_object(&object);
        let (Some(mut changed), true) = (outcome.pointers.pop(), outcome.pointers.is_empty())
        else {
            return false;
        };
        self.place(&mut changed, &object, place);
        changed.file_placement = step.pointer.file_placement.clone();
        if let Some(step) = self.fleet.steps.get_mut(index) {
            step.pointer = changed;
        }
        true
    }

    /// The objects that an agent applies.
    fn render(&mut self, index: usize) -> Arc<Rendered> {
        let Some(step) = self.fleet.steps.get(index) else {
            return Arc::default();
        };
        let pointer = step.pointer.clone();
        let built = pointer.build_without(self.reading.renderer, &self.reading.ignored);
        self.fleet.files.extend(built.files.iter().copied());
        if let Some(step) = self.fleet.steps.get_mut(index) {
            step.built = Some(built.clone());
        }
        let references = pointer.post_build.iter().flat_map(|build| &build.from);
        let found: BTreeMap<(String, String), Node> = references
            .filter_map(|reference| {
                let node = self.value(reference, index)?;
                Some(((reference.kind.clone(), reference.name.clone()), node))
            })
            .collect();
        let find =
            |reference: &Reference| found.get(&(reference.kind.clone(), reference.name.clone()));
        pointer.finish(built, &find, self.reading.renderer.files())
    }

    /// A ConfigMap or Secret that variables come from: one that the agent or its parents apply, or
    /// else one in a file of the repo.
    fn value(&mut self, reference: &Reference, index: usize) -> Option<Node> {
        let mut step = Some(index);
        for _ in 0..=DEEPEST {
            let Some(one) = step.and_then(|step| self.fleet.steps.get(step)) else {
                break;
            };
            let built = one.built.iter().flat_map(|built| &built.resources);
            let mut found = built.filter(|one| is_named(one, &reference.kind, &reference.name));
            if let Some(found) = found.next() {
                return Some(found.node.clone());
            }
            step = one.parents.first().copied();
        }
        let key = (reference.kind.clone(), reference.name.clone());
        let reading = self.reading;
        let found = self
            .values
            .entry(key)
            .or_insert_with_key(|key| in_files(key, reading));
        let pointer = &self.fleet.steps.get(index)?.pointer;
        let placement = pointer.any_placement();
        let node = nearest(placement, reference, found.iter().map(Found::pair)).cloned()?;
        self.fleet.files.insert(node.origin.file);
        Some(node)
    }
}

/// Drops the releases of charts that something turns out to apply, and what they apply.
fn drop_superseded(steps: Vec<Step>) -> Vec<Step> {
    let real = steps.iter().filter(|step| !step.pointer.assumed);
    let real: BTreeSet<String> = real.map(|step| step.pointer.folder.clone()).collect();
    let is_superseded = |step: &Step| step.pointer.assumed && real.contains(&step.pointer.folder);
    if !steps.iter().any(is_superseded) {
        return steps;
    }
    // parents stand before their children
    let mut places: Vec<Option<usize>> = Vec::with_capacity(steps.len());
    let mut kept: Vec<Step> = Vec::with_capacity(steps.len());
    for mut step in steps {
        let was_root = step.parents.is_empty();
        let parents = step.parents.iter();
        step.parents = parents
            .filter_map(|parent| places.get(*parent).copied().flatten())
            .collect();
        let orphaned = !was_root && step.parents.is_empty();
        let is_kept = !is_superseded(&step) && !orphaned;
        places.push(is_kept.then_some(kept.len()));
        kept.extend(is_kept.then_some(step));
    }
    kept
}

/// The objects of a kind and name in the files of the repo.
fn in_files((kind, name): &(String, String), reading: &Reading<'_>) -> Vec<Found> {
    const LARGEST: usize = 256 << 10;
    let renderer = reading.renderer;
    let holds = |path: &&Arc<str>| {
        (path.ends_with(".yaml") || path.ends_with(".yml"))
            && !is_set_aside(path)
            && !reading.layout.is_only_pointed_at(path)
            && renderer.skim(path, LARGEST, |text| {
                text.contains(kind.as_str()) && text.contains(name.as_str())
            })
    };
    let source = renderer.source();
    let files: Vec<&Arc<str>> = source.files().par_iter().filter(holds).collect();
    let mut found = Vec::new();
    for path in files {
        let Ok(documents) = renderer.parsed(path) else {
            continue;
        };
        let placement = reading.placement(folder_of(path));
        let resources = documents.documents.iter().cloned().map(Resource::new);
        let named = resources.filter(|one| is_named(one, kind, name));
        found.extend(named.map(|resource| Found {
            placement: placement.clone(),
            resource,
        }));
    }
    found
}

/// `Kustomization flux-system/apps`
fn agent_name(node: &Node) -> String {
    name_of(
        node,
        node.get("kind").and_then(Node::text).unwrap_or_default(),
    )
}

fn is_named(resource: &Resource, kind: &str, name: &str) -> bool {
    resource.kind() == kind && resource.name() == name
}

/// True if a file lies in a folder or below it.
fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path
            .strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
}

/// The other files that the values of an object come from.
fn others_in(node: &Node, own: FileId) -> BTreeSet<FileId> {
    let mut found = BTreeSet::new();
    collect_files(node, &mut found);
    found.remove(&own);
    found
}

/// The depth is limited by the reader.
fn collect_files(node: &Node, found: &mut BTreeSet<FileId>) {
    found.insert(node.origin.file);
    for entry in node.entries() {
        found.insert(entry.key_origin.file);
        collect_files(&entry.value, found);
    }
    node.items()
        .iter()
        .for_each(|item| collect_files(item, found));
}
