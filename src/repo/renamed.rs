//! What each overlay was at another revision: the same folder, environment and variant; where the
//! folder went away, the overlay that came in its place.
//!
//! Not here: how an overlay's past follows a rename from commit to commit (`history`).

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use super::{Overlay, Repo};

/// For each overlay of the head, the index of what it was at the base.
pub fn before(head: &Repo, base: &Repo) -> Vec<Option<usize>> {
    let there: HashMap<_, usize> = base
        .overlays
        .iter()
        .enumerate()
        .map(|(index, overlay)| (overlay.key(), index))
        .collect();
    let mut found: Vec<Option<usize>> = head
        .overlays
        .iter()
        .map(|overlay| there.get(&overlay.key()).copied())
        .collect();
    // an agent's object that is pointed at another folder takes what it applied along, also where
    // the folder stays
    let agent = |overlay: &Overlay| {
        overlay
            .agent
            .as_ref()
            .map(|agent| (agent.name.clone(), overlay.environment))
    };
    let mut left: Vec<usize> = (0..base.overlays.len())
        .filter(|index| base.overlays[*index].agent.is_some())
        .collect();
    let applied: HashSet<_> = head
        .overlays
        .iter()
        .map(|overlay| (overlay.key(), agent(overlay)))
        .collect();
    left.retain(|index| {
        !applied.contains(&(base.overlays[*index].key(), agent(&base.overlays[*index])))
    });
    pair_up(head, base, &mut found, &mut left, |_, overlay| {
        agent(overlay)
    });
    let here: HashSet<_> = head.overlays.iter().map(Overlay::key).collect();
    let mut homeless: Vec<usize> = (0..base.overlays.len())
        .filter(|index| {
            !here.contains(&base.overlays[*index].key()) && !found.contains(&Some(*index))
        })
        .collect();
    if homeless.is_empty() {
        return found;
    }
    // by what it is, then by what is written in its kustomization, then by what it makes
    let name = |overlay: &Overlay| {
        Some((
            overlay.app.clone(),
            overlay.environment,
            overlay.variant.clone(),
        ))
    };
    pair_up(head, base, &mut found, &mut homeless, |_, overlay| {
        name(overlay)
    });
    pair_up(head, base, &mut found, &mut homeless, |repo, overlay| {
        let text: Arc<str> = repo.files.get(overlay.origin.file).text.clone();
        overlay
            .environment
            .filter(|_| !text.is_empty())
            .map(|environment| (environment, text))
    });
    // what was edited on the way still makes the same objects
    pair_up(head, base, &mut found, &mut homeless, |_, overlay| {
        let ids = overlay
            .rendered
            .resources
            .iter()
            .map(|resource| (resource.kind().to_string(), resource.original.name.clone()));
        let ids: BTreeSet<(String, String)> = ids.collect();
        overlay
            .environment
            .filter(|_| !ids.is_empty())
            .map(|environment| (environment, overlay.variant.clone(), ids))
    });
    found
}

/// Pairs what has no partner yet and one trait that nothing else has.
fn pair_up<T: Hash + Eq>(
    head: &Repo,
    base: &Repo,
    found: &mut [Option<usize>],
    homeless: &mut Vec<usize>,
    of: impl Fn(&Repo, &Overlay) -> Option<T>,
) {
    let mut waiting: HashMap<T, Vec<usize>> = HashMap::new();
    for index in homeless.iter().copied() {
        if let Some(key) = base
            .overlays
            .get(index)
            .and_then(|overlay| of(base, overlay))
        {
            waiting.entry(key).or_default().push(index);
        }
    }
    for (overlay, partner) in head
        .overlays
        .iter()
        .zip(found.iter_mut())
        .filter(|(_, partner)| partner.is_none())
    {
        let key = of(head, overlay);
        *partner = key
            .and_then(|key| waiting.get_mut(&key))
            .filter(|indices| indices.len() == 1)
            .and_then(Vec::pop);
    }
    homeless.retain(|index| !found.contains(&Some(*index)));
}
