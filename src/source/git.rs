//! A Git repository read from its objects: revisions as a [`Source`] without a checkout, commits, and what
//! changed between two trees.
//!
//! No Git command is spawned, and neither hooks nor filters of the repository run. Not here: what a change means.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use gix::ObjectId;
use gix::objs::tree::EntryKind as Mode;

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
    /// Its tree.
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
#[derive(Clone, Debug, PartialEq, Eq)]
struct TreeEntry {
    name: Box<str>,
    mode: Mode,
    id: Id,
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

type Trees = Mutex<HashMap<Id, Arc<Vec<TreeEntry>>>>;

/// An opened repository. Cheap to share between threads.
pub struct Repository {
    inner: gix::ThreadSafeRepository,
    trees: Trees,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn id_of(id: impl Into<ObjectId>) -> Id {
    let id: ObjectId = id.into();
    // only SHA-1 is compiled in
    id.as_slice().try_into().unwrap_or_default()
}

fn object(id: &Id) -> ObjectId {
    ObjectId::from_bytes_or_panic(id)
}

impl Repository {
    /// Opens the repository whose work tree (or bare folder) is `root`.
    pub fn open(root: &Path) -> Result<Repository, GitError> {
        let options = gix::open::Options::isolated();
        if !root.join(".git").exists() && !root.join("objects").is_dir() {
            return Err(GitError::NotARepository);
        }
        let inner = options.open(root).map_err(|error| GitError::Other(format!("the Git repository cannot be opened: {error}")))?;
        Ok(Repository { inner, trees: Mutex::default() })
    }

    /// The URLs of all remotes, sorted.
    pub fn remotes(&self) -> Vec<String> {
        let repo = self.local();
        let config = repo.config_snapshot();
        let sections = config.plumbing().sections_by_name("remote").into_iter().flatten();
        let mut urls: Vec<String> = sections.flat_map(|section| section.values("url")).map(|url| url.to_string()).collect();
        urls.sort();
        urls
    }

    fn local(&self) -> gix::Repository {
        self.inner.to_thread_local()
    }

    /// The commit that a revision names: a branch, tag, id, `HEAD~2`, `origin/main`.
    pub fn resolve(&self, revision: &str) -> Result<Id, GitError> {
        let repo = self.local();
        let unknown = || GitError::UnknownRevision(revision.to_string());
        let id = repo.rev_parse_single(revision).map_err(|_| match repo.head() {
            Ok(head) if revision == "HEAD" && head.is_unborn() => GitError::Unborn,
            _ => unknown(),
        })?;
        let object = id.object().map_err(|_| GitError::MissingObject(id.to_string()))?;
        let commit = object.peel_to_commit().map_err(|_| unknown())?;
        Ok(id_of(commit.id))
    }

    /// Whether history was cut off when cloning.
    pub fn is_shallow(&self) -> bool {
        self.local().is_shallow().unwrap_or(false)
    }

    /// Where two histories parted.
    pub fn merge_base(&self, one: &Id, other: &Id) -> Result<Id, GitError> {
        let repo = self.local();
        let base = repo.merge_base(object(one), object(other)).map_err(|error| GitError::Other(error.to_string()))?;
        base.map(|base| id_of(base.detach())).ok_or_else(|| GitError::Unrelated(short(one), short(other)))
    }

    /// A commit.
    pub fn commit(&self, id: &Id) -> Result<Commit, GitError> {
        let repo = self.local();
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
    }

    /// A revision's files.
    pub fn tree(self: &Arc<Self>, commit: &Commit) -> GitTree {
        GitTree { repository: self.clone(), root: commit.tree, name: short(&commit.id).into(), files: OnceLock::new() }
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
        let repo = self.local();
        let walk = repo.rev_walk([object(head)]).with_hidden([object(base)]);
        let walk = walk.all().map_err(|error| GitError::Other(error.to_string()))?;
        let mut commits = Vec::new();
        for info in walk {
            let info = info.map_err(|_| GitError::MissingObject(format!("before {}", short(head))))?;
            commits.push(self.commit(&id_of(info.id))?);
        }
        Ok(commits)
    }

    /// The paths that differ between two trees, sorted.
    pub fn changed_paths(&self, before: &Id, after: &Id) -> Result<Vec<ChangedPath>, GitError> {
        let mut found = Vec::new();
        self.compare("", Some(before), Some(after), &mut found)?;
        found.sort();
        Ok(found)
    }

