//! The keys of a mapping while it is read: finding one fast, and duplicates.

use std::ops::Range;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use super::dialect::Dialect;
use super::error::Failure;
use super::scalar::intern;
use crate::yaml::{Entry, Kind, Node, Origin};

/// A key that one mapping defines twice. The last value stays in the tree.
#[derive(Debug)]
pub struct DuplicateKey {
    /// The key.
    pub key: String,
    /// The first definition.
    pub first: Origin,
    /// The second definition.
    pub second: Origin,
}

/// A mapping that is still open.
#[derive(Default)]
pub(super) struct OpenMap {
    /// Positions by key, kept from the ninth entry on.
    index: HashMap<Arc<str>, usize>,
    /// The key whose value comes next.
    pub(super) key: Option<Key>,
    /// The maps of `<<` that are merged at the end of the mapping; earlier ones win.
    pub(super) merge: Option<Vec<Node>>,
    /// The keys whose present value came from a `<<`, if the dialect merges in order.
    merged: HashSet<Arc<str>>,
}

/// A key that waits for its value.
pub(super) enum Key {
    Name(Arc<str>, Range<usize>),
    Merge(Range<usize>),
}

impl Key {
    /// A key from its text; what may be a key is up to the dialect.
    pub(super) fn name(
        text: &str,
        kind: Kind,
        span: Range<usize>,
        dialect: Dialect,
    ) -> Result<Key, Failure> {
        if let Some(text) = dialect.key(text, kind) {
            return Ok(Key::Name(intern(&text), span));
        }
        let found = match kind {
            Kind::String => return Ok(Key::Name(intern(text), span)),
            Kind::Null => "null",
            Kind::Bool => "a boolean",
            Kind::Int | Kind::Float => "a number",
            Kind::Timestamp => "a date",
            Kind::Binary => "binary data",
        };
        let message = format!(
            "the key `{}` is {found}, not a string; quote it",
            text.escape_debug()
        );
        Err(Failure::new(message, span))
    }

    pub(super) fn span(&self) -> &Range<usize> {
        match self {
            Key::Name(_, span) | Key::Merge(span) => span,
        }
    }
}

/// From this size on a map is searched by an index.
const INDEXED_FROM: usize = 9;

impl OpenMap {
    /// Adds an entry to the map's own `entries`, which begin at `first`. A key that exists
    /// takes the new value and is returned as a duplicate.
    pub(super) fn insert(
        &mut self,
        entries: &mut Vec<Entry>,
        first: usize,
        entry: Entry,
    ) -> Option<DuplicateKey> {
        let Some(at) = self.position(&entry.key, &entries[first..]) else {
            self.push(entries, first, entry);
            return None;
        };
        let known = &mut entries[first + at];
        let duplicate = DuplicateKey {
            key: entry.key.to_string(),
            first: known.key_origin,
            second: entry.key_origin,
        };
        let is_merged = self.merged.remove(&entry.key);
        *known = entry;
        (!is_merged).then_some(duplicate)
    }

    /// Merges maps where their `<<` stands. Their values replace those of the keys before it, and
    /// are replaced by those of the keys behind it. Of the maps themselves, earlier ones win.
    pub(super) fn merge_here(&mut self, entries: &mut Vec<Entry>, first: usize, maps: &[Node]) {
        for entry in maps.iter().rev().flat_map(Node::entries) {
            self.insert(entries, first, entry.clone());
            self.merged.insert(entry.key.clone());
        }
    }

    /// Adds an entry unless the map has its key.
    pub(super) fn insert_missing(&mut self, entries: &mut Vec<Entry>, first: usize, entry: &Entry) {
        if self.position(&entry.key, &entries[first..]).is_none() {
            self.push(entries, first, entry.clone());
        }
    }

    fn position(&self, key: &str, entries: &[Entry]) -> Option<usize> {
        if entries.len() < INDEXED_FROM {
            entries.iter().position(|entry| &*entry.key == key)
        } else {
            self.index.get(key).copied()
        }
    }

    fn push(&mut self, entries: &mut Vec<Entry>, first: usize, entry: Entry) {
        entries.push(entry);
        match &entries[first..] {
            [.., last] if entries.len() - first > INDEXED_FROM => {
                _ = self
                    .index
                    .insert(last.key.clone(), entries.len() - first - 1);
            }
            own if own.len() == INDEXED_FROM => {
                self.index = own
                    .iter()
                    .enumerate()
                    .map(|(at, entry)| (entry.key.clone(), at))
                    .collect();
            }
            _ => {}
        }
    }
}
