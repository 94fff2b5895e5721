//! Matches the items of two lists. Items match by an identifying field such as `name`, not by their
//! position.

use std::collections::HashMap;

use super::{Words, expectation};
use crate::yaml::{Node, write};

/// The identity of an item.
pub(super) struct Identity {
    /// The key as it is written; `None` for items without a key.
    pub(super) key: Option<String>,
    /// The key without the words of the environment.
    neutral: String,
}

/// The items of two lists, matched.
pub(super) struct Matching {
    pub(super) from: Vec<Identity>,
    pub(super) to: Vec<Identity>,
    /// For each later item the index of its earlier partner.
    pub(super) partners: Vec<Option<usize>>,
    /// True if an earlier item has no partner.
    pub(super) open: Vec<bool>,
}

/// The rounds of matching items, one after the other.
#[derive(Clone, Copy)]
enum Round {
    /// The same key.
    Key,
    /// The same key except for the words of the environments.
    NeutralKey,
    /// The same content, for items without a key.
    Content,
}

impl Matching {
    pub(super) fn new(from: &[Node], to: &[Node], words: &(Words, Words)) -> Matching {
        let key = item_key(from, to);
        let identities = |items: &[Node], words: &Words| -> Vec<Identity> {
            let keys = items.iter().map(&key);
            keys.map(|key| Identity {
                neutral: key.as_deref().map_or(String::new(), |key| words.strip(key)),
                key,
            })
            .collect()
        };
        let mut matching = Matching {
            from: identities(from, &words.0),
            to: identities(to, &words.1),
            partners: vec![None; to.len()],
            open: vec![true; from.len()],
        };
        for round in [Round::Key, Round::NeutralKey, Round::Content] {
            matching.match_by(round, from, to);
        }
        matching.match_in_order();
        matching
    }

    fn match_by(&mut self, round: Round, from: &[Node], to: &[Node]) {
        let mut waiting: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, (identity, item)) in self.from.iter().zip(from).enumerate().rev() {
            if self.open[at]
                && let Some(name) = name(round, identity, item)
            {
                waiting.entry(name).or_default().push(at);
            }
        }
        for (at, (identity, item)) in self.to.iter().zip(to).enumerate() {
            if self.partners[at].is_some() {
                continue;
            }
            let found = name(round, identity, item)
                .and_then(|name| waiting.get_mut(&name).and_then(Vec::pop));
            if let Some(found) = found {
                self.partners[at] = Some(found);
                self.open[found] = false;
            }
        }
    }

    /// Matches the items without a key that are left: the first with the first, and so on.
    fn match_in_order(&mut self) {
        let rest: Vec<usize> = (0..self.from.len())
            .filter(|at| self.open[*at] && self.from[*at].key.is_none())
            .collect();
        let mut rest = rest.into_iter();
        for (partner, identity) in self.partners.iter_mut().zip(&self.to) {
            if partner.is_none() && identity.key.is_none() {
                *partner = rest.next();
                if let Some(found) = *partner {
                    self.open[found] = false;
                }
            }
        }
    }
}

fn name(round: Round, identity: &Identity, item: &Node) -> Option<String> {
    match (round, &identity.key) {
        (Round::Key, Some(key)) => Some(key.clone()),
        (Round::NeutralKey, Some(_)) => Some(identity.neutral.clone()),
        (Round::Content, None) => Some(write::to_json(item).to_string()),
        _ => None,
    }
}

/// The function that returns the identity of an item: the scalar itself, the first usual key (such
/// as `name`) that every item of both lists has, or the object that an item of `envFrom` reads.
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
