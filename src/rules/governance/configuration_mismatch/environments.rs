//! Environments of the repository that the configuration does not list.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::default_environments;
use crate::names;
use crate::repo::Repo;
use crate::yaml::Origin;

/// A folder name that lies beside the listed environments, and whose overlays belong to none.
pub(super) struct Unlisted {
    /// The name, such as `staging`.
    pub name: String,
    /// The number of overlays in such folders.
    pub overlays: usize,
    /// The first of them.
    pub origin: Origin,
    /// True if it is a common word for an environment.
    pub is_known_word: bool,
}

/// The folder names beside environments whose overlays belong to no environment, by name.
pub(super) fn unlisted(repo: &Repo) -> Vec<Unlisted> {
    let mut parents: BTreeSet<&str> = BTreeSet::new();
    for overlay in &repo.overlays {
        let Some(environment) = repo.environment(overlay) else {
            continue;
        };
        let means_it = |name: &str| {
            let name = name.to_lowercase();
            environment.name.to_lowercase() == name || environment.aliases.contains(&name)
        };
        let found = segments(&overlay.path).filter(|(_, name)| means_it(name));
        parents.extend(found.map(|(parent, _)| parent));
    }
    let mut unlisted: BTreeMap<&str, Unlisted> = BTreeMap::new();
    for overlay in repo.overlays.iter().filter(|one| one.environment.is_none()) {
        let beside = segments(&overlay.path).find(|(parent, _)| parents.contains(parent));
        let Some((_, name)) = beside else { continue };
        let known = unlisted.entry(name).or_insert_with(|| Unlisted {
            name: name.to_string(),
            overlays: 0,
            origin: overlay.origin,
            is_known_word: is_known_word(name),
        });
        known.overlays += 1;
    }
    unlisted.into_values().collect()
}

/// The index of the folder name that is most similar to the name of an environment.
pub(super) fn nearest(name: &str, unlisted: &[Unlisted]) -> Option<usize> {
    let names: Vec<&str> = unlisted.iter().map(|folder| &*folder.name).collect();
    let near = names::nearest(name, &names)?;
    names.iter().position(|name| *name == near)
}

/// The segments of a path, each with the path above it.
fn segments(path: &str) -> impl Iterator<Item = (&str, &str)> {
    let ends = path.match_indices('/').map(|(at, _)| at);
    ends.chain(std::iter::once(path.len())).filter_map(|end| {
        let folder = path.get(..end)?;
        Some(folder.rsplit_once('/').unwrap_or(("", folder)))
    })
}

fn is_known_word(name: &str) -> bool {
    let name = name.to_lowercase();
    let mut environments = default_environments().into_iter();
    environments.any(|known| known.name == name || known.aliases.contains(&name))
}
