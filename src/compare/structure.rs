//! The values in which two objects differ.

use super::expectation::{self, Subject};
use super::items::Matching;
use super::{Sides, Step, ValueChange};
use crate::kustomize::Resource;
use crate::yaml::{Data, FileId, Kind, List, Map, Node, Origin, Removed};

/// All differences, in the order of the later object; values that only the earlier one has come
/// last.
pub(super) fn changes(from: &Resource, to: &Resource, sides: &Sides<'_>) -> Vec<ValueChange> {
    let mut walk = Walk {
        sides,
        subject: Subject::of(to, sides.image_fields),
        steps: Vec::new(),
        found: Vec::new(),
    };
    walk.values(&from.node, &to.node, (from.node.origin, to.node.origin));
    walk.found
}

struct Walk<'a> {
    sides: &'a Sides<'a>,
    subject: Subject<'a>,
    steps: Vec<Step>,
    found: Vec<ValueChange>,
}

impl Walk<'_> {
    fn values(&mut self, from: &Node, to: &Node, places: (Origin, Origin)) {
        match (&from.data, &to.data) {
            (Data::Map(a), Data::Map(b)) if !std::sync::Arc::ptr_eq(a, b) => self.maps(a, b),
            (Data::List(a), Data::List(b)) if !std::sync::Arc::ptr_eq(a, b) => {
                if self.is_one_value() {
                    self.leaf(from, to, places);
                } else {
                    self.lists(a, b);
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

    fn lists(&mut self, from: &List, to: &List) {
        let matching = Matching::new(&from.items, &to.items, &self.sides.words);
        for (at, item) in to.items.iter().enumerate() {
            let partner = matching.partners[at].and_then(|at| Some((at, from.items.get(at)?)));
            self.steps.push(Step::Item {
                key: matching.to[at].key.clone(),
                from: partner.map(|(at, _)| at),
                to: Some(at),
            });
            match partner {
                Some((_, other)) => self.values(other, item, (other.origin, item.origin)),
                None => {
                    let gone = removed_item(&from.removed, item);
                    let own = self.own_to(item.origin.file);
                    let origin = self.cause(item.origin, own, gone, self.own_from_removed(gone));
                    self.push(None, Some(item), origin);
                }
            }
            self.steps.pop();
        }
        for (at, item) in from.items.iter().enumerate() {
            if !matching.open[at] {
                continue;
            }
            let gone = removed_item(&to.removed, item);
            let own = self.own_from(item.origin.file);
            let origin = self.cause(item.origin, own, gone, self.own_to_removed(gone));
            self.steps.push(Step::Item {
                key: matching.from[at].key.clone(),
                from: Some(at),
                to: None,
            });
            self.push(Some(item), None, origin);
            self.steps.pop();
        }
    }

    /// True if a list is compared as one value, because the order and number of its items matter.
    fn is_one_value(&self) -> bool {
        matches!(self.steps.last(), Some(Step::Key(key)) if key == "args" || key == "command")
    }

    /// The line that causes one side to lack a value: the line that adds the value on the one side,
    /// or the line that removes it on the other.
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
        // if a patch adds a list, the items are written in the patch
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

/// The line at which a value differs from another: the scalar itself, the first item of a list that
/// the other lacks, the line that removed an item, else the key.
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
