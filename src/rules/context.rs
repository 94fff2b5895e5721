//! What rules are given: the tree under check, the configuration, and the facts that several rules need, computed once and on
//! demand. Not here: any judgement.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use jiff::ZonedDateTime;

use crate::compare::{self, Change, ResourceChange};
use crate::config::{Config, Level};
use crate::history::{self, Contribution, Version};
use crate::kubernetes::image_use::{self, ImageUse};
use crate::kubernetes::references::{self, Provider, Reference, Target};
use crate::kubernetes::workload::{self, Workload};
use crate::kustomize::{ProblemKind, Resource, ResourceId};
use crate::repo::{Overlay, Repo};
use crate::source::Files;
use crate::yaml::{FileId, Node, Origin};

/// How far along the promotion order an overlay stands, as default levels tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Belongs to no environment.
    None,
    /// Developers' own: named or aliased dev, development, sandbox or local.
    Development,
    /// Between development and the protected environments: test, staging, …
    Proving,
    /// Protected.
    Protected,
}

/// Facts of one overlay's objects.
#[derive(Default)]
pub struct Facts<'a> {
    /// Objects that carry a pod template, in the order of the rendering.
    pub workloads: Vec<Workload<'a>>,
    /// The images that the objects run: of pod templates first, then of values of charts.
    pub images: Vec<ImageUse<'a>>,
    /// What the objects need, in the order of the rendering.
    pub references: Vec<Reference<'a>>,
    /// What the objects provide.
    pub providers: Vec<Provider<'a>>,
    by_name: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Facts<'a> {
    fn new(resources: &'a [Resource], files: &Files) -> Facts<'a> {
        let mut facts = Facts::default();
        for resource in resources {
            facts.workloads.extend(workload::of(resource));
            references::provided_by(resource, &mut facts.providers);
        }
        for workload in &facts.workloads {
            references::needed_by_workload(workload, &mut facts.references);
            image_use::of_workload(workload, &mut facts.images);
        }
        for resource in resources {
            references::needed_by_object(resource, &mut facts.references);
            image_use::of_values(resource, files, &mut facts.images);
        }
        for (index, provider) in facts.providers.iter().enumerate() {
            facts.by_name.entry(provider.name).or_default().push(index);
        }
        facts
    }

    /// The objects of this overlay that provide a Secret or ConfigMap of this name.
    pub fn providers_of<'s>(&'s self, target: Target, name: &str) -> impl Iterator<Item = &'s Provider<'a>> + use<'a, 's> {
        let found = self.by_name.get(name).map_or(&[][..], |indexes| indexes);
        found.iter().filter_map(|index| self.providers.get(*index)).filter(move |provider| provider.target == target)
    }
}

/// Every provider of the repo by name: the overlay's index and the provider's index in that overlay's facts.
#[derive(Default)]
pub struct Providers {
    by_name: HashMap<(Target, String), Vec<(usize, usize)>>,
    targets: HashSet<Target>,
}

impl Providers {
    /// Whether any overlay provides an object of this kind.
    pub fn any(&self, target: Target) -> bool {
        self.targets.contains(&target)
    }
}

/// What the past of the base revision proves.
pub trait Proofs: Sync {
    /// Whether the overlay of a path rendered a digest at the base revision or before it.
    fn ran(&self, overlay: &Overlay, digest: &str) -> bool;
    /// When it did so for the first time, by commit times, in seconds since 1970.
    fn since(&self, overlay: &Overlay, digest: &str) -> Option<i64>;
}

/// Who made the change under check, as far as that is known.
#[derive(Clone, Debug, Default)]
pub struct Authorship {
    /// Whom the CI system names, each with the variable or field that does. A commit cannot forge these.
    pub actors: Vec<(String, &'static str)>,
    /// The commits between base and head. Anybody can write any author into them.
    pub commits: Vec<Contribution>,
}

/// What rules are given.
pub struct Context<'a> {
    /// The tree under check.
    pub repo: &'a Repo,
    /// The configuration.
    pub config: &'a Config,
    /// The base revision, when one was given.
    pub base: Option<&'a Repo>,
    /// What the past of the base revision proves, when there is one.
    pub proofs: Option<&'a dyn Proofs>,
    /// The time that counts as now; without it no rule knows of one.
    pub now: Option<ZonedDateTime>,
    /// Who made the change.
    pub authorship: Authorship,
    facts: Vec<OnceLock<Facts<'a>>>,
    providers: OnceLock<Providers>,
    unused: OnceLock<HashMap<(ProblemKind, Origin), usize>>,
    readers: OnceLock<HashMap<FileId, usize>>,
    nothing: Facts<'a>,
}

