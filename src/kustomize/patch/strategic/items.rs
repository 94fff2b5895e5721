//! Merging lists whose items have merge keys.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::directive::{Directive, directive, remover};
use super::keys::{append_items, find, identities, keyless, raw_at, set_element, unify};
use super::{Alone, Merger, is_empty_map};
use crate::kustomize::Problem;
use crate::kustomize::schema::{Shape, Type};
use crate::yaml::{Entry, List, Node, Removed, Scalar};

impl Merger<'_> {
    /// Merges the items of a list by their keys. Without a patch the list is merged with itself.
    pub(super) fn items(
        &self,
        mut target: Node,
        patch: Option<&[Node]>,
        keys: &[Box<str>],
        of: Option<Type<'_>>,
        alone: Alone,
    ) -> Result<Node, Problem> {
        let keys = key_names(keys);
        let shape = of.map(Shape::Map);
        let origin = target.origin;
        let Some(list) = target.list_mut() else {
            return Ok(target);
        };
        if self.regular_items(list, patch, &keys, shape, alone)? {
            return Ok(target);
        }
        let values = all_values(patch.unwrap_or_default(), &list.items, &keys);
        let used = used_keys(&values, keys.len());
        let in_use = |at: &usize| used.contains(at);
        let mut merging = IrregularItems {
            merger: self,
            patch,
            keys: (0..keys.len())
                .filter(in_use)
                .filter_map(|at| keys.get(at).copied())
                .collect(),
            shape,
            alone,
            list,
            merged: Vec::with_capacity(values.len()),
        };
        for own in &values {
            let own: Vec<&str> = (0..keys.len())
                .filter(in_use)
                .filter_map(|at| own.get(at).map(|value| &**value))
                .collect();
            merging.item(&own)?;
        }
        if !values.is_empty() {
            list.items = append_items(merging.merged, &merging.list.items, &merging.keys)?;
        }
        target.origin = origin;
        Ok(target)
    }

    /// Merges lists in one pass if every item has its keys and no two items have the same, as is
    /// nearly always so. Returns false, and changes nothing, for other lists.
    fn regular_items(
        &self,
        list: &mut List,
        patch: Option<&[Node]>,
        keys: &[&str],
        shape: Option<Shape<'_>>,
        alone: Alone,
    ) -> Result<bool, Problem> {
        let items = patch.unwrap_or_default();
        let used = |key: &&&str| {
            items
                .iter()
                .chain(&list.items)
                .any(|item| !raw_at(item, key).is_empty())
        };
        let used: Vec<&str> = keys.iter().filter(used).copied().collect();
        let (Some(present), Some(wanted)) =
            (identities(&list.items, &used), identities(items, &used))
        else {
            return Ok(false);
        };
        let positions: HashMap<&[Arc<str>], usize> = present
            .iter()
            .enumerate()
            .map(|(position, own)| (&own[..], position))
            .collect();
        let left =
            |result: Option<Node>| result.filter(|item| !is_empty_map(item) && !item.is_null());
        let mut slots: Vec<Option<Node>> = std::mem::take(&mut list.items)
            .into_iter()
            .map(Some)
            .collect();
        let mut front = Vec::with_capacity(items.len());
        let mut met = HashSet::with_capacity(items.len());
        for (item, own) in items.iter().zip(&wanted) {
            let position = positions.get(&own[..]).copied();
            let before = position
                .and_then(|position| slots.get_mut(position))
                .and_then(Option::take);
            let result = left(self.walk(before.clone(), Some(item), shape)?);
            met.extend(position);
            let node = match (result, before) {
                (None, Some(node)) => {
                    list.removed.extend(remover(item).map(|origin| Removed {
                        key: "".into(),
                        origin,
                        node,
                    }));
                    continue;
                }
                (None, None) => continue,
                // scalars stay those of the object, and so does an item that the patch replaces:
                // kustomize puts it back
                (Some(_), Some(before))
                    if before.as_map().is_none()
                        || matches!(directive(item), Ok(Some((Directive::Replace, _)))) =>
                {
                    before
                }
                (Some(result), _) => result,
            };
            match position.and_then(|position| slots.get_mut(position)) {
                Some(slot) if used.len() > 1 => *slot = Some(node),
                _ => front.push(node),
            }
        }
        for (position, slot) in slots.into_iter().enumerate() {
            let Some(node) = slot else { continue };
            match met.contains(&position) {
                true => front.push(node),
                false => front.extend(left(self.alone(node, shape, alone)?)),
            }
        }
        list.items = front;
        Ok(true)
    }

    pub(super) fn settled_items(
        &self,
        items: &[Node],
        keys: &[Box<str>],
        of: Option<Type<'_>>,
        alone: Alone,
    ) -> bool {
        let used: Vec<&str> = key_names(keys)
            .into_iter()
            .filter(|key| items.iter().any(|item| !raw_at(item, key).is_empty()))
            .collect();
        identities(items, &used).is_some()
            && items
                .iter()
                .all(|item| self.settled(item, of.map(Shape::Map), alone))
    }
}

