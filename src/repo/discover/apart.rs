//! Separates overlays whose paths suggest the same app although they are different apps. The rest
//! of their paths tells them apart.

use super::{Placement, Root};
use std::collections::{BTreeMap, BTreeSet};

type Chosen = BTreeMap<String, Option<Placement>>;

/// Gives overlays that do not correspond to each other different app names.
pub(super) fn tell_apart(chosen: &mut Chosen, roots: &[Root]) {
    part_from_root(chosen, roots);
    part_by_container(chosen);
}

/// A folder below the overlay of a whole environment is not a variant of that overlay if it is
/// built from something else. For example, `overlays/production/observability` below the overlay
/// `overlays/production` is the app `observability`, in every environment.
fn part_from_root(chosen: &mut Chosen, roots: &[Root]) {
    let references = |folder: &str| -> &[String] {
        let found = roots.binary_search_by(|root| root.folder.as_str().cmp(folder));
        found
            .ok()
            .and_then(|index| roots.get(index))
            .map_or(&[], |root| &root.references)
    };
    let mut bases: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (folder, place) in placed(chosen) {
        for base in references(folder) {
            *bases.entry((&place.app, base)).or_default() += 1;
        }
    }
    let is_part = |folder: &str, place: &Placement| {
        let shared = |base: &String| {
            bases
                .get(&(&*place.app, base))
                .is_some_and(|uses| *uses > 1)
        };
        folder != place.prefix
            && chosen.get(&place.prefix).is_some_and(Option::is_some)
            && !references(folder).iter().any(shared)
    };
    let parts: BTreeSet<(String, String)> = placed(chosen)
        .filter(|(folder, place)| is_part(folder, place))
        .filter_map(|(_, place)| Some((place.app.clone(), place.variant.clone()?)))
        .collect();
    for (folder, place) in placed_mut(chosen) {
        let part = place
            .variant
            .clone()
            .map(|variant| (place.app.clone(), variant));
        if let Some((app, variant)) = part.filter(|part| parts.contains(part))
            && *folder != place.prefix
        {
            place.app = joined(&app, &variant);
            place.qualified = joined(&place.qualified, &variant);
            place.variant = None;
        }
    }
}

/// `apps/production` and `infrastructure/production` are two apps, and so are
/// `apps/production/vault` and `infrastructure/production/vault`.
fn part_by_container(chosen: &mut Chosen) {
    type Key<'p> = (&'p str, usize, Option<&'p str>);
    let mut together: BTreeMap<Key, BTreeSet<&str>> = BTreeMap::new();
    for (_, place) in placed(chosen) {
        let key = (&*place.app, place.environment, place.variant.as_deref());
        together.entry(key).or_default().insert(&place.qualified);
    }
    let ambiguous: BTreeSet<String> = together
        .into_iter()
        .filter(|(_, qualified)| qualified.len() > 1)
        .map(|((app, ..), _)| app.to_string())
        .collect();
    for (_, place) in placed_mut(chosen) {
        if ambiguous.contains(&place.app) {
            place.app.clone_from(&place.qualified);
        }
    }
}

fn placed(chosen: &Chosen) -> impl Iterator<Item = (&String, &Placement)> {
    chosen
        .iter()
        .filter_map(|(folder, place)| Some((folder, place.as_ref()?)))
}

fn placed_mut(chosen: &mut Chosen) -> impl Iterator<Item = (&String, &mut Placement)> {
    chosen
        .iter_mut()
        .filter_map(|(folder, place)| Some((folder, place.as_mut()?)))
}

fn joined(one: &str, other: &str) -> String {
    match one {
        "" => other.to_string(),
        _ => format!("{one}/{other}"),
    }
}
