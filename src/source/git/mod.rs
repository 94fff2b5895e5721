//! A Git repository read from its objects: revisions as a [`Source`](super::Source) without a
//! checkout, commits, and what changed between two trees.
//!
//! No Git command is spawned, and neither hooks nor filters of the repository run. Not here: what a
//! change means.

mod commit;
mod gaps;
mod history;
mod tree;

use std::cmp::{Ordering, Reverse};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use gix::ObjectId;
use gix::objs::Kind;
use gix::objs::tree::EntryKind as Mode;
use gix::revision::plumbing::Spec;
use sha2::{Digest, Sha256};

pub use commit::{Commit, Person, UNKNOWN_TIME};
pub use gaps::Gaps;
use history::History;
pub use tree::GitTree;
pub(super) use tree::{Tree, TreeEntry};

use super::{MAX_FILE_SIZE, SourceError, Withheld, pointed_at};

/// Why Git could not answer. What to do about it is said as well.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    /// There is no repository.
    #[error("there is no Git repository here")]
    NotARepository,
    /// A branch without a commit.
    #[error("the branch has no commit yet")]
    Unborn,
    /// A revision that does not exist, and what may be the reason.
    #[error("there is no revision {0:?}{1}")]
    UnknownRevision(String, String),
    /// The histories of two revisions do not meet in what was fetched, and what to do.
    #[error("{0} and {1} have no common ancestor{2}")]
    Unrelated(String, String, String),
    /// An object that should be there is not, or is damaged.
    #[error("{what} is not here: {withheld}")]
    Missing {
        /// What it is: a commit, a folder.
        what: String,
        /// Why, and how to get it.
        withheld: Withheld,
    },
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

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

/// A path that differs between two trees.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangedPath {
    /// The path.
    pub path: String,
    /// The file's id before; `None` when it is new.
    pub before: Option<Id>,
    /// The file's id after; `None` when it is gone.
    pub after: Option<Id>,
    /// Whether it is a submodule, before or after: then the ids are those of commits.
    pub submodule: bool,
}

/// What to do about a clone that was cut off.
const UNSHALLOW: &str =
    "fetch all of it (fetch-depth: 0, GIT_DEPTH: 0 in GitLab, or git fetch --unshallow)";

/// Trees that were read.
#[derive(Default)]
struct Trees {
    known: HashMap<Id, Arc<Tree>>,
    bytes: usize,
}

/// Bytes of decoded objects that each thread keeps.
const OBJECT_CACHE: usize = 16 << 20;
/// Bytes of trees that are kept. A long history of a wide folder has more.
const TREE_CACHE: usize = 64 << 20;

/// An opened repository. Cheap to share between threads.
pub struct Repository {
    inner: gix::ThreadSafeRepository,
    /// Handles that no thread uses at the moment, each with its caches.
    idle: Mutex<Vec<gix::Repository>>,
    trees: Mutex<Trees>,
    /// The top of the work tree.
    top: PathBuf,
    /// Where the opened folder lies below the top of the work tree.
    prefix: String,
    /// The file of the index, where it is not the usual one.
    index: Option<PathBuf>,
    /// The repositories of submodules, by their paths below the top.
    modules: Mutex<HashMap<String, Option<Arc<Repository>>>>,
    gaps: Arc<Gaps>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
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

/// Whether a folder is a repository without a work tree.
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

