//! Records in JSON and YAML.
//!
//! App and environment may be keys in any nesting and order (`{production: {api: 1.2.3}}`), or
//! fields of an item (`{app: api, environment: production, tag: 1.2.3}`).

use super::Statement;
use super::subject::Subject;
use super::version::Version;
use super::words::Words;
use crate::yaml::{Node, Origin};

const APP_KEYS: &[&str] = &["app", "application", "service", "component"];
const ENVIRONMENT_KEYS: &[&str] = &["environment", "env", "stage"];
const VARIANT_KEYS: &[&str] = &["variant", "region", "cluster"];
const IMAGE_KEYS: &[&str] = &["image", "name", "repository"];
const TAG_KEYS: &[&str] = &["tag", "version", "newTag", "imageTag"];
const DIGEST_KEYS: &[&str] = &["digest", "sha256", "imageDigest"];
const FIELDS: [&[&str]; 6] = [
    APP_KEYS,
    ENVIRONMENT_KEYS,
    VARIANT_KEYS,
    IMAGE_KEYS,
    TAG_KEYS,
    DIGEST_KEYS,
];

pub(super) fn read(documents: &[Node], words: &Words) -> Vec<Statement> {
    let mut statements = Vec::new();
    for document in documents {
        read_node(document, &Subject::default(), words, &mut statements);
    }
    statements
}

fn read_node(node: &Node, subject: &Subject, words: &Words, statements: &mut Vec<Statement>) {
    for item in node.items() {
        read_node(item, subject, words, statements);
    }
    if let Some((text, origin)) = scalar(node) {
        statements.extend(subject.claim(Version::read(&text, origin)));
        return;
    }
    let mut subject = with_fields(subject.clone(), node, words);
    if subject.app.is_some() && subject.environment.is_some() {
        let (tag, digest) = (field(node, TAG_KEYS), field(node, DIGEST_KEYS));
        if tag.is_some() || digest.is_some() {
            subject.image = text_of(node, IMAGE_KEYS).or(subject.image);
            let image = None;
            statements.extend(subject.claim(Version { image, tag, digest }));
            return;
        }
        if let Some((text, origin)) = field(node, &["image"]) {
            statements.extend(subject.claim(Version::read(&text, origin)));
        }
    }
    for entry in node.entries() {
        let is_scalar = entry.value.as_scalar().is_some();
        if is_scalar && FIELDS.iter().any(|keys| keys.contains(&&*entry.key)) {
            continue;
        }
        let mut below = subject.clone();
        below.read(&entry.key, words);
        // the date in `updated: 2026-01-01`, beside versions, is not a version
        if !is_scalar || below != subject {
            read_node(&entry.value, &below, words, statements);
        }
    }
}

/// The subject with the app, environment and variant that the fields of a map name.
fn with_fields(mut subject: Subject, node: &Node, words: &Words) -> Subject {
    let app = text_of(node, APP_KEYS).and_then(|app| words.app(&app));
    subject.app = app.or(subject.app);
    let environment =
        text_of(node, ENVIRONMENT_KEYS).and_then(|environment| words.environment(&environment));
    if let Some((environment, variant)) = environment {
        subject.environment = Some(environment);
        subject.variant = variant.or(subject.variant);
    }
    subject.variant = text_of(node, VARIANT_KEYS).or(subject.variant);
    subject
}

/// The text of the first entry with one of these keys, and where it is written.
fn field(node: &Node, keys: &[&str]) -> Option<(String, Origin)> {
    let mut entries = node.entries().iter();
    scalar(&entries.find(|entry| keys.contains(&&*entry.key))?.value)
}

fn text_of(node: &Node, keys: &[&str]) -> Option<String> {
    field(node, keys).map(|(text, _)| text)
}

fn scalar(node: &Node) -> Option<(String, Origin)> {
    let scalar = node.as_scalar().filter(|_| !node.is_null())?;
    Some((scalar.text.to_string(), node.origin))
}
