//! Which URLs in agents' objects are this repository: those of the clone's remotes and of the
//! source that `flux bootstrap` created, else the URL whose paths exist here.

use std::collections::{BTreeMap, BTreeSet};

/// The URLs of this repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Identity {
    /// Empty if no URL is known. Then every URL counts as this repository.
    own: BTreeSet<String>,
    /// True if the URLs are known, and not only the most likely ones.
    certain: bool,
}

impl Identity {
    /// `known`: URLs that certainly are this repository. `mentions`: every URL from which an object
    /// reads a path, and whether that path exists here.
    ///
    /// The objects in a mirror or fork name another URL than the one that it was cloned from. If no
    /// object names a known URL, the one with the most paths that exist here counts as this
    /// repository, or several if they have equally many.
    /// A URL that objects read nothing but the root from is another repository, as a tenant's is, if
    /// the own one is known or `bootstrapped`.
    pub(super) fn recognise(
        known: &[String],
        mentions: &[(String, bool)],
        bootstrapped: &dyn Fn() -> bool,
    ) -> Identity {
        let known: BTreeSet<String> = known.iter().map(|url| plain(url)).collect();
        let mut existing: BTreeMap<String, usize> = BTreeMap::new();
        for (url, exists) in mentions {
            *existing.entry(plain(url)).or_default() += usize::from(*exists);
        }
        if existing.keys().any(|url| known.contains(url)) {
            return Identity {
                own: known,
                certain: true,
            };
        }
        let most = existing.values().copied().max().unwrap_or_default();
        if most == 0 && !existing.is_empty() && (!known.is_empty() || bootstrapped()) {
            let none = String::new();
            return Identity {
                own: if known.is_empty() {
                    [none].into()
                } else {
                    known
                },
                certain: false,
            };
        }
        let paths = mentions.iter().filter(|(_, exists)| *exists).count();
        Identity {
            // a clone of a mirror still holds most of the paths
            certain: paths > 0 && (known.is_empty() || paths > 1 && paths * 2 > mentions.len()),
            own: existing
                .into_iter()
                .filter(|(_, count)| *count == most)
                .map(|(url, _)| url)
                .collect(),
        }
    }

    /// True if a URL is certainly this repository.
    pub(super) fn is_certain(&self, url: &str) -> bool {
        self.certain && !url.contains("{{") && self.own.contains(&plain(url))
    }

    /// True if a URL is this repository. A URL that contains a template counts, too.
    pub(super) fn is_own(&self, url: &str) -> bool {
        self.own.is_empty() || url.contains("{{") || self.own.contains(&plain(url))
    }
}

/// Host and path in lower case, without scheme, user, port and `.git`:
/// `git@github.com:Acme/Config.git` is `github.com/acme/config`.
fn plain(url: &str) -> String {
    let lower = url.trim().to_lowercase();
    let (scheme, rest) = lower
        .split_once("://")
        .map_or(("", lower.as_str()), |(scheme, rest)| (scheme, rest));
    let authority = rest.find('/').unwrap_or(rest.len());
    let rest = rest[..authority]
        .rfind('@')
        .map_or(rest, |at| &rest[at + 1..]);
    let (host, path) = match rest.find(['/', ':']) {
        // `host:path` without a scheme, `host:port/path` with one
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (rest, ""),
    };
    let path = match path.split_once('/') {
        Some((port, path))
            if !scheme.is_empty()
                && !port.is_empty()
                && port.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            path
        }
        _ => path,
    };
    let path = path.trim_matches('/');
    format!("{host}/{}", path.strip_suffix(".git").unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_repository_has_many_urls() {
        for url in [
            "https://github.com/acme/config",
            "https://github.com/Acme/Config.git/",
            "git@github.com:acme/config.git",
            "ssh://git@github.com:22/acme/config",
            "https://x-access-token:secret@github.com/acme/config",
        ] {
            assert_eq!(plain(url), "github.com/acme/config", "{url}");
        }
        assert_ne!(
            plain("https://github.com/acme/config"),
            plain("https://github.com/acme/other")
        );
    }

    #[test]
    fn the_own_repository_is_known_or_found() {
        let (own, other) = (
            "https://github.com/acme/config".to_string(),
            "https://github.com/acme/other".to_string(),
        );
        let mentions = [
            (own.clone(), true),
            (own.clone(), true),
            (other.clone(), true),
        ];
        let known = Identity::recognise(
            &["git@github.com:acme/config".to_string()],
            &mentions,
            &|| false,
        );
        assert!(known.is_own(&own) && !known.is_own(&other) && known.is_own("{{url}}"));
        let found = Identity::recognise(&["/srv/mirror".to_string()], &mentions, &|| false);
        assert!(found.is_own(&own) && !found.is_own(&other));
        assert!(Identity::recognise(&[], &[], &|| true).is_own(&other));
        let root = [(other.clone(), false)];
        assert!(Identity::recognise(&[], &root, &|| false).is_own(&other));
        assert!(!Identity::recognise(&[], &root, &|| true).is_own(&other));
        assert!(!Identity::recognise(&[own], &root, &|| false).is_own(&other));
    }
}
