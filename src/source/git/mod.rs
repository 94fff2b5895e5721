//! A Git repository read from its objects: revisions as a [`Source`](super::Source) without a
//! checkout, commits, and what changed between two trees.
//!
//! No Git command is spawned, and neither hooks nor filters of the repository run. Not here: what a
//! change means.

mod changes;
mod checks;
mod commit;
mod error;
mod gaps;
mod history;
mod object;
mod references;
mod revision;
mod submodule;
mod tree;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use gix::ObjectId;
use gix::objs::Kind;
use gix::objs::tree::EntryKind as Mode;

pub use changes::ChangedPath;
pub use commit::{Commit, Person, UNKNOWN_TIME};
pub use error::GitError;
pub use gaps::Gaps;
pub use object::blob_id;
pub(super) use object::sha256;
pub(super) use submodule::not_checked_out;
pub use tree::GitTree;
pub(super) use tree::{Tree, TreeEntry};

use super::lock;

/// A commit's or tree's or file's name: 20 bytes, shown as 40 hexadecimal digits.
pub type Id = [u8; 20];

/// Hexadecimal digits of an id.
pub fn hex(id: &Id) -> String {
    let digits = id.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

/// The first ten digits, as people read them.
pub fn short(id: &Id) -> String {
    hex(id).chars().take(10).collect()
}

/// The advice about a clone that was cut off.
const UNSHALLOW: &str =
    "fetch all of it (fetch-depth: 0, GIT_DEPTH: 0 in GitLab, or git fetch --unshallow)";

/// Bytes of decoded objects that each thread keeps.
const OBJECT_CACHE: usize = 16 << 20;

/// An opened repository. Cheap to share between threads.
pub struct Repository {
    inner: gix::ThreadSafeRepository,
    /// Handles that no thread uses at the moment, each with its caches.
    idle: Mutex<Vec<gix::Repository>>,
    trees: Mutex<object::Trees>,
    /// The top of the work tree.
    top: PathBuf,
    /// The path of the opened folder below the top of the work tree.
    prefix: String,
    /// The file of the index, if it is not the usual one.
    index: Option<PathBuf>,
    /// The repositories of submodules, by their paths below the top.
    modules: Mutex<HashMap<String, Option<Arc<Repository>>>>,
    gaps: Arc<Gaps>,
}

fn unopened(error: &dyn std::error::Error) -> GitError {
    let text = std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ");
    let is_sha256 = text.to_lowercase().contains("sha256")
        || text.contains("objectformat")
        || text.contains("object format");
    GitError::Other(if is_sha256 {
        "repositories with SHA-256 object names are not supported, only those with SHA-1"
            .to_string()
    } else {
        format!("the Git repository cannot be opened: {text}")
    })
}

pub(super) fn id_of(id: impl Into<ObjectId>) -> Id {
    let id: ObjectId = id.into();
    // only SHA-1 is compiled in
    id.as_slice().try_into().unwrap_or_default()
}

fn object(id: &Id) -> ObjectId {
    ObjectId::from_bytes_or_panic(id)
}

/// The id of a tree without entries, which need not be stored.
pub(super) const EMPTY_TREE: Id =
    *b"\x4b\x82\x5d\xc6\x42\xcb\x6e\xb9\xa0\x60\xe5\x4b\xf8\xd6\x92\x88\xfb\xee\x49\x04";

/// True if a folder is a repository without a work tree.
pub fn is_bare(folder: &Path) -> bool {
    folder.join("objects").is_dir() && folder.join("refs").is_dir() && folder.join("HEAD").is_file()
}

impl Repository {
    /// Opens the repository of a folder: the top of its work tree, a folder below it, or a bare
    /// repository. Nothing but the repository's own files is read: no configuration of the user or
    /// the system, no variable of the environment.
    pub fn open(root: &Path) -> Result<Repository, GitError> {
        let top = root.ancestors().find(|folder| folder.join(".git").exists());
        let top = match top {
            Some(top) => top,
            None if is_bare(root) => root,
            None => return Err(GitError::NotARepository),
        };
        let prefix = root
            .strip_prefix(top)
            .ok()
            .and_then(Path::to_str)
            .unwrap_or_default()
            .replace(std::path::MAIN_SEPARATOR, "/");
        Repository::at(top, top, prefix)
    }

    /// Opens the repository at `folder` for the work tree at `top`.
    fn at(folder: &Path, top: &Path, prefix: String) -> Result<Repository, GitError> {
        checks::points_somewhere(folder)?;
        let inner = gix::open::Options::isolated()
            // a replaced object is not the one that was reviewed
            .config_overrides(["core.useReplaceRefs=false"])
            .open(folder)
            .map_err(|error| unopened(&error))?;
        let repository = Repository {
            inner,
            idle: Mutex::default(),
            trees: Mutex::default(),
            top: top.to_path_buf(),
            prefix,
            index: None,
            modules: Mutex::default(),
            gaps: Arc::default(),
        };
        repository.with(checks::is_supported)?;
        Ok(repository)
    }

    /// Uses another index than the usual one. Git passes one to the hooks of a commit that includes
    /// only part of what is staged. Relative to the top of the work tree.
    pub fn with_index(self, index: Option<PathBuf>) -> Repository {
        let index = index.map(|index| self.top.join(index));
        Repository { index, ..self }
    }

    /// The top of the work tree; of a bare repository its folder.
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// The path of the opened folder below the top of the work tree; empty for the top itself.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// True if it was opened with a work tree.
    pub fn has_worktree(&self) -> bool {
        self.with(|repo| repo.workdir().is_some())
    }

    /// The file of the index; `None` without a work tree.
    pub(super) fn index_path(&self) -> Option<PathBuf> {
        self.with(|repo| {
            self.has_worktree()
                .then(|| self.index.clone().unwrap_or_else(|| repo.index_path()))
        })
    }

    /// True if the work tree may lack files on purpose.
    pub(super) fn is_sparse(&self) -> bool {
        self.with(|repo| repo.git_dir().join("info/sparse-checkout").exists())
    }

    /// The objects that were needed and are missing from this clone.
    pub fn gaps(&self) -> &Gaps {
        &self.gaps
    }

    /// Lends a handle, which keeps its caches for the next use.
    pub(super) fn with<T>(&self, act: impl FnOnce(&gix::Repository) -> T) -> T {
        let idle = lock(&self.idle).pop();
        let handle = idle.unwrap_or_else(|| {
            let mut handle = self.inner.to_thread_local();
            handle.object_cache_size_if_unset(OBJECT_CACHE);
            handle
        });
        let result = act(&handle);
        lock(&self.idle).push(handle);
        result
    }

    /// The URLs of all remotes, sorted.
    pub fn remotes(&self) -> Vec<String> {
        self.with(|repo| {
            let config = repo.config_snapshot();
            let sections = config
                .plumbing()
                .sections_by_name("remote")
                .into_iter()
                .flatten();
            let mut urls: Vec<String> = sections
                .flat_map(|section| section.values("url"))
                .map(|url| url.to_string())
                .collect();
            urls.sort();
            urls
        })
    }

    /// True if history was cut off when cloning.
    pub fn is_shallow(&self) -> bool {
        self.with(|repo| repo.is_shallow().unwrap_or(false))
    }

    /// True if objects were left out when cloning.
    pub(super) fn is_partial(&self) -> bool {
        self.with(|repo| {
            let config = repo.config_snapshot();
            let sections = config
                .plumbing()
                .sections_by_name("remote")
                .into_iter()
                .flatten();
            config.string("extensions.partialClone").is_some()
                || sections.into_iter().any(|section| {
                    section
                        .value("promisor")
                        .is_some_and(|value| value.eq_ignore_ascii_case(b"true"))
                })
        })
    }

    /// A commit.
    pub fn commit(&self, id: &Id) -> Result<Commit, GitError> {
        let bytes = self.with(|repo| {
            let found = repo
                .find_object(object(id))
                .map_err(|error| self.missing(id, Kind::Commit, hex(id), &error))?;
            Ok::<Vec<u8>, GitError>(found.data.clone())
        })?;
        let unreadable = || {
            GitError::Other(format!(
                "the commit {} cannot be read; git fsck shows more",
                short(id)
            ))
        };
        let mut commit = Commit::parse(id, &bytes).ok_or_else(unreadable)?;
        let mut folder = String::new();
        for part in self.prefix.split('/').filter(|part| !part.is_empty()) {
            let tree = self.entries(&folder, &commit.tree)?;
            commit.tree = tree
                .find(part)
                .filter(|below| below.mode == Mode::Tree)
                .map_or(EMPTY_TREE, |below| below.id);
            folder = format!("{folder}/{part}");
        }
        Ok(commit)
    }

    /// A revision's files.
    pub fn tree(self: &Arc<Self>, commit: &Commit) -> GitTree {
        GitTree::new(self, commit, &self.gaps, false)
    }

    /// The files of one revision of many. A file that is the same in several revisions has one
    /// name, so that it is read once.
    pub fn tree_among_many(self: &Arc<Self>, commit: &Commit, gaps: &Arc<Gaps>) -> GitTree {
        GitTree::new(self, commit, gaps, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::scratch::{commit, git};
    use crate::source::{EntryKind, Source, SourceError};

    #[test]
    fn reads_revisions_without_a_checkout() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        git(root, &["init", "-q"]);
        let repository = Arc::new(Repository::open(root).unwrap());
        assert_eq!(repository.resolve("HEAD"), Err(GitError::Unborn));
        commit(root, &[("a/b.yaml", "x: 1"), ("c.yaml", "y: 1")], "first");
        #[cfg(unix)]
        std::os::unix::fs::symlink("a", root.join("link")).unwrap();
        commit(
            root,
            &[("a/b.yaml", "x: 2"), ("a/new.yaml", "z: 1")],
            "second",
        );
        let repository = Arc::new(Repository::open(root).unwrap());
        let head = repository.resolve("HEAD").unwrap();
        let commits: Vec<Commit> = repository
            .first_parents(&head)
            .map(Result::unwrap)
            .collect();
        assert_eq!(
            commits
                .iter()
                .map(|commit| commit.message.trim())
                .collect::<Vec<_>>(),
            ["second", "first"]
        );
        assert_eq!(
            commits[0].author,
            Person {
                name: "Ada".into(),
                email: "ada@example.com".into()
            }
        );
        let (new, old) = (repository.tree(&commits[0]), repository.tree(&commits[1]));
        assert_eq!(&*old.read("a/b.yaml").unwrap(), b"x: 1");
        assert_eq!(&*new.read("a/b.yaml").unwrap(), b"x: 2");
        assert_eq!(new.content_id("a/b.yaml"), Some(blob_id(b"x: 2")));
        assert_eq!(old.kind("a"), Some(EntryKind::Directory));
        assert_eq!(old.read("a/new.yaml"), Err(SourceError::Missing));
        assert_eq!(old.read("../etc"), Err(SourceError::OutsideRoot));
        assert_eq!(
            old.files().iter().map(|file| &**file).collect::<Vec<_>>(),
            ["a/b.yaml", "c.yaml"]
        );
        #[cfg(unix)]
        assert_eq!(&*new.read("link/b.yaml").unwrap(), b"x: 2");
        let changed = repository
            .changed_paths(&commits[1].tree, &commits[0].tree)
            .unwrap();
        let paths: Vec<&str> = changed
            .iter()
            .map(|change| change.path.as_str())
            .filter(|path| *path != "link")
            .collect();
        assert_eq!(paths, ["a/b.yaml", "a/new.yaml"]);
        assert_eq!(
            repository.merge_bases(&commits[0].id, &commits[1].id),
            Ok(vec![commits[1].id])
        );
        assert_eq!(
            repository
                .commits_between(&commits[1].id, &commits[0].id)
                .unwrap()
                .len(),
            1
        );
        assert!(
            matches!(repository.resolve("nope"), Err(GitError::UnknownRevision(name, _)) if name == "nope")
        );
        // a folder below the top is read as a separate tree
        let below = Arc::new(Repository::open(&root.join("a")).unwrap());
        let commit = below.commit(&head).unwrap();
        assert_eq!(&*below.tree(&commit).read("b.yaml").unwrap(), b"x: 2");
        assert!(matches!(
            Repository::open(tempfile::tempdir().unwrap().path()),
            Err(GitError::NotARepository)
        ));
    }
}
