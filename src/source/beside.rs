//! A base beside the head. A file that is the same in both is the head's file, with its entry in
//! the table of files, so that it is read and parsed once.
//!
//! Not here: finding the differences (`git`, `index`).

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::{EntryKind, Source, SourceError, Withheld, links};

/// A base as a [`Source`] that shares files with the head.
pub struct Beside {
    head: Arc<dyn Source>,
    base: Arc<dyn Source>,
    changed: BTreeSet<Arc<str>>,
    files: Vec<Arc<str>>,
    has_links: bool,
}

impl Beside {
    /// `changed`: the paths of all files and links that differ or exist on one side only.
    pub fn new(
        head: Arc<dyn Source>,
        base: Arc<dyn Source>,
        changed: impl IntoIterator<Item = Arc<str>>,
    ) -> Beside {
        let changed: BTreeSet<Arc<str>> = changed.into_iter().collect();
        let there = |path: &&Arc<str>| {
            base.link(path).is_some() || base.kind(path) == Some(EntryKind::File)
        };
        let mut files: Vec<Arc<str>> = head
            .files()
            .iter()
            .filter(|path| !changed.contains(*path))
            .cloned()
            .collect();
        files.extend(changed.iter().filter(there).cloned());
        files.sort();
        let has_links = head.has_links() || changed.iter().any(|path| base.link(path).is_some());
        Beside {
            head,
            base,
            changed,
            files,
            has_links,
        }
    }

    /// The paths that differ.
    pub fn changed(&self) -> &BTreeSet<Arc<str>> {
        &self.changed
    }

    fn side(&self, path: &str) -> &dyn Source {
        if self.changed.contains(path) {
            &*self.base
        } else {
            &*self.head
        }
    }
}

impl Source for Beside {
    fn files(&self) -> &[Arc<str>] {
        &self.files
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, SourceError> {
        let path = self.resolve(path)?;
        match super::kind_in(&self.files, &path) {
            None => Err(SourceError::Missing),
            Some(EntryKind::Directory) => Err(SourceError::IsDirectory),
            Some(EntryKind::File) => self.side(&path).read(&path),
        }
    }

    fn content_id(&self, path: &str) -> Option<[u8; 20]> {
        let path = self.resolve(path).ok()?;
        self.side(&path).content_id(&path)
    }

    fn resolve(&self, path: &str) -> Result<String, SourceError> {
        if !self.has_links {
            return super::join("", path).ok_or(SourceError::OutsideRoot);
        }
        links::resolve(path, |path| self.link(path))
    }

    fn link(&self, path: &str) -> Option<Cow<'_, str>> {
        self.side(path).link(path)
    }

    fn has_links(&self) -> bool {
        self.has_links
    }

    fn withheld(&self, path: &str) -> Option<Withheld> {
        self.side(path)
            .withheld(path)
            .or_else(|| self.base.withheld(path))
    }

    fn unreadable(&self) -> Vec<(String, String)> {
        self.base.unreadable()
    }

    fn remotes(&self) -> Vec<String> {
        self.head.remotes()
    }

    fn refs(&self) -> Option<&Arc<super::refs::Refs>> {
        self.head.refs()
    }

    fn revision(&self) -> Option<&str> {
        self.base.revision()
    }

    fn revision_of(&self, path: &str) -> Option<Arc<str>> {
        let real = self.resolve(path);
        let path = real.as_deref().unwrap_or(path);
        self.side(path).revision_of(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::memory::Memory;

    #[test]
    fn what_is_alike_is_the_heads() {
        let head = Arc::new(Memory::new([
            ("a/same", "1"),
            ("a/changed", "new"),
            ("a/added", "x"),
            ("b", "file"),
        ]));
        let base = Arc::new(
            Memory::new([("a/changed", "old"), ("gone/file", "y"), ("b/c", "folder")]).at("base"),
        );
        let changed = ["a/changed", "a/added", "gone/file", "b", "b/c"].map(Arc::from);
        let beside = Beside::new(head, base, changed);
        assert_eq!(
            beside
                .files()
                .iter()
                .map(|path| &**path)
                .collect::<Vec<_>>(),
            ["a/changed", "a/same", "b/c", "gone/file"]
        );
        assert_eq!(&*beside.read("a/same").unwrap(), b"1");
        assert_eq!(&*beside.read("a/changed").unwrap(), b"old");
        assert_eq!(beside.read("a/added"), Err(SourceError::Missing));
        assert_eq!(
            (beside.kind("gone"), beside.kind("b")),
            (Some(EntryKind::Directory), Some(EntryKind::Directory))
        );
        assert_eq!(
            (
                beside.revision_of("a/same"),
                beside.revision_of("a/changed")
            ),
            (None, Some("base".into()))
        );
    }
}
