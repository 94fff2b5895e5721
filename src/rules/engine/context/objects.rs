//! Look-ups across overlays: the variants of one, the objects and providers of an environment, the
//! agents that point at a folder.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::OnceLock;

use super::Context;
use crate::kubernetes::references::{Provider, Target};
use crate::kustomize::resource::effective_namespace;
use crate::kustomize::{ProblemKind, Resource};
use crate::repo::agents::Pointer;
use crate::repo::{AgentKind, Overlay, Repo};
use crate::source::is_below;
use crate::yaml::{FileId, Node, Origin};

/// Cached results of the look-ups.
#[derive(Default)]
pub(super) struct Objects<'a> {
    by_app: OnceLock<HashMap<&'a str, Vec<usize>>>,
    living: OnceLock<HashMap<(Option<usize>, ObjectKey<'a>), Living>>,
    pointers: OnceLock<HashMap<&'a str, Vec<&'a Pointer>>>,
    providers: OnceLock<Providers>,
    needing: OnceLock<HashMap<(Target, &'a str), Vec<usize>>>,
    pub(super) dropped: OnceLock<HashMap<&'a str, &'a str>>,
    unused: OnceLock<HashMap<(ProblemKind, Origin), usize>>,
    readers: OnceLock<HashMap<FileId, usize>>,
}

/// Every provider of the repo by name: the overlay's index and the provider's index in that
/// overlay's facts.
#[derive(Default)]
pub struct Providers {
    by_name: HashMap<(Target, String), Vec<(usize, usize)>>,
    targets: HashSet<Target>,
}

impl Providers {
    /// True if any overlay provides an object of this kind.
    pub fn any(&self, target: Target) -> bool {
        self.targets.contains(&target)
    }
}

/// Group, kind, name and effective namespace: the identity of an object in the cluster.
pub(in crate::rules) type ObjectKey<'a> = (&'a str, &'a str, &'a str, &'a str);

/// The key of an object as rendered.
pub(in crate::rules) fn object_key(resource: &Resource) -> ObjectKey<'_> {
    let text = |path: &[&str]| {
        resource
            .node
            .at(path)
            .and_then(Node::text)
            .unwrap_or_default()
    };
    let (version, kind) = (text(&["apiVersion"]), text(&["kind"]));
    let namespace = effective_namespace(
        version,
        kind,
        resource
            .node
            .at(&["metadata", "namespace"])
            .and_then(Node::text),
    );
    (
        version.split_once('/').map_or("", |(group, _)| group),
        kind,
        text(&["metadata", "name"]),
        namespace,
    )
}

/// Kinds whose deletion takes other objects or data with it.
const HOLDS_OTHERS: &[&str] = &[
    "Namespace",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
];

/// An object of an environment.
#[derive(Default)]
struct Living {
    /// The indices of the overlays that make it.
    makers: Vec<usize>,
    /// True if the change adds it to one of them.
    came: bool,
}

impl<'a> Context<'a> {
    /// The other variants of an overlay. An image counts as run in an environment if any of its
    /// variants ran it.
    pub fn siblings(&self, overlay: &Overlay) -> impl Iterator<Item = &'a Overlay> + use<'a> {
        let repo: &'a Repo = self.repo;
        let by_app = self.objects.by_app.get_or_init(|| {
            let mut found: HashMap<&str, Vec<usize>> = HashMap::new();
            for (index, overlay) in repo.overlays.iter().enumerate() {
                found.entry(&overlay.app).or_default().push(index);
            }
            found
        });
        let of_app = by_app
            .get(overlay.app.as_str())
            .map_or(&[][..], |found| found)
            .iter()
            .filter_map(|index| repo.overlays.get(*index));
        let same = |other: &&Overlay| {
            other.environment == overlay.environment && other.key() != overlay.key()
        };
        of_app.filter(same).collect::<Vec<_>>().into_iter()
    }

    /// The agents' objects that point at a folder.
    pub(in crate::rules) fn pointers_at(&self, folder: &str) -> &[&'a Pointer] {
        let repo: &'a Repo = self.repo;
        let pointers = self.objects.pointers.get_or_init(|| {
            let mut found: HashMap<&str, Vec<&Pointer>> = HashMap::new();
            repo.pointers()
                .iter()
                .for_each(|pointer| found.entry(&pointer.folder).or_default().push(pointer));
            found
        });
        pointers.get(folder).map_or(&[], Vec::as_slice)
    }

    /// True if an object that an overlay lost, or that was deleted together with the overlay, still
    /// exists in the same cluster because another overlay renders it. That overlay has the same
    /// variant, lists this overlay, is listed by it, or gets the object with the change (it moved).
    /// An object that another variant already had is in another cluster or tenant and does not
    /// count.
    pub(in crate::rules) fn lives_on(&self, overlay: &Overlay, object: ObjectKey<'_>) -> bool {
        let Some(living) = self
            .objects
            .living
            .get_or_init(|| self.living())
            .get(&(overlay.environment, object))
        else {
            return false;
        };
        let gathers = |one: &Overlay, other: &Overlay| {
            one.path != other.path && is_below(&other.path, &one.path)
        };
        // Flux deletes what one Kustomization no longer has, even if another one applies it too; for
        // an object that holds others or data, coming back is too late
        let is_pruned = |maker: &Overlay| {
            let other = maker.agent.as_ref().map(|agent| &agent.name);
            let prunes = overlay
                .agent
                .as_ref()
                .is_some_and(|own| own.kind == AgentKind::Flux && other != Some(&own.name));
            prunes && HOLDS_OTHERS.contains(&object.1)
        };
        let mut makers = living
            .makers
            .iter()
            .filter_map(|index| self.repo.overlays.get(*index));
        living.came
            || makers.any(|maker| {
                !is_pruned(maker)
                    && (maker.variant == overlay.variant
                        || gathers(maker, overlay)
                        || gathers(overlay, maker))
            })
    }

