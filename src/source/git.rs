//! A Git repository read from its objects: revisions as a [`Source`] without a checkout, commits, and what
//! changed between two trees.
//!
//! No Git command is spawned, and neither hooks nor filters of the repository run. Not here: what a change means.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use gix::ObjectId;
use gix::objs::tree::EntryKind as Mode;
use gix::objs::{Kind, TreeRefIter};

use super::{EntryKind, MAX_FILE_SIZE, Source, SourceError};
use crate::source::worktree::resolve_links;

/// Why Git could not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    /// There is no repository.
    #[error("there is no Git repository here")]
    NotARepository,
    /// A branch without a commit.
    #[error("the branch has no commit yet")]
    Unborn,
    /// A revision that does not exist.
    #[error("there is no revision {0:?}")]
    UnknownRevision(String),
    /// The histories of two revisions do not meet in what was fetched.
    #[error("{0} and {1} have no common ancestor in this clone")]
    Unrelated(String, String),
    /// An object that should be there is not: a shallow or partial clone, or damage.
    #[error("the object {0} is not in this clone")]
    MissingObject(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// A commit's or tree's or file's name: 20 bytes, shown as 40 hexadecimal digits.
pub type Id = [u8; 20];

/// Hexadecimal digits of an id.
pub fn hex(id: &Id) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The first ten digits, as people read them.
pub fn short(id: &Id) -> String {
    hex(id).chars().take(10).collect()
}

/// A person of a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Name.
    pub name: String,
    /// Address.
    pub email: String,
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: Id,
    /// Its tree: of the folder that was opened, where that lies below the top of the work tree.
    pub tree: Id,
    /// Its parents, first parent first.
    pub parents: Vec<Id>,
    /// Who wrote the change.
    pub author: Person,
    /// Who committed it.
    pub committer: Person,
    /// Commit time, in seconds since 1970 UTC.
    pub time: i64,
    /// The whole message.
    pub message: String,
}

/// One name in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TreeEntry<'a> {
    pub(super) name: &'a str,
    pub(super) mode: Mode,
    pub(super) id: Id,
}

/// A tree as it is stored, with where its names are. Those that are no UTF-8 are left out: they cannot be named in a kustomization
/// either.
#[derive(Default)]
pub(super) struct Tree {
    bytes: Vec<u8>,
    names: Vec<(Range<u32>, Mode)>,
}

impl Tree {
    fn read(bytes: Vec<u8>) -> Result<Tree, GitError> {
        let mut names = Vec::with_capacity(bytes.len() / 32);
        let mut at = 0;
        for entry in TreeRefIter::from_bytes(&bytes, gix::hash::Kind::Sha1) {
            let entry = entry.map_err(|error| GitError::Other(format!("a tree cannot be read: {error}")))?;
            // `MODE NAME\0ID`, one after the other
            let start = at + bytes.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b' ')).unwrap_or_default() + 1;
            let end = start + entry.filename.len();
            at = end + 1 + entry.oid.as_bytes().len();
            if std::str::from_utf8(entry.filename).is_ok() {
                names.push((start as u32..end as u32, entry.mode.kind()));
            }
        }
        Ok(Tree { bytes, names })
    }

    fn get(&self, at: usize) -> Option<TreeEntry<'_>> {
        let (name, mode) = self.names.get(at)?;
        let (start, end) = (name.start as usize, name.end as usize);
        let id = self.bytes.get(end + 1..end + 21)?.try_into().ok()?;
        Some(TreeEntry { name: std::str::from_utf8(self.bytes.get(start..end)?).ok()?, mode: *mode, id })
    }

    /// The entries, sorted as Git does.
    pub(super) fn iter(&self) -> impl Iterator<Item = TreeEntry<'_>> {
        (0..self.names.len()).filter_map(|at| self.get(at))
    }

    /// The entry of a name.
    fn find(&self, name: &str) -> Option<TreeEntry<'_>> {
        let is = |folder: bool| {
            let found = self.names.binary_search_by(|(other, mode)| {
                let other = self.bytes.get(other.start as usize..other.end as usize).unwrap_or_default();
                tree_order((other, *mode == Mode::Tree), (name.as_bytes(), folder))
            });
            found.ok().and_then(|at| self.get(at))
        };
        is(true).or_else(|| is(false))
    }
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
}

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
    /// Where the opened folder lies below the top of the work tree.
    prefix: String,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
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
const EMPTY_TREE: Id = *b"\x4b\x82\x5d\xc6\x42\xcb\x6e\xb9\xa0\x60\xe5\x4b\xf8\xd6\x92\x88\xfb\xee\x49\x04";

