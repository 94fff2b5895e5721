//! Masks values that must never be printed: those of Secrets, and those whose name sounds secret.
//!
//! A mask only shows whether two values are equal. It shows neither the length nor a hash, because
//! both would help to guess the value.

use std::borrow::Cow;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{Step, ValueChange};
use crate::kustomize::Resource;
use crate::secrets::lines::text_shown;
use crate::secrets::{
    AROUND, HIDDEN, is_open, is_secret_name, names_secret_value, without_passwords,
};
use crate::source::Files;
use crate::yaml::{By, Data, Kind, Node, Scalar, escape_pointer};

/// Stands for a hidden value that differs from the one on the other side.
const HIDDEN_CHANGED: &str = "(hidden, changed)";
/// Stands for a text that SOPS or a SealedSecret encrypted, and for what SOPS notes about it.
const ENCRYPTED: &str = "(encrypted)";
const ENCRYPTED_CHANGED: &str = "(encrypted, changed)";

/// Two objects with their secret values masked. If a value differs, the second object has another
/// mask for it.
pub(crate) fn masked(
    from: Option<&Resource>,
    to: Option<&Resource>,
) -> (Option<Node>, Option<Node>) {
    let kind = from
        .or(to)
        .map(|resource| resource.kind().to_string())
        .unwrap_or_default();
    let mask = |resource: Option<&Resource>, other: Option<&Resource>, text: &'static str| {
        resource.map(|resource| {
            masked_node(
                &resource.node,
                other.map(|other| &other.node),
                text,
                &mut Place::root(&kind),
            )
        })
    };
    (mask(from, None, HIDDEN), mask(to, from, HIDDEN_CHANGED))
}

/// The two sides of a change, with secrets masked.
pub(crate) fn masked_change(
    resource: &Resource,
    change: &ValueChange,
) -> (Option<Node>, Option<Node>) {
    let mut place = Place::root(resource.kind());
    let mut name = None;
    for step in &change.steps {
        match step {
            Step::Key(key) => place.enter(key, name.take().as_deref()),
            Step::Item { key, .. } => name.clone_from(key),
        }
    }
    // if the path ends at an item, use its name; otherwise the item around it is already known
    place.item = name.or(place.item);
    let from = change
        .from
        .as_ref()
        .map(|node| masked_node(node, None, HIDDEN, &mut place.clone()));
    let text = if change.from.is_some() {
        HIDDEN_CHANGED
    } else {
        HIDDEN
    };
    let to = change
        .to
        .as_ref()
        .map(|node| masked_node(node, change.from.as_ref(), text, &mut place.clone()));
    (from, to)
}

/// The path of a change as a person may see it: an item of a list that is named by its own text, such
/// as an argument, may be a secret itself.
pub(crate) fn named_path(resource: &Resource, change: &ValueChange) -> String {
    let path = change.named_path();
    let Some(Step::Item { key: Some(key), .. }) = change.steps.last() else {
        return path;
    };
    let Some(folder) = path.strip_suffix(&escape_pointer(key)) else {
        return path;
    };
    let mut place = Place::root(resource.kind());
    for step in &change.steps {
        if let Step::Key(key) = step {
            place.enter(key, None);
        }
    }
    let item = match place.in_secret_data() {
        true => Cow::Borrowed(HIDDEN),
        false => without_passwords(key),
    };
    format!("{folder}{item}")
}