    /// Opens the repository that lies at `place`, for the work tree at `top`.
    fn at(place: &Path, top: &Path, prefix: String) -> Result<Repository, GitError> {
        elsewhere(place)?;
        let inner = gix::open::Options::isolated().open(place).map_err(|error| {
            let text = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source())
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(": ");
            match text.to_lowercase().contains("sha256") || text.contains("objectformat") || text.contains("object format") {
                true => GitError::Other("repositories with SHA-256 object names are not supported, only those with SHA-1".to_string()),
                false => GitError::Other(format!("the Git repository cannot be opened: {text}")),
            }
        })?;
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
        repository.with(understood)?;
        Ok(repository)
    }

    /// The same with another index than the usual one, as Git tells hooks of a commit that takes in
    /// part of what is staged. Relative to the top of the work tree.
    pub fn with_index(self, index: Option<PathBuf>) -> Repository {
        let index = index.map(|index| self.top.join(index));
        Repository { index, ..self }
    }

    /// The top of the work tree; of a bare repository its folder.
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// Where the opened folder lies below the top of the work tree; empty for the top itself.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether files are checked out where it was opened.
    pub fn has_worktree(&self) -> bool {
        self.with(|repo| repo.workdir().is_some())
    }

    /// The file of the index; `None` where there is no work tree.
    pub(super) fn index_path(&self) -> Option<PathBuf> {
        self.with(|repo| {
            self.has_worktree()
                .then(|| self.index.clone().unwrap_or_else(|| repo.index_path()))
        })
    }

    /// Whether the work tree may lack files on purpose.
    pub(super) fn is_sparse(&self) -> bool {
        self.with(|repo| repo.git_dir().join("info/sparse-checkout").exists())
    }

    /// What was asked for and is not in this clone.
    pub fn gaps(&self) -> &Gaps {
        &self.gaps
    }

    /// Does something with a handle that keeps its caches for the next time.
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

    /// The commit that a revision names: a branch, tag, id, `HEAD~2`, `origin/main`.
    pub fn resolve(self: &Arc<Self>, revision: &str) -> Result<Id, GitError> {
        if revision.trim().is_empty() {
            return Err(GitError::Other(
                "the name of the revision is empty: is the variable set that should hold it?"
                    .to_string(),
            ));
        }
        if revision.len() == 40 && revision.bytes().all(|byte| byte == b'0') {
            let advice =
                ", it stands for none: name the branch that the change goes to".to_string();
            return Err(GitError::UnknownRevision(revision.to_string(), advice));
        }
        let id =
            self.with(
                |repo| match repo.rev_parse(revision).ok().map(|spec| spec.detach()) {
                    Some(Spec::Include(id)) => Ok(id),
                    Some(_) => Err(GitError::UnknownRevision(
                        revision.to_string(),
                        ": it is a range, and one revision is needed".to_string(),
                    )),
                    None => Err(self.unresolved(repo, revision)),
                },
            )?;
        let id = id_of(id);
        self.with(|repo| {
            let object = repo
                .find_object(object(&id))
                .map_err(|error| self.missing(&id, Kind::Commit, revision.to_string(), &error))?;
            let kind = object.kind;
            object
                .peel_to_commit()
                .map(|commit| id_of(commit.id))
                .map_err(|_| match kind {
                    Kind::Tree | Kind::Blob => GitError::UnknownRevision(
                        revision.to_string(),
                        format!(": it is a {kind}, not a commit"),
                    ),
                    _ => GitError::UnknownRevision(
                        revision.to_string(),
                        ": what the tag stands for is no commit of this clone".to_string(),
                    ),
                })
        })
    }

    /// Why a revision leads to nothing.
    fn unresolved(self: &Arc<Self>, repo: &gix::Repository, revision: &str) -> GitError {
        let start = revision.split(['^', '~', ':']).next().unwrap_or_default();
        let start = if start.is_empty() || start == "@" {
            "HEAD"
        } else {
            start
        };
        if start == "HEAD" {
            match repo.head() {
                Ok(head) if head.is_unborn() => return GitError::Unborn,
                Ok(_) => {}
                Err(error) => {
                    return GitError::Other(format!(
                        "HEAD cannot be read: {error}; git fsck tells more"
                    ));
                }
            }
        }
        let unknown = |advice: String| GitError::UnknownRevision(revision.to_string(), advice);
        let named =
            target(repo, start).or_else(|| repo.rev_parse_single(start).ok().map(|id| id.detach()));
        if let Some((id, Err(error))) = named.map(|id| (id_of(id), repo.find_object(id))) {
            return self.missing(&id, Kind::Commit, start.to_string(), &error);
        }
        if self.is_shallow() {
            return unknown(format!("; the clone is shallow: {UNSHALLOW}"));
        }
        // history may be cut off on the way to it
        let way = named.map(id_of).filter(|_| revision.contains(['^', '~']));
        if let Some(error) = way.and_then(|id| self.first_parents(&id).find_map(Result::err)) {
            return error;
        }
        match named {
            Some(_) if start != revision => unknown(format!(
                ": {start} is there, and what follows it in the name is not"
            )),
            Some(_) => unknown(String::new()),
            None => unknown(
                "; git fetch brings what the clone lacks (fetch-depth: 0 where CI makes the clone)"
                    .to_string(),
            ),
        }
    }

    /// Whether history was cut off when cloning.
    pub fn is_shallow(&self) -> bool {
        self.with(|repo| repo.is_shallow().unwrap_or(false))
    }

    /// Whether objects were left out when cloning.
    fn is_partial(&self) -> bool {
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

    /// Why an object is not here.
    fn withheld(&self, id: &Id, kind: Kind, error: &dyn std::fmt::Display) -> Withheld {
        let told = |reason: String, remedy: &str| Withheld {
            reason,
            remedy: remedy.to_string(),
        };
        match !self.has(id) {
            true if kind == Kind::Commit && self.is_shallow() => {
                told("the clone is shallow".to_string(), UNSHALLOW)
            }
            true if self.is_partial() => told(
                "the clone is partial and lacks it".to_string(),
                "clone without --filter, or fetch what is missing: git fetch --refetch --no-filter",
            ),
            true => told(
                format!("the repository has lost the object {}", short(id)),
                "git fsck lists what is damaged; clone it again, or fetch all of it: git fetch --refetch",
            ),
            false => told(
                format!(
                    "the object {} of the repository is damaged ({error})",
                    short(id)
                ),
                "git fsck lists what is damaged; clone it again, or fetch all of it: git fetch --refetch",
            ),
        }
    }

    fn missing(
        &self,
        id: &Id,
        kind: Kind,
        named: String,
        error: &dyn std::fmt::Display,
    ) -> GitError {
        let what = if named == hex(id) {
            format!("the {kind} {named}")
        } else {
            format!("the {kind} {} of {named}", short(id))
        };
        GitError::Missing {
            what,
            withheld: self.withheld(id, kind, error),
        }
    }

    /// Where two histories parted, never empty. After merges in both directions these are several
    /// commits, the newest first, as Git has them; in which order Git has those of one second
    /// depends on how it came upon them, so that here their ids decide.
    pub fn merge_bases(&self, one: &Id, other: &Id) -> Result<Vec<Id>, GitError> {
        if one == other {
            return Ok(vec![*one]);
        }
        let bases = self.with(|repo| {
            let bases = repo.merge_bases_many(object(one), &[object(other)]).ok()?;
            Some(bases.into_iter().map(|id| id_of(id.detach())).collect())
        });
        // what Git reads tolerantly may be too much for the library
        let bases: Vec<Id> = bases.map_or_else(
            || Ok(History::of(self, one)?.merge_bases(&History::of(self, other)?)),
            Ok,
        )?;
        if bases.is_empty() {
            let advice = match self.is_shallow() {
                true => format!(" in this clone, which is shallow: {UNSHALLOW}"),
                false => format!(
                    ": their histories are unrelated; `gitops-lint diff {}..{}` compares any two",
                    short(one),
                    short(other)
                ),
            };
            return Err(GitError::Unrelated(short(one), short(other), advice));
        }
        let mut bases = bases
            .iter()
            .map(|id| self.commit(id))
            .collect::<Result<Vec<Commit>, GitError>>()?;
        bases.sort_by_key(|commit| (Reverse(commit.time), commit.id));
        Ok(bases.into_iter().map(|commit| commit.id).collect())
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
                "the commit {} cannot be read; git fsck tells more",
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

    /// The same for one revision of many: a file that several have alike goes by one name, so that
    /// it is read once.
    pub fn tree_among_many(self: &Arc<Self>, commit: &Commit, gaps: &Arc<Gaps>) -> GitTree {
        GitTree::new(self, commit, gaps, true)
    }

    /// The commit and its first parents, newest first: the states that a branch went through. Ends
    /// at the root commit, or where a shallow clone ends, which is told by an error as last item.
    pub fn first_parents(
        self: &Arc<Self>,
        from: &Id,
    ) -> impl Iterator<Item = Result<Commit, GitError>> + use<> {
        let repository = self.clone();
        let mut next = Some(*from);
        let mut seen = HashSet::new();
        std::iter::from_fn(move || {
            let id = next.take()?;
            if !seen.insert(id) {
                // only replaced objects can do that
                return Some(Err(GitError::Other(format!(
                    "the history goes round in a circle at {}; see git replace -l",
                    short(&id)
                ))));
            }
            let commit = repository.commit(&id);
            if let Ok(commit) = &commit {
                next = commit.parents.first().copied();
            }
            Some(commit)
        })
    }

    /// The commits that `head` has and `base` has not, newest first.
    pub fn commits_between(&self, base: &Id, head: &Id) -> Result<Vec<Commit>, GitError> {
        let ids = self.with(|repo| {
            let walk = repo
                .rev_walk([object(head)])
                .with_hidden([object(base)])
                .all()
                .ok()?;
            walk.map(|info| info.map(|info| id_of(info.id)).ok())
                .collect::<Option<Vec<Id>>>()
        });
        let ids: Vec<Id> = ids.map_or_else(
            || Ok(History::of(self, head)?.without(&History::of(self, base)?)),
            Ok,
        )?;
        ids.iter().map(|id| self.commit(id)).collect()
    }

    /// The repository of a submodule that is checked out, or was.
    pub(super) fn opened_module(&self, path: &str) -> Option<Arc<Repository>> {
        let path = self.path_from_top(path);
        if let Some(known) = lock(&self.modules).get(&path) {
            return known.clone();
        }
        let opened = self.open_module(&path);
        lock(&self.modules).entry(path).or_insert(opened).clone()
    }

    fn path_from_top(&self, path: &str) -> String {
        if self.prefix.is_empty() {
            path.to_string()
        } else {
            format!("{}/{path}", self.prefix)
        }
    }

    /// The same with the tree of one of its commits.
    pub(super) fn module(
        &self,
        path: &str,
        commit: &Id,
    ) -> Result<(Arc<Repository>, Id), Withheld> {
        let Some(module) = self.opened_module(path) else {
            return Err(not_checked_out(&self.path_from_top(path)));
        };
        match module.commit(commit) {
            Ok(commit) => Ok((module, commit.tree)),
            Err(_) => Err(Withheld {
                reason: format!(
                    "it lies in the submodule {path} at {}, a commit that its clone lacks",
                    short(commit)
                ),
                remedy: format!(
                    "git -C {} fetch --unshallow, or `fetch-depth: 0` in CI",
                    self.path_from_top(path)
                ),
            }),
        }
    }

    /// What stands at a path of a tree. Links are not followed and submodules not entered.
    pub(super) fn in_tree(&self, tree: &Id, path: &str) -> Result<Option<(Mode, Id)>, GitError> {
        let (mut mode, mut id) = (Mode::Tree, *tree);
        for part in path.split('/').filter(|part| !part.is_empty()) {
            let tree = if mode == Mode::Tree {
                self.entries(path, &id)?
            } else {
                return Ok(None);
            };
            let Some(entry) = tree.find(part) else {
                return Ok(None);
            };
            (mode, id) = (entry.mode, entry.id);
        }
        Ok(Some((mode, id)))
    }

    fn open_module(&self, path: &str) -> Option<Arc<Repository>> {
        // a tree can hold any name, and a link can stand in for a folder: nothing outside is opened
        let parts = || {
            path.split('/').scan(self.top.clone(), |folder, part| {
                Some((part, {
                    folder.push(part);
                    folder.clone()
                }))
            })
        };
        let leads_out = |(part, folder): (&str, PathBuf)| {
            matches!(part, "" | "." | ".." | ".git") || folder.is_symlink()
        };
        if parts().any(leads_out) {
            return None;
        }
        let checked_out = self.top.join(path);
        let place = match checked_out.join(".git").exists() {
            true => checked_out.clone(),
            // what a change takes away stays here
            false => self.with(|repo| repo.common_dir().join("modules").join(path)),
        };
        Repository::at(&place, &checked_out, String::new())
            .map(Arc::new)
            .ok()
    }

    /// The paths that differ between two trees, sorted. Folders that are equal are not entered; of
    /// submodules that are checked out the files are compared as well.
    pub fn changed_paths(&self, before: &Id, after: &Id) -> Result<Vec<ChangedPath>, GitError> {
        let mut found = Vec::new();
        let side = |tree: &Id| {
            Some(Side {
                repository: self,
                tree: *tree,
                top: 0,
            })
        };
        compare("", side(before), side(after), &mut found)?;
        found.sort();
        Ok(found)
    }

    /// What differs below the path of a submodule between two of its commits; `None` where it is
    /// not there.
    pub(super) fn changed_in_module(
        &self,
        path: &str,
        (before, after): (Option<&Id>, Option<&Id>),
        found: &mut Vec<ChangedPath>,
    ) -> Result<(), GitError> {
        let open = |commit: Option<&Id>| commit.and_then(|commit| self.module(path, commit).ok());
        let (before, after) = (open(before), open(after));
        compare(path, side_of(&before, path), side_of(&after, path), found)
    }

    /// The entries of a tree. `folder` is what it goes by in a message.
    pub(super) fn entries(&self, folder: &str, id: &Id) -> Result<Arc<Tree>, GitError> {
        self.folder(id).map_err(|withheld| {
            let what = if folder.is_empty() {
                "the top folder".to_string()
            } else {
                format!("the folder {folder}")
            };
            GitError::Missing {
                what: format!("{what} (tree {})", short(id)),
                withheld,
            }
        })
    }

    /// The same, and why they are not here.
    fn folder(&self, id: &Id) -> Result<Arc<Tree>, Withheld> {
        if let Some(tree) = lock(&self.trees).known.get(id) {
            return Ok(tree.clone());
        }
        if *id == EMPTY_TREE {
            return Ok(Arc::default());
        }
        let bytes = self.with(|repo| {
            // a copy of the right size; the buffer goes on to the next object
            let tree = repo
                .find_tree(object(id))
                .map_err(|error| self.withheld(id, Kind::Tree, &error))?;
            Ok(tree.data.clone())
        })?;
        let tree = Arc::new(
            Tree::read(bytes).ok_or_else(|| self.withheld(id, Kind::Tree, &"it is no tree"))?,
        );
        let mut trees = lock(&self.trees);
        if trees.bytes > TREE_CACHE {
            *trees = Trees::default();
        }
        trees.bytes += tree.size();
        trees.known.insert(*id, tree.clone());
        Ok(tree)
    }

    /// Whether an object is here.
    pub(super) fn has(&self, id: &Id) -> bool {
        self.with(|repo| repo.has_object(object(id)))
    }

    /// The content of a file that is no larger than `largest`.
    pub(super) fn small_blob(&self, id: &Id, largest: u64) -> Option<Vec<u8>> {
        self.with(|repo| {
            let header = repo
                .find_header(object(id))
                .ok()
                .filter(|header| header.size() <= largest)?;
            (header.kind() == Kind::Blob).then(|| {
                repo.find_blob(object(id))
                    .ok()
                    .map(|blob| blob.data.clone())
            })?
        })
    }

    pub(super) fn blob(&self, id: &Id) -> Result<Arc<[u8]>, SourceError> {
        self.with(|repo| {
            let missing = |error: &dyn std::fmt::Display| {
                SourceError::Withheld(self.withheld(id, Kind::Blob, error))
            };
            let header = repo
                .find_header(object(id))
                .map_err(|error| missing(&error))?;
            if header.size() > MAX_FILE_SIZE {
                return Err(SourceError::TooLarge);
            }
            let blob = repo
                .find_blob(object(id))
                .map_err(|error| missing(&error))?;
            let large = pointed_at(&blob.data).and_then(|digest| fetched(repo, digest));
            Ok(large.map_or_else(|| blob.data.as_slice().into(), Arc::from))
        })
    }
}

/// The content that a pointer of Git LFS stands for, where it was fetched.
fn fetched(repo: &gix::Repository, digest: &str) -> Option<Vec<u8>> {
    let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (one, two) = (digest.get(..2)?, digest.get(2..4).filter(|_| is_digest)?);
    let file = repo
        .common_dir()
        .join("lfs/objects")
        .join(one)
        .join(two)
        .join(digest);
    let small = std::fs::metadata(&file).ok()?.len() <= MAX_FILE_SIZE;
    let content = std::fs::read(file).ok().filter(|_| small)?;
    (sha256(&content) == digest).then_some(content)
}

/// The SHA-256 of a content in hexadecimal digits.
pub(super) fn sha256(content: &[u8]) -> String {
    Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// One side of a comparison: a tree, and the repository that has it.
#[derive(Clone, Copy)]
struct Side<'r> {
    repository: &'r Repository,
    tree: Id,
    /// The length of the path at which the repository begins.
    top: usize,
}

fn side_of<'r>(module: &'r Option<(Arc<Repository>, Id)>, path: &str) -> Option<Side<'r>> {
    module.as_ref().map(|(repository, tree)| Side {
        repository,
        tree: *tree,
        top: path.len(),
    })
}

