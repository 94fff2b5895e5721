//! Environments in names that join two words without a separator: `usprod` beside `usstaging`.

use std::collections::{BTreeMap, BTreeSet};

use super::Layout;

/// The shortest word for an environment, and the shortest rest of a name, in characters.
const SHORTEST: (usize, usize) = (3, 2);

impl Layout<'_> {
    /// The environment of each name that ends in a word for one, with the rest of the name. The word
    /// only counts if another name has the same rest and ends in the word for another environment.
    pub fn glued<'n>(
        &self,
        names: impl Iterator<Item = &'n str>,
    ) -> BTreeMap<&'n str, (usize, &'n str)> {
        let mut found: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
        found.extend(names.filter_map(|name| Some((name, self.split(name)?))));
        let mut environments: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for (environment, rest) in found.values() {
            environments.entry(rest).or_default().insert(*environment);
        }
        let several = |rest: &str| environments.get(rest).is_some_and(|all| all.len() > 1);
        found.retain(|_, (_, rest)| several(rest));
        found
    }

    /// Splits the longest word for an environment from the end of a name.
    fn split<'n>(&self, name: &'n str) -> Option<(usize, &'n str)> {
        let starts = name.char_indices().map(|(at, _)| at).skip(SHORTEST.1);
        let mut parts = starts.filter_map(|at| name.split_at_checked(at));
        parts.find_map(|(rest, word)| {
            let long = word.len() >= SHORTEST.0 && rest.ends_with(char::is_alphanumeric);
            let environment = self.alias(&word.to_ascii_lowercase()).filter(|_| long)?;
            Some((environment, rest))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::default_environments;

    #[test]
    fn a_word_counts_beside_another_one() {
        let environments = default_environments();
        let layout = Layout::new(&environments, &[], std::iter::empty());
        let names = ["usprod", "usstaging", "euprod", "nonsense", "subprod"];
        let found: Vec<&str> = layout.glued(names.into_iter()).into_keys().collect();
        assert_eq!(found, ["usprod", "usstaging"]);
    }
}
