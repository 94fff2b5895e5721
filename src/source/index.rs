//! The Git index: what is staged as a [`Source`], and what of a work tree differs from a tree of Git, told by what the index knows
//! of each file (size, times) and by reading only those that it does not know.
//!
//! Not here: reading objects (`git`), what a difference means.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use gix::index::entry::{Flags, Mode as IndexMode, Stage, Stat, stat};
use gix::index::extension::Tree as Noted;
use gix::objs::tree::EntryKind as Mode;
use rayon::prelude::*;

use super::git::{ChangedPath, GitError, Id, Repository, TreeEntry, blob_id, id_of};
use super::worktree::{Worktree, resolve_links};
use super::{EntryKind, MAX_FILE_SIZE, Source, SourceError};

/// What the index says of one path.
#[derive(Clone, Copy)]
struct Known {
    mode: Mode,
    id: Id,
    stat: Stat,
    /// Not to be trusted: a conflict, a file that is announced only, or one written in the moment in which the index was.
    unsure: bool,
    /// Left out of the work tree on purpose (a sparse checkout).
    absent: bool,
}

/// The index of a work tree, with paths relative to the opened folder.
#[derive(Default)]
pub struct Index {
    /// Sorted by path.
    entries: Vec<(Arc<str>, Known)>,
    /// The trees that the entries make, as far as Git noted them.
    trees: Option<Noted>,
}

const STAT: stat::Options = stat::Options { trust_ctime: true, check_stat: true, use_nsec: true, use_stdev: false };

impl Index {
    /// Reads the index; one that is not there is empty.
    pub fn read(repository: &Repository) -> Result<Index, GitError> {
        let told = |error: String| GitError::Other(format!("the index cannot be read: {error}"));
        let path = repository.with(|repo| repo.index_path());
        if !path.exists() {
            return Ok(Index::default());
        }
        let file = gix::index::File::at(path, gix::hash::Kind::Sha1, true, gix::index::decode::Options::default());
        let mut file = file.map_err(|error| told(error.to_string()))?;
        if file.is_sparse() {
            return Err(told("it is a sparse index; `git sparse-checkout reapply --no-sparse-index` writes a whole one".to_string()));
        }
        let below = if repository.prefix().is_empty() { String::new() } else { format!("{}/", repository.prefix()) };
        let mut entries: Vec<(Arc<str>, Known)> = Vec::with_capacity(file.entries().len());
        for entry in file.entries() {
            let Some(path) = std::str::from_utf8(entry.path(&file)).ok().and_then(|path| path.strip_prefix(&*below)) else { continue };
            let mode = match entry.mode {
                IndexMode::FILE => Mode::Blob,
                IndexMode::FILE_EXECUTABLE => Mode::BlobExecutable,
                IndexMode::SYMLINK => Mode::Link,
                IndexMode::COMMIT => Mode::Commit,
                _ => continue,
            };
            let conflict = entry.stage() != Stage::Unconflicted;
            let announced = entry.flags.contains(Flags::INTENT_TO_ADD);
            let known = Known {
                mode,
                id: id_of(entry.id),
                stat: entry.stat,
                unsure: conflict || announced || entry.stat.is_racy(file.timestamp(), STAT),
                absent: entry.flags.contains(Flags::SKIP_WORKTREE),
            };
            match entries.last_mut().filter(|(last, _)| **last == *path) {
                // of a conflict, our side is what is shown
                Some((_, last)) if entry.stage() == Stage::Ours => *last = known,
                Some(_) => {}
                None => entries.push((Arc::from(path), known)),
            }
        }
        let below = |noted: Noted, part: &str| noted.children.into_iter().find(|child| *child.name == *part.as_bytes());
        let parts = repository.prefix().split('/').filter(|part| !part.is_empty());
        let trees = parts.fold(file.remove_tree(), |noted, part| noted.and_then(|noted| below(noted, part)));
        Ok(Index { entries, trees })
    }

    fn get(&self, path: &str) -> Option<&Known> {
        let at = self.entries.binary_search_by(|(other, _)| (**other).cmp(path)).ok()?;
        self.entries.get(at).map(|(_, known)| known)
    }

