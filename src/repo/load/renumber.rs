//! Puts the environments of one revision into the order of another.

use super::super::{Overlay, Repo};
use crate::config::Environment;

impl Repo {
    /// The repo with its environments in the order of another revision, so that overlays of both
    /// can be compared by index. Environments correspond by name, else by a common alias (`prod`
    /// renamed to `live`). Those that the other revision lacks come last.
    pub fn numbered_as(&self, others: &[Environment]) -> Repo {
        let mut environments = others.to_vec();
        let mut numbers: Vec<Option<usize>> = self
            .environments
            .iter()
            .map(|own| others.iter().position(|other| other.name == own.name))
            .collect();
        for (at, own) in self.environments.iter().enumerate() {
            let words = || std::iter::once(&own.name).chain(&own.aliases);
            let alike = |(index, other): (usize, &Environment)| {
                !numbers.contains(&Some(index)) && words().any(|word| other.is_called(word))
            };
            if numbers.get(at).is_some_and(Option::is_none) {
                let number = others
                    .iter()
                    .enumerate()
                    .position(alike)
                    .unwrap_or(environments.len());
                numbers[at] = Some(number);
            }
            match numbers[at].and_then(|number| environments.get_mut(number)) {
                Some(there) => *there = own.clone(),
                None => environments.push(own.clone()),
            }
        }
        let renumbered = |overlay: &Overlay| {
            let environment = overlay
                .environment
                .map(|index| numbers.get(index).copied().flatten().unwrap_or(index));
            Overlay {
                environment,
                ..overlay.clone()
            }
        };
        Repo {
            environments,
            overlays: self.overlays.iter().map(renumbered).collect(),
            ..self.clone()
        }
    }
}
