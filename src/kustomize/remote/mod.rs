//! Remote bases, files and Helm charts. Nothing is fetched and nothing is run: the configuration
//! maps them to copies in the tree.
//!
//! Here: finding copies. Not here: reading URLs (`url`).

mod url;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::decode::Text;
use super::{Identity, Problem, ProblemKind};
use crate::glob::Glob;
use crate::source::join;
pub(crate) use url::{is_http, parse};
use url::{is_pinned, repository_of};

/// The copies in the tree that the configuration names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remotes {
    /// URLs, and the folder or file of the tree that is their copy.
    pub urls: BTreeMap<String, String>,
    /// Output of `helm template`. The first entry that matches is used.
    pub charts: Vec<Chart>,
    /// Folders with copies of charts, unpacked or packed.
    pub chart_folders: Vec<String>,
    /// The names that charts use for usual values: `resources`, and for it `appResources`.
    pub value_names: Arc<ValueNames>,
}

/// Usual keys of values, and the keys that charts use in their place.
pub type ValueNames = BTreeMap<String, Vec<String>>;

/// An entry of `charts`: the rendered output of a chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    /// The chart's name.
    pub name: String,
    /// The name of the release, if the chart is used more than once.
    pub release: Option<String>,
    /// The kustomization's folder; `None` for all.
    pub path: Option<Glob>,
    /// The chart's version that was rendered.
    pub version: Option<String>,
    /// A file, or a folder of which all YAML files count.
    pub output: String,
}

impl Remotes {
    /// The folder or file of the tree that is the copy of a URL. Mapping a repository or folder
    /// also maps everything below it; mapping it without `ref` maps every revision. The closest
    /// entry counts.
    pub fn copy_of(&self, url: &str) -> Option<String> {
        if self.urls.is_empty() {
            return None;
        }
        if let Some(copy) = self.urls.get(url) {
            return join("", copy);
        }
        let wanted = parse(url).map(|remote| (repository_of(&remote), remote));
        let fits = |(mapped, copy): (&String, &String)| -> Option<((usize, bool), String)> {
            let (rest, length, pinned) = match (&wanted, parse(mapped)) {
                (Some((repository, wanted)), Some(mapped)) => {
                    let same = *repository == repository_of(&mapped)
                        && (mapped.reference.is_empty() || mapped.reference == wanted.reference);
                    let rest = same
                        .then(|| below(&wanted.folder, &mapped.folder))
                        .flatten()?;
                    (rest, mapped.folder.len(), !mapped.reference.is_empty())
                }
                // on a plain file server, a URL covers everything below it
                _ => (
                    below(url, mapped.trim_end_matches('/'))?,
                    mapped.len(),
                    false,
                ),
            };
            Some(((length, pinned), join(&join("", copy)?, rest)?))
        };
        self.urls
            .iter()
            .filter_map(fits)
            .max_by_key(|(rank, _)| *rank)
            .map(|(_, copy)| copy)
    }

    /// The output of a chart for the kustomization of a folder.
    pub fn chart(&self, name: &str, release: Option<&str>, folder: &str) -> Option<&Chart> {
        self.charts.iter().find(|chart| {
            chart.name == name
                && chart
                    .release
                    .as_deref()
                    .is_none_or(|wanted| Some(wanted) == release)
                && chart.path.as_ref().is_none_or(|glob| glob.is_match(folder))
        })
    }
}

/// The rest of a path below a folder; empty if both are the same.
fn below<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    if folder.is_empty() {
        return Some(path);
    }
    let rest = path.strip_prefix(folder)?;
    if rest.is_empty() {
        Some(rest)
    } else {
        rest.strip_prefix('/')
    }
}

