//! The keys that charts use in the place of usual ones, as the configuration says.

use crate::kustomize::ValueNames;
use crate::yaml::Node;

/// Usual keys, and others that mean the same.
#[derive(Clone, Copy)]
pub(super) struct Names<'r>(pub(super) &'r ValueNames);

impl<'r> Names<'r> {
    /// The value under the first of the keys that is there, or under one that means the same.
    pub(super) fn get<'n>(self, values: &'n Node, keys: &[&str]) -> Option<&'n Node> {
        let usual = keys.iter().find_map(|key| values.get(key));
        usual.or_else(|| {
            let mut others = keys.iter().filter_map(|key| self.0.get(*key)).flatten();
            others.find_map(|key| values.get(key))
        })
    }

    /// The usual key that a key means.
    pub(super) fn usual<'k>(self, key: &'k str) -> &'k str
    where
        'r: 'k,
    {
        let mut names = self.0.iter();
        let usual = names.find(|(_, others)| others.iter().any(|other| other == key));
        usual.map_or(key, |(usual, _)| usual.as_str())
    }

    /// True if a key is one of some, or means the same.
    pub(super) fn is_one(self, key: &str, keys: &[&str]) -> bool {
        keys.contains(&key) || keys.contains(&self.usual(key))
    }
}
