//! Strategic merge as kustomize does it, with the origin of everything written, replaced and
//! removed.
//!
//! The rules are those of kyaml's walk over two trees, including where they surprise: every map of
//! the object is walked, not only what the patch names, so `key:` without a value disappears; nulls
//! inside an added map disappear; lists without merge keys are replaced as a whole, directives in
//! them included; additions to merged lists come first.
//!
//! Here: merging two trees. Not here: which objects a patch means, and what of their identity is
//! kept (`super`).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::kustomize::Problem;
use crate::kustomize::schema::{Schema, Shape, Type};
use crate::yaml::scalar::resolve;
use crate::yaml::{Data, Entry, Kind, List, Map, Node, Origin, Removed, Scalar, Style};

const DIRECTIVE: &str = "$patch";

/// Lays a patch over an object; `None` when nothing of it is left. The patch's nodes are written as
/// they are: attribute them to the patch first.
pub fn merge(object: Node, patch: &Node, schema: &Schema) -> Result<Option<Node>, Problem> {
    if let Ok(Some((Directive::Replace, _))) = directive(patch) {
        // kustomize makes the new object and then drops it
        return Ok(Some(object));
    }
    Merger { schema }.walk(Some(object), Some(patch), None)
}

struct Merger<'s> {
    schema: &'s Schema,
}

/// What `$patch` asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

/// How a tree is walked on its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Alone {
    /// It is part of the object and the patch says nothing of it.
    Kept,
    /// It is part of the patch and new to the object.
    Added,
}