/// Whether a folder is a repository without a work tree.
pub fn is_bare(folder: &Path) -> bool {
    folder.join("objects").is_dir() && folder.join("refs").is_dir() && folder.join("HEAD").is_file()
}

impl Repository {
    /// Opens the repository of a folder: the top of its work tree, a folder below it, or a bare repository. Nothing but the
    /// repository's own files is read: no configuration of the user or the system, no variable of the environment.
    pub fn open(root: &Path) -> Result<Repository, GitError> {
        let top = root.ancestors().find(|folder| folder.join(".git").exists());
        let top = match top {
            Some(top) => top,
            None if is_bare(root) => root,
            None => return Err(GitError::NotARepository),
        };
        let prefix = root.strip_prefix(top).ok().and_then(Path::to_str).unwrap_or_default().replace(std::path::MAIN_SEPARATOR, "/");
        let inner = gix::open::Options::isolated().open(top).map_err(|error| {
            let text = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source())
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(": ");
            match text.to_lowercase().contains("sha256") || text.contains("objectformat") || text.contains("object format") {
                true => GitError::Other("repositories with SHA-256 object names are not supported, only those with SHA-1".to_string()),
                false => GitError::Other(format!("the Git repository cannot be opened: {text}")),
            }
        })?;
        Ok(Repository { inner, idle: Mutex::default(), trees: Mutex::default(), prefix })
    }

    /// Where the opened folder lies below the top of the work tree; empty for the top itself.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
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
            let sections = config.plumbing().sections_by_name("remote").into_iter().flatten();
            let mut urls: Vec<String> = sections.flat_map(|section| section.values("url")).map(|url| url.to_string()).collect();
            urls.sort();
            urls
        })
    }

    /// The commit that a revision names: a branch, tag, id, `HEAD~2`, `origin/main`.
    pub fn resolve(&self, revision: &str) -> Result<Id, GitError> {
        self.with(|repo| {
            let unknown = || GitError::UnknownRevision(revision.to_string());
            let id = repo.rev_parse_single(revision).map_err(|_| match repo.head() {
                Ok(head) if revision == "HEAD" && head.is_unborn() => GitError::Unborn,
                _ => unknown(),
            })?;
            let object = id.object().map_err(|_| GitError::MissingObject(id.to_string()))?;
            let commit = object.peel_to_commit().map_err(|_| unknown())?;
            Ok(id_of(commit.id))
        })
    }

    /// Whether history was cut off when cloning.
    pub fn is_shallow(&self) -> bool {
        self.with(|repo| repo.is_shallow().unwrap_or(false))
    }

    /// Where two histories parted.
    pub fn merge_base(&self, one: &Id, other: &Id) -> Result<Id, GitError> {
        if one == other {
            return Ok(*one);
        }
        self.with(|repo| {
            let base = repo.merge_bases_many(object(one), &[object(other)]);
            let base = base.map_err(|error| GitError::MissingObject(format!("of a commit before {} ({error})", short(one))))?;
            base.first().map(|base| id_of(base.detach())).ok_or_else(|| GitError::Unrelated(short(one), short(other)))
        })
    }

    /// A commit.
    pub fn commit(&self, id: &Id) -> Result<Commit, GitError> {
        let mut commit = self.with(|repo| {
            let missing = || GitError::MissingObject(hex(id));
            let commit = repo.find_commit(object(id)).map_err(|_| missing())?;
            let broken = |error: String| GitError::Other(format!("the commit {} cannot be read: {error}", short(id)));
            let decoded = commit.decode().map_err(|error| broken(error.to_string()))?;
            let person =
                |signature: gix::actor::SignatureRef<'_>| Person { name: signature.name.to_string(), email: signature.email.to_string() };
            let author = decoded.author().map_err(|error| broken(error.to_string()))?;
            let committer = decoded.committer().map_err(|error| broken(error.to_string()))?;
            let time = committer.time().map_err(|error| broken(error.to_string()))?;
            Ok(Commit {
                id: *id,
                tree: id_of(decoded.tree()),
                parents: decoded.parents().map(id_of).collect(),
                author: person(author),
                committer: person(committer),
                time: time.seconds,
                message: decoded.message.to_string(),
            })
        })?;
        for part in self.prefix.split('/').filter(|part| !part.is_empty()) {
            let tree = self.entries(&commit.tree)?;
            commit.tree = tree.find(part).filter(|below| below.mode == Mode::Tree).map_or(EMPTY_TREE, |below| below.id);
        }
        Ok(commit)
    }

    /// A revision's files.
    pub fn tree(self: &Arc<Self>, commit: &Commit) -> GitTree {
        GitTree { repository: self.clone(), root: commit.tree, name: short(&commit.id).into(), by_content: false, files: OnceLock::new() }
    }

    /// The same for one revision of many: a file that several have alike goes by one name, so that it is read once.
    pub fn tree_among_many(self: &Arc<Self>, commit: &Commit) -> GitTree {
        GitTree { by_content: true, ..self.tree(commit) }
    }

    /// The commit and its first parents, newest first: the states that a branch went through. Ends at the root commit, or
    /// where a shallow clone ends, which is told by an error as last item.
    pub fn first_parents(self: &Arc<Self>, from: &Id) -> impl Iterator<Item = Result<Commit, GitError>> + use<> {
        let repository = self.clone();
        let mut next = Some(*from);
        std::iter::from_fn(move || {
            let commit = repository.commit(&next.take()?);
            if let Ok(commit) = &commit {
                next = commit.parents.first().copied();
            }
            Some(commit)
        })
    }

    /// The commits that `head` has and `base` has not, newest first.
    pub fn commits_between(&self, base: &Id, head: &Id) -> Result<Vec<Commit>, GitError> {
        let ids = self.with(|repo| {
            let walk = repo.rev_walk([object(head)]).with_hidden([object(base)]);
            let walk = walk.all().map_err(|error| GitError::Other(error.to_string()))?;
            let id = |info: Result<gix::revision::walk::Info<'_>, _>| info.map(|info| id_of(info.id)).map_err(|_| ());
            walk.map(id).collect::<Result<Vec<Id>, ()>>().map_err(|()| GitError::MissingObject(format!("before {}", short(head))))
        })?;
        ids.iter().map(|id| self.commit(id)).collect()
    }

    /// The paths that differ between two trees, sorted. Folders that are equal are not entered.
    pub fn changed_paths(&self, before: &Id, after: &Id) -> Result<Vec<ChangedPath>, GitError> {
        let mut found = Vec::new();
        self.compare("", Some(*before), Some(*after), &mut found)?;
        found.sort();
        Ok(found)
    }

    fn compare(&self, folder: &str, before: Option<Id>, after: Option<Id>, found: &mut Vec<ChangedPath>) -> Result<(), GitError> {
        if before == after {
            return Ok(());
        }
        let tree = |id: Option<Id>| id.map_or_else(|| Ok(Arc::default()), |id| self.entries(&id));
        let (old, new) = (tree(before)?, tree(after)?);
        let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.order(new),
            };
            let before = if order.is_le() { old.next() } else { None };
            let after = if order.is_ge() { new.next() } else { None };
            let Some(entry) = before.or(after).filter(|_| before != after) else { continue };
            let path = if folder.is_empty() { entry.name.to_string() } else { format!("{folder}/{}", entry.name) };
            let tree = |entry: Option<TreeEntry>| entry.filter(|entry| entry.mode == Mode::Tree).map(|entry| entry.id);
            let file = |entry: Option<TreeEntry>| entry.filter(|entry| entry.mode != Mode::Tree).map(|entry| entry.id);
            let (file_before, file_after) = (file(before), file(after));
            if file_before.is_some() || file_after.is_some() {
                found.push(ChangedPath { path: path.clone(), before: file_before, after: file_after });
            }
            self.compare(&path, tree(before), tree(after), found)?;
        }
    }

    /// The entries of a tree.
    pub(super) fn entries(&self, id: &Id) -> Result<Arc<Tree>, GitError> {
        if let Some(tree) = lock(&self.trees).known.get(id) {
            return Ok(tree.clone());
        }
        if *id == EMPTY_TREE {
            return Ok(Arc::default());
        }
        let bytes = self.with(|repo| {
            // a copy of the right size; the buffer goes on to the next object
            let tree = repo.find_tree(object(id)).map_err(|_| GitError::MissingObject(hex(id)))?;
            Ok(tree.data.clone())
        })?;
        let tree = Arc::new(Tree::read(bytes)?);
        let mut trees = lock(&self.trees);
        if trees.bytes > TREE_CACHE {
            *trees = Trees::default();
        }
        trees.bytes += tree.bytes.len() + tree.names.len() * size_of::<(Range<u32>, Mode)>();
        trees.known.insert(*id, tree.clone());
        Ok(tree)
    }

    pub(super) fn blob(&self, id: &Id) -> Result<Arc<[u8]>, SourceError> {
        self.with(|repo| {
            let missing = || {
                SourceError::Unreadable(format!(
                    "the object {} is not in this clone; a partial clone lacks it: fetch it, or clone without --filter",
                    hex(id)
                ))
            };
            let header = repo.find_header(object(id)).map_err(|_| missing())?;
            if header.size() > MAX_FILE_SIZE {
                return Err(SourceError::TooLarge);
            }
            let blob = repo.find_blob(object(id)).map_err(|_| missing())?;
            Ok(blob.data.as_slice().into())
        })
    }
}