/// A URL without what pins it: another version of one base has the same.
pub(crate) fn without_pin(url: &str) -> String {
    let location = url.split_once('?').map_or(url, |(location, _)| location);
    let parts = location.split('/');
    let parts = parts.map(|part| if is_pinned(part) { "*" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// The configuration names a copy that does not exist.
pub(crate) fn missing_copy(reference: &Text, copy: &str) -> Problem {
    let message = format!(
        "the configuration says that {copy:?} is the copy of {:?}, but it does not exist",
        &**reference
    );
    Problem::error(reference.origin(), message)
        .with_help("correct the entry under remotes, or put the copy there")
}

/// A URL has no copy in the tree.
pub(crate) fn problem(reference: &Text) -> Problem {
    let url: &str = reference;
    let pinned = match parse(url) {
        Some(remote) if !remote.reference.is_empty() => is_pinned(&remote.reference),
        _ => url.split(['/', '?', '&', '=', '@']).any(is_pinned),
    };
    let (kind, message) = match pinned {
        true => (
            ProblemKind::RemotePinned,
            format!("{url:?} is remote and has no copy in the repository, so it was left out"),
        ),
        false => (
            ProblemKind::RemoteUnpinned,
            format!(
                "{url:?} is remote, can change at any time and has no copy in the repository, so it was left out"
            ),
        ),
    };
    let help = match pinned {
        true => {
            "put a copy into the repository and name its folder under remotes in the configuration"
        }
        false => {
            "pin it with ?ref= and a version tag or full commit id, or put a copy into the repository"
        }
    };
    Problem::error(reference.origin(), message)
        .with_kind(kind)
        .with_help(help)
        .about(Identity::Remote(url.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_taken_out_of_urls() {
        for (one, other, same) in [
            (
                "https://x/a//b?ref=v1.0.0",
                "https://x/a//b?ref=v1.1.0",
                true,
            ),
            (
                "https://x/a/v1.0.0/b.yaml",
                "https://x/a/v1.1.0/b.yaml",
                true,
            ),
            (
                "https://x/a//b?ref=v1.0.0",
                "https://y/a//b?ref=v1.0.0",
                false,
            ),
        ] {
            assert_eq!(without_pin(one) == without_pin(other), same, "{one}");
        }
    }

    #[test]
    fn copies_stand_for_urls() {
        let urls = [
            ("https://github.com/acme/bases", "vendor/bases"),
            ("https://github.com/acme/bases?ref=v3", "vendor/bases-v3/"),
            (
                "https://github.com/acme/bases//web/special?ref=v3",
                "special",
            ),
            ("https://files.example.com/crds", "vendor/crds"),
            ("https://example.com/one.yaml", "vendor/one.yaml"),
            ("https://raw.example.com/acme/bases/v1", "vendor/raw"),
        ];
        let urls = urls
            .iter()
            .map(|(url, copy)| (url.to_string(), copy.to_string()))
            .collect();
        let remotes = Remotes {
            urls,
            charts: Vec::new(),
            ..Remotes::default()
        };
        for (url, copy) in [
            (
                "https://github.com/acme/bases//web?ref=v2",
                Some("vendor/bases/web"),
            ),
            (
                "git@github.com:acme/bases.git//web?ref=v2",
                Some("vendor/bases/web"),
            ),
            (
                "github.com/acme/bases/web?ref=v3&timeout=10s",
                Some("vendor/bases-v3/web"),
            ),
            (
                "https://github.com/acme/bases//web/special/deep?ref=v3",
                Some("special/deep"),
            ),
            (
                "https://github.com/acme/bases//web/specialist?ref=v3",
                Some("vendor/bases-v3/web/specialist"),
            ),
            ("https://github.com/acme/other//web", None),
            (
                "https://files.example.com/crds/a.yaml",
                Some("vendor/crds/a.yaml"),
            ),
            ("https://files.example.com/crdsx/a.yaml", None),
            ("https://example.com/one.yaml", Some("vendor/one.yaml")),
            (
                "https://raw.example.com/acme/bases/v1/web/a.yaml",
                Some("vendor/raw/web/a.yaml"),
            ),
            ("https://raw.example.com/acme/bases/v2/web/a.yaml", None),
            ("../base", None),
        ] {
            assert_eq!(remotes.copy_of(url).as_deref(), copy, "{url}");
        }
    }

    #[test]
    fn charts_are_found_by_name_release_and_folder() {
        let chart = |name: &str, release: Option<&str>, path: Option<&str>, output: &str| Chart {
            name: name.into(),
            release: release.map(str::to_string),
            path: path.and_then(|path| Glob::new(path.to_string()).ok()),
            version: None,
            output: output.into(),
        };
        let charts = vec![
            chart("redis", Some("cache"), None, "a"),
            chart("redis", None, Some("apps/*/overlays/production"), "b"),
            chart("redis", None, Some("apps/**"), "c"),
        ];
        let remotes = Remotes {
            urls: BTreeMap::new(),
            charts,
            ..Remotes::default()
        };
        let output = |name, release, folder| {
            remotes
                .chart(name, release, folder)
                .map(|chart| chart.output.as_str())
        };
        assert_eq!(output("redis", Some("cache"), "x"), Some("a"));
        assert_eq!(
            output("redis", None, "apps/web/overlays/production"),
            Some("b")
        );
        assert_eq!(output("redis", Some("other"), "apps/web/base"), Some("c"));
        assert_eq!(output("redis", None, "x"), None);
        assert_eq!(output("mysql", None, "apps/web/base"), None);
    }
}
