//! The values in which two objects differ. Items of lists are matched by what identifies them, not
//! by place.

use std::collections::HashMap;

use super::expectation::{self, Subject};
use super::{Sides, Step, ValueChange};
use crate::kustomize::Resource;
use crate::yaml::{Data, FileId, Kind, Map, Node, Origin, Removed};

/// Every difference, in the later object's order, then what only the earlier one has.
pub(super) fn changes(from: &Resource, to: &Resource, sides: &Sides) -> Vec<ValueChange> {
    let mut walk = Walk {
        sides,
        subject: Subject::of(to),
        steps: Vec::new(),
        found: Vec::new(),
    };
    walk.values(&from.node, &to.node, (from.node.origin, to.node.origin));
    walk.found
}

struct Walk<'a> {
    sides: &'a Sides,
    subject: Subject,
    steps: Vec<Step>,
    found: Vec<ValueChange>,
}

impl Walk<'_> {
    fn values(&mut self, from: &Node, to: &Node, places: (Origin, Origin)) {
        match (&from.data, &to.data) {
            (Data::Map(a), Data::Map(b)) if !std::sync::Arc::ptr_eq(a, b) => self.maps(a, b),
            (Data::List(a), Data::List(b)) if !std::sync::Arc::ptr_eq(a, b) => {
                if self.is_one_value() || !(self.lists(&a.items, &b.items, &a.removed, &b.removed))
                {
                    self.leaf(from, to, places);
                }
            }
            _ => self.leaf(from, to, places),
        }
    }

    fn leaf(&mut self, from: &Node, to: &Node, places: (Origin, Origin)) {
        if from.same_value(to) {
            return;
        }
        let (earlier, later) = (place_in(from, to, places.0), place_in(to, from, places.1));
        let origin = match (self.own_from(earlier.file), self.own_to(later.file)) {
            (true, false) => earlier,
            _ => later,
        };
        self.push(Some(from), Some(to), origin);
    }

    fn maps(&mut self, from: &Map, to: &Map) {
        for entry in &to.entries {
            let earlier = from.entries.iter().find(|other| other.key == entry.key);
            self.steps.push(Step::Key(entry.key.to_string()));
            match earlier {
                Some(earlier) => self.values(
                    &earlier.value,
                    &entry.value,
                    (earlier.key_origin, entry.key_origin),
                ),
                None => {
                    let place = scalar_or_key(&entry.value, entry.key_origin);
                    let gone = from
                        .removed
                        .iter()
                        .rev()
                        .find(|removed| removed.key == entry.key);
                    let origin = self.cause(
                        place,
                        self.own_to(place.file),
                        gone,
                        self.own_from_removed(gone),
                    );
                    self.push(None, Some(&entry.value), origin);
                }
            }
            self.steps.pop();
        }
        for entry in from
            .entries
            .iter()
            .filter(|entry| !to.entries.iter().any(|other| other.key == entry.key))
        {
            self.steps.push(Step::Key(entry.key.to_string()));
            let place = scalar_or_key(&entry.value, entry.key_origin);
            let gone = to
                .removed
                .iter()
                .rev()
                .find(|removed| removed.key == entry.key);
            let origin = self.cause(
                place,
                self.own_from(place.file),
                gone,
                self.own_to_removed(gone),
            );
            self.push(Some(&entry.value), None, origin);
            self.steps.pop();
        }
    }

    /// False when the lists cannot be compared item by item.
    fn lists(
        &mut self,
        from: &[Node],
        to: &[Node],
        from_removed: &[Removed],
        to_removed: &[Removed],
    ) -> bool {
        let strip = self.sides.words.clone();
        let keys = |items: &[Node], words: &super::Words| -> Vec<(Option<String>, String)> {
            let named = item_key(from, to);
            items
                .iter()
                .map(|item| {
                    let key = named(item);
                    let normal = key
                        .as_deref()
                        .map_or_else(String::new, |key| words.strip(key));
                    (key, normal)
                })
                .collect()
        };
        let (earlier, later) = (keys(from, &strip.0), keys(to, &strip.1));
        let mut partner: Vec<Option<usize>> = vec![None; to.len()];
        let mut open: Vec<bool> = vec![true; from.len()];
        // Three rounds: the same key, the same but for the environment's word, and (items without
        // key) the same content.
        for round in 0..3 {
            let mut index: HashMap<String, Vec<usize>> = HashMap::new();
            let name = |(key, normal): &(Option<String>, String), item: &Node| match (round, key) {
                (0, Some(key)) => Some(key.clone()),
                (1, Some(_)) => Some(normal.clone()),
                (2, None) => Some(crate::yaml::write::to_json(item).to_string()),
                _ => None,
            };
            for (at, (key, item)) in earlier
                .iter()
                .zip(from)
                .enumerate()
                .rev()
                .filter(|(at, _)| open[*at])
            {
                if let Some(name) = name(key, item) {
                    index.entry(name).or_default().push(at);
                }
            }
            for ((key, item), partner) in later
                .iter()
                .zip(to)
                .zip(&mut partner)
                .filter(|(_, partner)| partner.is_none())
            {
                let found =
                    name(key, item).and_then(|name| index.get_mut(&name).and_then(Vec::pop));
                if let Some(at) = found {
                    *partner = Some(at);
                    open[at] = false;
                }
            }
        }
        // What has no key and differs is compared in order: the first open one with the first open
        // one.
        let mut rest = (0..from.len())
            .filter(|at| open[*at] && earlier[*at].0.is_none())
            .collect::<Vec<_>>()
            .into_iter();
        for (at, slot) in partner.iter_mut().enumerate() {
            if slot.is_none() && later[at].0.is_none() {
                *slot = rest.next();
                if let Some(found) = *slot {
                    open[found] = false;
                }
            }
        }
        for (at, item) in to.iter().enumerate() {
            let key = later[at].0.clone();
            match partner[at].and_then(|index| Some((index, from.get(index)?))) {
                Some((index, other)) => {
                    self.steps.push(Step::Item {
                        key,
                        from: Some(index),
                        to: Some(at),
                    });
                    self.values(other, item, (other.origin, item.origin));
                }
                None => {
                    let gone = removed_item(from_removed, item);
                    let origin = self.cause(
                        item.origin,
                        self.own_to(item.origin.file),
                        gone,
                        self.own_from_removed(gone),
                    );
                    self.steps.push(Step::Item {
                        key,
                        from: None,
                        to: Some(at),
                    });
                    self.push(None, Some(item), origin);
                }
            }
            self.steps.pop();
        }
        for (at, item) in from.iter().enumerate().filter(|(at, _)| open[*at]) {
            let gone = removed_item(to_removed, item);
            let origin = self.cause(
                item.origin,
                self.own_from(item.origin.file),
                gone,
                self.own_to_removed(gone),
            );
            self.steps.push(Step::Item {
                key: earlier[at].0.clone(),
                from: Some(at),
                to: None,
            });
            self.push(Some(item), None, origin);
            self.steps.pop();
        }
        true
    }

    /// Order and number of items carry the meaning: one value, not one an element.
    fn is_one_value(&self) -> bool {
        matches!(self.steps.last(), Some(Step::Key(key)) if key == "args" || key == "command")
    }

    /// A value that one side lacks: the side's own line that brings it, or the other side's own
    /// line that takes it away.
    fn cause(&self, place: Origin, own: bool, gone: Option<&Removed>, gone_is_own: bool) -> Origin {
        match gone {
            Some(gone) if gone_is_own || !own => gone.origin,
            _ => place,
        }
    }

    fn push(&mut self, from: Option<&Node>, to: Option<&Node>, origin: Origin) {
        let expected =
            expectation::expected(&self.subject, &self.steps, from, to, &self.sides.words);
        self.found.push(ValueChange {
            steps: self.steps.clone(),
            from: from.cloned(),
            to: to.cloned(),
            expected,
            origin,
        });
    }

    fn own_from(&self, file: FileId) -> bool {
        self.sides.own.0.contains(&file)
    }
    fn own_to(&self, file: FileId) -> bool {
        self.sides.own.1.contains(&file)
    }
    fn own_from_removed(&self, removed: Option<&Removed>) -> bool {
        removed.is_some_and(|removed| self.own_from(removed.origin.file))
    }
    fn own_to_removed(&self, removed: Option<&Removed>) -> bool {
        removed.is_some_and(|removed| self.own_to(removed.origin.file))
    }
}

