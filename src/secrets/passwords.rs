//! Passwords inside of other text: URLs, options, headers, lines of files, arguments of programs.

use std::borrow::Cow;
use std::sync::OnceLock;

use regex::{Captures, Regex};

use super::names_secret_value;

/// The end of the name of a secret, without the case of its letters.
const NAME: &str = "(?:passw(?:or)?d|passphrase|pwd|secret|token|(?:api|access|private|account|auth)[-_]?key)(?:_?[0-9]+)?";

/// Texts one of which the name of a secret contains.
const NAMES: &[&str] = &["passw", "passphrase", "pwd", "secret", "token", "key"];

/// The start of a value: no variable, no template, nothing that is hidden already.
const VALUE: &str = r#"[^\s"'\\;&,=$({<>`*]"#;

/// A kind of text with a password in it.
struct Pattern {
    /// A text without all of these, in small letters, has no such password.
    needles: &'static [&'static str],
    expression: Regex,
    /// What stands for the text.
    by: &'static str,
}

impl Pattern {
    fn new(
        needles: &'static [&'static str],
        expression: &str,
        by: &'static str,
    ) -> Option<Pattern> {
        let expression = expression.replace("NAME", NAME).replace("VALUE", VALUE);
        Some(Pattern {
            needles,
            expression: Regex::new(&expression).ok()?,
            by,
        })
    }

    fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.expression.replace_all(text, |found: &Captures<'_>| {
            let mut by = String::new();
            match found.name("name") {
                // `existingSecret: db` names a Secret
                Some(name) if !names_secret_value(name.as_str()) => {
                    by.push_str(found.get(0).map_or("", |whole| whole.as_str()));
                }
                _ => found.expand(self.by, &mut by),
            }
            by
        })
    }
}

/// A text without the passwords in it: `https://user:password@host`, `--password=…`, the header of a
/// request, a line such as `db.password = …`.
pub(crate) fn without_passwords(text: &str) -> Cow<'_, str> {
    static PATTERNS: OnceLock<Vec<Pattern>> = OnceLock::new();
    if !text.contains(['=', ':', '-', ' ', '_', '$', '<']) {
        return Cow::Borrowed(text);
    }
    let patterns = PATTERNS.get_or_init(|| {
        let all = urls()
            .into_iter()
            .chain(programs())
            .chain(tokens())
            .chain(names());
        all.flatten().collect()
    });
    let lower = text.to_ascii_lowercase();
    let mut hidden = Cow::Borrowed(text);
    for pattern in patterns {
        if pattern.needles.iter().any(|needle| lower.contains(needle))
            && let Cow::Owned(changed) = pattern.hide(&hidden)
        {
            hidden = Cow::Owned(changed);
        }
    }
    hidden
}

/// Passwords in URLs.
fn urls() -> Vec<Option<Pattern>> {
    vec![
        Pattern::new(&["://"], r"(://[^\s/:@]*):[^\s/@]+@", "$1:(hidden)@"),
        // a long user without a password is a token
        Pattern::new(
            &["http"],
            r#"(https?://)[^\s/:@"'$({]{12,}@"#,
            "$1(hidden)@",
        ),
        // the same without a scheme; not `name:tag@sha256:…`
        Pattern::new(
            &["@"],
            r"(^|[\s\x22'`])([\w.-]+):[^\s/@:]+(@(?:[\w-]+\.)+[\w-]+[/:])",
            "$1$2:(hidden)$3",
        ),
        // the data source name of a database driver: `user:password@tcp(host:3306)/name`
        Pattern::new(
            &["@tcp(", "@unix("],
            r"(\b[\w.-]+):[^\s/@:]+(@(?:tcp|unix)\()",
            "$1:(hidden)$2",
        ),
        Pattern::new(
            &["?", "&"],
            r"(?i)([?&][\w.-]*(?:password|passwd|secret|token|api-?_?key|signature|sig)=)[^\s&'\x22#]+",
            "$1(hidden)",
        ),
        // URLs that are secrets themselves
        Pattern::new(
            &[
                "slack.com/",
                "/api/webhooks/",
                "telegram.org/bot",
                "/webhookb2/",
            ],
            r#"(hooks\.slack(?:-gov)?\.com/[a-z]+/|discord(?:app)?\.com/api/webhooks/|api\.telegram\.org/bot|/webhookb2/)[^\s"'<>$({\\]+"#,
            "$1(hidden)",
        ),
    ]
}

