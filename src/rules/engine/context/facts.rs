//! Facts of the objects of one overlay, computed once and on demand.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::OnceLock;

use crate::kubernetes::image_use::{self, ImageUse};
use crate::kubernetes::naming;
use crate::kubernetes::operators::{self, Maker};
use crate::kubernetes::references::{self, Provider, Reference, Target};
use crate::kubernetes::workload::{self, Workload};
use crate::kustomize::{Rendered, Resource, ResourceId, Unrendered};
use crate::repo::{Overlay, Repo};

/// Facts of one overlay's objects.
#[derive(Default)]
pub struct Facts<'a> {
    /// Objects that carry a pod template, in the order of the rendering.
    pub workloads: Vec<Workload<'a>>,
    /// The images that the objects run: of pod templates first, then of values of charts.
    pub images: Vec<ImageUse<'a>>,
    /// The needs of the objects, in the order of the rendering.
    pub references: Vec<Reference<'a>>,
    /// The Secrets and ConfigMaps that the objects provide.
    pub providers: Vec<Provider<'a>>,
    by_name: HashMap<&'a str, Vec<usize>>,
    makers: Makers<'a>,
    resources: &'a [Resource],
    releases: &'a [Unrendered],
    releases_by_name: OnceLock<BTreeMap<&'a str, Vec<&'a Unrendered>>>,
    releases_by_value: OnceLock<BTreeMap<&'a str, Vec<&'a Unrendered>>>,
    naming: OnceLock<HashMap<&'a str, Vec<(Target, &'a Resource)>>>,
}

/// The objects that may make others without naming them.
#[derive(Default)]
struct Makers<'a> {
    /// Those whose makings have names that begin with their own.
    by_name: HashMap<&'a str, Vec<&'a Resource>>,
    wide: Vec<&'a Resource>,
}

impl<'a> Facts<'a> {
    /// The facts of a rendering.
    pub(in crate::rules) fn new(rendered: &'a Rendered, repo: &Repo) -> Facts<'a> {
        let resources = &rendered.resources;
        let mut facts = Facts {
            resources,
            releases: &rendered.releases,
            ..Facts::default()
        };
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
        }
        for release in &rendered.releases {
            references::needed_by_values(release, &mut facts.references);
        }
        image_use::of_fields(rendered, &repo.image_fields, &mut facts.images);
        image_use::of_charts(rendered, &repo.files, &mut facts.images);
        for (index, provider) in facts.providers.iter().enumerate() {
            facts.by_name.entry(provider.name).or_default().push(index);
        }
        let releases: HashSet<&ResourceId> = rendered
            .releases
            .iter()
            .map(|release| &release.resource.original)
            .collect();
        for resource in resources {
            match operators::maker(resource) {
                _ if releases.contains(&resource.original) => {}
                Maker::No => {}
                Maker::ByName => {
                    let same = facts.makers.by_name.entry(resource.name());
                    same.or_default().push(resource);
                }
                Maker::Wide => facts.makers.wide.push(resource),
            }
        }
        facts
    }

    /// The objects of this overlay that may make one of this name without naming it. Releases of
    /// charts are not among them.
    pub fn makers_of<'s>(&'s self, name: &str) -> impl Iterator<Item = &'a Resource> + use<'a, 's> {
        let Makers { by_name, wide } = &self.makers;
        let starts = starts(name).filter(|_| !by_name.is_empty());
        let named = starts.filter_map(|start| by_name.get(start)).flatten();
        let named: Vec<&'a Resource> = named.copied().collect();
        named.into_iter().chain(wide.iter().copied())
    }

    /// The releases of charts that are not rendered and whose objects may have a name by theirs.
    pub(in crate::rules) fn releases_named<'s>(
        &'s self,
        name: &'s str,
    ) -> impl Iterator<Item = &'a Unrendered> + use<'a, 's> {
        let starts = operators::starts_of(name);
        let found = starts.filter_map(|start| self.releases_by_name().get(start));
        found.flatten().copied()
    }

    fn releases_by_name(&self) -> &BTreeMap<&'a str, Vec<&'a Unrendered>> {
        self.releases_by_name.get_or_init(|| {
            let mut found: BTreeMap<&str, Vec<&Unrendered>> = BTreeMap::new();
            for release in self.releases {
                let own = found.entry(operators::name_of_release(release));
                own.or_default().push(release);
            }
            found
        })
    }

    /// The releases of charts that are not rendered and whose values have a text that may be the name of
    /// an object which they make.
    pub(in crate::rules) fn releases_with_value<'s>(
        &'s self,
        name: &str,
    ) -> impl Iterator<Item = &'a Unrendered> + use<'a, 's> {
        let found = self.releases_by_value().get(name);
        found.into_iter().flatten().copied()
    }

    fn releases_by_value(&self) -> &BTreeMap<&'a str, Vec<&'a Unrendered>> {
        self.releases_by_value.get_or_init(|| {
            let mut found: BTreeMap<&str, Vec<&Unrendered>> = BTreeMap::new();
            for release in self.releases {
                let mut names = BTreeSet::new();
                operators::names_in_values(&release.values, &mut names);
                for name in names {
                    found.entry(name).or_default().push(release);
                }
            }
            found
        })
    }

    /// The objects of this overlay that give the name of a Secret or ConfigMap to a program, which may
    /// create it.
    pub(in crate::rules) fn naming<'s>(
        &'s self,
        target: Target,
        name: &str,
    ) -> impl Iterator<Item = &'a Resource> + use<'a, 's> {
        let found = self.names_for_programs().get(name);
        let all = found.map_or(&[][..], Vec::as_slice).iter();
        all.filter(move |(other, _)| *other == target)
            .map(|(_, resource)| *resource)
    }

    fn names_for_programs(&self) -> &HashMap<&'a str, Vec<(Target, &'a Resource)>> {
        self.naming.get_or_init(|| {
            let mut found: HashMap<&str, Vec<(Target, &Resource)>> = HashMap::new();
            let mut names = Vec::new();
            for resource in self.resources {
                naming::named_by(resource, &mut names);
                for (target, name) in names.drain(..) {
                    found.entry(name).or_default().push((target, resource));
                }
            }
            found
        })
    }

    /// The objects of this overlay that provide a Secret or ConfigMap of this name.
    pub fn providers_of<'s>(
        &'s self,
        target: Target,
        name: &str,
    ) -> impl Iterator<Item = &'s Provider<'a>> + use<'a, 's> {
        let found = self.by_name.get(name).map_or(&[][..], |indexes| indexes);
        found
            .iter()
            .filter_map(|index| self.providers.get(*index))
            .filter(move |provider| provider.target == target)
    }
}

