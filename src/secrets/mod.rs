//! Which texts are secret: names that say so, passwords inside of other text, and the values of
//! Secrets in the lines of a file.
//!
//! Here: what can be told from text ([`without_passwords`]) and from a file ([`lines`]). Not here:
//! rendered objects (`compare::secrets`), the messages of findings (`check`).

pub(crate) mod lines;
mod text;
mod tree;

use std::borrow::Cow;
use std::sync::OnceLock;

use regex::Regex;

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

/// True if the value beside this name is a secret: a variable, or the header of a request.
pub(crate) fn names_secret_value(name: &str) -> bool {
    const HEADERS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];
    is_secret_name(name)
        || HEADERS
            .iter()
            .any(|header| name.eq_ignore_ascii_case(header))
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

/// A text without the passwords in it: `https://user:password@host`, `--password=…`, the header of a
/// request, a line such as `db.password = …`.
pub(crate) fn without_passwords(text: &str) -> Cow<'_, str> {
    static PATTERNS: OnceLock<Vec<(Regex, &str)>> = OnceLock::new();
    if !text.contains(['=', ':', '-', ' ']) {
        return Cow::Borrowed(text);
    }
    let patterns = PATTERNS.get_or_init(|| {
        [
            (r"(://[^\s/:@]*):[^\s/@]+@", "$1:(hidden)@"),
            // the same without a scheme; not `name:tag@sha256:…`
            (
                r"(^|[\s\x22'`])([\w.-]+):[^\s/@:]+(@(?:[\w-]+\.)+[\w-]+[/:])",
                "$1$2:(hidden)$3",
            ),
            // the data source name of a database driver: `user:password@tcp(host:3306)/name`
            (r"(\b[\w.-]+):[^\s/@:]+(@(?:tcp|unix)\()", "$1:(hidden)$2"),
            (
                r"(?i)([?&][\w.-]*(?:password|passwd|secret|token|api-?_?key|signature|sig)=)[^\s&'\x22#]+",
                "$1(hidden)",
            ),
            (
                r"(?i)(--?[a-z0-9._-]*(?:password|passwd|passphrase|secret|token|api-?key))[= ]+[^\s=]\S*",
                "$1=(hidden)",
            ),
            (
                r#"(?i)((?:proxy-)?authorization|x-[a-z-]*(?:api-?key|token))["']?(\s*[:=]\s*|\s+)["']?(?:(?:bearer|basic|token)\s+)?[^\s"',]+"#,
                "$1$2(hidden)",
            ),
            (r"\b(Bearer) +[\w.~+/=-]{6,}", "$1 (hidden)"),
            (
                r#"(?i)(["'][\w.-]*(?:passw(?:or)?d|passphrase|secret|token|api[-_]?key|access[-_]?key|private[-_]?key)["']\s*:\s*["'])[^"']+"#,
                "$1(hidden)",
            ),
            // a line of a text that is a file itself, such as a patch or `application.properties`
            (
                r#"(?im)^([ \t-]*["']?[\w.-]*(?:passw(?:or)?d|passphrase|secret|token|api[-_]?key|access[-_]?key|private[-_]?key)["']?)[ \t]*([:=])[ \t]*[^\s$({].*$"#,
                "$1$2 (hidden)",
            ),
        ]
        .into_iter()
        .filter_map(|(pattern, by)| Some((Regex::new(pattern).ok()?, by)))
        .collect()
    });
    let mut hidden = Cow::Borrowed(text);
    for (pattern, by) in patterns {
        if let Cow::Owned(changed) = pattern.replace_all(&hidden, *by) {
            hidden = Cow::Owned(changed);
        }
    }
    hidden
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
    fn passwords_in_text() {
        for (text, shown) in [
            ("postgres://api:hunter@db/x", "postgres://api:(hidden)@db/x"),
            ("--db-password=hunter", "--db-password=(hidden)"),
            ("api:hunter@tcp(db:3306)/x", "api:(hidden)@tcp(db:3306)/x"),
            (
                "https://git.example.com/x?token=hunter&a=b",
                "https://git.example.com/x?token=(hidden)&a=b",
            ),
            (
                "proxy_set_header Authorization \"Bearer hunter\";",
                "proxy_set_header Authorization (hidden)\";",
            ),
            ("{\"token\": \"hunter\"}", "{\"token\": \"(hidden)\"}"),
            ("db.password=hunter", "db.password= (hidden)"),
            ("curl -H 'Bearer hunter2'", "curl -H 'Bearer (hidden)'"),
        ] {
            assert_eq!(without_passwords(text), shown);
        }
        for text in [
            "https://acme.example:8080/a@b",
            "the token is read from a file",
            "secretName: db",
            "registry.example.com/app:1.0@sha256:0123",
            "git@git.example.com:acme/config.git",
            "password: ${PASSWORD}",
        ] {
            assert_eq!(without_passwords(text), text);
        }
    }
}