/// Passwords in the arguments of programs, and in requests.
fn programs() -> Vec<Option<Pattern>> {
    vec![
        Pattern::new(
            NAMES,
            r"(?i)(--?[a-z0-9._-]*(?:password|passwd|passphrase|secret|token|api-?key))[= ]+[^\s=]\S*",
            "$1=(hidden)",
        ),
        Pattern::new(
            &["authorization", "x-a", "key", "token"],
            r#"(?i)((?:proxy-)?authorization|x-auth|x-[a-z-]*(?:api-?key|token))["']?(\s*[:=]\s*|\s+)["']?(?:(?:bearer|basic|token)\s+)?[^\s"',]+"#,
            "$1$2(hidden)",
        ),
        Pattern::new(&["bearer"], r"\b(Bearer) +[\w.~+/=-]{6,}", "$1 (hidden)"),
        Pattern::new(
            &["cookie"],
            r#"(?i)\b((?:set-)?cookie:[ \t]*)[^\s"'\\$({][^"'\\\n]*"#,
            "$1(hidden)",
        ),
        Pattern::new(
            &["mysql", "mariadb"],
            r"\b((?:mysql|mariadb)[a-z-]*\b[^\n|;]*?\s-p)VALUE[^\s\x22'\\]*",
            "$1(hidden)",
        ),
        Pattern::new(
            &["sshpass"],
            r"\b(sshpass\s+-p\s*[\x22']?)VALUE[^\s\x22'\\]*",
            "$1(hidden)",
        ),
        Pattern::new(
            &["redis-cli"],
            r"\b(redis-cli\b[^\n|;]*?\s(?:-a|--pass)[\s=]+[\x22']?)VALUE[^\s\x22'\\]*",
            "$1(hidden)",
        ),
        Pattern::new(
            &["curl"],
            r"\b(curl\b[^\n|;]*?\s(?:-u|--user)[\s=]*[\x22']?[^\s:\x22'\\$]+:)VALUE[^\s\x22'\\]*",
            "$1(hidden)",
        ),
        Pattern::new(
            &["login"],
            r"\b(login\b[^\n|;]*?\s-p[\s=]+[\x22']?)VALUE[^\s\x22'\\]*",
            "$1(hidden)",
        ),
        // the files `.netrc` and `.pgpass`, and cloud-init
        Pattern::new(
            &["login"],
            r"\b(login\s+\S+\s+password\s+)VALUE\S*",
            "$1(hidden)",
        ),
        Pattern::new(
            &[":"],
            r"(?m)^([\w.*-]+:(?:[0-9]{2,5}|\*):[\w*-]+:[\w*-]+:)VALUE\S*$",
            "$1(hidden)",
        ),
        Pattern::new(
            &["chpasswd"],
            r#"(chpasswd[\s\S]{0,40}?\blist\\*["']?\s*:[\s|>\\"'-]*[\w-]+:)VALUE[^\s"'\\]*"#,
            "$1(hidden)",
        ),
    ]
}

/// What is a secret by its form: keys, digests of passwords, tokens of well-known services.
fn tokens() -> Vec<Option<Pattern>> {
    vec![
        Pattern::new(
            &["private key"],
            r"(?s)(-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----).*?(-----END|\z)",
            "$1(hidden)$2",
        ),
        Pattern::new(
            &["$"],
            r"(\$(?:apr1|2[abxy]|[156y])\$)[A-Za-z0-9./$=-]{8,}",
            "$1(hidden)",
        ),
        Pattern::new(
            &[
                "gh", "glpat-", "xox", "sk_live_", "sk-ant-", "npm_", "hvs.", "dop_v1_",
            ],
            r"\b(gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk_live_|sk-ant-|npm_|hvs\.|dop_v1_)[A-Za-z0-9_.-]{10,}",
            "$1(hidden)",
        ),
    ]
}

