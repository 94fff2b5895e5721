//! Differences that are expected between environments: replicas, quantities, hosts, identifiers,
//! and names that contain the environment. The list is based on public config repos. A promotion
//! should bring every other value to production unchanged.

use std::sync::OnceLock;

use regex::Regex;

use super::words::same_but_for_words;
use super::{Step, Words};
use crate::kubernetes::{DeclaredField, image_fields};
use crate::kustomize::Resource;
use crate::yaml::{By, Data, Kind, Node};

/// Why a difference is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expectation {
    /// Replicas and their bounds.
    Replicas,
    /// CPU, memory and storage.
    Quantity,
    /// Namespaces.
    Namespace,
    /// Hosts, addresses, URLs, regions.
    Host,
    /// Account and resource ids, ARNs, UUIDs.
    Identifier,
    /// The name of the environment or of the variant.
    Word,
    /// A prefix, suffix or content hash of a name, also in references to that name.
    GeneratedName,
    /// Text that SOPS or a SealedSecret encrypted.
    Encrypted,
    /// The tag and digest of an image: other rules judge them.
    ImageVersion,
}

/// The object that a value belongs to.
pub(super) struct Subject<'a> {
    kind: &'a str,
    group: &'a str,
    /// Its fields that the configuration declares to hold images.
    images: Vec<&'a DeclaredField>,
}

impl<'a> Subject<'a> {
    pub(super) fn of(resource: &'a Resource, image_fields: &'a [DeclaredField]) -> Subject<'a> {
        let fields = image_fields.iter();
        Subject {
            kind: resource.kind(),
            group: resource.group(),
            images: fields.filter(|field| field.is_of(resource)).collect(),
        }
    }

    /// True if a field holds an image: of a container, an image volume or a custom resource.
    fn has_image_at(&self, keys: &[&str]) -> bool {
        let named = match keys {
            [.., "image", "reference"] => true,
            [.., last] => image_fields::is_image_field(self.group, last),
            [] => false,
        };
        named || self.images.iter().any(|field| field.path == keys)
    }
}

/// Why the two sides may differ here; `None` if they should not.
pub(super) fn expected(
    subject: &Subject<'_>,
    steps: &[Step],
    from: Option<&Node>,
    to: Option<&Node>,
    words: &(Words, Words),
) -> Option<Expectation> {
    let keys: Vec<&str> = steps
        .iter()
        .filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Item { .. } => None,
        })
        .collect();
    let last = keys.last().copied().unwrap_or_default();
    if keys.first() == Some(&"sops")
        || (subject.kind == "SealedSecret" && keys.get(1) == Some(&"encryptedData"))
    {
        return Some(Expectation::Encrypted);
    }
    if matches!(
        last,
        "replicas"
            | "minReplicas"
            | "maxReplicas"
            | "replicaCount"
            | "minAvailable"
            | "maxUnavailable"
    ) {
        return Some(Expectation::Replicas);
    }
    if last == "namespace" || (subject.kind == "Namespace" && keys == ["metadata", "name"]) {
        return Some(Expectation::Namespace);
    }
    let (from, to) = (from?, to?);
    if keys
        .iter()
        .any(|key| *key == "limits" || *key == "requests")
        && keys.contains(&"resources")
    {
        return Some(Expectation::Quantity);
    }
    if matches!(
        last,
        "storage" | "cpu" | "memory" | "sizeLimit" | "ephemeral-storage" | "size"
    ) && is_quantity(from)
        && is_quantity(to)
    {
        return Some(Expectation::Quantity);
    }
    if subject.has_image_at(&keys) {
        let (from, to) = (repository(from.text()?), repository(to.text()?));
        return (from == to).then_some(Expectation::ImageVersion);
    }
    alike(from, to, words)
}