impl Merger<'_> {
    /// Merges a value that may be missing on either side, but not on both.
    fn walk(
        &self,
        target: Option<Node>,
        patch: Option<&Node>,
        shape: Option<Shape<'_>>,
    ) -> Result<Option<Node>, Problem> {
        let Some(patch) = patch else {
            let Some(target) = target else {
                return Ok(None);
            };
            return match self.settled(&target, shape, Alone::Kept) {
                true => Ok(Some(target)),
                false => self.alone(target, shape, Alone::Kept),
            };
        };
        let target = match target {
            Some(target) if !target.is_null() => target,
            missing => {
                let added = self.add(patch, shape)?;
                return Ok(added.map(|added| replacing(added, missing)));
            }
        };
        if patch.is_null() {
            return Ok(None);
        }
        let resolved = self
            .shape(shape, &target)
            .or_else(|| self.shape(None, patch));
        match (&target.data, &patch.data) {
            (Data::Scalar(_), Data::Scalar(_)) => Ok(Some(replacing(patch.clone(), Some(target)))),
            (Data::Map(_), Data::Map(_)) => match directive(patch)? {
                Some((Directive::Delete, _)) => Ok(None),
                Some((Directive::Replace, _)) => {
                    let added = self.alone(without_directive(patch), resolved, Alone::Added)?;
                    Ok(added.map(|added| replacing(added, Some(target))))
                }
                Some((Directive::Merge, _)) | None => {
                    self.fields(target, patch, map_type(resolved)).map(Some)
                }
            },
            (Data::List(_), Data::List(list)) => match resolved {
                Some(Shape::MergedList { keys, items }) => match list_directive(list)? {
                    Some((Directive::Delete, _)) => Ok(None),
                    Some((directive, value)) => {
                        let rest = without_list_directive(patch, value)?;
                        if directive == Directive::Replace {
                            let added = self.items(rest, None, keys, items, Alone::Added)?;
                            return Ok(Some(replacing(added, Some(target))));
                        }
                        self.items(target, Some(rest.items()), keys, items, Alone::Kept)
                            .map(Some)
                    }
                    None => self
                        .items(target, Some(&list.items), keys, items, Alone::Kept)
                        .map(Some),
                },
                _ => Ok(Some(replacing(patch.clone(), Some(target)))),
            },
            _ => {
                let message = format!(
                    "the patch has {} where the object has {}",
                    describe(patch),
                    describe(&target)
                );
                Err(Problem::error(patch.origin, message)
                    .with_related("the object's value is here", target.origin)
                    .with_help("give the patch the same structure as the object, or delete the field first with a patch of its own"))
            }
        }
    }

    /// A value that is new to the object.
    fn add(&self, patch: &Node, shape: Option<Shape<'_>>) -> Result<Option<Node>, Problem> {
        let resolved = self.shape(shape, patch);
        match &patch.data {
            Data::Map(_) => match directive(patch) {
                Ok(Some((Directive::Delete, _))) => Ok(None),
                Ok(Some(_)) => self.added_fields(without_directive(patch), map_type(resolved)),
                // an unknown word is only noticed where there is something to patch
                Ok(None) | Err(_) => self.added_fields(patch.clone(), map_type(resolved)),
            },
            Data::List(_) => match resolved {
                Some(Shape::MergedList { keys, items }) => self
                    .items(patch.clone(), None, keys, items, Alone::Added)
                    .map(Some),
                _ => Ok(Some(patch.clone())),
            },
            Data::Scalar(_) => Ok(Some(patch.clone()).filter(|node| !node.is_null())),
        }
    }

    fn added_fields(&self, map: Node, of: Option<Type<'_>>) -> Result<Option<Node>, Problem> {
        self.own_fields(map, of, Alone::Added).map(Some)
    }

    /// Walks a value that has no counterpart.
    fn alone(
        &self,
        node: Node,
        shape: Option<Shape<'_>>,
        alone: Alone,
    ) -> Result<Option<Node>, Problem> {
        if self.settled(&node, shape, alone) {
            return Ok(Some(node));
        }
        let resolved = self.shape(shape, &node);
        match &node.data {
            Data::Scalar(scalar) => {
                let keep = !node.is_null() || (alone == Alone::Kept && !scalar.text.is_empty());
                Ok(Some(node).filter(|_| keep))
            }
            Data::Map(_) => {
                let mut node = node;
                if alone == Alone::Added {
                    match directive(&node)? {
                        Some((Directive::Delete, _)) => return Ok(None),
                        Some(_) => node = without_directive(&node),
                        None => {}
                    }
                }
                self.own_fields(node, map_type(resolved), alone).map(Some)
            }
            Data::List(list) => match resolved {
                Some(Shape::MergedList { keys, items }) => {
                    let found = if alone == Alone::Added {
                        list_directive(list)?
                    } else {
                        None
                    };
                    let rest = match found {
                        Some((Directive::Delete, _)) => return Ok(None),
                        Some((_, value)) => without_list_directive(&node, value)?,
                        None => node.clone(),
                    };
                    self.items(rest, None, keys, items, alone).map(Some)
                }
                _ => Ok(Some(node)),
            },
        }
    }

    /// The fields of a map without counterpart.
    fn own_fields(
        &self,
        mut node: Node,
        of: Option<Type<'_>>,
        alone: Alone,
    ) -> Result<Node, Problem> {
        let Some(map) = node.map_mut() else {
            return Ok(node);
        };
        let mut entries = Vec::with_capacity(map.entries.len());
        for entry in std::mem::take(&mut map.entries) {
            let shape = of.and_then(|of| of.field(&entry.key));
            if let Some(value) = self.alone(entry.value, shape, alone)? {
                entries.push(Entry { value, ..entry });
            }
        }
        map.entries = entries;
        Ok(node)
    }

    /// Lays the fields of a patch over those of a map.
    fn fields(
        &self,
        mut target: Node,
        patch: &Node,
        of: Option<Type<'_>>,
    ) -> Result<Node, Problem> {
        let shape = |key: &str| of.and_then(|of| of.field(key));
        let unsettled = |entry: &Entry| {
            patch.get(&entry.key).is_none()
                && !self.settled(&entry.value, shape(&entry.key), Alone::Kept)
        };
        if target.entries().iter().any(unsettled)
            && let Some(map) = target.map_mut()
        {
            let mut entries = Vec::with_capacity(map.entries.len());
            for entry in std::mem::take(&mut map.entries) {
                if patch.get(&entry.key).is_some() {
                    entries.push(entry);
                } else if let Some(value) =
                    self.alone(entry.value, shape(&entry.key), Alone::Kept)?
                {
                    entries.push(Entry { value, ..entry });
                }
            }
            map.entries = entries;
        }
        for entry in patch
            .entries()
            .iter()
            .filter(|entry| &*entry.key != DIRECTIVE)
        {
            let Some(map) = target.map_mut() else { break };
            let position = map
                .entries
                .iter()
                .position(|present| present.key == entry.key);
            let present = position.and_then(|position| map.entries.get_mut(position));
            match present {
                None => {
                    if let Some(value) = self.walk(None, Some(&entry.value), shape(&entry.key))? {
                        map.entries.push(Entry {
                            value,
                            ..entry.clone()
                        });
                    }
                }
                Some(present) => {
                    let empty = Node::scalar(Scalar::null(), present.value.origin);
                    let value = std::mem::replace(&mut present.value, empty);
                    let before = value.clone();
                    match (
                        self.walk(Some(value), Some(&entry.value), shape(&entry.key))?,
                        position,
                    ) {
                        (Some(value), _) => present.value = in_style_of(value, &before),
                        (None, Some(position)) => {
                            let origin = remover(&entry.value).unwrap_or(Origin {
                                start: entry.key_origin.start,
                                ..entry.value.origin
                            });
                            map.entries.remove(position);
                            map.removed.push(Removed {
                                key: entry.key.clone(),
                                origin,
                                node: before,
                            });
                        }
                        (None, None) => {}
                    }
                }
            }
        }
        Ok(target)
    }

    /// Merges the items of a list by their keys. Without a patch the list meets itself.
    fn items(
        &self,
        mut target: Node,
        patch: Option<&[Node]>,
        keys: &[Box<str>],
        of: Option<Type<'_>>,
        alone: Alone,
    ) -> Result<Node, Problem> {
        let keys: Vec<&str> = if keys.is_empty() {
            vec![""]
        } else {
            keys.iter().map(|key| &**key).collect()
        };
        let shape = of.map(Shape::Map);
        let origin = target.origin;
        let Some(list) = target.list_mut() else {
            return Ok(target);
        };
        if self.regular_items(list, patch, &keys, shape, alone)? {
            return Ok(target);
        }
        let mut values = Vec::new();
        let mut seen = HashSet::new();
        for item in patch.unwrap_or_default().iter().chain(&list.items) {
            let own: Vec<Arc<str>> = keys.iter().map(|key| raw_at(item, key)).collect();
            if seen.insert(own.clone()) {
                values.push(own);
            }
        }
        if keys.len() > 1 {
            unify(&mut values);
        }
        let used: Vec<bool> = (0..keys.len())
            .map(|at| {
                values
                    .iter()
                    .any(|own| own.get(at).is_some_and(|v| !v.is_empty()))
            })
            .collect();
        let all = !used.contains(&true);
        let in_use = |at: usize| all || used.get(at).copied().unwrap_or(false);
        let valid: Vec<&str> = keys
            .iter()
            .enumerate()
            .filter(|(at, _)| in_use(*at))
            .map(|(_, key)| *key)
            .collect();
        let mut merged: Vec<Node> = Vec::with_capacity(values.len());
        for own in &values {
            let own: Vec<&str> = own
                .iter()
                .enumerate()
                .filter(|(at, _)| in_use(*at))
                .map(|(_, value)| &**value)
                .collect();
            let place = find(&list.items, &valid, &own);
            let counterpart = patch.and_then(|patch| patch.get(find(patch, &valid, &own)?));
            let present = place.and_then(|place| list.items.get(place)).cloned();
            let result = match patch {
                Some(_) => self.walk(present.clone(), counterpart, shape)?,
                None => present
                    .clone()
                    .map_or(Ok(None), |present| self.alone(present, shape, alone))?,
            };
            let Some(mut item) = result.filter(|item| !is_empty_map(item) && !item.is_null())
            else {
                if let (Some(node), Some(origin)) = (present, counterpart.and_then(remover)) {
                    list.removed.push(Removed {
                        key: "".into(),
                        origin,
                        node,
                    });
                }
                set_element(&mut list.items, None, &valid, &own)?;
                continue;
            };
            for (key, value) in valid.iter().zip(&own) {
                if key.is_empty() || value.is_empty() || item.get(key).is_some() {
                    continue;
                }
                let origin = counterpart.map_or(item.origin, |counterpart| counterpart.origin);
                match item.map_mut() {
                    Some(map) => {
                        let value = Node::scalar(Scalar::plain(*value), origin);
                        map.entries.push(Entry {
                            key: (*key).into(),
                            key_origin: origin,
                            value,
                        });
                    }
                    None => return Err(keyless(&item)),
                }
            }
            // an item that the patch replaces stays in the list as it was, and comes to the front
            // again below
            let replaced = counterpart
                .is_some_and(|patch| matches!(directive(patch), Ok(Some((Directive::Replace, _)))));
            if !replaced && let Some(place) = place.and_then(|place| list.items.get_mut(place)) {
                *place = item.clone();
            }
            set_element(&mut merged, Some(&item), &valid, &own)?;
        }
        if !values.is_empty() {
            list.items = append_items(merged, &list.items, &valid)?;
        }
        target.origin = origin;
        Ok(target)
    }

    /// The same in one pass for lists in which every item has its keys and no two the same, as
    /// nearly all are. Returns whether these were such lists.
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
        let places: HashMap<&[Arc<str>], usize> = present
            .iter()
            .enumerate()
            .map(|(place, own)| (&own[..], place))
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
            let place = places.get(&own[..]).copied();
            let before = place
                .and_then(|place| slots.get_mut(place))
                .and_then(Option::take);
            let result = left(self.walk(before.clone(), Some(item), shape)?);
            met.extend(place);
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
            match place.and_then(|place| slots.get_mut(place)) {
                Some(slot) if used.len() > 1 => *slot = Some(node),
                _ => front.push(node),
            }
        }
        for (place, slot) in slots.into_iter().enumerate() {
            let Some(node) = slot else { continue };
            match met.contains(&place) {
                true => front.push(node),
                false => front.extend(left(self.alone(node, shape, alone)?)),
            }
        }
        list.items = front;
        Ok(true)
    }

    /// What is known of a value; an object inside another is known by its own kind.
    fn shape<'t>(&'t self, shape: Option<Shape<'t>>, node: &Node) -> Option<Shape<'t>> {
        shape.or_else(|| {
            node.as_map()?;
            let (version, kind) = (node.get("apiVersion")?.text()?, node.get("kind")?.text()?);
            self.schema.kind(version, kind).map(Shape::Map)
        })
    }

    /// Whether walking a value that has no counterpart leaves it as it is. This is nearly always
    /// so, and costs no copy.
    fn settled(&self, node: &Node, shape: Option<Shape<'_>>, alone: Alone) -> bool {
        match &node.data {
            Data::Scalar(scalar) => {
                !node.is_null() || (alone == Alone::Kept && !scalar.text.is_empty())
            }
            Data::Map(map) => {
                let of = map_type(self.shape(shape, node));
                map.entries.iter().all(|entry| {
                    (alone == Alone::Kept || &*entry.key != DIRECTIVE)
                        && self.settled(&entry.value, of.and_then(|of| of.field(&entry.key)), alone)
                })
            }
            Data::List(list) => match shape {
                Some(Shape::MergedList { keys, items }) => {
                    self.settled_items(&list.items, keys, items, alone)
                }
                _ => true,
            },
        }
    }

    fn settled_items(
        &self,
        items: &[Node],
        keys: &[Box<str>],
        of: Option<Type<'_>>,
        alone: Alone,
    ) -> bool {
        let keys: Vec<&str> = if keys.is_empty() {
            vec![""]
        } else {
            keys.iter().map(|key| &**key).collect()
        };
        let used: Vec<&str> = keys
            .into_iter()
            .filter(|key| items.iter().any(|item| !raw_at(item, key).is_empty()))
            .collect();
        identities(items, &used).is_some()
            && items
                .iter()
                .all(|item| self.settled(item, of.map(Shape::Map), alone))
    }
}