fn scalar_or_key(node: &Node, key: Origin) -> Origin {
    match node.items() {
        // a list that a patch adds stands where the patch has it
        [first, ..] if first.as_scalar().is_some() => first.origin,
        _ if node
            .as_scalar()
            .is_some_and(|scalar| scalar.kind != Kind::Null) =>
        {
            node.origin
        }
        _ => key,
    }
}

fn removed_item<'a>(removed: &'a [Removed], item: &Node) -> Option<&'a Removed> {
    removed
        .iter()
        .rev()
        .find(|removed| removed.node.same_value(item) || same_name(&removed.node, item))
}

fn same_name(a: &Node, b: &Node) -> bool {
    a.get("name")
        .and_then(Node::text)
        .is_some_and(|name| b.get("name").and_then(Node::text) == Some(name))
}

/// How the items of two lists are identified: by the first of the usual keys that every item has,
/// by the object that an `envFrom` item reads, or (scalars) by themselves.
fn item_key(from: &[Node], to: &[Node]) -> impl Fn(&Node) -> Option<String> + use<> {
    const KEYS: &[&str] = &[
        "name",
        "containerPort",
        "mountPath",
        "devicePath",
        "port",
        "ip",
        "host",
        "key",
        "path",
        "id",
        "type",
    ];
    let all = || from.iter().chain(to);
    let scalars = all().all(|item| item.as_scalar().is_some());
    let mount = all().all(|item| item.get("mountPath").is_some());
    let key = if mount {
        Some("mountPath")
    } else {
        KEYS.iter()
            .copied()
            .find(|key| all().all(|item| item.get(key).and_then(Node::text).is_some()))
    };
    move |item| {
        if scalars {
            return item.as_scalar().map(|scalar| scalar.text.to_string());
        }
        if let Some(key) = key {
            let text = item.get(key).and_then(Node::text)?;
            let protocol = item
                .get("protocol")
                .and_then(Node::text)
                .filter(|protocol| *protocol != "TCP");
            return Some(match protocol {
                Some(protocol) if key != "name" => format!("{text}/{protocol}"),
                _ => text.to_string(),
            });
        }
        ["configMapRef", "secretRef"].iter().find_map(|kind| {
            let name = item.at(&[kind, "name"])?;
            Some(format!("{kind} {}", expectation::as_written(name)))
        })
    }
}

/// Where a value differs from another: the scalar itself, the first item of a list that the other
/// has not, what took an item away, else the key.
fn place_in(node: &Node, other: &Node, key: Origin) -> Origin {
    match &node.data {
        Data::Scalar(_) => node.origin,
        Data::Map(_) => key,
        Data::List(list) => {
            let new = list
                .items
                .iter()
                .find(|item| !other.items().iter().any(|known| known.same_value(item)));
            let gone = list.removed.iter().find(|removed| {
                other
                    .items()
                    .iter()
                    .any(|known| known.same_value(&removed.node))
            });
            match (new, gone) {
                (Some(item), _) if item.as_scalar().is_some() => item.origin,
                (None, Some(gone)) => gone.origin,
                _ => key,
            }
        }
    }
}
