//! Laying values over values: one values file over another (`MergeMaps` in Helm), and values over
//! the defaults of a chart (`coalesceTables`). What a value replaces is kept in its `replaced`.

use std::sync::Arc;

use super::index::Index;
use crate::yaml::{Data, Map, Node, Removed};

/// Lays one map over another. Maps are merged at every depth; everything else is replaced, null
/// included.
pub(crate) fn merge_maps(base: &mut Node, over: &Node) {
    let Some(map) = base.map_mut() else {
        return;
    };
    let mut index = Index::of(&map.entries);
    for entry in over.entries() {
        let Some(at) = index.find(&map.entries, &entry.key) else {
            index.push(&mut map.entries, entry.clone());
            continue;
        };
        let Some(present) = map.entries.get_mut(at) else {
            continue;
        };
        present.key_origin = entry.key_origin;
        if present.value.as_map().is_some() && entry.value.as_map().is_some() {
            merge_maps(&mut present.value, &entry.value);
        } else {
            let value = entry.value.clone();
            let below = std::mem::replace(&mut present.value, value);
            underlay(&mut present.value, &below);
        }
    }
}

/// Fills a map with the defaults that it lacks. Nulls in it remove a default, unless they are kept
/// for a later step (`keep_nulls`).
pub(in crate::helm) fn fill(target: &mut Node, defaults: &Node, keep_nulls: bool) {
    let Some(map) = target.map_mut() else {
        return;
    };
    let mut index = Index::of(&map.entries);
    let mut removed: Vec<(usize, &Node)> = Vec::new();
    for entry in defaults.entries() {
        let Some(at) = index.find(&map.entries, &entry.key) else {
            index.push(&mut map.entries, entry.clone());
            continue;
        };
        let Some(present) = map.entries.get_mut(at) else {
            continue;
        };
        let (value, default) = (&mut present.value, &entry.value);
        match (value.as_map().is_some(), default.as_map().is_some()) {
            _ if value.is_null() && !keep_nulls && !default.is_null() => {
                removed.push((at, default));
            }
            (true, true) => fill(value, default, keep_nulls),
            _ => underlay(value, default),
        }
    }
    remove(map, removed);
}

/// Removes the entries at positions, whose defaults are remembered as removed.
pub(in crate::helm) fn remove(map: &mut Map, mut removed: Vec<(usize, &Node)>) {
    removed.sort_by_key(|(at, _)| *at);
    if removed.is_empty() {
        return;
    }
    let mut next = removed.into_iter().peekable();
    let entries = std::mem::take(&mut map.entries);
    for (at, entry) in entries.into_iter().enumerate() {
        match next.next_if(|(other, _)| *other == at) {
            Some((_, default)) => map.removed.push(Removed {
                key: entry.key,
                origin: entry.value.origin,
                node: default.clone(),
            }),
            None => map.entries.push(entry),
        }
    }
}

/// Notes what a value replaced, below everything that is known to be replaced.
pub(in crate::helm) fn underlay(value: &mut Node, below: &Node) {
    /// Values come from a few files; more layers than this are not told apart.
    const DEEPEST: usize = 16;
    let mut chain = value;
    for _ in 0..DEEPEST {
        // the same default may be met on several ways
        if chain.origin == below.origin {
            return;
        }
        if chain.replaced.is_none() {
            chain.replaced = Some(Arc::new(below.clone()));
            return;
        }
        let Some(next) = &mut chain.replaced else {
            return;
        };
        chain = Arc::make_mut(next);
    }
}

/// Removes nulls at every depth of maps.
pub(in crate::helm) fn without_nulls(node: &mut Node) {
    let has_null = |map: &Map| {
        let mut values = map.entries.iter().map(|entry| &entry.value);
        values.any(|value| value.is_null() || value.as_map().is_some())
    };
    if !node.as_map().is_some_and(has_null) {
        return;
    }
    if let Some(map) = node.map_mut() {
        map.entries.retain(|entry| !entry.value.is_null());
        map.entries
            .iter_mut()
            .filter(|entry| matches!(entry.value.data, Data::Map(_)))
            .for_each(|entry| without_nulls(&mut entry.value));
    }
}
