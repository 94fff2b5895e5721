//! Files held in memory, for tests and for objects that are not in the tree.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Source, SourceError};

/// A tree of files in memory.
#[derive(Default)]
pub struct Memory {
    contents: BTreeMap<Arc<str>, Arc<[u8]>>,
    paths: Vec<Arc<str>>,
    revision: Option<Arc<str>>,
}

impl Memory {
    /// A tree of the given files.
    pub fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Memory {
        let contents: BTreeMap<Arc<str>, Arc<[u8]>> = files
            .into_iter()
            .map(|(path, text)| (Arc::from(path), Arc::from(text.as_bytes())))
            .collect();
        let paths = contents.keys().cloned().collect();
        Memory {
            contents,
            paths,
            revision: None,
        }
    }
    /// The same tree as a revision that is not the head.
    pub fn at(self, revision: &str) -> Memory {
        Memory {
            revision: Some(revision.into()),
            ..self
        }
    }
}

impl Source for Memory {
    fn revision(&self) -> Option<&str> {
        self.revision.as_deref()
    }
    fn files(&self) -> &[Arc<str>] {
        &self.paths
    }
    fn read(&self, path: &str) -> Result<Arc<[u8]>, SourceError> {
        match self.contents.get(path) {
            Some(bytes) => Ok(bytes.clone()),
            None if self.kind(path).is_some() => Err(SourceError::IsDirectory),
            None => Err(SourceError::Missing),
        }
    }
}