fn map_type<'t>(shape: Option<Shape<'t>>) -> Option<Type<'t>> {
    match shape {
        Some(Shape::Map(of)) => Some(of),
        _ => None,
    }
}

/// A value instead of another, which it remembers.
fn replacing(mut node: Node, before: Option<Node>) -> Node {
    if let Some(before) = before {
        node.replaced = Some(Arc::new(before));
    }
    node
}

/// A scalar takes over the quotes of the one it replaces, and quotes make numbers and booleans
/// strings.
fn in_style_of(mut node: Node, before: &Node) -> Node {
    let Some(style) = before.as_scalar().map(|scalar| scalar.style) else {
        return node;
    };
    if let Data::Scalar(scalar) = &mut node.data {
        scalar.style = style;
        if style != Style::Plain
            && scalar.kind != Kind::Null
            && scalar.kind == resolve(&scalar.text)
        {
            scalar.kind = Kind::String;
        }
    }
    node
}

fn describe(node: &Node) -> &'static str {
    match &node.data {
        Data::Scalar(_) => "a single value",
        Data::Map(_) => "a map",
        Data::List(_) => "a list",
    }
}

fn is_empty_map(node: &Node) -> bool {
    node.as_map().is_some_and(|map| map.entries.is_empty())
}

/// The text of a scalar of any type, as kyaml compares values; empty for maps, lists and nothing.
fn raw(node: &Node) -> &str {
    node.as_scalar().map_or("", |scalar| &scalar.text)
}

