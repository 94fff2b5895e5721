//! Items of lists by the values of their merge keys, as kyaml compares and replaces them.

use std::collections::HashSet;
use std::sync::Arc;

use super::is_empty_map;
use crate::kustomize::Problem;
use crate::yaml::Node;

/// The value of a merge key; the item itself for an empty key.
pub(super) fn raw_at(item: &Node, key: &str) -> Arc<str> {
    let value = if key.is_empty() {
        Some(item)
    } else {
        item.get(key).filter(|value| !value.is_null())
    };
    value
        .and_then(Node::as_scalar)
        .map_or_else(|| "".into(), |scalar| scalar.text.clone())
}

/// The key values of every item; `None` if an item lacks a key or two items have the same values.
pub(super) fn identities(items: &[Node], keys: &[&str]) -> Option<Vec<Vec<Arc<str>>>> {
    let own = |item: &Node| {
        let own: Vec<Arc<str>> = keys.iter().map(|key| raw_at(item, key)).collect();
        let whole = !own.is_empty() && !item.is_null() && own.iter().all(|value| !value.is_empty());
        whole.then_some(own)
    };
    let found = items.iter().map(own).collect::<Option<Vec<_>>>()?;
    let distinct: HashSet<&[Arc<str>]> = found.iter().map(|own| &own[..]).collect();
    (distinct.len() == found.len()).then_some(found)
}

pub(super) fn keyless(item: &Node) -> Problem {
    Problem::error(
        item.origin,
        format!(
            "{} is in a list whose items are maps with merge keys",
            item.describe()
        ),
    )
    .with_help("write a map with the merge key")
}

/// The first item whose keys have these values.
pub(super) fn find(items: &[Node], keys: &[&str], values: &[&str]) -> Option<usize> {
    let some = values.iter().any(|value| !value.is_empty());
    items.iter().position(|item| {
        if keys == [""] {
            return values.first() == Some(&item.raw());
        }
        let mut given = keys
            .iter()
            .zip(values)
            .filter(|(_, value)| !some || !value.is_empty());
        item.as_map().is_some()
            && given.all(|(key, value)| item.get(key).is_some_and(|field| field.raw() == *value))
    })
}

/// Replaces the items whose keys have these values by `element`, or appends it if there are none.
/// Without an element the items are removed. Empty items are always removed.
pub(super) fn set_element(
    items: &mut Vec<Node>,
    element: Option<&Node>,
    keys: &[&str],
    values: &[&str],
) -> Result<(), Problem> {
    let by_key = keys.first().is_some_and(|key| !key.is_empty())
        && values.first().is_some_and(|value| !value.is_empty());
    let mut found_any = false;
    let mut failed = None;
    items.retain_mut(|item| {
        if item.is_null() || is_empty_map(item) {
            return false;
        }
        if by_key && item.as_map().is_none() {
            return true;
        }
        let mut last = false;
        let matches = keys.iter().enumerate().all(|(at, key)| {
            if let Some(value) = values.get(at) {
                if key.is_empty() && item.as_scalar().is_none()
                    || !key.is_empty() && item.as_map().is_none()
                {
                    failed.get_or_insert_with(|| keyless(item));
                }
                last = match key.is_empty() {
                    true => item.raw() == *value,
                    false => item
                        .get(key)
                        .is_some_and(|field| value.is_empty() || field.raw() == *value),
                };
            }
            last
        });
        if !matches {
            return !values.is_empty();
        }
        found_any = true;
        match element {
            Some(element) => {
                *item = element.clone();
                true
            }
            None => false,
        }
    });
    if let Some(problem) = failed {
        return Err(problem);
    }
    match element {
        Some(element) if !found_any && !element.is_null() => items.push(element.clone()),
        _ => {}
    }
    Ok(())
}

/// Adds the items of the object to the merged ones. An item replaces the one with the same keys;
/// others are appended.
pub(super) fn append_items(
    mut merged: Vec<Node>,
    items: &[Node],
    keys: &[&str],
) -> Result<Vec<Node>, Problem> {
    for item in items {
        if keys == [""] {
            set_element(&mut merged, Some(item), keys, &[item.raw()])?;
            continue;
        }
        if item.as_map().is_none() && !item.is_null() {
            return Err(keyless(item));
        }
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            match item.get(key) {
                None => merged.push(item.clone()),
                Some(value) => values.push(value.raw()),
            }
        }
        if keys.len() > 1 {
            set_element(&mut merged, None, keys, &values)?;
        }
        set_element(&mut merged, Some(item), keys, &values)?;
    }
    Ok(merged)
}

/// Fills empty key values from items that agree on the others: a port without protocol is the one
/// with it.
pub(super) fn unify(values: &mut [Vec<Arc<str>>]) {
    for first in 0..values.len() {
        let Some(one) = values.get(first).cloned() else {
            continue;
        };
        for second in 0..values.len() {
            let Some(filled) = values.get(second).and_then(|other| agreement(&one, other)) else {
                continue;
            };
            for position in [first, second] {
                if let Some(slot) = values.get_mut(position) {
                    slot.clone_from(&filled);
                }
            }
        }
    }
}

fn agreement(one: &[Arc<str>], other: &[Arc<str>]) -> Option<Vec<Arc<str>>> {
    let mut common = false;
    let mut filled = Vec::with_capacity(one.len());
    for (a, b) in one.iter().zip(other) {
        common |= a == b;
        filled.push(match (a.is_empty(), b.is_empty()) {
            _ if a == b => a.clone(),
            (false, false) => return None,
            (false, true) => a.clone(),
            (true, _) => b.clone(),
        });
    }
    common.then_some(filled)
}