/// The merge keys; a list of scalars has the empty key.
fn key_names(keys: &[Box<str>]) -> Vec<&str> {
    if keys.is_empty() {
        vec![""]
    } else {
        keys.iter().map(|key| &**key).collect()
    }
}

/// The distinct key values of all items, those of the patch first.
fn all_values(patch: &[Node], items: &[Node], keys: &[&str]) -> Vec<Vec<Arc<str>>> {
    let mut values = Vec::new();
    let mut seen = HashSet::new();
    for item in patch.iter().chain(items) {
        let own: Vec<Arc<str>> = keys.iter().map(|key| raw_at(item, key)).collect();
        if seen.insert(own.clone()) {
            values.push(own);
        }
    }
    if keys.len() > 1 {
        unify(&mut values);
    }
    values
}

/// The positions of the keys that some item has; all keys if no item has any.
fn used_keys(values: &[Vec<Arc<str>>], count: usize) -> Vec<usize> {
    let is_filled =
        |own: &Vec<Arc<str>>, at: usize| own.get(at).is_some_and(|value| !value.is_empty());
    let used: Vec<usize> = (0..count)
        .filter(|at| values.iter().any(|own| is_filled(own, *at)))
        .collect();
    if used.is_empty() {
        (0..count).collect()
    } else {
        used
    }
}

/// Merges a list in which items lack keys or share them, one identity after the other.
struct IrregularItems<'m> {
    merger: &'m Merger<'m>,
    list: &'m mut List,
    patch: Option<&'m [Node]>,
    /// The keys that some item has.
    keys: Vec<&'m str>,
    shape: Option<Shape<'m>>,
    alone: Alone,
    merged: Vec<Node>,
}

impl IrregularItems<'_> {
    /// Merges the items whose keys have these values.
    fn item(&mut self, values: &[&str]) -> Result<(), Problem> {
        let position = find(&self.list.items, &self.keys, values);
        let counterpart = self
            .patch
            .and_then(|patch| patch.get(find(patch, &self.keys, values)?));
        let present = position
            .and_then(|position| self.list.items.get(position))
            .cloned();
        let result = match (self.patch, present.clone()) {
            (Some(_), present) => self.merger.walk(present, counterpart, self.shape)?,
            (None, Some(present)) => self.merger.alone(present, self.shape, self.alone)?,
            (None, None) => None,
        };
        let Some(mut item) = result.filter(|item| !is_empty_map(item) && !item.is_null()) else {
            if let (Some(node), Some(origin)) = (present, counterpart.and_then(remover)) {
                self.list.removed.push(Removed {
                    key: "".into(),
                    origin,
                    node,
                });
            }
            return set_element(&mut self.list.items, None, &self.keys, values);
        };
        self.add_missing_keys(&mut item, values, counterpart)?;
        // an item that the patch replaces stays in the list as it was, and is moved to the front
        // when the items of the object are appended
        let replaced = counterpart
            .is_some_and(|patch| matches!(directive(patch), Ok(Some((Directive::Replace, _)))));
        if !replaced
            && let Some(slot) = position.and_then(|position| self.list.items.get_mut(position))
        {
            *slot = item.clone();
        }
        set_element(&mut self.merged, Some(&item), &self.keys, values)
    }

    fn add_missing_keys(
        &self,
        item: &mut Node,
        values: &[&str],
        counterpart: Option<&Node>,
    ) -> Result<(), Problem> {
        for (key, value) in self.keys.iter().zip(values) {
            if key.is_empty() || value.is_empty() || item.get(key).is_some() {
                continue;
            }
            let origin = counterpart.map_or(item.origin, |counterpart| counterpart.origin);
            let Some(map) = item.map_mut() else {
                return Err(keyless(item));
            };
            map.entries.push(Entry {
                key: (*key).into(),
                key_origin: origin,
                value: Node::scalar(Scalar::plain(*value), origin),
            });
        }
        Ok(())
    }
}