/// Values whose names say that they are secret.
fn names() -> Vec<Option<Pattern>> {
    vec![
        // JSON, also inside of a text of JSON
        Pattern::new(
            NAMES,
            r#"(?i)(["'](?P<name>[\w.-]*NAME)\\*["']\s*:\s*\\*["'])[^"'\\]+"#,
            "$1(hidden)",
        ),
        Pattern::new(
            &["auth"],
            r#"(["']auth\\*["']\s*:\s*\\*["'])[^"'\\]+"#,
            "$1(hidden)",
        ),
        // a block of YAML, with the lines below its key
        Pattern::new(
            NAMES,
            r#"(?im)^([ \t-]*["']?(?P<name>[\w.-]*NAME)["']?[ \t]*:)[ \t]*[|>][-+0-9]*[ \t]*(?:\n[ \t]+[^\n]*)+"#,
            "$1 (hidden)",
        ),
        // a line of a text that is a file itself, such as a patch or `application.properties`
        Pattern::new(
            NAMES,
            r#"(?im)^([ \t-]*["']?(?P<name>[\w.-]*NAME)["']?)[ \t]*([:=])[ \t]*["']*[^\s"'$({].*$"#,
            "$1$3 (hidden)",
        ),
        // an assignment: `export API_TOKEN=…`, `;password=…`, `local token = "…"`
        Pattern::new(
            NAMES,
            r#"(?i)((?:^|[\s;&,|?{(\[\x22'`:/])(?P<name>[\w.-]*NAME)\\*["']?[ \t]*=[ \t]*\\*["']?)VALUE[^\s"'\\;&,`]*"#,
            "$1(hidden)",
        ),
        // a map in braces
        Pattern::new(
            NAMES,
            r#"(?i)([{,][ \t]*(?P<name>[\w.-]*NAME):[ \t]+\\*["']?)VALUE[^"',}\n\\]*"#,
            "$1(hidden)",
        ),
        Pattern::new(
            NAMES,
            r"(?i)(<(?:[\w-]+:)?(?P<name>[\w.-]*NAME)(?:\s[^<>]*)?>)[^<\s$({][^<]*",
            "$1(hidden)",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_valid() {
        for pattern in urls()
            .iter()
            .chain(&programs())
            .chain(&tokens())
            .chain(&names())
        {
            assert!(pattern.is_some());
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
            ("export API_TOKEN=hunter", "export API_TOKEN=(hidden)"),
            (
                "user=sa;password=hunter;a=b",
                "user=sa;password=(hidden);a=b",
            ),
            ("x;AccountKey=hunter==;y", "x;AccountKey=(hidden);y"),
            ("local token = \"hunter\"", "local token = \"(hidden)\""),
            (
                "<db><password>hunter</password></db>",
                "<db><password>(hidden)</password></db>",
            ),
            (
                "mysql -u root -phunter shop",
                "mysql -u root -p(hidden) shop",
            ),
            ("sshpass -p hunter ssh x", "sshpass -p (hidden) ssh x"),
            ("redis-cli -a hunter ping", "redis-cli -a (hidden) ping"),
            (
                "curl -u bob:hunter https://x.y",
                "curl -u bob:(hidden) https://x.y",
            ),
            (
                "machine x login bob password hunter",
                "machine x login bob password (hidden)",
            ),
            (
                "db.example.com:5432:shop:bob:hunter",
                "db.example.com:5432:shop:bob:(hidden)",
            ),
            (
                "//npm.example.com/:_authToken=hunter",
                "//npm.example.com/:_authToken=(hidden)",
            ),
            ("bob:$apr1$hunterhunter", "bob:$apr1$(hidden)"),
            ("Cookie: session=hunter", "Cookie: (hidden)"),
            (
                "users: [{name: a, user: {token: hunter}}]",
                "users: [{name: a, user: {token: (hidden)}}]",
            ),
            (
                "{\"cfg\": \"{\\\"password\\\": \\\"hunter\\\"}\"}",
                "{\"cfg\": \"{\\\"password\\\": \\\"(hidden)\\\"}\"}",
            ),
            (
                "password: |\n  hunter\n  hunter\nx: y",
                "password: (hidden)\nx: y",
            ),
            (
                "-----BEGIN PRIVATE KEY-----\nhunter\n-----END PRIVATE KEY-----",
                "-----BEGIN PRIVATE KEY-----(hidden)-----END PRIVATE KEY-----",
            ),
            (
                "https://hooks.slack.com/services/T0/B0/hunter",
                "https://hooks.slack.com/services/(hidden)",
            ),
            (
                "https://hunterhunter@sentry.example.com/1",
                "https://(hidden)@sentry.example.com/1",
            ),
            (
                "chpasswd: {list: \"root:hunter\"}",
                "chpasswd: {list: \"root:(hidden)\"}",
            ),
        ] {
            assert_eq!(without_passwords(text), shown);
        }
        for text in [
            "https://acme.example:8080/a@b",
            "the token is read from a file",
            "secretName: db",
            "existingSecret: database",
            "auth: {existingSecret: database, enabled: true}",
            "registry.example.com/app:1.0@sha256:0123",
            "git@git.example.com:acme/config.git",
            "password: ${PASSWORD}",
            "export TOKEN=$(cat /run/token)",
            "TOKEN=\"$TOKEN\"",
            "mysql -u root -p$PASSWORD",
            "docker run -p 8080:80 login",
            "Secret `database-login` is missing: value `existingSecret` needs it",
            "--set image.tag=1.2.3",
            "secret:",
            "volumes: [{name: a, secret: {secretName: b}}]",
        ] {
            assert_eq!(without_passwords(text), text);
        }
    }
}