    fn compare(&self, folder: &str, before: Option<&Id>, after: Option<&Id>, found: &mut Vec<ChangedPath>) -> Result<(), GitError> {
        if before == after {
            return Ok(());
        }
        let entries = |id: Option<&Id>| id.map_or_else(|| Ok(Arc::default()), |id| self.entries(id));
        let (old, new) = (entries(before)?, entries(after)?);
        let by_name: HashMap<&str, &TreeEntry> = new.iter().map(|entry| (&*entry.name, entry)).collect();
        let mut see = |name: &str, old: Option<&TreeEntry>, new: Option<&TreeEntry>| {
            if old.map(|entry| (&entry.id, entry.mode)) == new.map(|entry| (&entry.id, entry.mode)) {
                return Ok(());
            }
            let path = if folder.is_empty() { name.to_string() } else { format!("{folder}/{name}") };
            let tree = |entry: Option<&TreeEntry>| entry.filter(|entry| entry.mode == Mode::Tree).map(|entry| entry.id);
            let file = |entry: Option<&TreeEntry>| entry.filter(|entry| entry.mode != Mode::Tree).map(|entry| entry.id);
            let (file_before, file_after) = (file(old), file(new));
            if file_before.is_some() || file_after.is_some() {
                found.push(ChangedPath { path: path.clone(), before: file_before, after: file_after });
            }
            self.compare(&path, tree(old).as_ref(), tree(new).as_ref(), found)
        };
        for entry in old.iter() {
            see(&entry.name, Some(entry), by_name.get(&*entry.name).copied())?;
        }
        let known: std::collections::HashSet<&str> = old.iter().map(|entry| &*entry.name).collect();
        for entry in new.iter().filter(|entry| !known.contains(&*entry.name)) {
            see(&entry.name, None, Some(entry))?;
        }
        Ok(())
    }

    fn entries(&self, id: &Id) -> Result<Arc<Vec<TreeEntry>>, GitError> {
        if let Some(entries) = lock(&self.trees).get(id) {
            return Ok(entries.clone());
        }
        let repo = self.local();
        let tree = repo.find_tree(object(id)).map_err(|_| GitError::MissingObject(hex(id)))?;
        let decoded = tree.decode().map_err(|error| GitError::Other(format!("the tree {} cannot be read: {error}", hex(id))))?;
        let entries = decoded.entries.iter().filter_map(|entry| {
            // names that are no UTF-8 cannot be named in a kustomization either
            let name = std::str::from_utf8(entry.filename).ok()?;
            Some(TreeEntry { name: name.into(), mode: entry.mode.kind(), id: id_of(entry.oid) })
        });
        let entries: Arc<Vec<TreeEntry>> = Arc::new(entries.collect());
        lock(&self.trees).insert(*id, entries.clone());
        Ok(entries)
    }

    fn blob(&self, id: &Id) -> Result<Vec<u8>, SourceError> {
        let repo = self.local();
        let missing = || SourceError::Unreadable(format!("the object {} is not in this clone", hex(id)));
        let header = repo.find_header(object(id)).map_err(|_| missing())?;
        if header.size() > MAX_FILE_SIZE {
            return Err(SourceError::TooLarge);
        }
        let mut blob = repo.find_blob(object(id)).map_err(|_| missing())?;
        Ok(blob.take_data())
    }
}

/// The id that Git gives a file of this content.
pub fn blob_id(content: &[u8]) -> Id {
    let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
    hasher.update(format!("blob {}\0", content.len()).as_bytes());
    hasher.update(content);
    hasher.try_finalize().map(id_of).unwrap_or_default()
}

/// The files of a commit.
pub struct GitTree {
    repository: Arc<Repository>,
    root: Id,
    name: Arc<str>,
    files: OnceLock<Vec<Arc<str>>>,
}

impl GitTree {
    fn lookup(&self, path: &str) -> Option<TreeEntry> {
        let mut entry = TreeEntry { name: "".into(), mode: Mode::Tree, id: self.root };
        for part in path.split('/').filter(|part| !part.is_empty()) {
            if entry.mode != Mode::Tree {
                return None;
            }
            let entries = self.repository.entries(&entry.id).ok()?;
            entry = entries.iter().find(|entry| &*entry.name == part)?.clone();
        }
        Some(entry)
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
        let entry = self.lookup(&self.resolve(path).ok()?)?;
        match entry.mode {
            Mode::Tree => Some(EntryKind::Directory),
            Mode::Blob | Mode::BlobExecutable => Some(EntryKind::File),
            Mode::Link | Mode::Commit => None,
        }
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, SourceError> {
        let entry = self.lookup(&self.resolve(path)?).ok_or(SourceError::Missing)?;
        match entry.mode {
            Mode::Tree => Err(SourceError::IsDirectory),
            Mode::Blob | Mode::BlobExecutable => Ok(self.repository.blob(&entry.id)?.into()),
            Mode::Link | Mode::Commit => Err(SourceError::Missing),
        }
    }

    fn content_id(&self, path: &str) -> Option<[u8; 20]> {
        let entry = self.lookup(&self.resolve(path).ok()?)?;
        (entry.mode != Mode::Tree).then_some(entry.id)
    }

    fn resolve(&self, path: &str) -> Result<String, SourceError> {
        resolve_links(path, |path| {
            let entry = self.lookup(path).filter(|entry| entry.mode == Mode::Link)?;
            let target = self.repository.blob(&entry.id).ok()?;
            Some(Cow::Owned(String::from_utf8_lossy(&target).into_owned()))
        })
    }

    fn remotes(&self) -> Vec<String> {
        self.repository.remotes()
    }
    fn revision(&self) -> Option<&str> {
        Some(&self.name)
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
        assert!(matches!(Repository::open(&root.join("a")), Err(GitError::NotARepository)));
    }
}