impl TreeEntry<'_> {
    /// Git's order: a folder's name counts with a `/` at its end.
    fn order(&self, other: &TreeEntry) -> Ordering {
        tree_order((self.name.as_bytes(), self.mode == Mode::Tree), (other.name.as_bytes(), other.mode == Mode::Tree))
    }
}

/// The order of the names in a tree, each with whether it is a folder.
fn tree_order(one: (&[u8], bool), other: (&[u8], bool)) -> Ordering {
    let with_end =
        |(name, folder): (&[u8], bool), at: usize| name.get(at).copied().or_else(|| (folder && at == name.len()).then_some(b'/'));
    let common = one.0.len().min(other.0.len());
    one.0[..common].cmp(&other.0[..common]).then_with(|| with_end(one, common).cmp(&with_end(other, common)))
}

/// The id that Git gives an object.
fn object_id(kind: Kind, content: &[u8]) -> Id {
    gix::objs::compute_hash(gix::hash::Kind::Sha1, kind, content).map(id_of).unwrap_or_default()
}

/// The id that Git gives a file of this content.
pub fn blob_id(content: &[u8]) -> Id {
    object_id(Kind::Blob, content)
}

/// The files of a commit.
pub struct GitTree {
    repository: Arc<Repository>,
    root: Id,
    name: Arc<str>,
    /// Whether a file goes by the name of its content in place of the revision's.
    by_content: bool,
    files: OnceLock<Vec<Arc<str>>>,
}