    /// The objects of each environment, regardless of their API versions.
    fn living(&self) -> HashMap<(Option<usize>, ObjectKey<'a>), Living> {
        let repo: &'a Repo = self.repo;
        let mut found: HashMap<(Option<usize>, ObjectKey<'a>), Living> = HashMap::new();
        for (index, overlay) in repo.overlays.iter().enumerate() {
            if self.dropped_from(overlay).is_some() {
                continue;
            }
            let before = self.at_base(overlay);
            let same = before.is_some_and(|before| before.rendered.is(&overlay.rendered));
            let then: HashSet<ObjectKey> = match before.filter(|_| !same) {
                Some(before) => before.rendered.resources.iter().map(object_key).collect(),
                None => HashSet::new(),
            };
            for object in overlay.rendered.resources.iter().map(object_key) {
                let came = !same && !then.contains(&object);
                let living = found.entry((overlay.environment, object)).or_default();
                living.makers.push(index);
                living.came |= came;
            }
        }
        found
    }

    /// Every provider of the repo.
    pub fn providers(&self) -> &Providers {
        self.objects.providers.get_or_init(|| {
            let mut providers = Providers::default();
            for index in 0..self.repo.overlays.len() {
                for (at, provider) in self.facts_at(index).providers.iter().enumerate() {
                    providers
                        .by_name
                        .entry((provider.target, provider.name.to_string()))
                        .or_default()
                        .push((index, at));
                    providers.targets.insert(provider.target);
                }
            }
            providers
        })
    }

    /// The overlays that need an object of this name, in the order of the repo.
    pub fn needing(&self, target: Target, name: &str) -> Vec<&'a Overlay> {
        let repo: &'a Repo = self.repo;
        let found = self.needs().get(&(target, name));
        let found = found.map_or(&[][..], Vec::as_slice).iter();
        found
            .filter_map(|index| repo.overlays.get(*index))
            .collect()
    }

    /// The names of the objects of a kind that overlays need and that begin with a text, sorted.
    pub fn needed(&self, target: Target, beginning: &str) -> BTreeSet<&'a str> {
        let names = self.needs().keys();
        let names = names.filter(|(other, name)| *other == target && name.starts_with(beginning));
        names.map(|(_, name)| *name).collect()
    }

    /// The overlays that need an object, by its kind and name.
    fn needs(&self) -> &HashMap<(Target, &'a str), Vec<usize>> {
        let repo: &'a Repo = self.repo;
        self.objects.needing.get_or_init(|| {
            let mut found: HashMap<(Target, &str), Vec<usize>> = HashMap::new();
            for index in 0..repo.overlays.len() {
                for reference in &self.facts_at(index).references {
                    let overlays = found.entry((reference.target, reference.name)).or_default();
                    if overlays.last() != Some(&index) {
                        overlays.push(index);
                    }
                }
            }
            found
        })
    }

    /// The providers of a name in the whole repo, each with its overlay, in the order of the
    /// overlays.
    pub fn providers_of(
        &self,
        target: Target,
        name: &str,
    ) -> impl Iterator<Item = (&'a Overlay, &Provider<'a>)> {
        let repo: &'a Repo = self.repo;
        let found = self
            .providers()
            .by_name
            .get(&(target, name.to_string()))
            .map_or(&[][..], |found| found);
        found.iter().filter_map(move |(overlay, at)| {
            Some((
                repo.overlays.get(*overlay)?,
                self.facts_at(*overlay).providers.get(*at)?,
            ))
        })
    }

    /// True if an entry that has no effect in one overlay (a patch without a match, for example)
    /// has an effect in another overlay that reads the same file.
    pub(in crate::rules) fn used_elsewhere(&self, kind: ProblemKind, origin: Origin) -> bool {
        let unused = self.objects.unused.get_or_init(|| {
            let mut counts = HashMap::new();
            for overlay in &self.repo.overlays {
                let mut once = HashSet::new();
                for problem in overlay
                    .rendered
                    .problems
                    .iter()
                    .map(|problem| (problem.kind, problem.origin))
                {
                    if !once.insert(problem) {
                        continue;
                    }
                    *counts.entry(problem).or_insert(0) += 1;
                }
            }
            counts
        });
        let readers = self.objects.readers.get_or_init(|| {
            let mut counts = HashMap::new();
            // an Application is read from the files of the kustomizations that render it, but that
            // gives their entries no effect
            let is_built = |overlay: &&Overlay| {
                let pointer = self.repo.pointer(overlay);
                !pointer.is_some_and(Pointer::is_elsewhere)
            };
            let overlays = self.repo.overlays.iter().filter(is_built);
            for file in overlays.flat_map(|overlay| &overlay.rendered.files) {
                *counts.entry(*file).or_insert(0) += 1;
            }
            counts
        });
        unused.get(&(kind, origin)).copied().unwrap_or(0)
            < readers.get(&origin.file).copied().unwrap_or(0)
    }
}