/// Adds the paths that differ below a folder.
fn compare(
    folder: &str,
    before: Option<Side>,
    after: Option<Side>,
    found: &mut Vec<ChangedPath>,
) -> Result<(), GitError> {
    if before.map(|side| side.tree) == after.map(|side| side.tree) {
        return Ok(());
    }
    let tree = |side: Option<Side>| {
        side.map_or_else(
            || Ok(Arc::default()),
            |side| side.repository.entries(folder, &side.tree),
        )
    };
    let (old, new) = (tree(before)?, tree(after)?);
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => old.order(new),
        };
        let one = if order.is_le() { old.next() } else { None };
        let other = if order.is_ge() { new.next() } else { None };
        let Some(entry) = one.or(other).filter(|_| one != other) else {
            continue;
        };
        let path = if folder.is_empty() {
            entry.name.to_string()
        } else {
            format!("{folder}/{}", entry.name)
        };
        let file = |entry: Option<TreeEntry>| {
            entry
                .filter(|entry| entry.mode != Mode::Tree)
                .map(|entry| entry.id)
        };
        let (file_before, file_after) = (file(one), file(other));
        if file_before.is_some() || file_after.is_some() {
            let submodule = [one, other]
                .iter()
                .flatten()
                .any(|entry| entry.mode == Mode::Commit);
            found.push(ChangedPath {
                path: path.clone(),
                before: file_before,
                after: file_after,
                submodule,
            });
        }
        let module = |side: Option<Side>, entry: Option<TreeEntry>| {
            let (side, entry) = (side?, entry.filter(|entry| entry.mode == Mode::Commit)?);
            side.repository
                .module(path.get(side.top..)?.trim_start_matches('/'), &entry.id)
                .ok()
        };
        let modules = (module(before, one), module(after, other));
        let (one, other) = (below(before, one), below(after, other));
        compare(
            &path,
            one.or(side_of(&modules.0, &path)),
            other.or(side_of(&modules.1, &path)),
            found,
        )?;
    }
}

