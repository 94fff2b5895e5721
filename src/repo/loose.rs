//! Objects in files that no overlay reads: somebody else applies them, or nobody does. They are in the
//! repository all the same.

use std::sync::Arc;

use foldhash::HashSet;
use rayon::prelude::*;

use super::discover::{in_chart, is_example, is_set_aside};
use super::{Overlay, Repo, definitions};
use crate::source::{EntryKind, folder_of};
use crate::yaml::{FileId, Node};

/// Folders of files that only tests and local clusters use.
const FOR_TESTS: &[&str] = &["e2e", "fixtures", "local", "test", "testdata", "tests"];

/// An object that no overlay has.
#[derive(Clone, Debug)]
pub struct Loose {
    /// The path of its file.
    pub path: Arc<str>,
    /// The object as written.
    pub node: Node,
}

impl Repo {
    /// The Secrets in files that none of some overlays reads, in the order of the paths. Without `paths`,
    /// all files are looked at.
    pub fn loose_secrets<'o>(
        &self,
        paths: Option<&dyn Fn(&str) -> bool>,
        overlays: impl Iterator<Item = &'o Overlay>,
    ) -> Vec<Loose> {
        let all = self.source.files().iter();
        let chosen: Vec<&Arc<str>> = all
            .filter(|path| path.ends_with(".yaml") || path.ends_with(".yml"))
            .filter(|path| paths.is_none_or(|chosen| chosen(path)))
            .collect();
        let named: Vec<&Arc<str>> = chosen
            .into_par_iter()
            .filter(|path| self.may_hold_secret(path))
            .collect();
        if named.is_empty() {
            return Vec::new();
        }
        let read: HashSet<FileId> = overlays
            .flat_map(|overlay| overlay.rendered.files.iter().copied())
            .collect();
        let loose = named.into_iter().flat_map(|path| {
            let parsed = self.renderer.parsed(path).ok();
            let file = self.renderer.file_id(path);
            let parsed = parsed.filter(|_| file.is_some_and(|file| !read.contains(&file)));
            let documents = parsed.map_or_else(Vec::new, |parsed| parsed.documents.clone());
            let secrets = documents.into_iter().filter(is_secret);
            secrets.map(|node| Loose {
                path: path.clone(),
                node,
            })
        });
        loose.collect()
    }

    fn may_hold_secret(&self, path: &str) -> bool {
        let folder = folder_of(path);
        let is_named = |text: &str| text.contains("Secret") && text.contains("ata:");
        let is_kept = !path.split('/').any(|part| part.starts_with('.'))
            && !folder.split('/').any(|part| FOR_TESTS.contains(&part))
            && !is_example(path)
            && !is_set_aside(folder)
            && !self.is_ignored(folder);
        is_kept
            && self.renderer.skim(path, definitions::LARGEST, is_named)
            && self.source.kind(path) == Some(EntryKind::File)
            && !in_chart(path, &*self.source)
    }
}

fn is_secret(node: &Node) -> bool {
    let text = |key: &str| node.get(key).and_then(Node::text);
    text("kind") == Some("Secret") && text("apiVersion") == Some("v1")
}
