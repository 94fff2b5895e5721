//! Secrets in the values of releases whose chart is not in the repository.
//!
//! Charts name their values freely, so a name alone is weak: `secret: grafana-admin` usually names
//! a Secret, and `secretKey: password` a key in one.

use super::is_readable;
use crate::finding::{Cause, Severity};
use crate::kustomize::Unrendered;
use crate::repo::Overlay;
use crate::rules::{Context, Draft, Sink};
use crate::secrets::is_secret_name;
use crate::yaml::{Node, escape_pointer};

/// The depth to which values are searched.
const DEEPEST: usize = 16;
/// The most findings of one release.
const MOST: usize = 50;
/// The shortest token or key that looks random.
const SHORTEST: usize = 16;
/// The shortest password that looks random, not like a default.
const SHORTEST_PASSWORD: usize = 8;

/// A secret in values.
struct Found<'r> {
    /// The keys that lead to it.
    path: Vec<String>,
    value: &'r Node,
    /// True if it looks random, as a real secret does.
    is_random: bool,
}

/// Reports the secrets in the values of a release.
pub(super) fn check(context: &Context, overlay: &Overlay, release: &Unrendered, sink: &mut Sink) {
    let mut found = Vec::new();
    search(&release.values, &mut Vec::new(), &mut found);
    for one in found {
        let resource = &release.resource;
        let path = one.path.join(".");
        let message = format!(
            "the values of {} `{}` contain a readable secret: `{path}`",
            resource.kind(),
            resource.name()
        );
        let severity = match one.is_random {
            true => Severity::Error,
            false => Severity::Warning,
        };
        let cause = Cause::new("readable-value").with(&path);
        let draft = Draft::new(severity, one.value.origin, cause, message).help(
            "replace the credential, then keep it in a Secret that the chart reads (`existingSecret`, `valuesFrom`)",
        );
        let keys = one.path.iter().map(|key| escape_pointer(key));
        let pointer = keys.fold(release.pointer.clone(), |pointer, key| {
            format!("{pointer}/{key}")
        });
        sink.report(context, Some(overlay), draft.on(resource, pointer));
    }
}

fn search<'r>(values: &'r Node, path: &mut Vec<String>, found: &mut Vec<Found<'r>>) {
    if path.len() > DEEPEST || found.len() >= MOST {
        return;
    }
    // a variable: `{name: DB_PASSWORD, value: …}`
    let name = values.get("name").and_then(Node::text);
    if let (Some(name), Some(value)) = (name, values.get("value")) {
        note(
            name,
            value,
            &[&path[..], &["value".to_string()]].concat(),
            found,
        );
    }
    for entry in values.entries() {
        path.push(entry.key.to_string());
        note(&entry.key, &entry.value, path, found);
        search(&entry.value, path, found);
        path.pop();
    }
    for (index, item) in values.items().iter().enumerate() {
        path.push(index.to_string());
        search(item, path, found);
        path.pop();
    }
}

/// Notes a value if it is a secret.
fn note<'r>(name: &str, value: &'r Node, path: &[String], found: &mut Vec<Found<'r>>) {
    let is_text = value.as_scalar().is_some() && !value.is_null() && value.as_bool().is_none();
    if !is_text || !is_secret_name(name) || found.len() >= MOST {
        return;
    }
    let text = value.raw();
    if !is_readable(text, false) || is_reference(text) {
        return;
    }
    let is_password = is_password(name);
    let shortest = match is_password {
        true => SHORTEST_PASSWORD,
        false => SHORTEST,
    };
    let is_random = is_random(text, shortest);
    if is_random || is_password {
        found.push(Found {
            path: path.to_vec(),
            value,
            is_random,
        });
    }
}

fn is_password(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
    let words = ["password", "passwd", "passphrase", "pwd"];
    words.iter().any(|word| name.ends_with(word))
}

/// True if a text says where a secret is: a path, a variable, the name of a Secret or of a key in
/// it.
fn is_reference(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let names = ["password", "passwd", "secret", "token", "credential", "key"];
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c);
    // `db-password`, `DB_PASSWORD`
    let is_plain = text.chars().all(is_name) || text == text.to_ascii_uppercase();
    lower.starts_with(['/', '$', '%', '@', '&', '#', '!'])
        || lower.contains("://") && !text.contains('@')
        || lower.contains("secret/")
        || text.contains(char::is_whitespace)
        || is_plain && names.iter().any(|name| lower.contains(name))
}

/// True if a text has letters and digits in no order that a person would give them.
fn is_random(text: &str, shortest: usize) -> bool {
    if text.len() < shortest {
        return false;
    }
    let has = |of: fn(&char) -> bool| text.chars().any(|c| of(&c));
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let mixed = has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase) && digits > 0;
    let is_one_word = text.chars().all(|c| c.is_ascii_alphanumeric());
    mixed || is_one_word && digits >= 3 && digits < text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{FileId, read};

    fn found(values: &str) -> Vec<(String, bool)> {
        let node = read::read(values, FileId(0)).unwrap().documents.remove(0);
        let mut found = Vec::new();
        search(&node, &mut Vec::new(), &mut found);
        let shown = found.iter().map(|one| (one.path.join("."), one.is_random));
        shown.collect()
    }

    #[test]
    fn passwords_and_random_tokens_are_secrets() {
        for (values, expected) in [
            ("auth: {password: Zm4kQ92x}", ("auth.password", true)),
            ("adminPassword: admin", ("adminPassword", false)),
            (
                "env: [{name: DB_PASSWORD, value: winter}]",
                ("env.0.value", false),
            ),
            (
                "env: {API_TOKEN: 9f8e7d6c5b4a3f2e1d0c}",
                ("env.API_TOKEN", true),
            ),
            ("password: 12345678", ("password", false)),
        ] {
            let (path, is_random) = expected;
            assert_eq!(found(values), [(path.to_string(), is_random)], "{values}");
        }
    }

    #[test]
    fn names_of_secrets_are_not_secrets() {
        for values in [
            "secret: grafana-admin",
            "secretKey: password",
            "existingSecret: db-credentials",
            "token: web-token",
            "password: db-password",
            "password: $__file{/etc/secrets/password}",
            "password: ${DB_PASSWORD}",
            "password: ENC[AES256_GCM,data:x]",
            "password: {secretKeyRef: {name: db, key: password}}",
            "password: null",
            "password: true",
            "password: \"\"",
            "apiKey: /etc/keys/api",
            "privateKey: https://example.com/a/b/c",
            "tokenUrl: https://example.com/token",
            "env: {DB_PASSWORD: DB_PASSWORD}",
            "password: changeme",
        ] {
            assert_eq!(found(values), [], "{values}");
        }
    }
}
