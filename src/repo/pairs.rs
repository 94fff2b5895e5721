//! Pairs each overlay with the one before it in the promotion order.
//!
//! The partner belongs to the same app and to the nearest earlier environment that has the app. It
//! is the overlay with the same variant, or else the one with the most similar variant. `pairs` in
//! the configuration can replace it.

use std::collections::BTreeMap;

use super::{Overlay, Pair};
use crate::config::{Config, Environment};

/// Pairs the overlays (sorted by path). The result is sorted by (to, from).
pub(super) fn pairs(
    overlays: &[Overlay],
    environments: &[Environment],
    config: &Config,
) -> Vec<Pair> {
    let mut pairs: BTreeMap<usize, usize> = BTreeMap::new();
    let mut by_app: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, overlay) in overlays.iter().enumerate().filter(|(_, overlay)| {
        let environment = overlay
            .environment
            .and_then(|index| environments.get(index));
        environment.is_some_and(|environment| environment.ordered)
    }) {
        by_app.entry(&overlay.app).or_default().push(index);
    }
    let environment = |index: usize| overlays.get(index).and_then(|overlay| overlay.environment);
    for members in by_app.values() {
        for later in members {
            let before = members
                .iter()
                .filter_map(|index| environment(*index))
                .filter(|earlier| Some(*earlier) < environment(*later))
                .max();
            let candidates: Vec<usize> = members
                .iter()
                .copied()
                .filter(|index| before.is_some() && environment(*index) == before)
                .collect();
            if let Some(from) = most_similar(overlays, *later, &candidates) {
                pairs.insert(*later, from);
            }
        }
    }
    let find = |path: &str| overlays.iter().position(|overlay| overlay.path == path);
    for configured in &config.pairs {
        if let (Some(from), Some(to)) = (find(&configured.from), find(&configured.to)) {
            pairs.insert(to, from);
        }
    }
    pairs
        .into_iter()
        .map(|(to, from)| Pair { from, to })
        .collect()
}

fn most_similar(overlays: &[Overlay], later: usize, candidates: &[usize]) -> Option<usize> {
    let wanted = overlays.get(later)?;
    let variant = |index: usize| {
        overlays
            .get(index)
            .and_then(|overlay| overlay.variant.as_deref())
            .unwrap_or_default()
    };
    let own = wanted.variant.as_deref().unwrap_or_default();
    candidates.iter().copied().max_by(|one, other| {
        let score = |index: usize| {
            (
                variant(index) == own,
                similarity(own, variant(index)),
                variant(index).is_empty(),
            )
        };
        let (first, second) = (score(*one), score(*other));
        first
            .0
            .cmp(&second.0)
            .then(first.1.cmp(&second.1))
            .then(first.2.cmp(&second.2))
            .then(other.cmp(one))
    })
}

/// The similarity of two variants: the number of equal segments from the start, then of equal
/// letters.
fn similarity(one: &str, other: &str) -> (usize, usize) {
    let segments = one
        .split(['/', '-'])
        .filter(|part| !part.is_empty() && other.split(['/', '-']).any(|own| own == *part))
        .count();
    (
        segments,
        one.chars()
            .zip(other.chars())
            .take_while(|(a, b)| a == b)
            .count(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::default_environments;
    use crate::yaml::{FileId, Origin};

    fn overlay(app: &str, environment: usize, variant: &str) -> Overlay {
        Overlay {
            path: format!("{app}/{environment}/{variant}"),
            app: app.into(),
            environment: Some(environment),
            variant: Some(variant.to_string()).filter(|variant| !variant.is_empty()),
            agent: None,
            origin: Origin::start_of(FileId(0)),
            rendered: Default::default(),
            applied: None,
            assumed: false,
            release: None,
            cluster: None,
        }
    }

    fn paired(overlays: &[Overlay]) -> Vec<(&str, &str)> {
        pairs(overlays, &default_environments(), &Config::default())
            .iter()
            .map(|pair| (&*overlays[pair.from].path, &*overlays[pair.to].path))
            .collect()
    }

    #[test]
    fn the_same_variant_comes_first_then_the_most_similar() {
        let overlays = [
            overlay("a", 2, "eu"),
            overlay("a", 2, "us"),
            overlay("a", 3, "eu"),
            overlay("a", 3, "us-east"),
        ];
        assert_eq!(
            paired(&overlays),
            [("a/2/eu", "a/3/eu"), ("a/2/us", "a/3/us-east")]
        );
    }

    #[test]
    fn the_nearest_earlier_environment_counts() {
        let overlays = [
            overlay("a", 0, ""),
            overlay("a", 3, ""),
            overlay("b", 2, ""),
            overlay("b", 0, ""),
        ];
        assert_eq!(paired(&overlays), [("a/0/", "a/3/"), ("b/0/", "b/2/")]);
    }
}
