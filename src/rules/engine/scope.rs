//! Selects the overlays that have to be judged to find everything that a change causes.
//!
//! These are the overlays that render differently, or whose environment, variant or pair changed.
//! The other overlays of the same apps are judged too, and so are the overlays that are compared
//! with them and the apps that need them.
//!
//! Other overlays depend on the changed ones only through what these *offer*: objects, Secrets and
//! ConfigMaps with their keys, labels of pods, shared files. If the change removes an offer, such
//! as a Secret, every overlay is judged. If it only adds one, that can fix findings of other
//! overlays but cannot cause any, so they are skipped. Every overlay is also judged if an existing
//! file gets another reader, because the earlier readers may have had the same finding before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::config::Config;
use crate::kubernetes::workload;
use crate::kustomize::ProblemKind;
use crate::kustomize::context::is_below;
use crate::names::NamePattern;
use crate::repo::{Overlay, Repo};
use crate::rules::engine::context::RepoFacts;
use crate::yaml::Node;

/// The overlays that a change affects, as indices into the overlays of each revision. `None` stands
/// for all.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Overlays of the head.
    pub head: Option<BTreeSet<usize>>,
    /// Overlays of the base.
    pub base: Option<BTreeSet<usize>>,
}

impl Scope {
    /// The scope of the change between two revisions.
    pub fn of_change(head: &RepoFacts<'_>, base: &RepoFacts<'_>, config: &Config) -> Scope {
        match affected_apps(head, base, config) {
            Some(apps) => Scope {
                head: Some(of_apps(head.repo, &apps)),
                base: Some(of_apps(base.repo, &apps)),
            },
            None => Scope::default(),
        }
    }
}

/// The apps whose findings the change can alter; `None` for all.
fn affected_apps(
    head: &RepoFacts<'_>,
    base: &RepoFacts<'_>,
    config: &Config,
) -> Option<BTreeSet<String>> {
    if head.repo.environments != base.repo.environments {
        return None;
    }
    let changed = (
        concerned(head.repo, base.repo),
        concerned(base.repo, head.repo),
    );
    let (shared, shared_before) = (
        shared_files(head.repo, &changed.0),
        shared_files(base.repo, &changed.1),
    );
    // the other readers of such a file may have had the same finding before
    let was_there = |file: &&(String, Arc<str>)| base.repo.source.kind(&file.1).is_some();
    let lost = !shared_before.is_subset(&shared)
        || !offers(base, &changed.1).is_subset(&offers(head, &changed.0));
    if lost
        || shared
            .difference(&shared_before)
            .any(|file| was_there(&file))
    {
        return None;
    }
    let apps: BTreeSet<&str> = changed
        .0
        .iter()
        .chain(&changed.1)
        .map(|overlay| overlay.app.as_str())
        .collect();
    let needing = config.dependencies.iter().filter(|one| {
        let mut needs = one.needs.iter();
        needs.any(|need| apps.iter().any(|app| need.matches(app)))
    });
    let needing: Vec<&NamePattern> = needing.map(|one| &one.app).collect();
    let all = head.repo.overlays.iter().chain(&base.repo.overlays);
    let all = all.map(|overlay| overlay.app.as_str());
    let of_needing = all.filter(|app| needing.iter().any(|pattern| pattern.matches(app)));
    let affected: BTreeSet<&str> = apps.iter().copied().chain(of_needing).collect();
    Some(affected.into_iter().map(str::to_string).collect())
}

/// The overlays of one revision that the other revision lacks or has with another environment,
/// variant, pair or content.
fn concerned<'a>(repo: &'a Repo, other: &Repo) -> Vec<&'a Overlay> {
    let (own, others) = (partners(repo), partners(other));
    let (listed, listed_there) = (repo.listed_folders(), other.listed_folders());
    let same = |overlay: &&Overlay| {
        let alike = |one: &&Overlay| {
            one.rendered.is(&overlay.rendered)
                && (&one.app, one.environment, &one.variant)
                    == (&overlay.app, overlay.environment, &overlay.variant)
                && own.get(overlay.path.as_str()) == others.get(overlay.path.as_str())
                && listed.contains_key(overlay.path.as_str())
                    == listed_there.contains_key(overlay.path.as_str())
        };
        other.same(overlay).is_some_and(|one| alike(&one))
    };
    repo.overlays
        .iter()
        .filter(|overlay| !same(overlay))
        .collect()
}