impl<'a> Context<'a> {
    /// The context of a check.
    pub fn new(repo: &'a Repo, config: &'a Config, base: Option<&'a Repo>) -> Context<'a> {
        Context {
            repo,
            config,
            base,
            proofs: None,
            now: None,
            authorship: Authorship::default(),
            facts: repo.overlays.iter().map(|_| OnceLock::new()).collect(),
            providers: OnceLock::new(),
            unused: OnceLock::new(),
            readers: OnceLock::new(),
            nothing: Facts::default(),
        }
    }

    /// Whether an environment ran a digest before: the earlier one of a pair, or the later one itself, which then returns to it.
    /// Only the base revision and its past count: what comes in the same change has proved nothing. Without them: no.
    pub fn ran_before(&self, from: &Overlay, to: &Overlay, digest: &str) -> bool {
        self.proofs.is_some_and(|proofs| proofs.ran(from, digest) || proofs.ran(to, digest))
    }

    /// The overlay as it is at the base revision.
    pub fn at_base(&self, overlay: &Overlay) -> Option<&'a Overlay> {
        let base: &'a Repo = self.base?;
        base.same(overlay)
    }

    /// Whether an overlay is one of the base revision.
    pub fn is_of_base(&self, overlay: &Overlay) -> bool {
        self.base.is_some_and(|base| base.overlays.iter().any(|other| std::ptr::eq(other, overlay)))
    }

    /// What messages call one side of a comparison: the environment, or the base revision.
    pub fn side(&self, overlay: &Overlay) -> &str {
        if self.is_of_base(overlay) {
            return "the base revision";
        }
        self.repo.environment(overlay).map_or("this overlay", |environment| environment.name.as_str())
    }

    /// What an overlay renders to otherwise than at the base revision; nothing without a base, or where either cannot be
    /// rendered. Comments and the order of keys are no change; all of an overlay that is new is one.
    pub fn changes(&self, overlay: &Overlay) -> Vec<ResourceChange> {
        let Some(before) = self.at_base(overlay) else {
            let added =
                |resource: &Resource| ResourceChange { change: Change::Added, from: None, to: Some(resource.clone()), changes: Vec::new() };
            let new = self.base.is_some() && overlay.rendered.complete;
            return overlay.rendered.resources.iter().filter(|_| new).map(added).collect();
        };
        if std::sync::Arc::ptr_eq(&before.rendered, &overlay.rendered) || !before.rendered.complete || !overlay.rendered.complete {
            return Vec::new();
        }
        compare::resources(before, overlay, &self.repo.environments)
    }

