//! A work tree: the files of a folder on disk, together with the Git index, which knows the files
//! that are missing.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::folder::Folder;
use super::git::{ChangedPath, GitError, Id, Repository};
use super::index::Index;
use super::{EntryKind, Source, SourceError, Withheld, folder_of};
use crate::glob::ignore::{Ignore, Patterns};

/// A folder on disk as a [`Source`], which may be the work tree of a repository.
pub struct Worktree {
    folder: Folder,
    /// Read when a file is missing.
    index: OnceLock<Option<Index>>,
}

/// The nearest folder at or above `path` that holds `.git` (a folder, or the file of a linked work
/// tree); else the folder itself.
pub fn find_root(path: &Path) -> PathBuf {
    let folder = if path.is_dir() {
        path
    } else {
        path.parent().unwrap_or(path)
    };
    folder
        .ancestors()
        .find(|ancestor| ancestor.join(".git").exists())
        .unwrap_or(folder)
        .to_path_buf()
}

impl Worktree {
    /// Lists a folder. `.git` is left out at every depth, and so are linked work trees of a
    /// repository, which show other branches. Files that Git ignores are not listed, because no
    /// agent sees them; a kustomization that refers to one can still read it.
    pub fn open(root: &Path) -> Result<Worktree, SourceError> {
        Ok(Worktree::listing(Folder::open(root)?))
    }

    /// The same for a folder that may be in no repository, such as the root of the machine.
    ///
    /// # Errors
    /// If it has too many entries for a config repository, or cannot be read.
    pub fn open_anywhere(root: &Path) -> Result<Worktree, SourceError> {
        /// Three times as many as the largest public config repository has.
        const MOST: usize = 100_000;
        Ok(Worktree::listing(Folder::open_at_most(root, MOST)?))
    }

    fn listing(folder: Folder) -> Worktree {
        let mut tree = Worktree {
            folder,
            index: OnceLock::new(),
        };
        let patterns = tree.ignore_patterns();
        if !patterns.is_empty() && tree.index().is_some() {
            let index = tree.index.get().and_then(Option::as_ref);
            // the files of a submodule are tracked by another index
            let is_tracked = |path: &str| {
                let mut above = std::iter::successors(Some(path), |path| {
                    Some(folder_of(path)).filter(|folder| !folder.is_empty())
                });
                index.is_some_and(|index| above.any(|path| index.has(path)))
            };
            let is_ignored = |path: &str| !is_tracked(path) && patterns.leaves_out(path);
            tree.folder.unlist(is_ignored);
        }
        tree
    }

    /// The patterns of `.gitignore` files in the folder and of `.git/info/exclude`, the ones that
    /// count most last.
    fn ignore_patterns(&self) -> Ignore {
        let mut patterns = Patterns::default();
        let exclude = self.root().join(".git/info/exclude");
        patterns.add("", &std::fs::read_to_string(exclude).unwrap_or_default());
        let files = self.folder.files().iter();
        for path in files.filter(|path| path.rsplit('/').next() == Some(".gitignore")) {
            let text = self.folder.read(path).ok();
            let text = text.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
            patterns.add(folder_of(path), &text.unwrap_or_default());
        }
        patterns.build()
    }

    /// The root, absolute, with links resolved.
    pub fn root(&self) -> &Path {
        self.folder.root()
    }

    /// The tops of linked work trees, which are no part of this one.
    pub fn linked(&self) -> &[Arc<str>] {
        self.folder.linked()
    }

    fn index(&self) -> Option<&Index> {
        let read = || Index::read(&Repository::open(self.root()).ok()?).ok();
        self.index.get_or_init(read).as_ref()
    }

    /// The number of files that a sparse checkout leaves out of the work tree.
    pub fn left_out(&self) -> usize {
        let top = find_root(self.root()).join(".git");
        // a linked work tree has its own settings elsewhere
        let sparse = top.is_file() || top.join("info/sparse-checkout").exists();
        let sparse =
            sparse && Repository::open(self.root()).is_ok_and(|repository| repository.is_sparse());
        self.index()
            .filter(|_| sparse)
            .map_or(0, |index| index.left_out(&self.folder))
    }

    /// The paths that differ between a tree and the work tree, sorted. Files that a sparse checkout
    /// leaves out cannot be compared; they are the second list. In `after`, the id is
    /// made up if only the work tree has the file.
    pub fn changed_since(
        &self,
        repository: &Repository,
        tree: &Id,
    ) -> Result<(Vec<ChangedPath>, Vec<String>), GitError> {
        Index::read(repository)?.changed_since(repository, tree, &self.folder)
    }
}

impl Source for Worktree {
    fn files(&self) -> &[Arc<str>] {
        self.folder.files()
    }

    fn kind(&self, path: &str) -> Option<EntryKind> {
        self.folder.kind(path)
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, SourceError> {
        self.folder.read(path)
    }

    fn resolve(&self, path: &str) -> Result<String, SourceError> {
        self.folder.resolve(path)
    }

    fn link(&self, path: &str) -> Option<Cow<'_, str>> {
        self.folder.link(path)
    }

    fn has_links(&self) -> bool {
        self.folder.has_links()
    }

    fn remotes(&self) -> Vec<String> {
        Repository::open(self.root())
            .map(|repository| repository.remotes())
            .unwrap_or_default()
    }

    fn unreadable(&self) -> Vec<(String, String)> {
        self.folder.unreadable()
    }

    fn withheld(&self, path: &str) -> Option<Withheld> {
        self.index()?.withheld(path, &self.folder)
    }
}
