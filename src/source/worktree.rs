//! A work tree: the files of a folder on disk, together with the Git index, which knows the files
//! that are missing.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::folder::Folder;
use super::git::{ChangedPath, GitError, Id, Repository};
use super::index::Index;
use super::{EntryKind, Source, SourceError, Withheld};

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
    /// repository, which show other branches. Files that Git ignores count like all others.
    pub fn open(root: &Path) -> Result<Worktree, SourceError> {
        Ok(Worktree {
            folder: Folder::open(root)?,
            index: OnceLock::new(),
        })
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