    /// The images of an overlay that the base revision does not run there; none where the overlay is new.
    pub fn moved_images(&self, overlay: &Overlay) -> Vec<&ImageUse<'a>> {
        let Some(before) = self.at_base(overlay) else { return Vec::new() };
        if std::sync::Arc::ptr_eq(&before.rendered, &overlay.rendered) {
            return Vec::new();
        }
        let known = history::images(&before.rendered);
        let moved = |used: &&ImageUse<'a>| {
            let image = used.image();
            let same = |version: &Version| version.tag.as_deref() == image.tag && version.digest.as_deref() == image.digest;
            !known.get(image.name).is_some_and(|versions| versions.iter().any(same))
        };
        self.facts(overlay).images.iter().filter(moved).collect()
    }

    /// The line of the head that brings the first of some changes, with the object and the value.
    pub fn first_change(&self, overlay: &Overlay, changes: &[ResourceChange]) -> Option<(Origin, ResourceId, String)> {
        let own = |origin: &Origin| overlay.rendered.files.contains(&origin.file);
        let value = changes.iter().find_map(|change| {
            let resource = change.to.as_ref()?;
            match change.change {
                Change::Added => Some((resource.node.origin, resource.id(), String::new())),
                _ => change.changes.iter().find(|value| own(&value.origin)).map(|value| (value.origin, resource.id(), value.path())),
            }
        });
        // what was only taken away stands in no line of the head
        value.or_else(|| changes.first().map(|change| (overlay.origin, change.id(), String::new())))
    }

    /// The level that the configuration gives a rule.
    pub fn level(&self, rule: &str) -> Option<Level> {
        self.config.rules.get(rule).and_then(|settings| settings.level)
    }

    /// An option of a rule as written.
    pub fn option(&self, rule: &str, name: &str) -> Option<&'a Node> {
        let config: &'a Config = self.config;
        config.rules.get(rule)?.options.as_ref()?.get(name)
    }

    /// An option that is a list of texts; empty when not set. A single text counts as a list of one.
    pub fn option_list(&self, rule: &str, name: &str) -> Vec<&'a str> {
        let Some(node) = self.option(rule, name) else { return Vec::new() };
        match node.text() {
            Some(text) => vec![text],
            None => node.items().iter().filter_map(Node::text).collect(),
        }
    }

    /// An option that is a boolean.
    pub fn option_bool(&self, rule: &str, name: &str) -> Option<bool> {
        self.option(rule, name).and_then(Node::as_bool)
    }

    /// An option that is a whole number.
    pub fn option_int(&self, rule: &str, name: &str) -> Option<i64> {
        self.option(rule, name).and_then(Node::as_int)
    }

    /// Where an overlay stands in [`Repo::overlays`].
    pub fn index(&self, overlay: &Overlay) -> Option<usize> {
        let overlays = &self.repo.overlays;
        let first = overlays.partition_point(|other| other.path < overlay.path);
        let candidates = overlays.iter().enumerate().skip(first);
        candidates.take_while(|(_, other)| other.path == overlay.path).find(|(_, other)| std::ptr::eq(*other, overlay)).map(|(at, _)| at)
    }

    /// The facts of an overlay of the repo under check.
    pub fn facts(&self, overlay: &Overlay) -> &Facts<'a> {
        self.index(overlay).map_or(&self.nothing, |index| self.facts_at(index))
    }

    /// The facts of the overlay at an index.
    pub fn facts_at(&self, index: usize) -> &Facts<'a> {
        let repo: &'a Repo = self.repo;
        match (self.facts.get(index), repo.overlays.get(index)) {
            (Some(cell), Some(overlay)) => cell.get_or_init(|| Facts::new(&overlay.rendered.resources, &repo.files)),
            _ => &self.nothing,
        }
    }

    /// How far along the promotion order an overlay stands.
    pub fn stage(&self, overlay: &Overlay) -> Stage {
        let Some(environment) = self.repo.environment(overlay) else { return Stage::None };
        let development = |word: &str| matches!(word.to_ascii_lowercase().as_str(), "dev" | "development" | "sandbox" | "local");
        if environment.protected {
            Stage::Protected
        } else if development(&environment.name) || environment.aliases.iter().any(|alias| development(alias)) {
            Stage::Development
        } else {
            Stage::Proving
        }
    }

    /// Every provider of the repo.
    pub fn providers(&self) -> &Providers {
        self.providers.get_or_init(|| {
            let mut providers = Providers::default();
            for index in 0..self.repo.overlays.len() {
                for (at, provider) in self.facts_at(index).providers.iter().enumerate() {
                    providers.by_name.entry((provider.target, provider.name.to_string())).or_default().push((index, at));
                    providers.targets.insert(provider.target);
                }
            }
            providers
        })
    }

    /// The providers of a name in the whole repo, each with its overlay, in the order of the overlays.
    pub fn providers_of(&self, target: Target, name: &str) -> impl Iterator<Item = (&'a Overlay, &Provider<'a>)> {
        let repo: &'a Repo = self.repo;
        let found = self.providers().by_name.get(&(target, name.to_string())).map_or(&[][..], |found| found);
        found.iter().filter_map(move |(overlay, at)| Some((repo.overlays.get(*overlay)?, self.facts_at(*overlay).providers.get(*at)?)))
    }

    /// Whether what does nothing in one overlay does something in another overlay that reads the same file.
    pub(super) fn used_elsewhere(&self, kind: ProblemKind, origin: Origin) -> bool {
        let unused = self.unused.get_or_init(|| {
            let mut counts = HashMap::new();
            for overlay in &self.repo.overlays {
                let mut once = HashSet::new();
                for problem in overlay.rendered.problems.iter().map(|problem| (problem.kind, problem.origin)) {
                    if !once.insert(problem) {
                        continue;
                    }
                    *counts.entry(problem).or_insert(0) += 1;
                }
            }
            counts
        });
        let readers = self.readers.get_or_init(|| {
            let mut counts = HashMap::new();
            for file in self.repo.overlays.iter().flat_map(|overlay| &overlay.rendered.files) {
                *counts.entry(*file).or_insert(0) += 1;
            }
            counts
        });
        unused.get(&(kind, origin)).copied().unwrap_or(0) < readers.get(&origin.file).copied().unwrap_or(0)
    }
}
