//! Finds each overlay at another revision: the overlay with the same folder, environment and
//! variant, or else the overlay that was renamed to this one.
//!
//! Not here: how an overlay's past follows a rename from commit to commit (`history`).

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use super::{Overlay, Repo};

/// For each overlay of the head, the index of the same overlay at the base.
pub fn before(head: &Repo, base: &Repo) -> Vec<Option<usize>> {
    let at_base: HashMap<_, usize> = base
        .overlays
        .iter()
        .enumerate()
        .map(|(index, overlay)| (overlay.key(), index))
        .collect();
    let overlays = head.overlays.iter();
    let mut matches = Matches {
        head,
        base,
        found: overlays
            .map(|overlay| at_base.get(&overlay.key()).copied())
            .collect(),
        open: Vec::new(),
    };
    // an agent's object that now points at another folder is still the same deployment, even if
    // the old folder stays
    matches.open = redirected(head, base);
    matches.pair_by(|_, overlay| agent(overlay));
    let here: HashSet<_> = head.overlays.iter().map(Overlay::key).collect();
    matches.open = (0..base.overlays.len())
        .filter(|index| !here.contains(&base.overlays[*index].key()))
        .filter(|index| !matches.found.contains(&Some(*index)))
        .collect();
    if matches.open.is_empty() {
        return matches.found;
    }
    matches.pair_by(|_, overlay| {
        let variant = overlay.variant.clone();
        Some((overlay.app.clone(), overlay.environment, variant))
    });
    matches.pair_by(same_kustomization);
    // a kustomization that was edited as well as moved still makes the same objects
    matches.pair_by(|_, overlay| same_objects(overlay));
    matches.found
}

/// The overlays of the base whose agent applies another folder in the head.
fn redirected(head: &Repo, base: &Repo) -> Vec<usize> {
    let applied: HashSet<_> = head
        .overlays
        .iter()
        .map(|overlay| (overlay.key(), agent(overlay)))
        .collect();
    let overlays = base.overlays.iter().enumerate();
    overlays
        .filter(|(_, overlay)| overlay.agent.is_some())
        .filter(|(_, overlay)| !applied.contains(&(overlay.key(), agent(overlay))))
        .map(|(index, _)| index)
        .collect()
}

fn agent(overlay: &Overlay) -> Option<(String, Option<usize>)> {
    let agent = overlay.agent.as_ref()?;
    Some((agent.name.clone(), overlay.environment))
}

fn same_kustomization(repo: &Repo, overlay: &Overlay) -> Option<(usize, Arc<str>)> {
    let text: Arc<str> = repo.files.get(overlay.origin.file).text.clone();
    let environment = overlay.environment.filter(|_| !text.is_empty())?;
    Some((environment, text))
}

type Objects = BTreeSet<(String, String)>;

fn same_objects(overlay: &Overlay) -> Option<(usize, Option<String>, Objects)> {
    let resources = overlay.rendered.resources.iter();
    let objects: Objects = resources
        .map(|resource| (resource.kind().to_string(), resource.original.name.clone()))
        .collect();
    let environment = overlay.environment.filter(|_| !objects.is_empty())?;
    Some((environment, overlay.variant.clone(), objects))
}

/// The matches between the overlays of two revisions, while they are looked for.
struct Matches<'a> {
    head: &'a Repo,
    base: &'a Repo,
    /// For each overlay of the head, the index of its partner at the base.
    found: Vec<Option<usize>>,
    /// The overlays of the base that may still get a partner.
    open: Vec<usize>,
}

impl Matches<'_> {
    /// Pairs overlays without a partner by a trait that only one open overlay of the base has.
    fn pair_by<T: Hash + Eq>(&mut self, trait_of: impl Fn(&Repo, &Overlay) -> Option<T>) {
        let mut waiting: HashMap<T, Vec<usize>> = HashMap::new();
        for index in self.open.iter().copied() {
            if let Some(key) = trait_of(self.base, &self.base.overlays[index]) {
                waiting.entry(key).or_default().push(index);
            }
        }
        let overlays = self.head.overlays.iter().zip(&mut self.found);
        for (overlay, partner) in overlays.filter(|(_, partner)| partner.is_none()) {
            *partner = trait_of(self.head, overlay)
                .and_then(|key| waiting.get_mut(&key))
                .filter(|indices| indices.len() == 1)
                .and_then(Vec::pop);
        }
        let found = &self.found;
        self.open.retain(|index| !found.contains(&Some(*index)));
    }
}
