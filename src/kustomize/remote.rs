//! URLs of remote bases and files in all the forms that kustomize accepts. Nothing is fetched.
//!
//! Here: recognising, judging whether one is pinned, mapping to a folder of the tree.

use std::collections::BTreeMap;

use super::decode::Text;
use super::{Problem, ProblemKind};

/// A Git URL, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// What `git clone` would get: `https://github.com/acme/bases`.
    pub repository: String,
    /// The folder in the repository.
    pub folder: String,
    /// `ref` or `version` of the query; empty for the default branch.
    pub reference: String,
}

/// Whether a path is an `http` or `https` URL.
pub fn is_http(path: &str) -> bool {
    strip_scheme(path, "http://").or_else(|| strip_scheme(path, "https://")).is_some()
}

fn strip_scheme<'a>(path: &'a str, scheme: &str) -> Option<&'a str> {
    let head = path.get(..scheme.len())?;
    head.eq_ignore_ascii_case(scheme).then(|| &path[scheme.len()..])
}

/// Takes a Git URL apart; `None` for anything that kustomize would take for a path.
pub fn parse(url: &str) -> Option<Remote> {
    if url.starts_with('/') {
        return None;
    }
    let (location, query) = url.split_once('?').unwrap_or((url, ""));
    let parameter = |name: &str| {
        let values = query.split('&').filter_map(|pair| pair.split_once('='));
        values.filter(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value.to_string()).next()
    };
    let reference = parameter("ref").or_else(|| parameter("version")).unwrap_or_default();
    let location = strip_scheme(location, "git::").unwrap_or(location);
    let schemes = ["ssh://", "https://", "http://", "file://"];
    let (scheme, rest) =
        schemes.iter().find_map(|scheme| strip_scheme(location, scheme).map(|rest| (*scheme, rest))).unwrap_or(("", location));
    if scheme == "file://" {
        let (repository, folder) = split_marked(rest).unwrap_or((rest.to_string(), String::new()));
        return finish(scheme.to_string(), repository, folder, reference);
    }
    let (user, rest) = split_user(rest);
    let lower = rest.to_lowercase();
    let github = lower.starts_with("github.com/") || lower.starts_with("github.com:");
    let scp = scheme.is_empty() && (!user.is_empty() || github);
    if scheme.is_empty() && !scp {
        return None;
    }
    let slash = rest.find('/');
    let colon = rest.find(':').filter(|_| scp);
    let separator = match (slash, colon) {
        (None, colon) => colon,
        (Some(slash), Some(colon)) if colon > 0 && colon < slash => Some(colon),
        (slash, _) => slash,
    };
    let (host, path) = match separator {
        Some(index) => rest.split_at(index + 1),
        None => (rest, ""),
    };
    if host.is_empty() {
        return None;
    }
    let host = match github {
        true if scheme == "ssh://" || !user.is_empty() => format!("{user}github.com:"),
        true => "https://github.com/".to_string(),
        false => format!("{scheme}{user}{host}"),
    };
    let (repository, folder) = split_marked(path).or_else(|| {
        let segments: Vec<&str> = path.split('/').collect();
        (segments.len() >= 2).then(|| (segments[..2].join("/"), segments[2..].join("/")))
    })?;
    finish(host, repository, folder, reference)
}

fn finish(host: String, repository: String, folder: String, reference: String) -> Option<Remote> {
    if repository.is_empty() {
        return None;
    }
    let folder = crate::source::join("", folder.trim_start_matches('/'))?;
    Some(Remote { repository: host + &repository, folder, reference })
}

fn split_user(text: &str) -> (&str, &str) {
    match text.find('@') {
        Some(at)
            if text.starts_with(|first: char| first.is_ascii_alphabetic())
                && text[..at].chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-') =>
        {
            text.split_at(at + 1)
        }
        _ => ("", text),
    }
}

/// Splits where the URL itself says that the repository ends: after `_git/NAME`, at `//`, after `.git`.
fn split_marked(path: &str) -> Option<(String, String)> {
    if let Some(index) = path.find("_git/") {
        let after = &path[index + 5..];
        let (name, folder) = after.split_once('/').unwrap_or((after, ""));
        return Some((format!("{}{name}", &path[..index + 5]), folder.to_string()));
    }
    if let Some(index) = path.find("//") {
        return Some((path[..index].to_string(), path[index + 2..].to_string()));
    }
    let index = path.find(".git")? + 4;
    Some((path[..index].to_string(), path[index..].to_string()))
}

