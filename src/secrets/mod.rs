//! Which texts are secret: names that say so, passwords inside of other text, and the values of
//! Secrets in the lines of a file.
//!
//! Here: what can be told from text ([`without_passwords`]) and from a file ([`lines`]). Not here:
//! rendered objects (`compare::secrets`), the messages of findings (`check`).

pub(crate) mod lines;
mod passwords;
mod text;
mod tree;
pub(crate) mod words;

use std::collections::BTreeSet;
use std::sync::OnceLock;

use regex::Regex;

use crate::yaml::Node;
pub(crate) use passwords::without_passwords;

/// Stands for a hidden value.
pub(crate) const HIDDEN: &str = "(hidden)";

/// Keys of a Secret beside its data.
pub(crate) const AROUND: [&str; 5] = ["apiVersion", "kind", "metadata", "type", "immutable"];

/// True if a name says that its value is a secret: `DB_PASSWORD`, `apiKey`; not `secretName`,
/// `TOKEN_URL`, and not `existingSecret`, which names a Secret.
pub(crate) fn is_secret_name(name: &str) -> bool {
    static PATTERNS: OnceLock<Option<(Regex, Regex)>> = OnceLock::new();
    let patterns = PATTERNS.get_or_init(|| {
        let secret = Regex::new(r"(?i)(passw(or)?d|passphrase|pwd|secret|token|credentials?|(api|access|private|secret|auth|encryption|signing)[-_.]?key|connection[-_.]?string|dsn)(_?\d+)?$").ok()?;
        let reference = Regex::new(r"(?i)(existing|pull|tls)[-_.]?secret$").ok()?;
        Some((secret, reference))
    });
    patterns
        .as_ref()
        .is_some_and(|(secret, reference)| secret.is_match(name) && !reference.is_match(name))
}

/// True if the value of this name is hidden: that of a variable or key whose name says so, of the header
/// of a request, of some kinds of keys. Wider than [`is_secret_name`], which rules report.
pub(crate) fn names_secret_value(name: &str) -> bool {
    static PATTERN: OnceLock<Option<Regex>> = OnceLock::new();
    let pattern = PATTERN.get_or_init(|| {
        Regex::new(r"(?i)^((proxy-)?authorization|(set-)?cookie|x-auth(-[a-z]+)*|chpasswd|pgpass(word)?)$|(^|[-_.])(pw|pass)$|(?-i:[a-z](Pw|Pass)$)|(crypt(o|ion)?|sodium|hmac|aes|jwt|session|cookie|master|license|account|shared|routing|integration|ssh|pgp|gpg|rsa|user|webhook)[-_.]?key$").ok()
    });
    is_secret_name(name) || pattern.as_ref().is_some_and(|known| known.is_match(name))
}

/// True if a text under this key of an object is hidden: `token`, but not `clientSecret`, which names a
/// Secret in many custom resources.
pub(crate) fn is_secret_key(key: &str) -> bool {
    names_secret_value(key) && !key.to_ascii_lowercase().ends_with("secret")
}

/// True if a map is a Secret inside of another object or file, and not the name of one
/// (`target: {kind: Secret}`).
pub(crate) fn is_secret_object(node: &Node) -> bool {
    let has = |key: &&str| node.get(key).is_some();
    node.get("kind").and_then(Node::text) == Some("Secret")
        && (["metadata", "data", "stringData"].iter().any(has)
            || (!has(&"name") && has(&"apiVersion")))
}

/// The items of a list of arguments that are secrets: the one behind `--password`, and what some programs
/// take with a short option, such as `mysql -p…`.
pub(crate) fn secret_arguments(list: &Node) -> BTreeSet<usize> {
    let items = list.items();
    let program = items.first().and_then(Node::text).unwrap_or_default();
    let program = program.rsplit('/').next().unwrap_or_default();
    let option = match program {
        "mysql" | "mysqldump" | "mysqladmin" | "mariadb" | "mariadb-dump" | "sshpass" => "-p",
        "redis-cli" => "-a",
        "curl" => "-u",
        _ => "",
    };
    let mut secrets = BTreeSet::new();
    let mut is_next = false;
    for (index, text) in items.iter().map(Node::text).enumerate() {
        let Some(text) = text else {
            is_next = false;
            continue;
        };
        let attached = !option.is_empty() && text.starts_with(option) && text.len() > 2;
        if is_next || attached {
            secrets.insert(index);
        }
        let is_long = text.starts_with('-') && is_secret_name(text.trim_start_matches('-'));
        let takes_next = text == option && !program.starts_with("m");
        is_next = !is_next && (is_long || (!option.is_empty() && takes_next));
    }
    secrets
}

/// True if a text can be shown although it stands in the place of a secret: it is empty, encrypted,
/// or a variable that is filled in later.
pub(crate) fn is_open(text: &str) -> bool {
    let variable = text
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'));
    text.is_empty()
        || (text.starts_with("ENC[") && text.ends_with(']'))
        || variable.is_some_and(|name| !name.contains(['{', '}']))
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
            "existingSecret",
            "imagePullSecret",
            "key",
            "port",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn names_of_hidden_values() {
        for name in [
            "Authorization",
            "X-Auth",
            "routingKey",
            "restuserkey",
            "DB_PASS",
            "dbPw",
        ] {
            assert!(names_secret_value(name), "{name}");
        }
        for name in [
            "bypass",
            "compass",
            "publicKey",
            "key",
            "secretName",
            "existingSecret",
        ] {
            assert!(!names_secret_value(name), "{name}");
        }
    }
}
