//! Masks values that must never be printed: those of Secrets, and those whose name sounds secret.
//!
//! A mask only shows whether two values are equal. It shows neither the length nor a hash, because
//! both would help to guess the value.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{Step, ValueChange};
use crate::kustomize::{Resource, ResourceId};
use crate::repo::Overlay;
use crate::secrets::lines::text_shown;
use crate::secrets::words::{SHORTEST, Words};
use crate::secrets::{
    AROUND, HIDDEN, is_open, is_secret_key, is_secret_name, is_secret_object, names_secret_value,
    secret_arguments, without_passwords,
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
    let place = Walk::to(resource, change).place;
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
    let place = Walk::to(resource, change).place;
    let item = match place.in_secret_data() || place.argument {
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
    /// An item of a list, with its index and its name.
    Item(usize, Option<&'a str>),
}

/// A present or earlier value of an object, masked if it is secret.
pub(crate) fn masked_at(resource: &Resource, way: &[Word<'_>], node: &Node) -> Node {
    let mut walk = Walk::new(resource);
    for word in way {
        match word {
            Word::Key(key) => walk.key(key),
            Word::Item(index, name) => walk.item(*name, Some(*index)),
        }
        if walk.place.is_encryption() {
            return encrypted(node, None, HIDDEN);
        }
        // everything below a secret key is secret
        if walk.place.is_secret() {
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
    masked_node(node, None, HIDDEN, &mut walk.ended())
}

/// The identity of an object as a person may see it: a name may be copied from a Secret.
pub(crate) fn shown_id(resource: &Resource) -> ResourceId {
    let mut id = resource.id();
    let node = &resource.node;
    let is_secret = |path: &[&str]| node.at(path).is_some_and(Node::is_from_secret);
    if is_secret(&["kind"]) {
        id.kind = HIDDEN.to_string();
    }
    if is_secret(&["metadata", "name"]) {
        id.name = HIDDEN.to_string();
    }
    if is_secret(&["metadata", "namespace"]) {
        id.namespace = Some(HIDDEN.to_string());
    }
    id
}

/// The words that were copied from Secrets into the objects of overlays.
pub(crate) fn words_copied<'r>(overlays: impl Iterator<Item = &'r Overlay>) -> Words {
    let mut words = BTreeSet::new();
    for resource in overlays.flat_map(|overlay| &overlay.rendered.resources) {
        copied_words(resource, &mut words);
    }
    Words::new(&words)
}

/// Adds the texts of an object that were copied from Secrets. Texts that only a chart made of a secret
/// value may be ordinary words, so they count where they name something.
pub(crate) fn copied_words(resource: &Resource, words: &mut BTreeSet<String>) {
    if resource.kind() != "Secret" {
        copied(&resource.node, "", words);
    }
}

fn copied(node: &Node, key: &str, words: &mut BTreeSet<String>) {
    const NAMES: [&str; 4] = ["kind", "name", "namespace", "image"];
    for entry in node.entries() {
        copied(&entry.value, &entry.key, words);
    }
    node.items()
        .iter()
        .for_each(|item| copied(item, key, words));
    if let Some(text) = node.text()
        && text.len() >= SHORTEST
        && node.is_from_secret()
        && (node.origin.by != By::SecretValues || NAMES.contains(&key))
    {
        words.insert(text.to_string());
        // the parts of an image
        words.extend(
            text.split(['/', ':', '@'])
                .filter(|part| key == "image" && part.len() >= SHORTEST)
                .map(str::to_string),
        );
    }
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

/// The way to a value of an object.
struct Walk<'n> {
    place: Place,
    node: Option<&'n Node>,
    /// The name of the item that was entered last.
    name: Option<String>,
}

impl<'n> Walk<'n> {
    fn new(resource: &'n Resource) -> Walk<'n> {
        Walk {
            place: Place::root(resource.kind()),
            node: Some(&resource.node),
            name: None,
        }
    }

    /// The way to the place of a change.
    fn to(resource: &'n Resource, change: &ValueChange) -> Walk<'n> {
        let mut walk = Walk::new(resource);
        for step in &change.steps {
            match step {
                Step::Key(key) => walk.key(key),
                Step::Item { key, from, to } => walk.item(key.as_deref(), to.or(*from)),
            }
        }
        walk.place = walk.ended();
        walk
    }

    fn key(&mut self, key: &str) {
        self.place.enter(key, self.name.take().as_deref());
        self.node = self.node.and_then(|node| node.get(key));
        self.place.enter_object(self.node);
    }

    fn item(&mut self, name: Option<&str>, index: Option<usize>) {
        let list = self.node;
        let item = index.and_then(|index| list?.items().get(index));
        self.name = name.map(str::to_string);
        self.place.argument = item.is_some_and(|item| item.as_scalar().is_some())
            && list
                .zip(index)
                .is_some_and(|(list, index)| secret_arguments(list).contains(&index));
        self.node = item;
        self.place.enter_object(self.node);
    }

    /// The place at the end. If the path ends at an item, its name counts; otherwise the item around it
    /// is already known.
    fn ended(&self) -> Place {
        let mut place = self.place.clone();
        place.item = self.name.clone().or(place.item);
        place
    }
}

#[derive(Clone)]
struct Place {
    kind: String,
    path: Vec<String>,
    item: Option<String>,
    /// True for an argument of a program that is a secret.
    argument: bool,
}

impl Place {
    fn root(kind: &str) -> Place {
        Place {
            kind: kind.to_string(),
            path: Vec::new(),
            item: None,
            argument: false,
        }
    }
    fn enter(&mut self, key: &str, item: Option<&str>) {
        self.path.push(key.to_string());
        self.item = item.map(str::to_string);
        self.argument = false;
    }
    /// Enters a value that may be a Secret inside of another object: below it, the rules for Secrets
    /// apply.
    fn enter_object(&mut self, node: Option<&Node>) {
        if !self.path.is_empty() && self.kind != "Secret" && node.is_some_and(is_secret_object) {
            *self = Place::root("Secret");
        }
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
        // a variable's value, under its name or its key
        let above = self.path.iter().rev().nth(1);
        if last == "value"
            && (self.item.as_deref().is_some_and(names_secret_value)
                || above.is_some_and(|above| is_secret_name(above)))
        {
            return true;
        }
        // a store of External Secrets that holds the values itself
        let is_fake =
            self.kind.ends_with("SecretStore") && self.path.iter().any(|key| key == "fake");
        if self.argument || (is_fake && last.starts_with("value")) {
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
    /// True if a text at this place is a secret because of its key, or of the object that it is for.
    fn has_secret_text(&self, scalar: &Scalar) -> bool {
        let last = self.path.last().map_or("", String::as_str);
        let is_external = self.kind.ends_with("ExternalSecret") || self.kind == "PushSecret";
        // `secretKey` of an ExternalSecret is the name of a key
        let is_named = is_secret_key(last) && !(is_external && last == "secretKey");
        // the template of a Secret; what it only refers to is shown
        let is_template = (is_external || self.kind == "SealedSecret")
            && self.path.iter().any(|key| key == "template")
            && (last == "literal"
                || self
                    .path
                    .iter()
                    .rev()
                    .nth(1)
                    .is_some_and(|key| key == "data"))
            && !scalar.text.contains("{{");
        scalar.kind == Kind::String && (is_named || is_template)
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
                place.enter_object(Some(&entry.value));
                entry.value = if place.is_secret() {
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
            let secrets = secret_arguments(node);
            for (index, item) in items.iter_mut().enumerate() {
                if secrets.contains(&index) {
                    *item = mask(item, None, changed);
                    continue;
                }
                let name = item.get("name").and_then(Node::text);
                let partner = other.map_or(&[][..], Node::items);
                let same = |other: &&Node| {
                    name.is_some() && other.get("name").and_then(Node::text) == name
                };
                let partner = partner
                    .iter()
                    .find(same)
                    .or_else(|| partner.get(index).filter(|_| name.is_none()));
                *item = match is_secret_object(item) {
                    true => masked_node(item, partner, changed, &mut Place::root("Secret")),
                    false => masked_node(item, partner, changed, place),
                };
            }
            Data::List(list)
        }
        Data::Scalar(scalar)
            if place.is_secret()
                || place.in_secret_data()
                || place.has_secret_text(scalar)
                || node.is_from_secret() =>
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