/// The value of a merge key; the item itself for an empty key.
fn raw_at(item: &Node, key: &str) -> Arc<str> {
    let value = if key.is_empty() {
        Some(item)
    } else {
        item.get(key).filter(|value| !value.is_null())
    };
    value
        .and_then(Node::as_scalar)
        .map_or_else(|| "".into(), |scalar| scalar.text.clone())
}

/// The values of the keys of all items; `None` when one has not all of them, or two have the same.
fn identities(items: &[Node], keys: &[&str]) -> Option<Vec<Vec<Arc<str>>>> {
    let own = |item: &Node| {
        let own: Vec<Arc<str>> = keys.iter().map(|key| raw_at(item, key)).collect();
        let whole = !own.is_empty() && !item.is_null() && own.iter().all(|value| !value.is_empty());
        whole.then_some(own)
    };
    let found = items.iter().map(own).collect::<Option<Vec<_>>>()?;
    let distinct: HashSet<&[Arc<str>]> = found.iter().map(|own| &own[..]).collect();
    (distinct.len() == found.len()).then_some(found)
}

/// What took a value away: the `$patch: delete` of a map or list.
fn remover(patch: &Node) -> Option<Origin> {
    let span = |entry: &Entry| Origin {
        start: entry.key_origin.start,
        ..entry.value.origin
    };
    if let Some(entry) = patch.entry(DIRECTIVE) {
        return Some(span(entry));
    }
    patch
        .items()
        .iter()
        .find_map(|item| item.entry(DIRECTIVE))
        .map(span)
}