/// The path of the overlay that each overlay is compared with.
fn partners(repo: &Repo) -> BTreeMap<&str, &str> {
    let path = |index: usize| {
        repo.overlays
            .get(index)
            .map(|overlay| overlay.path.as_str())
    };
    repo.pairs
        .iter()
        .filter_map(|pair| Some((path(pair.to)?, path(pair.from)?)))
        .collect()
}

/// The overlays of some apps, and the later overlays that are compared with them.
fn of_apps(repo: &Repo, apps: &BTreeSet<String>) -> BTreeSet<usize> {
    let own = repo
        .overlays
        .iter()
        .enumerate()
        .filter(|(_, overlay)| apps.contains(&overlay.app))
        .map(|(index, _)| index);
    let mut found: BTreeSet<usize> = own.collect();
    let paired = repo
        .pairs
        .iter()
        .filter(|pair| found.contains(&pair.from))
        .map(|pair| pair.to);
    found.extend(paired.collect::<Vec<_>>());
    found
}

/// The files outside of their own folders that some overlays read, each with the environment and
/// variant of the reader.
fn shared_files(repo: &Repo, overlays: &[&Overlay]) -> BTreeSet<(String, Arc<str>)> {
    let of_overlay = |overlay: &&Overlay| {
        let (place, path) = (place(overlay), overlay.path.clone());
        let files = overlay
            .rendered
            .files
            .iter()
            .map(|file| repo.files.get(*file).path.clone());
        files
            .filter(|file| !is_below(file, &path))
            .map(|file| (place.clone(), file))
            .collect::<Vec<_>>()
    };
    overlays.iter().flat_map(of_overlay).collect()
}

fn place(overlay: &Overlay) -> String {
    format!("{:?} {:?}", overlay.environment, overlay.variant)
}

/// The objects, keys and labels that some overlays offer to others, as far as they are rendered.
fn offers(facts: &RepoFacts<'_>, overlays: &[&Overlay]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for overlay in overlays {
        let place = place(overlay);
        for resource in &overlay.rendered.resources {
            let id = &resource.original;
            found.insert(format!(
                "{place} {} {}/{} {:?}",
                id.group(),
                id.kind,
                id.name,
                resource.namespace()
            ));
            for workload in workload::of(resource) {
                let labels = workload
                    .metadata
                    .and_then(|metadata| metadata.get("labels"))
                    .map_or(&[][..], Node::entries);
                let labels = labels
                    .iter()
                    .map(|entry| format!("{}={:?}", entry.key, entry.value.text()));
                found.insert(format!(
                    "{place} {} runs {}",
                    id.name,
                    labels.collect::<Vec<_>>().join(",")
                ));
            }
        }
        for provider in &facts.of(overlay).providers {
            let name = if provider.resource.generated {
                &provider.resource.original.name
            } else {
                provider.name
            };
            found.insert(format!(
                "{place} {:?} {name} {:?} {:?} {}",
                provider.target, provider.namespace, provider.keys, provider.creates
            ));
        }
        let idle = |kind| {
            matches!(
                kind,
                ProblemKind::UnmatchedPatch | ProblemKind::UnusedImageOverride
            )
        };
        let idle = overlay
            .rendered
            .problems
            .iter()
            .filter(|problem| idle(problem.kind));
        found.extend(idle.map(|problem| format!("{place} {:?} {}", problem.kind, problem.message)));
        found.insert(format!("{place} complete: {}", overlay.rendered.complete));
    }
    found
}