/// Whether a reference names one commit for good: a full commit id, or a tag that looks like a version: `v1.2.3`, `1.2`,
/// `controller-v1.5.1`, `v20251006-15a86e52ee`.
pub fn is_pinned(reference: &str) -> bool {
    let commit = reference.len() == 40 && reference.bytes().all(|byte| byte.is_ascii_hexdigit());
    let name = reference.rsplit('/').next().unwrap_or_default();
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let version = |text: &str| {
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let leading = digits(text);
        leading > 0 && text.get(leading..).and_then(|rest| rest.strip_prefix('.')).is_some_and(|rest| digits(rest) > 0)
    };
    // a build of a day: the date and what it was built from
    let build = name
        .strip_prefix('v')
        .and_then(|rest| rest.split_once('-'))
        .is_some_and(|(date, id)| date.len() == 8 && digits(date) == 8 && id.len() >= 7 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    // a branch such as `release-1.2` has no `v` before its number
    let prefixed = name.match_indices("-v").any(|(at, _)| name.get(at + 1..).is_some_and(version));
    commit || version(name) || build || prefixed
}

/// The folder of the tree that stands for a URL. The URL may differ in a trailing slash or `.git`.
pub fn mapped<'a>(remotes: &'a BTreeMap<String, String>, url: &str) -> Option<&'a str> {
    if remotes.is_empty() {
        return None;
    }
    if let Some(folder) = remotes.get(url) {
        return Some(folder.trim_matches('/'));
    }
    let key =
        |url: &str| parse(url).map(|remote| (remote.repository.trim_end_matches(".git").to_string(), remote.folder, remote.reference));
    let wanted = key(url)?;
    remotes.iter().find(|(known, _)| key(known).as_ref() == Some(&wanted)).map(|(_, folder)| folder.trim_matches('/'))
}

/// What to say of a URL that has no folder in the tree.
pub fn problem(reference: &Text) -> Problem {
    let url: &str = reference;
    let pinned = match parse(url) {
        Some(remote) if !remote.reference.is_empty() => is_pinned(&remote.reference),
        _ => url.split(['/', '?', '&', '=', '@']).any(is_pinned),
    };
    let (kind, message) = match pinned {
        true => (ProblemKind::RemotePinned, format!("{url:?} is remote and has no copy in the repository, so it was left out")),
        false => (
            ProblemKind::RemoteUnpinned,
            format!("{url:?} is remote, can change at any time and has no copy in the repository, so it was left out"),
        ),
    };
    let help = match pinned {
        true => "put a copy into the repository and name its folder under remotes in the configuration",
        false => "pin it with ?ref= and a version tag or full commit id, or put a copy into the repository",
    };
    Problem { kind, message, help: Some(help.to_string()), origin: reference.origin(), related: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_urls_apart() {
        let cases = [
            ("https://github.com/acme/bases//web?ref=v3", "https://github.com/acme/bases", "web", "v3"),
            ("github.com/acme/bases/web/prod?version=main", "https://github.com/acme/bases", "web/prod", "main"),
            ("git@github.com:acme/bases.git/web", "git@github.com:acme/bases.git", "web", ""),
            ("ssh://git@example.com/acme/bases.git//web?ref=1.2.3", "ssh://git@example.com/acme/bases.git", "web", "1.2.3"),
            ("git::https://example.com/acme/bases", "https://example.com/acme/bases", "", ""),
            ("https://dev.azure.com/org/project/_git/repo/a/b", "https://dev.azure.com/org/project/_git/repo", "a/b", ""),
            ("file:///srv/repo.git/x", "file:///srv/repo.git", "x", ""),
        ];
        for (url, repository, folder, reference) in cases {
            let expected = Remote { repository: repository.into(), folder: folder.into(), reference: reference.into() };
            assert_eq!(parse(url), Some(expected), "{url}");
        }
        for path in ["../base", "base", "/abs", "a/b.yaml", "https://example.com/file.yaml", "github.com/acme"] {
            assert_eq!(parse(path), None, "{path}");
        }
    }

    #[test]
    fn pins_are_commits_and_versions() {
        assert!(is_pinned("v1.2.3") && is_pinned("1.2") && is_pinned("0123456789abcdef0123456789abcdef01234567"));
        assert!(is_pinned("controller-v1.5.1") && is_pinned("kustomize/v5.8.2") && is_pinned("v20251006-15a86e52ee"));
        assert!(!is_pinned("release-1.2") && !is_pinned("dev-v2") && !is_pinned("v20251006-next"));
        assert!(!is_pinned("main") && !is_pinned("v3x") && !is_pinned("release") && !is_pinned(""));
    }
}
