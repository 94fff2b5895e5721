//! # plaintext-secret
//!
//! ## What
//!
//! The repository contains a Secret or a `secretGenerator` with readable values: not encrypted with
//! SOPS or as a SealedSecret, and not placeholders that a tool replaces later. Reports never show
//! the values.
//!
//! A Secret in a file that no overlay reads is a warning, and an error if its path names a protected
//! environment. Files of charts, examples and tests are left out.
//!
//! If a chart is not in the repository, the values of its releases are checked as well: passwords,
//! and tokens and keys that look random. A password that looks like a default, such as `admin`, is
//! a warning there.
//!
//! Not reported are:
//!
//! - empty values and placeholders;
//! - settings: names, addresses, identifiers, switches, and files in which no key sounds like a
//!   secret;
//! - certificates without their private key;
//! - repository and cluster Secrets of Argo CD without credentials.
//!
//! ## Why
//!
//! Everybody who can read the repository, a clone or its history has these credentials. Deleting
//! the file later does not take them back.
//!
//! ## Example
//!
//! ```yaml
//! apiVersion: v1
//! kind: Secret
//! metadata: {name: smtp}
//! stringData:
//!   password: …
//! ```
//!
//! ## Fix
//!
//! Replace the credential first. Then keep it in a secret store and refer to it with an
//! ExternalSecret, or encrypt the file with SOPS or as a SealedSecret.

mod values;

use crate::finding::{Cause, Severity};
use crate::repo::Overlay;
use crate::repo::loose::Loose;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::secrets::is_secret_name;
use crate::wording;
use crate::yaml::scalar::base64;
use crate::yaml::{By, Node, Origin};

/// The rule.
pub(super) struct PlaintextSecret;

static METADATA: Metadata = Metadata {
    id: "plaintext-secret",
    category: Category::Configuration,
    level: "error; warning where no overlay reads the file",
    severity: Severity::Error,
    summary: "a Secret with readable data in the repo",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("mod.rs"),
};

impl Rule for PlaintextSecret {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        for release in &overlay.rendered.releases {
            values::check(context, overlay, release, sink);
        }
        for resource in overlay
            .rendered
            .resources
            .iter()
            .filter(|resource| resource.kind() == "Secret" && resource.api_version() == "v1")
        {
            let Some(readable) = Readable::of(&resource.node) else {
                continue;
            };
            let draft = readable.draft(&resource.original.name, Severity::Error);
            let pointer = format!("/{}", readable.field);
            sink.report(context, Some(overlay), draft.on(resource, pointer));
        }
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let Some(secrets) = loose(context) else {
            return;
        };
        for secret in secrets {
            let Some(readable) = Readable::of(&secret.node) else {
                continue;
            };
            let name = secret.node.at(&["metadata", "name"]).and_then(Node::text);
            let severity = match is_protected(context, &secret.path) {
                true => Severity::Error,
                false => Severity::Warning,
            };
            let draft = readable.draft(name.unwrap_or_default(), severity);
            sink.report(context, None, draft);
        }
    }
}

/// The Secrets that no overlay reads: all of them, or those in files that the change touches. `None`
/// for the base of a change, which is looked at together with the head.
fn loose(context: &Context) -> Option<Vec<Loose>> {
    let Some(changed) = context.changed else {
        let is_whole = context.base.is_none() && context.judges_all();
        return is_whole.then(|| context.repo.loose_secrets(None, context.judged()));
    };
    let is_changed = |path: &str| changed.contains(path);
    let mut now = context
        .repo
        .loose_secrets(Some(&is_changed), context.judged());
    if now.is_empty() {
        return Some(now);
    }
    // what the file already told before is not news
    let before = context.base.map(|base| {
        let unread = std::iter::empty();
        base.loose_secrets(Some(&is_changed), unread)
    });
    let known = before.unwrap_or_default();
    let is_known = |one: &Loose| {
        let mut same = known.iter().filter(|old| old.path == one.path);
        same.any(|old| {
            let (old, new) = (Readable::of(&old.node), Readable::of(&one.node));
            old.zip(new).is_some_and(|(old, new)| old.keys == new.keys)
        })
    };
    now.retain(|one| !is_known(one));
    Some(now)
}

/// True if a folder of a path is named after a protected environment.
fn is_protected(context: &Context, path: &str) -> bool {
    let mut words = path.split(['/', '-', '_', '.']);
    words.any(|word| {
        let mut environments = context.repo.environments.iter();
        environments.any(|environment| environment.protected && environment.is_called(word))
    })
}

/// The readable data of a Secret.
struct Readable<'n> {
    /// `stringData` or `data`.
    field: &'static str,
    keys: Vec<&'n str>,
    origin: Origin,
}