/// Why two values may differ; `None` if environments should share them.
fn alike(from: &Node, to: &Node, words: &(Words, Words)) -> Option<Expectation> {
    match (&from.data, &to.data) {
        (Data::Scalar(a), Data::Scalar(b)) => {
            if a.text.starts_with("ENC[") && b.text.starts_with("ENC[") {
                return Some(Expectation::Encrypted);
            }
            let (before, after) = (as_written(from), as_written(to));
            if before == after && (renamed(from) || renamed(to)) {
                return Some(Expectation::GeneratedName);
            }
            if a.kind != Kind::String
                && b.kind != Kind::String
                && a.text.len().min(b.text.len()) < 6
            {
                return None;
            }
            alike_text(before, after, words)
        }
        // lists of equal length, if every pair of items may differ like this
        (Data::List(a), Data::List(b)) if a.items.len() == b.items.len() => {
            let mut reason = None;
            for (from, to) in a.items.iter().zip(&b.items) {
                if !from.same_value(to) {
                    reason = Some(alike(from, to, words)?);
                }
            }
            reason
        }
        _ => None,
    }
}

/// Why two texts may differ: `--issuer=https://staging.acme.example` and
/// `--issuer=https://acme.example` differ in a URL.
fn alike_text(from: &str, to: &str, words: &(Words, Words)) -> Option<Expectation> {
    if same_but_for_words(words, from, to) {
        return Some(Expectation::Word);
    }
    let same = |patterns: &[&str]| {
        let mask = |text: &str| {
            let mut text = text.to_string();
            for pattern in patterns.iter().filter_map(|name| pattern(name)) {
                text = pattern
                    .replace_all(&text, |found: &regex::Captures| {
                        let found = found.get(0).map_or("", |found| found.as_str());
                        if is_file_name(found) {
                            found.to_string()
                        } else {
                            "\u{1}".to_string()
                        }
                    })
                    .into_owned();
            }
            text
        };
        let (from, to) = (mask(from), mask(to));
        from == to || same_but_for_words(words, &from, &to)
    };
    if same(&["url", "host", "address", "region"]) {
        return Some(Expectation::Host);
    }
    if same(&["arn", "uuid", "hexadecimal", "digits"]) {
        return Some(Expectation::Identifier);
    }
    if same(&["hash"]) {
        return Some(Expectation::GeneratedName);
    }
    same(&[
        "arn",
        "url",
        "uuid",
        "host",
        "address",
        "region",
        "hash",
        "hexadecimal",
        "digits",
    ])
    .then_some(Expectation::Identifier)
}