    /// What differs between a tree and a work tree, sorted. A file's id stands for its content; in `after` it is made up where only
    /// the work tree has the file.
    pub fn changed_since(&self, repository: &Repository, tree: &Id, worktree: &Worktree) -> Result<Vec<ChangedPath>, GitError> {
        let submodules: Vec<String> =
            self.entries.iter().filter(|(_, known)| known.mode == Mode::Commit).map(|(path, _)| format!("{path}/")).collect();
        let (mut known, mut missing) = (self.entries.iter().peekable(), Vec::new());
        let mut files: Vec<(&Arc<str>, Option<&Known>)> = Vec::with_capacity(self.entries.len());
        let mut no_file = |entry: &'_ (Arc<str>, Known), files: &mut Vec<_>| match entry.1.absent || entry.1.mode == Mode::Commit {
            true => files.push((entry.0.clone(), Some((entry.1.mode, entry.1.id)))),
            false => missing.push(entry.0.clone()),
        };
        let mut listed: Vec<Listed> = Vec::new();
        for path in worktree.files().iter().filter(|path| !submodules.iter().any(|folder| path.starts_with(&**folder))) {
            while let Some(entry) = known.next_if(|(other, _)| other < path) {
                no_file(entry, &mut listed);
            }
            files.push((path, known.next_if(|(other, _)| other == path).map(|(_, known)| known)));
        }
        known.for_each(|entry| no_file(entry, &mut listed));
        listed.par_extend(files.into_par_iter().map(|(path, known)| {
            let untouched = known.filter(|known| is_untouched(worktree, path, known));
            (path.clone(), untouched.map(|known| (known.mode, known.id)))
        }));
        listed.par_sort_unstable_by(|one, other| one.0.cmp(&other.0));
        let content = |path: &str, before: &TreeEntry| content_of(worktree, path, before);
        Comparison::new(repository, &listed, &missing, &content).run(self.trees.as_ref(), tree)
    }
}

/// Whether a file is as it was when the index took note of it.
fn is_untouched(worktree: &Worktree, path: &str, known: &Known) -> bool {
    !known.unsure && known.mode != Mode::Commit && worktree.stat(path).is_some_and(|stat| known.stat.matches(&stat, STAT))
}

/// The id of a file of a work tree, as Git would store it next to what the tree has: line ends count as the tree's where that
/// alone makes the two equal, as `core.autocrlf` and attributes would have it.
fn content_of(worktree: &Worktree, path: &str, before: &TreeEntry) -> Option<Id> {
    if let Some(target) = worktree.link(path) {
        return (before.mode == Mode::Link).then(|| blob_id(target.as_bytes()));
    }
    let bytes = worktree.read(path).ok().filter(|bytes| bytes.len() as u64 <= MAX_FILE_SIZE && before.mode != Mode::Link)?;
    let id = blob_id(&bytes);
    if id == before.id || !bytes.contains(&b'\r') {
        return Some(id);
    }
    let mut unified = Vec::with_capacity(bytes.len());
    for (at, byte) in bytes.iter().enumerate() {
        if *byte != b'\r' || bytes.get(at + 1) != Some(&b'\n') {
            unified.push(*byte);
        }
    }
    Some(blob_id(&unified))
}

/// A file of a head, and what is known of it without reading it.
type Listed = (Arc<str>, Option<(Mode, Id)>);

/// Files that are compared with a tree. Folders of which Git noted the tree are entered only where something in them may differ.
struct Comparison<'a> {
    repository: &'a Repository,
    /// Sorted by path.
    files: &'a [Listed],
    /// The folders with something that the index does not know, at any depth.
    unknown: HashSet<&'a str>,
    /// Gives the id of a file of which nothing is known.
    content: &'a dyn Fn(&str, &TreeEntry) -> Option<Id>,
}

