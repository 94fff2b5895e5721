//! Finds what the configuration names: entries of `layout` that match nothing, and files that were
//! read.

use std::collections::BTreeSet;

use super::Repo;
use super::discover::Layout;
use crate::config::{Config, LayoutPattern};
use crate::source::folder_of;
use crate::yaml::FileId;

impl Repo {
    /// The file of a path, if it was read.
    pub fn file(&self, path: &str) -> Option<FileId> {
        self.files.find(path, &self.source.revision_of(path))
    }

    /// The entries of `layout` that match no folder, in the order of the configuration.
    pub fn unmatched_layout<'c>(&'c self, config: &'c Config) -> Vec<&'c LayoutPattern> {
        if config.layout.is_empty() {
            return Vec::new();
        }
        let mut folders: BTreeSet<&str> = BTreeSet::from([""]);
        for file in self.source.files() {
            let mut folder = folder_of(file);
            while folders.insert(folder) {
                folder = folder_of(folder);
            }
        }
        let folders: Vec<&str> = folders.into_iter().collect();
        let layout = Layout::new(&self.environments, &config.layout, folders.iter().copied());
        layout.unmatched(&folders)
    }
}