impl<'n> Readable<'n> {
    /// What of a Secret somebody could use; `None` if nothing.
    fn of(node: &'n Node) -> Option<Readable<'n>> {
        if node.get("sops").is_some() || is_registration(node) || is_decrypted_later(node) {
            return None;
        }
        let registers = registers(node);
        let mut found: Option<Readable<'n>> = None;
        for (field, encoded) in [("stringData", false), ("data", true)] {
            let Some(entry) = node.entry(field) else {
                continue;
            };
            for value in entry.value.entries() {
                // the rest of a registration is addresses and names
                let counts =
                    !registers || &*value.key == "config" || CREDENTIALS.contains(&&*value.key);
                let text = value.value.text().filter(|_| counts);
                let text = text.filter(|text| is_readable(text, encoded));
                if !text.is_some_and(|text| holds_a_secret(&value.key, text, encoded)) {
                    continue;
                }
                let readable = found.get_or_insert_with(|| Readable {
                    field,
                    keys: Vec::new(),
                    origin: match value.value.origin.by {
                        By::Generator => value.key_origin,
                        _ => entry.key_origin,
                    },
                });
                readable.keys.push(&value.key);
            }
        }
        found
    }

    fn draft(&self, name: &str, severity: Severity) -> Draft {
        let quoted: Vec<String> = self.keys.iter().map(|key| format!("`{key}`")).collect();
        let message = format!(
            "Secret `{name}` contains readable data: {}",
            wording::list(&quoted)
        );
        let cause = Cause::new("readable-data").with(self.keys.join(","));
        Draft::new(severity, self.origin, cause, message)
            .help("replace the credential, then read it from a store (ExternalSecret) or encrypt the file (SOPS, SealedSecret)")
    }
}

/// True if the values come from a dotenv file that SOPS encrypted. Such a file also has readable
/// metadata under keys such as `sops_mac` and `sops_kms__list_0__map_arn`.
fn is_decrypted_later(node: &Node) -> bool {
    ["stringData", "data"].into_iter().any(|field| {
        let values = node.get(field).map_or(&[][..], Node::entries);
        let has = |key: &str| values.iter().any(|value| &*value.key == key);
        has("sops_mac") && has("sops_version")
    })
}

/// Keys of Argo CD's registrations of repositories and clusters that hold credentials.
const CREDENTIALS: &[&str] = &[
    "password",
    "sshPrivateKey",
    "bearerToken",
    "githubAppPrivateKey",
    "tlsClientCertKey",
    "gcpServiceAccountKey",
];

/// True for a registration of a repository or cluster of Argo CD.
fn registers(node: &Node) -> bool {
    let label = ["metadata", "labels", "argocd.argoproj.io/secret-type"];
    node.at(&label).is_some()
}

/// Argo CD's registrations of repositories and clusters are Secrets; many hold addresses only.
fn is_registration(node: &Node) -> bool {
    // the connection settings of a cluster may contain credentials under these keys
    const INSIDE: &[&str] = &["password", "bearerToken", "keyData"];
    let holds = |field: &str| {
        let config = node
            .at(&[field, "config"])
            .and_then(Node::text)
            .map(|text| decoded(text, field == "data"));
        CREDENTIALS
            .iter()
            .any(|key| node.at(&[field, key]).is_some())
            || config.is_some_and(|config| INSIDE.iter().any(|word| config.contains(word)))
    };
    registers(node) && !["stringData", "data"].into_iter().any(holds)
}

/// A value after base64 decoding, as pods read it.
fn decoded(text: &str, encoded: bool) -> String {
    let bytes = if encoded { base64(text.trim()) } else { None };
    let plain = bytes.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_string());
    plain.unwrap_or_else(|| text.trim().to_string())
}

/// True if a value is data that somebody could use.
fn is_readable(text: &str, encoded: bool) -> bool {
    let text = decoded(text, encoded);
    !(text.is_empty() || is_placeholder(&text) || is_encrypted(&text) || is_public(&text))
}

/// Last words of keys whose values stand beside a credential without being one: `DB_HOST`,
/// `AZURE_CLIENT_ID`.
const HARMLESS: &[&str] = &[
    "username",
    "user",
    "host",
    "hostname",
    "port",
    "database",
    "dbname",
    "db",
    "region",
    "endpoint",
    "endpoints",
    "type",
    "kind",
    "url",
    "id",
    "name",
    "version",
    "path",
    "bucket",
    "email",
    "realm",
    "namespace",
    "mtime",
];
/// Extensions of files that hold credentials. Any other extension means settings, a script or data.
const CREDENTIAL_FILES: &[&str] = &[
    "key",
    "pem",
    "p12",
    "pfx",
    "jks",
    "keystore",
    "crt",
    "cer",
    "token",
    "htpasswd",
    "password",
    "netrc",
    "pgpass",
    "npmrc",
    "kubeconfig",
];

