//! `source.directory`: how Argo CD reads a folder of plain manifests.

use globset::GlobMatcher;

use crate::glob::{GlobError, Stars, compile};
use crate::yaml::Node;

/// The way in which Argo CD reads a folder of plain manifests (`source.directory`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Directory {
    /// True if folders below are read as well.
    pub recursive: bool,
    pub(super) include: Option<Glob>,
    pub(super) exclude: Option<Glob>,
}

/// A glob in which `*` matches slashes as well. `None` if it is invalid; then nothing matches.
#[derive(Clone, Debug)]
pub(super) struct Glob(Option<GlobMatcher>);

impl PartialEq for Glob {
    fn eq(&self, other: &Glob) -> bool {
        self.0.as_ref().map(GlobMatcher::glob) == other.0.as_ref().map(GlobMatcher::glob)
    }
}

impl Directory {
    pub(super) fn read(node: Option<&Node>) -> Directory {
        let glob = |key: &str| {
            let text = node?.get(key)?.text().filter(|text| !text.is_empty())?;
            match compile(text, Stars::AcrossFolders) {
                // in doubt a file is checked
                Err(GlobError::TooLarge) => None,
                glob => Some(Glob(glob.ok())),
            }
        };
        let recursive = node
            .and_then(|node| node.get("recurse"))
            .and_then(Node::as_bool)
            .unwrap_or(false);
        Directory {
            recursive,
            include: glob("include"),
            exclude: glob("exclude"),
        }
    }

    /// True if `source.directory` sets anything. Argo CD drops one like `jsonnet: {}` or
    /// `recurse: false`, and builds the kustomization of the folder.
    pub(super) fn is_set(node: &Node) -> bool {
        let filled = |key: &str| {
            let text = node.get(key).and_then(Node::text);
            text.is_some_and(|text| !text.is_empty())
        };
        let jsonnet = node.get("jsonnet").map_or(&[][..], Node::entries).iter();
        let mut jsonnet = jsonnet.map(|entry| &entry.value);
        node.get("recurse").and_then(Node::as_bool) == Some(true)
            || filled("include")
            || filled("exclude")
            || jsonnet.any(|value| !value.items().is_empty())
    }

    /// True if a file is read; its path is relative to the folder.
    pub fn reads(&self, path: &str) -> bool {
        let matches = |glob: &Glob| glob.0.as_ref().is_some_and(|glob| glob.is_match(path));
        (self.recursive || !path.contains('/'))
            && !self.exclude.as_ref().is_some_and(matches)
            && self.include.as_ref().is_none_or(matches)
    }
}
