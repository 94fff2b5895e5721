//! Texts that are not on disk yet: the documents of an editor. They replace the files of the work
//! tree behind [`Beside`](super::beside::Beside).
//!
//! Each version of a text has a name of its own, such as `unsaved 7`, which takes the place of a
//! revision in the table of files. So a text that did not change is parsed once.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{EntryKind, Source, SourceError};

/// A version of a text.
#[derive(Clone, Debug)]
struct Version {
    text: Arc<str>,
    name: Arc<str>,
}

/// The texts that differ from the files on disk. `None` stands for a file that is gone.
#[derive(Clone, Debug, Default)]
pub struct Unsaved {
    texts: BTreeMap<Arc<str>, Option<Version>>,
    /// The present paths, sorted.
    paths: Vec<Arc<str>>,
    /// The number of changes so far.
    versions: usize,
}

impl Unsaved {
    /// Replaces the text of a file. Returns true if that changes something.
    pub fn set(&mut self, path: &str, text: Option<&str>) -> bool {
        let known = self.texts.get(path);
        let old = known.map(|version| version.as_ref().map(|version| &*version.text));
        if old == Some(text) {
            return false;
        }
        self.versions += 1;
        let version = text.map(|text| Version {
            text: Arc::from(text),
            name: Arc::from(format!("unsaved {}", self.versions)),
        });
        self.texts.insert(Arc::from(path), version);
        self.list();
        true
    }

    /// Takes a file from disk again. Returns true if that changes something.
    pub fn forget(&mut self, path: &str) -> bool {
        let is_known = self.texts.remove(path).is_some();
        self.versions += usize::from(is_known);
        self.list();
        is_known
    }

    fn list(&mut self) {
        let present = self.texts.iter().filter(|(_, version)| version.is_some());
        self.paths = present.map(|(path, _)| path.clone()).collect();
    }

    /// The paths that it replaces, sorted.
    pub fn changed(&self) -> impl Iterator<Item = &Arc<str>> {
        self.texts.keys()
    }

    /// The text of a file that it replaces. The inner `None` stands for a file that is gone.
    pub fn text(&self, path: &str) -> Option<Option<&str>> {
        let version = self.texts.get(path)?;
        Some(version.as_ref().map(|version| &*version.text))
    }

    /// The number of changes so far. Each version of a text takes memory.
    pub fn versions(&self) -> usize {
        self.versions
    }
}

impl Source for Unsaved {
    fn files(&self) -> &[Arc<str>] {
        &self.paths
    }

    fn kind(&self, path: &str) -> Option<EntryKind> {
        super::kind_in(&self.paths, path)
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, SourceError> {
        match self.texts.get(path) {
            Some(Some(version)) => Ok(Arc::from(version.text.as_bytes())),
            None if self.kind(path).is_some() => Err(SourceError::IsDirectory),
            _ => Err(SourceError::Missing),
        }
    }

    fn revision_of(&self, path: &str) -> Option<Arc<str>> {
        Some(self.texts.get(path)?.as_ref()?.name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_name_until_it_changes() {
        let mut unsaved = Unsaved::default();
        assert!(unsaved.set("a/b.yaml", Some("x: 1")));
        let first = unsaved.revision_of("a/b.yaml");
        assert!(!unsaved.set("a/b.yaml", Some("x: 1")));
        assert_eq!(unsaved.revision_of("a/b.yaml"), first);
        assert!(unsaved.set("a/b.yaml", Some("x: 2")));
        assert_ne!(unsaved.revision_of("a/b.yaml"), first);
        assert_eq!(&*unsaved.read("a/b.yaml").unwrap(), b"x: 2");
        assert_eq!(unsaved.kind("a"), Some(EntryKind::Directory));
        assert!(unsaved.set("a/b.yaml", None));
        assert_eq!(unsaved.read("a/b.yaml"), Err(SourceError::Missing));
        assert_eq!(unsaved.kind("a"), None);
        assert!(unsaved.forget("a/b.yaml") && !unsaved.forget("a/b.yaml"));
    }
}