impl GitTree {
    /// What stands at a path without following links, and whether a link stands there or on the way.
    fn lookup(&self, path: &str) -> (Option<(Mode, Id)>, bool) {
        let (mut mode, mut id) = (Mode::Tree, self.root);
        for part in path.split('/').filter(|part| !part.is_empty()) {
            let tree = if mode == Mode::Tree { self.repository.entries(&id).ok() } else { None };
            match tree.as_ref().and_then(|tree| tree.find(part)) {
                Some(entry) => (mode, id) = (entry.mode, entry.id),
                None => return (None, mode == Mode::Link),
            }
        }
        (Some((mode, id)), mode == Mode::Link)
    }

    /// What stands at a path, with links followed.
    fn entry(&self, path: &str) -> Result<(Mode, Id), SourceError> {
        let found = match self.lookup(path) {
            (found, false) if is_normalised(path) => found,
            _ => self.lookup(&resolve_links(path, |path| self.link(path))?).0,
        };
        found.ok_or(SourceError::Missing)
    }

    fn list(&self, folder: &str, id: &Id, files: &mut Vec<Arc<str>>) {
        let Ok(entries) = self.repository.entries(id) else { return };
        for entry in entries.iter() {
            let path = if folder.is_empty() { entry.name.to_string() } else { format!("{folder}/{}", entry.name) };
            match entry.mode {
                Mode::Tree => self.list(&path, &entry.id, files),
                Mode::Blob | Mode::BlobExecutable | Mode::Link => files.push(path.into()),
                // a submodule's files are in another repository
                Mode::Commit => {}
            }
        }
    }
}