fn word(value: &Node) -> Result<Directive, Problem> {
    match raw(value) {
        "merge" => Ok(Directive::Merge),
        "replace" => Ok(Directive::Replace),
        "delete" => Ok(Directive::Delete),
        other => Err(Problem::error(
            value.origin,
            format!("there is no patch directive {other:?}"),
        )
        .with_help("$patch must be merge, replace or delete")),
    }
}

/// The `$patch` of a map.
fn directive(patch: &Node) -> Result<Option<(Directive, &Node)>, Problem> {
    patch
        .get(DIRECTIVE)
        .map(|value| Ok((word(value)?, value)))
        .transpose()
}

fn without_directive(patch: &Node) -> Node {
    let mut patch = patch.clone();
    if patch.get(DIRECTIVE).is_some()
        && let Some(map) = patch.map_mut()
    {
        map.entries.retain(|entry| &*entry.key != DIRECTIVE);
    }
    patch
}

/// The `$patch` of a list: an item with nothing else in it.
fn list_directive(list: &List) -> Result<Option<(Directive, &str)>, Problem> {
    let Some(item) = list.items.iter().find(|item| item.get(DIRECTIVE).is_some()) else {
        return Ok(None);
    };
    match item.get(DIRECTIVE) {
        Some(value) if item.entries().len() == 1 => Ok(Some((word(value)?, raw(value)))),
        _ => Ok(None),
    }
}

fn without_list_directive(patch: &Node, value: &str) -> Result<Node, Problem> {
    let mut patch = patch.clone();
    if let Some(list) = patch.list_mut() {
        set_element(&mut list.items, None, &[DIRECTIVE], &[value])?;
    }
    Ok(patch)
}

fn keyless(item: &Node) -> Problem {
    Problem::error(
        item.origin,
        format!(
            "{} stands in a list whose items are maps with merge keys",
            describe(item)
        ),
    )
    .with_help("write a map with the merge key")
}

/// The first item whose keys have these values.
fn find(items: &[Node], keys: &[&str], values: &[&str]) -> Option<usize> {
    let some = values.iter().any(|value| !value.is_empty());
    items.iter().position(|item| {
        if keys == [""] {
            return values.first() == Some(&raw(item));
        }
        let mut given = keys
            .iter()
            .zip(values)
            .filter(|(_, value)| !some || !value.is_empty());
        item.as_map().is_some()
            && given.all(|(key, value)| item.get(key).is_some_and(|field| raw(field) == *value))
    })
}

