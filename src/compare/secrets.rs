//! Masks values that must never be printed: those of Secrets, and those whose name sounds secret.
//!
//! A mask only shows whether two values are equal. It shows neither the length nor a hash, because
//! both would help to guess the value.

use std::sync::{Arc, OnceLock};

use regex::Regex;
use sha2::{Digest, Sha256};

use super::{Step, ValueChange};
use crate::kustomize::Resource;
use crate::yaml::{Data, Node, Scalar};

/// Stands for a hidden value.
pub(crate) const HIDDEN: &str = "(hidden)";
/// Stands for a hidden value that differs from the one on the other side.
const HIDDEN_CHANGED: &str = "(hidden, changed)";

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

/// True if a name says that its value is a secret: `DB_PASSWORD`, `apiKey`; not `secretName`,
/// `TOKEN_URL`.
pub(crate) fn is_secret_name(name: &str) -> bool {
    static PATTERN: OnceLock<Option<Regex>> = OnceLock::new();
    let pattern = PATTERN.get_or_init(|| {
        Regex::new(r"(?i)(passw(or)?d|passphrase|pwd|secret|token|credentials?|(api|access|private|secret|auth|encryption|signing)[-_.]?key|connection[-_.]?string|dsn)(_?\d+)?$").ok()
    });
    pattern
        .as_ref()
        .is_some_and(|pattern| pattern.is_match(name))
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
            && matches!(
                self.path.first().map(String::as_str),
                Some("data" | "stringData")
            )
    }
    /// True if everything below this key is secret.
    fn is_secret(&self) -> bool {
        let first = self.path.first().map_or("", String::as_str);
        let last = self.path.last().map_or("", String::as_str);
        if self.kind == "Secret" {
            let annotation =
                self.path.len() > 2 && last == "kubectl.kubernetes.io/last-applied-configuration";
            return annotation
                || (self.path.len() == 2 && (first == "data" || first == "stringData"));
        }
        // A variable's value, under its name.
        if last == "value" && self.item.as_deref().is_some_and(is_secret_name) {
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
                    | "SealedSecret"
                    | "ExternalSecret"
            )
            || self.path.iter().any(|key| key == "stringData");
        free_form && is_secret_name(last)
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
                entry.value = if place.is_secret() {
                    mask(&entry.value, other, changed)
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
        Data::Scalar(scalar) => match without_password(&scalar.text) {
            Some(text) => Data::Scalar(Scalar::string(text)),
            None => return node.clone(),
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

/// A hidden value. Encrypted and empty texts are no secrets.
fn mask(node: &Node, other: Option<&Node>, changed: &'static str) -> Node {
    let text = node.as_scalar().map(|scalar| &*scalar.text);
    if text.is_some_and(|text| text.is_empty() || text.starts_with("ENC[")) {
        return node.clone();
    }
    let text = match other {
        Some(other) if !other.same_value(node) => changed,
        _ => HIDDEN,
    };
    Node::string(text, node.origin)
}

/// `https://user:password@host` and `--password=…` with the password hidden; `None` if there is no
/// password.
fn without_password(text: &str) -> Option<String> {
    static PATTERNS: OnceLock<Vec<Regex>> = OnceLock::new();
    let patterns = PATTERNS.get_or_init(|| {
        let url = r"(://[^\s/:@]*):[^\s/@]+@";
        let option =
            r"(?i)(--?[a-z0-9._-]*(?:password|passwd|passphrase|secret|token|api-?key))[= ]+[^\s=]\S*()";
        let header = r#"(?i)((?:proxy-)?authorization|x-[a-z-]*(?:api-?key|token))["']?\s*[:=]\s*["']?(?:(?:bearer|basic|token)\s+)?[^\s"',]+()"#;
        // a line of a text that is a file itself, such as a patch or `application.properties`
        let line = r#"(?im)^([ \t-]*["']?[\w.-]*(?:passw(?:or)?d|passphrase|secret|token|api[-_]?key|access[-_]?key|private[-_]?key)["']?)[ \t]*[:=][ \t]*[^\s$({].*()$"#;
        [url, option, header, line]
            .into_iter()
            .filter_map(|pattern| Regex::new(pattern).ok())
            .collect()
    });
    if !text.contains("://") && !text.contains(['=', ':', '-']) {
        return None;
    }
    let mut hidden = std::borrow::Cow::Borrowed(text);
    for (pattern, by) in patterns.iter().zip([
        format!("$1:{HIDDEN}@"),
        format!("$1={HIDDEN}"),
        format!("$1: {HIDDEN}"),
        format!("$1: {HIDDEN}"),
    ]) {
        if let std::borrow::Cow::Owned(changed) = pattern.replace_all(&hidden, by.as_str()) {
            hidden = std::borrow::Cow::Owned(changed);
        }
    }
    match hidden {
        std::borrow::Cow::Borrowed(_) => None,
        std::borrow::Cow::Owned(hidden) => Some(hidden),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets() {
        for name in [
            "DB_PASSWORD",
            "apiKey",
            "GITHUB_TOKEN",
            "client_secret",
            "AWS_SECRET_ACCESS_KEY",
            "PASSWORD_2",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "secretName",
            "TOKEN_URL",
            "PASSWORD_FILE",
            "KEYCLOAK_HOST",
            "key",
            "port",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn passwords_in_urls() {
        assert_eq!(
            without_password("postgres://api:hunter2@db/x").as_deref(),
            Some("postgres://api:(hidden)@db/x")
        );
        assert_eq!(without_password("https://acme.example:8080/a@b"), None);
        assert_eq!(
            without_password("--db-password=hunter2").as_deref(),
            Some("--db-password=(hidden)")
        );
    }
}