fn below<'r>(side: Option<Side<'r>>, entry: Option<TreeEntry>) -> Option<Side<'r>> {
    let entry = entry.filter(|entry| entry.mode == Mode::Tree)?;
    side.map(|side| Side {
        tree: entry.id,
        ..side
    })
}

/// What a reference leads to, there or not.
fn target(repo: &gix::Repository, name: &str) -> Option<ObjectId> {
    let mut reference = match name {
        "HEAD" => return repo.head().ok()?.id().map(|id| id.detach()),
        name => repo.find_reference(name).ok()?,
    };
    while let Some(Ok(next)) = reference.follow() {
        reference = next;
    }
    reference.try_id().map(|id| id.detach())
}

/// Why what lies in a submodule is not here.
pub(super) fn not_checked_out(module: &str) -> Withheld {
    Withheld {
        reason: format!("it lies in the submodule {module}, which is not checked out"),
        remedy: "git submodule update --init --recursive, or `submodules: recursive` in CI"
            .to_string(),
    }
}

/// Refuses a `.git` file that points at nothing.
fn elsewhere(place: &Path) -> Result<(), GitError> {
    let file = place.join(".git");
    let target = std::fs::read_to_string(&file)
        .ok()
        .filter(|_| file.is_file());
    let Some(target) = target
        .as_deref()
        .and_then(|text| text.trim_end().strip_prefix("gitdir:"))
        .map(str::trim)
    else {
        return Ok(());
    };
    match place.join(target).exists() {
        true => Ok(()),
        false => Err(GitError::Other(format!(
            "{} points at {target}, which is not there: the repository of this linked work tree or submodule is elsewhere (in a container, mount it as well)",
            file.display()
        ))),
    }
}