/// Whether a path is written as it is: without `.`, `..` and empty parts.
fn is_normalised(path: &str) -> bool {
    path.is_empty() || path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

impl Source for GitTree {
    fn files(&self) -> &[Arc<str>] {
        self.files.get_or_init(|| {
            let mut files = Vec::new();
            self.list("", &self.root, &mut files);
            files.sort();
            files
        })
    }

    fn kind(&self, path: &str) -> Option<EntryKind> {
        match self.entry(path).ok()?.0 {
            Mode::Tree => Some(EntryKind::Directory),
            Mode::Blob | Mode::BlobExecutable => Some(EntryKind::File),
            Mode::Link | Mode::Commit => None,
        }
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, SourceError> {
        match self.entry(path)? {
            (Mode::Tree, _) => Err(SourceError::IsDirectory),
            (Mode::Blob | Mode::BlobExecutable, id) => self.repository.blob(&id),
            (Mode::Link | Mode::Commit, _) => Err(SourceError::Missing),
        }
    }

    fn content_id(&self, path: &str) -> Option<[u8; 20]> {
        let (mode, id) = self.entry(path).ok()?;
        (mode != Mode::Tree).then_some(id)
    }

    fn resolve(&self, path: &str) -> Result<String, SourceError> {
        match self.lookup(path) {
            (_, false) if is_normalised(path) => Ok(path.to_string()),
            _ => resolve_links(path, |path| self.link(path)),
        }
    }

    fn link(&self, path: &str) -> Option<Cow<'_, str>> {
        let (_, id) = self.lookup(path).0.filter(|(mode, _)| *mode == Mode::Link)?;
        let target = self.repository.blob(&id).ok()?;
        Some(Cow::Owned(String::from_utf8_lossy(&target).into_owned()))
    }

    fn has_links(&self) -> bool {
        true
    }

    fn remotes(&self) -> Vec<String> {
        self.repository.remotes()
    }

    fn revision(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn revision_of(&self, path: &str) -> Option<Arc<str>> {
        match self.by_content {
            true => self.content_id(path).map(|id| hex(&id).into()),
            false => Some(self.name.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Runs Git to make a repository for a test; the product itself never does.
    fn git(folder: &Path, arguments: &[&str]) {
        let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "init.defaultBranch=main"];
        let done = Command::new("git").current_dir(folder).args(identity).args(arguments).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    fn commit(folder: &Path, files: &[(&str, &str)], message: &str) {
        for (path, text) in files {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        git(folder, &["add", "-A"]);
        git(folder, &["commit", "-q", "-m", message]);
    }

    #[test]
    fn reads_revisions_without_a_checkout() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        git(root, &["init", "-q"]);
        let repository = Repository::open(root).unwrap();
        assert_eq!(repository.resolve("HEAD"), Err(GitError::Unborn));
        commit(root, &[("a/b.yaml", "x: 1"), ("c.yaml", "y: 1")], "first");
        #[cfg(unix)]
        std::os::unix::fs::symlink("a", root.join("link")).unwrap();
        commit(root, &[("a/b.yaml", "x: 2"), ("a/new.yaml", "z: 1")], "second");
        let repository = Arc::new(Repository::open(root).unwrap());
        let head = repository.resolve("HEAD").unwrap();
        let commits: Vec<Commit> = repository.first_parents(&head).map(Result::unwrap).collect();
        assert_eq!(commits.iter().map(|commit| commit.message.trim()).collect::<Vec<_>>(), ["second", "first"]);
        assert_eq!(commits[0].author, Person { name: "Ada".into(), email: "ada@example.com".into() });
        let (new, old) = (repository.tree(&commits[0]), repository.tree(&commits[1]));
        assert_eq!(&*old.read("a/b.yaml").unwrap(), b"x: 1");
        assert_eq!(&*new.read("a/b.yaml").unwrap(), b"x: 2");
        assert_eq!(new.content_id("a/b.yaml"), Some(blob_id(b"x: 2")));
        assert_eq!(old.kind("a"), Some(EntryKind::Directory));
        assert_eq!(old.read("a/new.yaml"), Err(SourceError::Missing));
        assert_eq!(old.read("../etc"), Err(SourceError::OutsideRoot));
        assert_eq!(old.files().iter().map(|file| &**file).collect::<Vec<_>>(), ["a/b.yaml", "c.yaml"]);
        #[cfg(unix)]
        assert_eq!(&*new.read("link/b.yaml").unwrap(), b"x: 2");
        let changed = repository.changed_paths(&commits[1].tree, &commits[0].tree).unwrap();
        let paths: Vec<&str> = changed.iter().map(|change| change.path.as_str()).filter(|path| *path != "link").collect();
        assert_eq!(paths, ["a/b.yaml", "a/new.yaml"]);
        assert_eq!(repository.merge_base(&commits[0].id, &commits[1].id), Ok(commits[1].id));
        assert_eq!(repository.commits_between(&commits[1].id, &commits[0].id).unwrap().len(), 1);
        assert_eq!(repository.resolve("nope"), Err(GitError::UnknownRevision("nope".into())));
        // a folder below the top is seen as a tree of its own
        let below = Arc::new(Repository::open(&root.join("a")).unwrap());
        let commit = below.commit(&head).unwrap();
        assert_eq!(&*below.tree(&commit).read("b.yaml").unwrap(), b"x: 2");
        assert!(matches!(Repository::open(tempfile::tempdir().unwrap().path()), Err(GitError::NotARepository)));
    }
}