fn pattern(name: &str) -> Option<&'static Regex> {
    static PATTERNS: OnceLock<Vec<(&str, Regex)>> = OnceLock::new();
    let patterns = PATTERNS.get_or_init(|| {
        [
            ("url", r#"[A-Za-z][A-Za-z0-9+.-]*://[^\s"',;]+"#),
            ("host", r"\b(?:[A-Za-z0-9_*-]+\.)+[A-Za-z]{2,}\b(?::\d+)?"),
            ("address", r"\b\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?(?::\d+)?\b"),
            ("region", r"\b(?:us|eu|ap|sa|ca|me|af|il)-(?:gov-)?(?:north|south|east|west|central)(?:east|west)?-?\d[a-f]?\b"),
            ("arn", r"\barn:aws[a-z-]*:\S+"),
            ("uuid", r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"),
            ("hexadecimal", r"\b[0-9a-fA-F]{12,}\b|-[0-9a-f]{8,}\b"),
            ("digits", r"\d{6,}"),
            ("hash", r"-[bcdfghkmt2456789]{10}\b"),
        ]
        .into_iter()
        .filter_map(|(name, text)| Some((name, Regex::new(text).ok()?)))
        .collect()
    });
    patterns
        .iter()
        .find(|(other, _)| *other == name)
        .map(|(_, pattern)| pattern)
}

/// True if a text that looks like a host is a file: `config.yaml`.
fn is_file_name(text: &str) -> bool {
    const EXTENSIONS: &[&str] = &[
        "json",
        "yaml",
        "yml",
        "toml",
        "conf",
        "cfg",
        "ini",
        "sh",
        "py",
        "js",
        "ts",
        "rb",
        "xml",
        "properties",
        "txt",
        "pem",
        "crt",
        "key",
        "jar",
        "so",
        "log",
        "sql",
        "env",
        "tmpl",
        "lua",
        "html",
        "md",
        "go",
        "cert",
        "sock",
        "tar",
        "gz",
        "zip",
        "bin",
        "db",
    ];
    !text.contains("://")
        && text
            .rsplit_once('.')
            .is_some_and(|(_, extension)| EXTENSIONS.contains(&extension))
}

fn is_quantity(node: &Node) -> bool {
    let Some(text) = node.text() else {
        return false;
    };
    let number = text.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
    text.len() - number.len() <= 2 && number.parse::<f64>().is_ok()
}

/// The registry and repository of an image reference.
pub(crate) fn repository(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or_default();
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

fn renamed(node: &Node) -> bool {
    matches!(
        node.origin.by,
        By::Hash | By::Reference | By::Prefix | By::Suffix | By::Namespace
    )
}

/// The text before prefixes, suffixes, hashes and name references changed it.
pub(super) fn as_written(node: &Node) -> &str {
    let mut node = node;
    while let (true, Some(before)) = (renamed(node), &node.replaced) {
        node = before;
    }
    node.as_scalar().map_or("", |scalar| &*scalar.text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    fn words() -> (Words, Words) {
        let environment = |name: &str, protected| Environment {
            name: name.into(),
            aliases: vec![name[..4].into()],
            protected,
            kubernetes: None,
            api_versions: Vec::new(),
            reference: None,
            ordered: true,
        };
        let of = |environment: Environment| {
            let overlay = crate::repo::Overlay {
                path: String::new(),
                app: String::new(),
                environment: Some(0),
                variant: None,
                agent: None,
                origin: crate::yaml::Origin::start_of(crate::yaml::FileId(0)),
                rendered: Default::default(),
                applied: None,
                assumed: false,
                release: None,
                cluster: None,
            };
            Words::of(&overlay, &[environment])
        };
        (
            of(environment("staging", false)),
            of(environment("production", true)),
        )
    }

    #[test]
    fn texts_that_differ_by_nature() {
        let words = words();
        for (from, to) in [
            (
                "--issuer=https://login.staging.acme.example/a",
                "--issuer=https://login.acme.example/b",
            ),
            ("api-staging", "api-production"),
            ("acme-staging-euc1", "acme-prod-euc1"),
            (
                "arn:aws:iam::111122223333:role/api",
                "arn:aws:iam::999988887777:role/web",
            ),
            ("vpc-0a1b2c3d4e5f60718", "vpc-0f9e8d7c6b5a40312"),
            (
                "6d1d2e0a-0f5c-4f7e-9d0d-2f7f4b6d8a11",
                "8a1b7c66-53d5-49f5-a1ce-8a8d50e1c7f0",
            ),
            ("10.0.4.0/24", "10.8.4.0/24"),
            ("eu-west-1", "us-east-2"),
            ("settings-7t2k9h4mcb", "settings-b4d5f6g7h8"),
            ("db.internal.acme.example:5432", "pg.prod.acme.example:5432"),
        ] {
            assert!(alike_text(from, to, &words).is_some(), "{from} | {to}");
        }
        for (from, to) in [
            ("--feature=on", "--feature=off"),
            ("--port=8080", "--port=9090"),
            ("/etc/app/config.json", "/etc/app/other.json"),
            ("api", "web"),
            ("info", "debug"),
            ("30s", "60s"),
        ] {
            assert_eq!(alike_text(from, to, &words), None, "{from} | {to}");
        }
    }

    #[test]
    fn repositories_of_images() {
        assert_eq!(repository("localhost:5000/api"), "localhost:5000/api");
        assert_eq!(
            repository("localhost:5000/api:v1@sha256:00"),
            "localhost:5000/api"
        );
        assert_eq!(repository("api"), "api");
    }
}
