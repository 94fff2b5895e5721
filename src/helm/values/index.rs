//! Finding keys of large maps.

use std::sync::Arc;

use foldhash::HashMap;

use crate::yaml::Entry;

/// From this size on a map is searched by an index.
const INDEXED_FROM: usize = 24;

/// The positions of the keys of a map, while nothing but additions change it.
pub(in crate::helm) struct Index(Option<HashMap<Arc<str>, usize>>);

impl Index {
    pub(in crate::helm) fn of(entries: &[Entry]) -> Index {
        let large = entries.len() >= INDEXED_FROM;
        Index(large.then(|| {
            let keys = entries.iter().enumerate();
            keys.map(|(at, entry)| (entry.key.clone(), at)).collect()
        }))
    }

    pub(in crate::helm) fn find(&self, entries: &[Entry], key: &str) -> Option<usize> {
        match &self.0 {
            Some(index) => index.get(key).copied(),
            None => entries.iter().position(|entry| &*entry.key == key),
        }
    }

    /// Adds an entry to the map.
    pub(in crate::helm) fn push(&mut self, entries: &mut Vec<Entry>, entry: Entry) {
        if let Some(index) = &mut self.0 {
            index.insert(entry.key.clone(), entries.len());
        }
        entries.push(entry);
        if self.0.is_none() && entries.len() >= INDEXED_FROM {
            *self = Index::of(entries);
        }
    }
}