/// Extensions of a repository that change nothing in how it is read here, in lower case.
const EXTENSIONS: &[&str] = &[
    "noop",
    "noop-v1",
    "preciousobjects",
    "partialclone",
    "worktreeconfig",
    "objectformat",
    "compatobjectformat",
    "relativeworktrees",
    "refstorage",
];

/// Refuses what would be read wrongly.
fn understood(repo: &gix::Repository) -> Result<(), GitError> {
    let config = repo.config_snapshot();
    if config
        .string("extensions.refStorage")
        .is_some_and(|format| !format.eq_ignore_ascii_case(b"files"))
    {
        let advice = "git refs migrate --ref-format=files makes a repository that can be read";
        return Err(GitError::Other(format!(
            "branches and tags stored as reftable are not supported; {advice}"
        )));
    }
    let version = config
        .integer("core.repositoryFormatVersion")
        .unwrap_or_default();
    let sections = config
        .plumbing()
        .sections_by_name("extensions")
        .into_iter()
        .flatten()
        .filter(|_| version > 0);
    let mut names = sections.flat_map(|section| {
        section
            .value_names()
            .map(|name| name.to_string().to_lowercase())
            .collect::<Vec<_>>()
    });
    match names.find(|name| !EXTENSIONS.contains(&&**name)) {
        Some(name) => Err(GitError::Other(format!(
            "the repository uses the extension {name:?} of Git, which is not known here"
        ))),
        None => Ok(()),
    }
}

/// The id that Git gives an object.
fn object_id(kind: Kind, content: &[u8]) -> Id {
    gix::objs::compute_hash(gix::hash::Kind::Sha1, kind, content)
        .map(id_of)
        .unwrap_or_default()
}

/// The id that Git gives a file of this content.
pub fn blob_id(content: &[u8]) -> Id {
    object_id(Kind::Blob, content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::scratch::{commit, git};
    use crate::source::{EntryKind, Source};

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
        // a folder below the top is seen as a tree of its own
        let below = Arc::new(Repository::open(&root.join("a")).unwrap());
        let commit = below.commit(&head).unwrap();
        assert_eq!(&*below.tree(&commit).read("b.yaml").unwrap(), b"x: 2");
        assert!(matches!(
            Repository::open(tempfile::tempdir().unwrap().path()),
            Err(GitError::NotARepository)
        ));
    }
}