/// Replaces the items whose keys have these values with one item, appends it where there is none,
/// or removes them where there is no item. Empty items are dropped on the way.
fn set_element(
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
                    true => raw(item) == *value,
                    false => item
                        .get(key)
                        .is_some_and(|field| value.is_empty() || raw(field) == *value),
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

/// Lays the object's items over the merged ones: those of the same keys take their place, others
/// follow.
fn append_items(
    mut merged: Vec<Node>,
    items: &[Node],
    keys: &[&str],
) -> Result<Vec<Node>, Problem> {
    for item in items {
        if keys == [""] {
            set_element(&mut merged, Some(item), keys, &[raw(item)])?;
            continue;
        }
        if item.as_map().is_none() && !item.is_null() {
            return Err(keyless(item));
        }
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            match item.get(key) {
                None => merged.push(item.clone()),
                Some(value) => values.push(raw(value)),
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
fn unify(values: &mut [Vec<Arc<str>>]) {
    for first in 0..values.len() {
        let Some(one) = values.get(first).cloned() else {
            continue;
        };
        for second in 0..values.len() {
            let Some(filled) = values.get(second).and_then(|other| agreement(&one, other)) else {
                continue;
            };
            for place in [first, second] {
                if let Some(slot) = values.get_mut(place) {
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

/// The same tree with every key and value attributed to something else.
pub fn attribute(node: &Node, by: crate::yaml::By) -> Node {
    let data = match &node.data {
        Data::Scalar(scalar) => Data::Scalar(scalar.clone()),
        Data::Map(map) => {
            let entries = map.entries.iter().map(|entry| Entry {
                key: entry.key.clone(),
                key_origin: entry.key_origin.with(by),
                value: attribute(&entry.value, by),
            });
            Data::Map(Arc::new(Map {
                entries: entries.collect(),
                removed: Vec::new(),
            }))
        }
        Data::List(list) => {
            let items = list.items.iter().map(|item| attribute(item, by)).collect();
            Data::List(Arc::new(List {
                items,
                removed: Vec::new(),
            }))
        }
    };
    Node {
        data,
        origin: node.origin.with(by),
        replaced: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kustomize::schema::built_in;
    use crate::yaml::read::read;
    use crate::yaml::write::{to_json, write};
    use crate::yaml::{By, FileId};
    use proptest::prelude::*;

    fn tree(text: &str, file: u32) -> Node {
        let null = Node::scalar(
            Scalar::null(),
            Origin {
                file: FileId(file),
                start: 0,
                end: 0,
                by: By::Manifest,
            },
        );
        read(text, FileId(file))
            .unwrap()
            .documents
            .pop()
            .unwrap_or(null)
    }
    fn merged(object: &str, patch: &str) -> Result<Option<Node>, Problem> {
        merge(
            tree(object, 0),
            &attribute(&tree(patch, 1), By::Patch),
            built_in(),
        )
    }
    fn shown(object: &str, patch: &str) -> String {
        merged(object, patch)
            .unwrap()
            .map(|node| write(&node))
            .unwrap_or_default()
    }
    /// A pod with the given spec, in flow style.
    fn pod(spec: &str) -> String {
        format!("{{apiVersion: v1, kind: Pod, metadata: {{name: web}}, spec: {spec}}}")
    }
    fn spec(object: &str, patch: &str) -> String {
        let node = merged(&pod(object), &pod(patch)).unwrap().unwrap();
        to_json(node.get("spec").unwrap()).to_string()
    }

    #[test]
    fn maps_merge_and_nulls_delete() {
        let out = spec(
            "{nodeSelector: {zone: a, disk: ssd}, hostNetwork: true}",
            "{nodeSelector: {zone: b, disk: null}, priority: 1}",
        );
        assert_eq!(
            out,
            r#"{"hostNetwork":true,"nodeSelector":{"zone":"b"},"priority":1}"#
        );
        assert_eq!(
            spec("{dnsPolicy: ~}", "{dnsPolicy: {a: null, b: 1}}"),
            r#"{"dnsPolicy":{"b":1}}"#,
            "nulls of an added map vanish"
        );
    }

    #[test]
    fn every_map_of_the_object_is_walked() {
        assert_eq!(
            spec("{empty: , tilde: ~, nested: {empty: }}", "{priority: 1}"),
            r#"{"nested":{},"priority":1,"tilde":null}"#
        );
    }

    #[test]
    fn merged_lists_put_what_is_new_first() {
        let out = spec(
            "{containers: [{name: app, image: a}]}",
            "{containers: [{name: app, env: [{name: X, value: y}]}, {name: side}]}",
        );
        assert_eq!(
            out,
            r#"{"containers":[{"env":[{"name":"X","value":"y"}],"image":"a","name":"app"},{"name":"side"}]}"#
        );
        let out = spec(
            "{containers: [{name: app}]}",
            "{containers: [{name: side}]}",
        );
        assert_eq!(out, r#"{"containers":[{"name":"side"},{"name":"app"}]}"#);
    }

    #[test]
    fn ports_merge_by_number_and_protocol() {
        let ports = |list: &str| format!("{{containers: [{{name: app, ports: {list}}}]}}");
        let out = spec(
            &ports(
                "[{containerPort: 80, protocol: TCP, name: web}, {containerPort: 80, protocol: UDP}]",
            ),
            &ports("[{containerPort: 80, protocol: UDP, name: quic}]"),
        );
        let udp = r#"{"containerPort":80,"name":"quic","protocol":"UDP"}"#;
        let tcp = r#"{"containerPort":80,"name":"web","protocol":"TCP"}"#;
        assert_eq!(
            out,
            format!(r#"{{"containers":[{{"name":"app","ports":[{tcp},{udp}]}}]}}"#)
        );
        let out = spec(
            &ports("[{containerPort: 80}]"),
            &ports("[{containerPort: 80, protocol: TCP}]"),
        );
        assert!(
            out.contains(r#"[{"containerPort":80}]"#),
            "kustomize drops a patch that adds the protocol: {out}"
        );
    }

    #[test]
    fn lists_without_keys_are_replaced() {
        assert_eq!(
            spec("{tolerations: [{key: a}]}", "{tolerations: [{key: b}]}"),
            r#"{"tolerations":[{"key":"b"}]}"#
        );
        let out = shown(
            "{kind: Thing, apiVersion: example.com/v1, parts: [{name: a}]}",
            "{parts: [{name: b}]}",
        );
        assert!(
            out.contains("- name: b") && !out.contains("- name: a"),
            "kinds without schema do not merge lists: {out}"
        );
    }

    #[test]
    fn scalar_sets_are_united() {
        let out = shown(
            "{apiVersion: v1, kind: Pod, metadata: {name: web, finalizers: [a, b]}}",
            "{apiVersion: v1, kind: Pod, metadata: {name: web, finalizers: [b, c]}}",
        );
        assert!(out.contains("finalizers:\n  - b\n  - c\n  - a\n"), "{out}");
        let out = shown(
            "{apiVersion: v1, kind: Pod, metadata: {name: web, finalizers: [a, null]}}",
            "{apiVersion: v1, kind: Pod, metadata: {name: web, labels: {b: c}}}",
        );
        assert!(out.contains("finalizers:\n  - a\n  labels:"), "{out}");
    }

    #[test]
    fn directives_delete_replace_and_merge() {
        let volumes = "{volumes: [{name: data, emptyDir: {}}, {name: other}]}";
        assert_eq!(
            spec(volumes, "{volumes: [{name: data, $patch: delete}]}"),
            r#"{"volumes":[{"name":"other"}]}"#
        );
        assert_eq!(
            spec(volumes, "{volumes: [{$patch: replace}, {name: new}]}"),
            r#"{"volumes":[{"name":"new"}]}"#
        );
        assert_eq!(spec(volumes, "{volumes: [{$patch: delete}]}"), "{}");
        assert_eq!(
            spec(
                "{nodeSelector: {a: b}}",
                "{nodeSelector: {$patch: replace, c: d}}"
            ),
            r#"{"nodeSelector":{"c":"d"}}"#
        );
        assert_eq!(
            spec("{nodeSelector: {a: b}}", "{nodeSelector: {$patch: delete}}"),
            "{}"
        );
        assert!(
            merged(
                &pod("{}"),
                &format!("{{$patch: delete, {}", &pod("{}")[1..])
            )
            .unwrap()
            .is_none()
        );
        let problem = merged(
            &pod("{nodeSelector: {a: b}}"),
            &pod("{nodeSelector: {$patch: remove}}"),
        )
        .unwrap_err();
        assert_eq!(problem.message, "there is no patch directive \"remove\"");
    }

    #[test]
    fn different_shapes_are_refused() {
        let problem =
            merged(&pod("{nodeSelector: {a: b}}"), &pod("{nodeSelector: [a]}")).unwrap_err();
        assert_eq!(
            problem.message,
            "the patch has a list where the object has a map"
        );
        assert_eq!(problem.origin.file, FileId(1));
        assert_eq!(
            problem.related.first().map(|(_, origin)| origin.file),
            Some(FileId(0))
        );
    }

    #[test]
    fn a_value_takes_over_the_quotes_of_the_one_it_replaces() {
        assert_eq!(
            spec("{a: \"1\", b: 1, c: x}", "{a: 2, b: \"2\", c: true}"),
            r#"{"a":"2","b":"2","c":true}"#
        );
    }

    #[test]
    fn what_was_there_before_is_remembered() {
        let node = merged(
            &pod("{nodeSelector: {zone: a, disk: ssd}, volumes: [{name: data}, {name: tmp}]}"),
            &pod("{nodeSelector: {zone: b, disk: null}, volumes: [{name: data, $patch: delete}]}"),
        );
        let node = node.unwrap().unwrap();
        let zone = node.at(&["spec", "nodeSelector", "zone"]).unwrap();
        assert_eq!((zone.origin.file, zone.origin.by), (FileId(1), By::Patch));
        assert_eq!(
            zone.replaced.as_ref().and_then(|before| before.as_str()),
            Some("a")
        );
        let removed = &node
            .at(&["spec", "nodeSelector"])
            .unwrap()
            .as_map()
            .unwrap()
            .removed;
        assert_eq!(
            removed
                .iter()
                .map(|removed| &*removed.key)
                .collect::<Vec<_>>(),
            ["disk"]
        );
        let removed = &node
            .at(&["spec", "volumes"])
            .unwrap()
            .as_list()
            .unwrap()
            .removed;
        assert_eq!(
            removed
                .iter()
                .map(|removed| removed.origin.by)
                .collect::<Vec<_>>(),
            [By::Patch]
        );
        assert_eq!(
            node.at(&["metadata", "name"])
                .unwrap()
                .replaced
                .as_ref()
                .map(|before| before.origin.by),
            Some(By::Manifest)
        );
    }

    /// The merge cases that may lie beside the project.
    #[test]
    fn agrees_with_the_cases_at_hand() {
        let beside = ["..", "../.."].map(|up| {
            format!(
                "{}/{up}/shared/kustomize-cases/merge",
                env!("CARGO_MANIFEST_DIR")
            )
        });
        let Some(folder) = beside.iter().find_map(|path| std::fs::read_dir(path).ok()) else {
            return;
        };
        for case in folder.flatten() {
            let text =
                |name: &str| std::fs::read_to_string(case.path().join(name)).unwrap_or_default();
            let tree = |name: &str| {
                read(&text(name), FileId(0))
                    .ok()
                    .and_then(|read| read.documents.into_iter().next())
            };
            // builds never infer merge keys, and schemas in comments are not read
            if text("case.json").contains("\"infer_associative_lists\": true")
                || text("target.yaml").contains("# {\"items\"")
            {
                continue;
            }
            let (Some(target), Some(patch)) = (tree("target.yaml"), tree("patch.yaml")) else {
                continue;
            };
            let out = merge(target, &patch, built_in()).unwrap();
            match (out, tree("expected.yaml")) {
                (Some(out), Some(expected)) => assert!(
                    out.same_value(&expected),
                    "{:?}: {}",
                    case.path(),
                    write(&out)
                ),
                (out, expected) => {
                    assert_eq!(out.is_some(), expected.is_some(), "{:?}", case.path())
                }
            }
        }
    }

    const LEAVES: &[&str] = &[
        "a", "b", "80", "null", "''", "'1'", "delete", "replace", "TCP",
    ];
    const KEYS: &[&str] = &[
        "name",
        "containers",
        "ports",
        "containerPort",
        "protocol",
        "env",
        "$patch",
        "finalizers",
        "metadata",
        "spec",
        "kind",
    ];

    fn value(
        leaves: &'static [&'static str],
        keys: &'static [&'static str],
    ) -> impl Strategy<Value = String> {
        proptest::sample::select(leaves)
            .prop_map(str::to_string)
            .prop_recursive(5, 48, 4, move |inner| {
                let map = proptest::collection::btree_map(
                    proptest::sample::select(keys),
                    inner.clone(),
                    0..4,
                )
                .prop_map(|map| {
                    format!(
                        "{{{}}}",
                        map.iter()
                            .map(|(k, v)| format!("{k}: {v}"))
                            .collect::<Vec<_>>()
                            .join(", ")
                    )
                });
                let list = proptest::collection::vec(inner, 0..4)
                    .prop_map(|items| format!("[{}]", items.join(", ")));
                prop_oneof![map, list]
            })
    }

    proptest! {
        #[test]
        fn no_two_trees_make_it_fall_over(
            object in value(LEAVES, KEYS),
            patch in value(LEAVES, KEYS),
            typed in any::<bool>(),
        ) {
            let (object, patch) = if typed { (pod(&object), pod(&patch)) } else { (object, patch) };
            let _ = merged(&object, &patch);
        }

        #[test]
        fn a_patch_that_is_laid_twice_changes_nothing_more(
            object in value(&["a", "1"], &["a", "b", "c"]),
            patch in value(&["a", "1"], &["a", "b", "c"]),
        ) {
            let patch = attribute(&tree(&pod(&patch), 1), By::Patch);
            let Ok(Some(once)) = merge(tree(&pod(&object), 0), &patch, built_in()) else { return Ok(()) };
            let twice = merge(once.clone(), &patch, built_in()).unwrap().unwrap();
            prop_assert!(once.same_value(&twice), "{}\n{}", write(&once), write(&twice));
        }
    }
}