/// True if a value looks like a credential. User names, switches, numbers, and files of settings
/// without any key that sounds secret do not count: Helm values, for example, are often kept in
/// Secrets.
fn holds_a_secret(key: &str, text: &str, encoded: bool) -> bool {
    let text = decoded(text, encoded);
    let last = last_word(key);
    let with_credentials = text.contains("://") && text.contains('@');
    if last == ".dockerconfigjson" {
        return text.contains("\"auth\"") || text.contains("\"password\"");
    }
    if is_secret_name(key) {
        return true;
    }
    if HARMLESS.contains(&last.as_str()) {
        return with_credentials;
    }
    if is_plain_setting(&text) {
        return false;
    }
    let ending = key
        .rsplit_once('.')
        .map(|(_, ending)| ending.to_ascii_lowercase());
    let credentials = ending
        .as_deref()
        .is_some_and(|ending| CREDENTIAL_FILES.contains(&ending));
    let many_lines = text.lines().filter(|line| !line.trim().is_empty()).count() > 1;
    if credentials || last == "htpasswd" || ending.is_none() && !many_lines {
        return true;
    }
    with_credentials || text.contains("PRIVATE KEY") || text.lines().any(line_holds_a_secret)
}

/// True if a line of a file assigns a value to a key that sounds secret: `password: hunter2`.
fn line_holds_a_secret(line: &str) -> bool {
    let pair = line.split_once(':').or_else(|| line.split_once('='));
    pair.is_some_and(|(name, value)| {
        let name = name.trim().trim_matches(['"', '\'', '-', ' ']);
        let value = value.trim().trim_matches(['"', '\'', ',', ' ']);
        // `existingSecret: api-db` only names a Secret, and `$PASSWORD` is set elsewhere
        let reference =
            name.to_ascii_lowercase().starts_with("existing") || value.starts_with(['$', '/']);
        is_secret_name(name)
            && !reference
            && value.len() > 3
            && is_readable(value, false)
            && !matches!(value, "true" | "false" | "null")
    })
}

/// The last word of a key: `id` of `AZURE_CLIENT_ID`, `path` of `keyStorePath`.
fn last_word(key: &str) -> String {
    let tail = key.rsplit(['_', '-']).next().unwrap_or(key);
    let capital = tail
        .char_indices()
        .rev()
        .find(|(_, letter)| letter.is_ascii_uppercase());
    let mixed = tail.chars().any(|letter| letter.is_ascii_lowercase());
    let tail = capital
        .filter(|_| mixed)
        .and_then(|(index, _)| tail.get(index..))
        .unwrap_or(tail);
    tail.to_ascii_lowercase()
}

/// A switch, a number, a duration, a place in the file system: a setting, whatever it is called.
fn is_plain_setting(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let number = lower.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let short_number =
        number.len() <= 4 && number.parse::<f64>().is_ok() && lower.len() - number.len() <= 2;
    let path = text.starts_with('/')
        && !text.contains(char::is_whitespace)
        && text.matches('/').count() > 1;
    matches!(
        &*lower,
        "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "none" | "enabled" | "disabled"
    ) || short_number
        || path
}

fn is_encrypted(text: &str) -> bool {
    let sealed = [
        "ENC[",
        "-----BEGIN AGE ENCRYPTED FILE",
        "-----BEGIN PGP MESSAGE",
        "$ANSIBLE_VAULT;",
    ];
    sealed.iter().any(|start| text.starts_with(start))
        || (text.contains("sops")
            && (text.contains("ENC[AES256_GCM")
                || text.contains("sops_mac")
                || text.contains("\"mac\"")))
}

/// References that a tool resolves at deploy, and words that stand for a value to come.
fn is_placeholder(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let references = [
        "${",
        "$(",
        "{{",
        "<",
        "ref+",
        "vault:",
        "op://",
        "secretref:",
        "arn:aws:secretsmanager",
        "%%",
        "__",
    ];
    let words = [
        "changeme",
        "change-me",
        "change_me",
        "replaceme",
        "replace-me",
        "replace_me",
        "placeholder",
        "todo",
        "dummy",
        "example",
        "fake",
    ];
    references.iter().any(|start| lower.starts_with(start))
        || words.iter().any(|word| lower.contains(word))
        || lower
            .bytes()
            .all(|byte| matches!(byte, b'x' | b'*' | b'.' | b'-' | b'_' | b'?'))
}

/// Certificates and public keys are not secrets.
fn is_public(text: &str) -> bool {
    let public = [
        "-----BEGIN CERTIFICATE",
        "-----BEGIN PUBLIC KEY",
        "ssh-rsa ",
        "ssh-ed25519 ",
        "ecdsa-sha2-",
    ];
    public.iter().any(|start| text.starts_with(start)) && !text.contains("PRIVATE KEY")
}