/// What a name begins with, the name itself included.
fn starts(name: &str) -> impl Iterator<Item = &str> {
    let ends = name.char_indices();
    let ends = ends.map(|(at, letter)| at + letter.len_utf8());
    ends.filter_map(|end| name.get(..end))
}

/// The facts of all overlays of a repo.
pub struct RepoFacts<'a> {
    /// The repo.
    pub repo: &'a Repo,
    overlays: Vec<OnceLock<Facts<'a>>>,
    nothing: Facts<'a>,
    makers: OnceLock<MakersByName<'a>>,
    /// The overlays with objects that give a name to a program.
    naming: OnceLock<HashMap<&'a str, Vec<usize>>>,
}

/// The overlays with something that may make other objects, by the names of these.
#[derive(Default)]
struct MakersByName<'a> {
    /// By what the names begin with.
    starts: HashMap<&'a str, Vec<usize>>,
    /// By the whole names.
    names: HashMap<&'a str, Vec<usize>>,
    /// Those that may make objects of any name.
    wide: Vec<usize>,
}

impl<'a> RepoFacts<'a> {
    /// The facts of a repo; nothing is computed yet.
    pub fn new(repo: &'a Repo) -> RepoFacts<'a> {
        RepoFacts {
            repo,
            overlays: repo.overlays.iter().map(|_| OnceLock::new()).collect(),
            nothing: Facts::default(),
            makers: OnceLock::new(),
            naming: OnceLock::new(),
        }
    }

    /// The overlays with objects that give a name to a program: see [`Facts::naming`].
    pub(in crate::rules) fn naming<'s>(
        &'s self,
        name: &str,
    ) -> impl Iterator<Item = &'a Overlay> + use<'a, 's> {
        let naming = self.naming.get_or_init(|| {
            let mut naming: HashMap<&str, Vec<usize>> = HashMap::new();
            for index in 0..self.overlays.len() {
                let names = self.at(index).names_for_programs().keys();
                names.for_each(|name| naming.entry(*name).or_default().push(index));
            }
            naming
        });
        let repo: &'a Repo = self.repo;
        let found = naming.get(name).into_iter().flatten();
        found.filter_map(|index| repo.overlays.get(*index))
    }

    /// The overlays with something that may make an object of this name without naming it: releases,
    /// and [`Facts::makers_of`].
    pub(in crate::rules) fn making<'s>(
        &'s self,
        name: &'s str,
    ) -> impl Iterator<Item = &'a Overlay> + use<'a, 's> {
        let makers = self.makers.get_or_init(|| {
            let mut makers = MakersByName::default();
            for index in 0..self.overlays.len() {
                let facts = self.at(index);
                let own = facts.releases_by_name().keys();
                for start in own.chain(facts.makers.by_name.keys()) {
                    makers.starts.entry(*start).or_default().push(index);
                }
                for name in facts.releases_by_value().keys() {
                    makers.names.entry(*name).or_default().push(index);
                }
                if !facts.makers.wide.is_empty() {
                    makers.wide.push(index);
                }
            }
            makers
        });
        let repo: &'a Repo = self.repo;
        let found = starts(name).filter_map(|start| makers.starts.get(start));
        let found = found.chain(makers.names.get(name)).chain([&makers.wide]);
        found
            .flatten()
            .filter_map(|index| repo.overlays.get(*index))
    }

    /// The facts of an overlay of this repo; empty for an overlay of another repo.
    pub fn of(&self, overlay: &Overlay) -> &Facts<'a> {
        self.repo
            .index(overlay)
            .map_or(&self.nothing, |index| self.at(index))
    }

    /// The facts of the overlay at an index.
    pub fn at(&self, index: usize) -> &Facts<'a> {
        let repo: &'a Repo = self.repo;
        match (self.overlays.get(index), repo.overlays.get(index)) {
            (Some(cell), Some(overlay)) => cell.get_or_init(|| Facts::new(&overlay.rendered, repo)),
            _ => &self.nothing,
        }
    }
}
