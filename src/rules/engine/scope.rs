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
use crate::kubernetes::{admission, workload};
use crate::kustomize::ProblemKind;
use crate::names::NamePattern;
use crate::repo::{Overlay, Repo};
use crate::rules::engine::context::RepoFacts;
use crate::source::is_below;
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

/// The overlays that an edit in an editor concerns.
pub struct EditScope {
    /// Overlays of the edited repo; `None` for all.
    pub head: Option<BTreeSet<usize>>,
    /// Overlays of the repo before the edit; `None` for all.
    pub base: Option<BTreeSet<usize>>,
}

impl EditScope {
    /// The scope of an edit: the overlays that render differently, and those of the same apps. An edit
    /// may reach others too, which a check of everything shows.
    pub fn new(head: &RepoFacts<'_>, base: &RepoFacts<'_>, config: &Config) -> EditScope {
        if head.repo.environments != base.repo.environments {
            return EditScope {
                head: None,
                base: None,
            };
        }
        let changed = (
            concerned(head.repo, base.repo),
            concerned(base.repo, head.repo),
        );
        let apps = apps_of(&changed, head.repo, base.repo, config);
        EditScope {
            head: Some(of_apps(head.repo, &apps)),
            base: Some(of_apps(base.repo, &apps)),
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
    let was_there = |file: &&(Place<'_>, Arc<str>)| base.repo.has_path(&file.1);
    let lost = !shared_before.is_subset(&shared)
        || !offers(base, &changed.1).is_subset(&offers(head, &changed.0));
    let holds_policy = |overlay: &&&Overlay| {
        let mut resources = overlay.rendered.resources.iter();
        resources.any(|one| {
            let id = one.id();
            admission::is_policy(&id.api_version, &id.kind)
        })
    };
    // such an object judges the objects of all apps
    let judges_others = changed
        .0
        .iter()
        .chain(&changed.1)
        .any(|one| holds_policy(&one));
    if lost
        || judges_others
        || shared
            .difference(&shared_before)
            .any(|file| was_there(&file))
    {
        return None;
    }
    Some(apps_of(&changed, head.repo, base.repo, config))
}

/// The apps of changed overlays, and the apps that need them.
fn apps_of(
    changed: &(Vec<&Overlay>, Vec<&Overlay>),
    head: &Repo,
    base: &Repo,
    config: &Config,
) -> BTreeSet<String> {
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
    let all = head.overlays.iter().chain(&base.overlays);
    let all = all.map(|overlay| overlay.app.as_str());
    let of_needing = all.filter(|app| needing.iter().any(|pattern| pattern.matches(app)));
    let affected: BTreeSet<&str> = apps.iter().copied().chain(of_needing).collect();
    affected.into_iter().map(str::to_string).collect()
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
    let overlays = repo.overlays.iter();
    let partner = |overlay| repo.earlier(overlay).map(|from| from.path.as_str());
    overlays
        .filter_map(|to| Some((to.path.as_str(), partner(to)?)))
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

/// The environment and variant of an overlay.
type Place<'a> = (Option<usize>, Option<&'a str>);

fn place(overlay: &Overlay) -> Place<'_> {
    (overlay.environment, overlay.variant.as_deref())
}

/// The files outside of their own folders that some overlays read, each with the environment and
/// variant of the reader.
fn shared_files<'a>(repo: &Repo, overlays: &[&'a Overlay]) -> BTreeSet<(Place<'a>, Arc<str>)> {
    let of_overlay = |overlay: &&'a Overlay| {
        let overlay = *overlay;
        let files = overlay.rendered.files.iter();
        let files = files.map(|file| repo.files.get(*file).path.clone());
        files
            .filter(|file| !is_below(file, &overlay.path))
            .map(|file| (place(overlay), file))
            .collect::<Vec<_>>()
    };
    overlays.iter().flat_map(of_overlay).collect()
}

/// Something that an overlay offers to others, as far as it is rendered.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Offer<'a> {
    /// An object: group, kind, name and namespace.
    Object([&'a str; 3], Option<&'a str>),
    /// A workload of this name that runs pods with these labels.
    Runs(&'a str, Vec<(&'a str, Option<&'a str>)>),
    /// A Secret, ConfigMap or the like with its keys.
    Provides {
        target: &'static str,
        name: &'a str,
        namespace: Option<&'a str>,
        keys: Option<BTreeSet<&'a str>>,
        creates: bool,
    },
    /// A patch or `images` entry that matches nothing: its kind, file and text.
    Idle(ProblemKind, Arc<str>, String),
    /// True if everything is rendered.
    Complete(bool),
}

/// The objects, keys and labels that some overlays offer to others.
fn offers<'a>(
    facts: &'a RepoFacts<'_>,
    overlays: &[&'a Overlay],
) -> BTreeSet<(Place<'a>, Offer<'a>)> {
    let mut found = BTreeSet::new();
    for overlay in overlays {
        let mut offer = |offer: Offer<'a>| _ = found.insert((place(overlay), offer));
        for resource in &overlay.rendered.resources {
            let id = &resource.original;
            let names = [id.group(), id.kind.as_str(), id.name.as_str()];
            offer(Offer::Object(names, resource.namespace()));
            for workload in workload::of(resource) {
                offer(Offer::Runs(&id.name, labels(workload.metadata)));
            }
        }
        for provider in &facts.of(overlay).providers {
            let name = if provider.resource.generated {
                &provider.resource.original.name
            } else {
                provider.name
            };
            offer(Offer::Provides {
                target: provider.target.as_str(),
                name,
                namespace: provider.namespace,
                keys: provider
                    .keys
                    .as_ref()
                    .map(|keys| keys.iter().copied().collect()),
                creates: provider.creates,
            });
        }
        for problem in &overlay.rendered.problems {
            if let ProblemKind::UnmatchedPatch | ProblemKind::UnusedImageOverride = problem.kind {
                let file = facts.repo.files.get(problem.origin.file);
                let text = file.slice(problem.origin).to_string();
                offer(Offer::Idle(problem.kind, file.path.clone(), text));
            }
        }
        offer(Offer::Complete(overlay.rendered.complete));
    }
    found
}

fn labels(metadata: Option<&Node>) -> Vec<(&str, Option<&str>)> {
    let labels = metadata.and_then(|metadata| metadata.get("labels"));
    let labels = labels.map_or(&[][..], Node::entries).iter();
    labels
        .map(|entry| (&*entry.key, entry.value.text()))
        .collect()
}
