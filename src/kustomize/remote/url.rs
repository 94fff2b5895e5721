//! Git URLs in all the forms that kustomize accepts, and telling whether one is pinned.

use crate::source::join;

/// A parsed Git URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remote {
    /// The argument of `git clone`: `https://github.com/acme/bases`.
    pub repository: String,
    /// The folder in the repository.
    pub folder: String,
    /// `ref` or `version` of the query; empty for the default branch.
    pub reference: String,
}

/// True if a path is an `http` or `https` URL.
pub(crate) fn is_http(path: &str) -> bool {
    strip_scheme(path, "http://")
        .or_else(|| strip_scheme(path, "https://"))
        .is_some()
}

fn strip_scheme<'a>(path: &'a str, scheme: &str) -> Option<&'a str> {
    let head = path.get(..scheme.len())?;
    head.eq_ignore_ascii_case(scheme)
        .then(|| &path[scheme.len()..])
}

/// Parses a Git URL; `None` for anything that kustomize takes for a path.
pub(crate) fn parse(url: &str) -> Option<Remote> {
    if url.starts_with('/') {
        return None;
    }
    let (location, query) = url.split_once('?').unwrap_or((url, ""));
    let parameter = |name: &str| {
        let values = query.split('&').filter_map(|pair| pair.split_once('='));
        values
            .filter(|(key, value)| *key == name && !value.is_empty())
            .map(|(_, value)| decoded(value))
            .next()
    };
    let reference = parameter("ref")
        .or_else(|| parameter("version"))
        .unwrap_or_default();
    let location = strip_scheme(location, "git::").unwrap_or(location);
    let schemes = ["ssh://", "https://", "http://", "file://"];
    let (scheme, rest) = schemes
        .iter()
        .find_map(|scheme| strip_scheme(location, scheme).map(|rest| (*scheme, rest)))
        .unwrap_or(("", location));
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

/// A value of a query with `%2F` and `+` resolved.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail
            .get(..2)
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let code = digits
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match (first, code) {
            (b'%', Some(code)) => {
                bytes.push(code);
                rest = &tail[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn finish(host: String, repository: String, folder: String, reference: String) -> Option<Remote> {
    if repository.is_empty() {
        return None;
    }
    let folder = join("", folder.trim_start_matches('/'))?;
    Some(Remote {
        repository: host + &repository,
        folder,
        reference,
    })
}

fn split_user(text: &str) -> (&str, &str) {
    match text.find('@') {
        Some(at)
            if text.starts_with(|first: char| first.is_ascii_alphabetic())
                && text[..at]
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || letter == '-') =>
        {
            text.split_at(at + 1)
        }
        _ => ("", text),
    }
}

/// Splits at the mark of the URL for the end of the repository: after `_git/NAME`, at `//`, after
/// `.git`.
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

/// True if a reference always names the same commit: a full commit id, or a tag that looks like a
/// version: `v1.2.3`, `1.2`, `controller-v1.5.1`, `v20251006-15a86e52ee`.
pub(crate) fn is_pinned(reference: &str) -> bool {
    let commit = reference.len() == 40 && reference.bytes().all(|byte| byte.is_ascii_hexdigit());
    let name = reference.rsplit('/').next().unwrap_or_default();
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let version = |text: &str| {
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let leading = digits(text);
        leading > 0
            && text
                .get(leading..)
                .and_then(|rest| rest.strip_prefix('.'))
                .is_some_and(|rest| digits(rest) > 0)
    };
    // a daily build: date and commit
    let build = name
        .strip_prefix('v')
        .and_then(|rest| rest.split_once('-'))
        .is_some_and(|(date, id)| {
            date.len() == 8
                && digits(date) == 8
                && id.len() >= 7
                && id.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
    // a branch such as `release-1.2` has no `v` before its number
    let prefixed = name
        .match_indices("-v")
        .any(|(at, _)| name.get(at + 1..).is_some_and(version));
    commit || version(name) || build || prefixed
}

/// Identifies a repository under all its URLs: `git@github.com:acme/bases.git` is
/// `https://github.com/acme/bases`.
pub(super) fn repository_of(remote: &Remote) -> String {
    let plain = remote
        .repository
        .split_once("://")
        .map_or(&*remote.repository, |(_, rest)| rest);
    let plain = plain
        .rsplit_once('@')
        .map_or(plain, |(_, rest)| rest)
        .replacen(':', "/", 1);
    plain
        .trim_end_matches('/')
        .trim_end_matches(".git")
        .to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_urls_apart() {
        let cases = [
            (
                "https://github.com/acme/bases//web?ref=v3",
                "https://github.com/acme/bases",
                "web",
                "v3",
            ),
            (
                "https://github.com/acme/bases//web/?timeout=90s&ref=v3&submodules=false",
                "https://github.com/acme/bases",
                "web",
                "v3",
            ),
            (
                "github.com/acme/bases/web/prod?version=main",
                "https://github.com/acme/bases",
                "web/prod",
                "main",
            ),
            (
                "github.com/acme/bases?version=main&ref=v2",
                "https://github.com/acme/bases",
                "",
                "v2",
            ),
            (
                "http://GitHub.com/acme/bases/web",
                "https://github.com/acme/bases",
                "web",
                "",
            ),
            (
                "github.com:acme/bases.git",
                "https://github.com/acme/bases.git",
                "",
                "",
            ),
            (
                "git@github.com:acme/bases.git/web",
                "git@github.com:acme/bases.git",
                "web",
                "",
            ),
            (
                "git@github.com/acme/bases/web",
                "git@github.com:acme/bases",
                "web",
                "",
            ),
            (
                "acme-42@github.com/acme/bases",
                "acme-42@github.com:acme/bases",
                "",
                "",
            ),
            (
                "ssh://git@github.com/acme/bases//web?ref=v1",
                "git@github.com:acme/bases",
                "web",
                "v1",
            ),
            (
                "ssh://git@ssh.github.com:443/acme/bases.git",
                "ssh://git@ssh.github.com:443/acme/bases.git",
                "",
                "",
            ),
            (
                "ssh://git@example.com/acme/bases.git//web?ref=1.2.3",
                "ssh://git@example.com/acme/bases.git",
                "/web",
                "1.2.3",
            ),
            (
                "git@gitlab.example.com:infra/k8s/bases.git?ref=v0.1.0",
                "git@gitlab.example.com:infra/k8s/bases.git",
                "",
                "v0.1.0",
            ),
            (
                "git@bitbucket.example.com/acme/bases.git//web",
                "git@bitbucket.example.com/acme/bases.git",
                "/web",
                "",
            ),
            (
                "git@gist.example.com:0f1e2d3c.git",
                "git@gist.example.com:0f1e2d3c.git",
                "",
                "",
            ),
            (
                "git::https://example.com/acme/bases",
                "https://example.com/acme/bases",
                "",
                "",
            ),
            (
                "https://example.com/path/to/bases//web",
                "https://example.com/path/to/bases",
                "web",
                "",
            ),
            (
                "https://example.com/scm/team/bases.git",
                "https://example.com/scm/team/bases.git",
                "",
                "",
            ),
            (
                "https://git-codecommit.eu-west-1.amazonaws.com/acme/bases/web",
                "https://git-codecommit.eu-west-1.amazonaws.com/acme/bases",
                "web",
                "",
            ),
            (
                "https://dev.azure.com/org/project/_git/repo/a/b",
                "https://dev.azure.com/org/project/_git/repo",
                "a/b",
                "",
            ),
            (
                "https://dev.azure.com/org/project/_git/repo?version=v1",
                "https://dev.azure.com/org/project/_git/repo",
                "",
                "v1",
            ),
            (
                "https://example.com/acme/bases?ref=kustomize%2Fv5",
                "https://example.com/acme/bases",
                "",
                "kustomize/v5",
            ),
            (
                "https://example.com/acme/bases?ref=a%+f",
                "https://example.com/acme/bases",
                "",
                "a% f",
            ),
            (
                "https://example.com/acme/bases/?ref=with_git/and.git/in",
                "https://example.com/acme/bases",
                "",
                "with_git/and.git/in",
            ),
            ("file:///srv/repo.git/x", "file:///srv/repo.git", "x", ""),
            (
                "file:///srv/repo//x?ref=main",
                "file:///srv/repo",
                "x",
                "main",
            ),
            ("file://a/b/repo", "file://a/b/repo", "", ""),
        ];
        for (url, repository, folder, reference) in cases {
            let folder = folder.trim_start_matches('/');
            let expected = Remote {
                repository: repository.into(),
                folder: folder.into(),
                reference: reference.into(),
            };
            assert_eq!(parse(url), Some(expected), "{url}");
        }
        let paths = [
            "../base",
            "base",
            "/abs",
            "a/b.yaml",
            "https://example.com/file.yaml",
            "github.com/acme",
            "gh:acme/bases",
            "a.github.com/b/c",
        ];
        for path in paths.into_iter().chain([
            "https://",
            "git@",
            "ssh://git@host",
            "https://github.com/acme/bases//../x",
            "htxp://a.b/c/d",
            "",
        ]) {
            assert_eq!(parse(path), None, "{path}");
        }
    }

    #[test]
    fn pins_are_commits_and_versions() {
        assert!(
            is_pinned("v1.2.3")
                && is_pinned("1.2")
                && is_pinned("0123456789abcdef0123456789abcdef01234567")
        );
        assert!(
            is_pinned("controller-v1.5.1")
                && is_pinned("kustomize/v5.8.2")
                && is_pinned("v20251006-15a86e52ee")
        );
        assert!(!is_pinned("release-1.2") && !is_pinned("dev-v2") && !is_pinned("v20251006-next"));
        assert!(!is_pinned("main") && !is_pinned("v3x") && !is_pinned("release") && !is_pinned(""));
    }
}