impl<'a> Comparison<'a> {
    /// `missing`: what the index has and the head has not.
    fn new(
        repository: &'a Repository,
        files: &'a [Listed],
        missing: &'a [Arc<str>],
        content: &'a dyn Fn(&str, &TreeEntry) -> Option<Id>,
    ) -> Comparison<'a> {
        let unknown = files.iter().filter(|(_, known)| known.is_none()).map(|(path, _)| path).chain(missing);
        let folders = unknown.flat_map(|path| path.match_indices('/').filter_map(|(at, _)| path.get(..at)).chain([""]));
        Comparison { repository, files, unknown: folders.collect(), content }
    }

    /// What differs, sorted.
    fn run(&self, noted: Option<&Noted>, tree: &Id) -> Result<Vec<ChangedPath>, GitError> {
        let mut found = Vec::new();
        self.folder("", self.files, noted, Some(*tree), &mut found)?;
        found.sort();
        Ok(found)
    }

    /// `files`: those in and below the folder.
    fn folder(
        &self,
        folder: &str,
        files: &[Listed],
        noted: Option<&Noted>,
        tree: Option<Id>,
        found: &mut Vec<ChangedPath>,
    ) -> Result<(), GitError> {
        let own = noted.filter(|noted| noted.num_entries.is_some() && !self.unknown.contains(folder)).map(|noted| id_of(noted.id));
        if tree.is_some() && tree == own {
            return Ok(());
        }
        let entries = tree.map_or_else(|| Ok(Arc::default()), |tree| self.repository.entries(&tree))?;
        let before: HashMap<&str, TreeEntry> = entries.iter().map(|entry| (entry.name, entry)).collect();
        let noted: HashMap<&[u8], &Noted> = noted.iter().flat_map(|noted| &noted.children).map(|child| (&*child.name, child)).collect();
        let path_of = |name: &str| if folder.is_empty() { name.to_string() } else { format!("{folder}/{name}") };
        let prefix = if folder.is_empty() { 0 } else { folder.len() + 1 };
        fn below(listed: &Listed, prefix: usize) -> &str {
            listed.0.get(prefix..).unwrap_or_default()
        }
        let (mut own_files, mut own_folders): (HashSet<&str>, HashSet<&str>) = Default::default();
        let mut rest = files;
        while let Some(first) = rest.first() {
            let name = below(first, prefix);
            if let Some((name, _)) = name.split_once('/') {
                let inside = |listed: &Listed| below(listed, prefix).strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
                let (inner, others) = rest.split_at(rest.partition_point(inside));
                rest = others;
                own_folders.insert(name);
                let tree = before.get(name).filter(|entry| entry.mode == Mode::Tree).map(|entry| entry.id);
                self.folder(&path_of(name), inner, noted.get(name.as_bytes()).copied(), tree, found)?;
                continue;
            }
            rest = rest.get(1..).unwrap_or_default();
            own_files.insert(name);
            let (path, after) = (path_of(name), first.1);
            let Some(old) = before.get(name).filter(|entry| entry.mode != Mode::Tree) else {
                found.push(ChangedPath { path, before: None, after: Some(after.map_or_else(|| blob_id(&[]), |(_, id)| id)) });
                continue;
            };
            let same = match after {
                Some((mode, id)) => (mode, id) == (old.mode, old.id),
                None => (self.content)(&path, old) == Some(old.id),
            };
            if !same {
                found.push(ChangedPath { path, before: Some(old.id), after: Some(after.map_or_else(|| blob_id(&[]), |(_, id)| id)) });
            }
        }
        for entry in entries.iter().filter(|entry| !own_files.contains(entry.name)) {
            let (path, is_folder) = (path_of(entry.name), own_folders.contains(entry.name));
            match entry.mode {
                Mode::Tree if is_folder => {}
                Mode::Tree => self.folder(&path, &[], None, Some(entry.id), found)?,
                Mode::Commit if is_folder => {}
                _ => found.push(ChangedPath { path, before: Some(entry.id), after: None }),
            }
        }
        Ok(())
    }
}

/// What is staged: the files of the next commit.
pub struct Staged {
    repository: Arc<Repository>,
    index: Index,
    files: Vec<Arc<str>>,
}

impl Staged {
    /// The files of the index.
    pub fn open(repository: Arc<Repository>) -> Result<Staged, GitError> {
        let index = Index::read(&repository)?;
        let files = index.entries.iter().filter(|(_, known)| known.mode != Mode::Commit).map(|(path, _)| path.clone()).collect();
        Ok(Staged { repository, index, files })
    }