/// A step of the path to a value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Word<'a> {
    /// A key of a map.
    Key(&'a str),
    /// An item of a list, with its name.
    Item(Option<&'a str>),
}

/// A present or earlier value of an object, masked if it is secret.
pub(crate) fn masked_at(resource: &Resource, way: &[Word<'_>], node: &Node) -> Node {
    let mut place = Place::root(resource.kind());
    let mut name = None;
    for word in way {
        match word {
            Word::Key(key) => place.enter(key, name.take()),
            Word::Item(item) => name = *item,
        }
        if place.is_encryption() {
            return encrypted(node, None, HIDDEN);
        }
        // everything below a secret key is secret
        if place.is_secret() {
            return mask(
                &Node {
                    replaced: None,
                    ..node.clone()
                },
                None,
                HIDDEN,
            );
        }
    }
    place.item = name.map(str::to_string).or(place.item);
    masked_node(node, None, HIDDEN, &mut place)
}

/// Marks the places of a Secret's values, wherever they were written, so that reports hide them: a
/// value of a chart, a variable of an agent, a line of a generator's file.
pub(crate) fn hide_values(resource: &Resource, files: &Files) {
    let entries = resource.node.entries().iter();
    for entry in entries.filter(|entry| !AROUND.contains(&&*entry.key)) {
        hide(&entry.value, files);
    }
}

fn hide(node: &Node, files: &Files) {
    if let Some(scalar) = node.as_scalar() {
        let origin = node.origin;
        if !is_open(&scalar.text) && origin.by != By::Template {
            let file = files.get(origin.file);
            // the place may be a whole assignment, `password=…`
            let value = file.slice(origin).rfind(&*scalar.text);
            let start = value.map_or(0, |at| at as u32);
            file.hide(origin.start + start, origin.end);
        }
    }
    node.items().iter().for_each(|item| hide(item, files));
    let entries = node.entries().iter();
    entries.for_each(|entry| hide(&entry.value, files));
}

/// An object as policies see it: the values of a Secret, and what was copied from one, are digests,
/// so that a policy can compare them and not tell them.
pub(crate) fn digested(resource: &Resource) -> Node {
    digested_node(&resource.node, &mut Place::root(resource.kind()))
}

/// A document of a file as policies see it, with masks as for objects. The literals of a
/// `secretGenerator` count as values of a Secret.
pub(crate) fn digested_document(node: &Node, kind: &str) -> Node {
    let mut document = digested_node(node, &mut Place::root(kind));
    if let Some(generators) = document.get_mut("secretGenerator") {
        *generators = masked_scalars(generators);
    }
    document
}

/// A value in which every text is masked.
fn masked_scalars(node: &Node) -> Node {
    let data = match &node.data {
        Data::Map(map) => {
            let mut map = map.clone();
            for entry in &mut Arc::make_mut(&mut map).entries {
                if !matches!(&*entry.key, "name" | "namespace") {
                    entry.value = masked_scalars(&entry.value);
                }
            }
            Data::Map(map)
        }
        Data::List(list) => {
            let mut list = list.clone();
            for item in &mut Arc::make_mut(&mut list).items {
                *item = masked_scalars(item);
            }
            Data::List(list)
        }
        Data::Scalar(_) => return mask(node, None, HIDDEN),
    };
    Node {
        data,
        ..node.clone()
    }
}

fn digested_node(node: &Node, place: &mut Place) -> Node {
    let data = match &node.data {
        Data::Map(map) => {
            let mut map = map.clone();
            for entry in &mut Arc::make_mut(&mut map).entries {
                let outer = place.clone();
                place.enter(&entry.key, None);
                entry.value = digested_node(&entry.value, place);
                *place = outer;
            }
            Data::Map(map)
        }
        Data::List(list) => {
            let mut list = list.clone();
            for item in &mut Arc::make_mut(&mut list).items {
                *item = digested_node(item, place);
            }
            Data::List(list)
        }
        Data::Scalar(scalar) => {
            let open = scalar.text.is_empty() || scalar.text.starts_with("ENC[");
            let secret = place.kind == "Secret" && (place.in_secret_data() || place.is_secret());
            if open || !(secret || node.is_from_secret()) {
                return node.clone();
            }
            let digest = Sha256::digest(scalar.text.as_bytes());
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            Data::Scalar(Scalar::string(format!("sha256:{digest}")))
        }
    };
    Node {
        data,
        origin: node.origin,
        replaced: None,
    }
}

#[derive(Clone)]
struct Place {
    kind: String,
    path: Vec<String>,
    item: Option<String>,
}

impl Place {
    fn root(kind: &str) -> Place {
        Place {
            kind: kind.to_string(),
            path: Vec::new(),
            item: None,
        }
    }
    fn enter(&mut self, key: &str, item: Option<&str>) {
        self.path.push(key.to_string());
        self.item = item.map(str::to_string);
    }
    /// True if this is part of the data of a Secret, even if the data is not a map as it should be.
    fn in_secret_data(&self) -> bool {
        self.kind == "Secret"
            && self
                .path
                .first()
                .is_some_and(|first| !AROUND.contains(&first.as_str()))
    }
    /// True if this is what SOPS notes about a file, or an encrypted value of a SealedSecret.
    fn is_encryption(&self) -> bool {
        match self.path.as_slice() {
            [first] => first == "sops",
            [_, second, _] => self.kind == "SealedSecret" && second == "encryptedData",
            _ => false,
        }
    }
    /// True if everything below this key is secret.
    fn is_secret(&self) -> bool {
        let first = self.path.first().map_or("", String::as_str);
        let last = self.path.last().map_or("", String::as_str);
        if self.kind == "Secret" {
            let annotation =
                self.path.len() > 2 && last == "kubectl.kubernetes.io/last-applied-configuration";
            return annotation || (self.path.len() == 2 && self.in_secret_data());
        }
        // A variable's value, under its name.
        if last == "value" && self.item.as_deref().is_some_and(names_secret_value) {
            return true;
        }
        let free_form = (self.kind == "ConfigMap" && first == "data")
            || matches!(
                self.kind.as_str(),
                "HelmRelease"
                    | "Application"
                    | "ApplicationSet"
                    | "HelmChart"
                    | "Kustomization"
                    | "Rollout"
                    // the values of a release that no object stands for
                    | ""
                    | "SealedSecret"
                    | "ExternalSecret"
            )
            || self.path.iter().any(|key| key == "stringData");
        free_form && is_secret_name(last)
    }
    /// True if a text under this key is a secret: `token`, but not `clientSecret`, which names a
    /// Secret in many custom resources.
    fn has_secret_name(&self) -> bool {
        self.path
            .last()
            .is_some_and(|key| is_secret_name(key) && !key.to_ascii_lowercase().ends_with("secret"))
    }
}

fn masked_node(
    node: &Node,
    other: Option<&Node>,
    changed: &'static str,
    place: &mut Place,
) -> Node {
    let data = match &node.data {
        Data::Map(map) => {
            let mut map = map.clone();
            // `name` beside `value`: the entry of a list of variables or parameters.
            let name = node.get("name").and_then(Node::text).map(str::to_string);
            for entry in &mut Arc::make_mut(&mut map).entries {
                let outer = place.clone();
                place.enter(&entry.key, name.as_deref().or(outer.item.as_deref()));
                let other = other.and_then(|other| other.get(&entry.key));
                let text = entry.value.as_scalar();
                let named =
                    text.is_some_and(|text| text.kind == Kind::String) && place.has_secret_name();
                entry.value = if named || place.is_secret() {
                    mask(&entry.value, other, changed)
                } else if place.is_encryption() {
                    encrypted(&entry.value, other, changed)
                } else {
                    masked_node(&entry.value, other, changed, place)
                };
                *place = outer;
            }
            Data::Map(map)
        }
        Data::List(list) => {
            let mut list = list.clone();
            let items = &mut Arc::make_mut(&mut list).items;
            // `--password`, and the value as the next argument
            let mut option = false;
            for (index, item) in items.iter_mut().enumerate() {
                let text = item.text().map(str::to_string);
                if std::mem::take(&mut option) && text.is_some() {
                    *item = mask(item, None, changed);
                    continue;
                }
                option = text.is_some_and(|text| {
                    text.starts_with('-') && is_secret_name(text.trim_start_matches('-'))
                });
                let name = item.get("name").and_then(Node::text);
                let partner = other.map_or(&[][..], Node::items);
                let same = |other: &&Node| {
                    name.is_some() && other.get("name").and_then(Node::text) == name
                };
                let partner = partner
                    .iter()
                    .find(same)
                    .or_else(|| partner.get(index).filter(|_| name.is_none()));
                *item = masked_node(item, partner, changed, place);
            }
            Data::List(list)
        }
        Data::Scalar(scalar)
            if place.is_secret() || place.in_secret_data() || node.is_from_secret() =>
        {
            return mask(&node_of(scalar, node), other, changed);
        }
        Data::Scalar(scalar) if is_encrypted(&scalar.text) => {
            return encrypted(node, other, changed);
        }
        Data::Scalar(scalar) => match text_shown(&scalar.text) {
            Cow::Owned(text) => Data::Scalar(Scalar::string(text)),
            Cow::Borrowed(_) => return node.clone(),
        },
    };
    Node {
        data,
        origin: node.origin,
        replaced: None,
    }
}

fn node_of(scalar: &Scalar, node: &Node) -> Node {
    Node {
        data: Data::Scalar(scalar.clone()),
        origin: node.origin,
        replaced: None,
    }
}

/// A hidden value. An encrypted text is one word, and an empty one is no secret.
fn mask(node: &Node, other: Option<&Node>, changed: &'static str) -> Node {
    let text = node.as_scalar().map(|scalar| &*scalar.text);
    if text.is_some_and(is_encrypted) {
        return encrypted(node, other, changed);
    }
    if text.is_some_and(is_open) {
        return node.clone();
    }
    let text = match other {
        Some(other) if !other.same_value(node) => changed,
        _ => HIDDEN,
    };
    Node::string(text, node.origin)
}

/// One word for an encrypted text, or for a map of them.
fn encrypted(node: &Node, other: Option<&Node>, changed: &'static str) -> Node {
    let text = match other {
        Some(other) if !other.same_value(node) && changed == HIDDEN_CHANGED => ENCRYPTED_CHANGED,
        _ => ENCRYPTED,
    };
    Node::string(text, node.origin)
}

fn is_encrypted(text: &str) -> bool {
    text.starts_with("ENC[") || text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----")
}
