//! Facts of the objects of one overlay, computed once and on demand.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use crate::kubernetes::image_use::{self, ImageUse};
use crate::kubernetes::naming;
use crate::kubernetes::operators::{self, Maker};
use crate::kubernetes::references::{self, Provider, Reference, Target};
use crate::kubernetes::workload::{self, Workload};
use crate::kustomize::{Rendered, Resource, ResourceId};
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
        let ends = name
            .char_indices()
            .map(|(at, letter)| at + letter.len_utf8());
        let ends = ends.filter(|_| !by_name.is_empty());
        let named: Vec<&'a Resource> = ends
            .filter_map(|end| by_name.get(name.get(..end)?))
            .flatten()
            .copied()
            .collect();
        named.into_iter().chain(wide.iter().copied())
    }

    /// The objects of this overlay that give the name of a Secret or ConfigMap to a program, which may
    /// create it.
    pub(in crate::rules) fn naming<'s>(
        &'s self,
        target: Target,
        name: &str,
    ) -> impl Iterator<Item = &'a Resource> + use<'a, 's> {
        let naming = self.naming.get_or_init(|| {
            let mut found: HashMap<&str, Vec<(Target, &Resource)>> = HashMap::new();
            let mut names = Vec::new();
            for resource in self.resources {
                naming::named_by(resource, &mut names);
                for (target, name) in names.drain(..) {
                    found.entry(name).or_default().push((target, resource));
                }
            }
            found
        });
        let all = naming.get(name).map_or(&[][..], Vec::as_slice).iter();
        all.filter(move |(other, _)| *other == target)
            .map(|(_, resource)| *resource)
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

/// The facts of all overlays of a repo.
pub struct RepoFacts<'a> {
    /// The repo.
    pub repo: &'a Repo,
    overlays: Vec<OnceLock<Facts<'a>>>,
    nothing: Facts<'a>,
}

impl<'a> RepoFacts<'a> {
    /// The facts of a repo; nothing is computed yet.
    pub fn new(repo: &'a Repo) -> RepoFacts<'a> {
        RepoFacts {
            repo,
            overlays: repo.overlays.iter().map(|_| OnceLock::new()).collect(),
            nothing: Facts::default(),
        }
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