    /// What differs between a tree and what is staged, sorted.
    pub fn changed_since(&self, tree: &Id) -> Result<Vec<ChangedPath>, GitError> {
        let listed: Vec<Listed> = self.index.entries.iter().map(|(path, known)| (path.clone(), Some((known.mode, known.id)))).collect();
        Comparison::new(&self.repository, &listed, &[], &|_, _| None).run(self.index.trees.as_ref(), tree)
    }
}

impl Source for Staged {
    fn files(&self) -> &[Arc<str>] {
        &self.files
    }

    fn kind(&self, path: &str) -> Option<EntryKind> {
        super::kind_in(&self.files, &self.resolve(path).ok()?)
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, SourceError> {
        let path = self.resolve(path)?;
        match self.index.get(&path) {
            Some(known) if known.mode != Mode::Commit => self.repository.blob(&known.id),
            _ if super::kind_in(&self.files, &path).is_some() => Err(SourceError::IsDirectory),
            _ => Err(SourceError::Missing),
        }
    }

    fn content_id(&self, path: &str) -> Option<[u8; 20]> {
        self.index.get(&self.resolve(path).ok()?).map(|known| known.id)
    }

    fn resolve(&self, path: &str) -> Result<String, SourceError> {
        resolve_links(path, |path| self.link(path))
    }

    fn link(&self, path: &str) -> Option<Cow<'_, str>> {
        let known = self.index.get(path).filter(|known| known.mode == Mode::Link)?;
        let target = self.repository.blob(&known.id).ok()?;
        Some(Cow::Owned(String::from_utf8_lossy(&target).into_owned()))
    }

    fn has_links(&self) -> bool {
        true
    }

    fn remotes(&self) -> Vec<String> {
        self.repository.remotes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::process::Command;

    /// Runs Git to make a repository for a test; the product itself never does.
    fn git(folder: &Path, arguments: &[&str]) {
        let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "init.defaultBranch=main"];
        let done = Command::new("git").current_dir(folder).args(identity).args(arguments).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// What differs from the first commit: in the work tree, and in what is staged.
    fn changed(root: &Path) -> (Vec<String>, Vec<String>) {
        let repository = Arc::new(Repository::open(root).unwrap());
        let first = repository.resolve("first").and_then(|id| repository.commit(&id)).unwrap();
        let index = Index::read(&repository).unwrap();
        let paths = |changes: Vec<ChangedPath>| changes.into_iter().map(|change| change.path).collect();
        let of_worktree = index.changed_since(&repository, &first.tree, &Worktree::open(root).unwrap()).unwrap();
        (paths(of_worktree), paths(Staged::open(repository).unwrap().changed_since(&first.tree).unwrap()))
    }

    #[test]
    fn what_differs_is_found_whatever_git_noted_of_trees() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        git(root, &["init", "-q"]);
        for path in ["a/b/one.yaml", "a/b/two.yaml", "a/c/three.yaml", "a-b/four.yaml", "a.yaml", "d/e/five.yaml"] {
            write(root, path, path);
        }
        git(root, &["add", "-A"]);
        git(root, &["commit", "-q", "-m", "first"]);
        git(root, &["tag", "first"]);
        assert_eq!(changed(root), (vec![], vec![]));
        // changed, removed and new without the index knowing; a folder in place of a file
        write(root, "a/b/one.yaml", "other");
        write(root, "a/c/new.yaml", "new");
        std::fs::remove_file(root.join("a.yaml")).unwrap();
        write(root, "a.yaml/file", "in a folder");
        std::fs::remove_dir_all(root.join("d")).unwrap();
        let different = ["a.yaml", "a.yaml/file", "a/b/one.yaml", "a/c/new.yaml", "d/e/five.yaml"].map(str::to_string).to_vec();
        assert_eq!(changed(root), (different.clone(), vec![]));
        // what is staged: Git notes the trees that are left as they were
        git(root, &["add", "-A"]);
        assert_eq!(changed(root), (different.clone(), different.clone()));
        // what is committed: all trees are noted, and some are not the first commit's
        git(root, &["commit", "-q", "-m", "second"]);
        assert_eq!(changed(root), (different.clone(), different));
        git(root, &["reset", "-q", "--hard", "first"]);
        assert_eq!(changed(root), (vec![], vec![]));
    }
}
