//! The Git index: what is staged as a [`Source`], and what of a work tree differs from a tree of Git, told by what the index knows
//! of each file (size, times) and by reading only those that it does not know.
//!
//! Not here: reading objects (`git`), what a difference means.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use gix::index::entry::{Flags, Mode as IndexMode, Stage, Stat, stat};
use gix::objs::Kind;
use gix::objs::tree::EntryKind as Mode;
use rayon::prelude::*;

use super::git::{ChangedPath, GitError, Id, Repository, TreeEntry, blob_id, id_of, object_id, tree_order};
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
pub struct Index {
    entries: BTreeMap<Arc<str>, Known>,
}

const STAT: stat::Options = stat::Options { trust_ctime: true, check_stat: true, use_nsec: true, use_stdev: false };

impl Index {
    /// Reads the index; one that is not there is empty.
    pub fn read(repository: &Repository) -> Result<Index, GitError> {
        let told = |error: String| GitError::Other(format!("the index cannot be read: {error}"));
        let path = repository.with(|repo| repo.index_path());
        if !path.exists() {
            return Ok(Index { entries: BTreeMap::new() });
        }
        let file = gix::index::File::at(path, gix::hash::Kind::Sha1, true, gix::index::decode::Options::default());
        let file = file.map_err(|error| told(error.to_string()))?;
        if file.is_sparse() {
            return Err(told("it is a sparse index; `git sparse-checkout reapply --no-sparse-index` writes a whole one".to_string()));
        }
        let below = if repository.prefix().is_empty() { String::new() } else { format!("{}/", repository.prefix()) };
        let mut entries = BTreeMap::new();
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
            // of a conflict, our side is what is shown
            if !conflict || entry.stage() == Stage::Ours || !entries.contains_key(path) {
                entries.insert(Arc::from(path), known);
            }
        }
        Ok(Index { entries })
    }

    /// What differs between a tree and a work tree, sorted. A file's id stands for its content; in `after` it is made up where only
    /// the work tree has the file.
    pub fn changed_since(&self, repository: &Repository, tree: &Id, worktree: &Worktree) -> Result<Vec<ChangedPath>, GitError> {
        let submodules: Vec<String> =
            self.entries.iter().filter(|(_, known)| known.mode == Mode::Commit).map(|(path, _)| format!("{path}/")).collect();
        let files: Vec<&Arc<str>> =
            worktree.files().iter().filter(|path| !submodules.iter().any(|folder| path.starts_with(&**folder))).collect();
        let listed = files.par_iter().map(|path| {
            let id = self.entries.get(*path).filter(|known| is_untouched(worktree.root(), path, known)).map(|known| (known.mode, known.id));
            ((*path).clone(), id)
        });
        let mut listed: HashMap<Arc<str>, Option<(Mode, Id)>> = listed.collect();
        for (path, known) in self.entries.iter().filter(|(_, known)| known.absent || known.mode == Mode::Commit) {
            listed.entry(path.clone()).or_insert(Some((known.mode, known.id)));
        }
        let content = |path: &str, before: &TreeEntry| content_of(worktree, path, before);
        let mut found = Vec::new();
        Folder::of(listed.into_iter()).compare(repository, "", Some(*tree), &content, &mut found)?;
        found.sort();
        Ok(found)
    }

    /// The ids of what is staged, for [`Staged`].
    fn listing(&self) -> impl Iterator<Item = (Arc<str>, Option<(Mode, Id)>)> {
        self.entries.iter().map(|(path, known)| (path.clone(), Some((known.mode, known.id))))
    }
}

/// Whether a file is as it was when the index took note of it.
fn is_untouched(root: &Path, path: &str, known: &Known) -> bool {
    let stat = || Stat::from_fs(&gix::index::fs::Metadata::from_path_no_follow(&root.join(path)).ok()?).ok();
    !known.unsure && known.mode != Mode::Commit && stat().is_some_and(|stat| known.stat.matches(&stat, STAT))
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

/// A folder as Git would store it, as far as its content is known.
#[derive(Default)]
struct Folder {
    folders: BTreeMap<Box<str>, Folder>,
    files: BTreeMap<Box<str>, Option<(Mode, Id)>>,
    /// `None` when the content of something in it is not known.
    id: Option<Id>,
}

impl Folder {
    fn of(files: impl Iterator<Item = (Arc<str>, Option<(Mode, Id)>)>) -> Folder {
        let mut top = Folder::default();
        for (path, known) in files {
            let mut folder = &mut top;
            let mut parts = path.split('/').peekable();
            while let Some(part) = parts.next() {
                if parts.peek().is_none() {
                    folder.files.insert(part.into(), known);
                } else if !folder.folders.contains_key(part) {
                    folder = folder.folders.entry(part.into()).or_default();
                } else if let Some(below) = folder.folders.get_mut(part) {
                    folder = below;
                } else {
                    break;
                }
            }
        }
        top.identify();
        top
    }

    fn identify(&mut self) {
        let mut entries: Vec<(&str, Mode, Id)> = Vec::with_capacity(self.files.len() + self.folders.len());
        let mut known = true;
        for (name, folder) in &mut self.folders {
            folder.identify();
            match folder.id {
                Some(id) => entries.push((name, Mode::Tree, id)),
                None => known = false,
            }
        }
        for (name, file) in &self.files {
            match file {
                Some((mode, id)) => entries.push((name, *mode, *id)),
                None => known = false,
            }
        }
        if !known {
            return;
        }
        let key = |entry: &(&str, Mode, Id)| (entry.0.len(), entry.1 == Mode::Tree);
        entries.sort_by(|one, other| tree_order((one.0.as_bytes(), key(one).1), (other.0.as_bytes(), key(other).1)));
        let mut bytes = Vec::with_capacity(entries.len() * 40);
        for (name, mode, id) in entries {
            bytes.extend_from_slice(mode.as_octal_str());
            bytes.push(b' ');
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(0);
            bytes.extend_from_slice(&id);
        }
        self.id = Some(object_id(Kind::Tree, &bytes));
    }

    /// What differs from a tree. `content` gives the id of a file whose content is not known.
    fn compare(
        &self,
        repository: &Repository,
        folder: &str,
        tree: Option<Id>,
        content: &dyn Fn(&str, &TreeEntry) -> Option<Id>,
        found: &mut Vec<ChangedPath>,
    ) -> Result<(), GitError> {
        if tree.is_some() && tree == self.id {
            return Ok(());
        }
        let entries = tree.map_or_else(|| Ok(Arc::default()), |tree| repository.entries(&tree))?;
        let before: HashMap<&str, &TreeEntry> = entries.iter().map(|entry| (&*entry.name, entry)).collect();
        let path_of = |name: &str| if folder.is_empty() { name.to_string() } else { format!("{folder}/{name}") };
        for (name, known) in &self.files {
            let (path, old) = (path_of(name), before.get(&**name).filter(|entry| entry.mode != Mode::Tree));
            let Some(old) = old else {
                found.push(ChangedPath { path, before: None, after: Some(known.map_or_else(|| blob_id(&[]), |(_, id)| id)) });
                continue;
            };
            let same = match known {
                Some((mode, id)) => (*mode, *id) == (old.mode, old.id),
                None => content(&path, old) == Some(old.id),
            };
            if !same {
                found.push(ChangedPath { path, before: Some(old.id), after: Some(known.map_or_else(|| blob_id(&[]), |(_, id)| id)) });
            }
        }
        for (name, below) in &self.folders {
            let tree = before.get(&**name).filter(|entry| entry.mode == Mode::Tree).map(|entry| entry.id);
            below.compare(repository, &path_of(name), tree, content, found)?;
        }
        for entry in entries.iter() {
            let (path, name) = (path_of(&entry.name), &entry.name);
            if entry.mode == Mode::Tree {
                if !self.folders.contains_key(name) {
                    Folder::default().compare(repository, &path, Some(entry.id), content, found)?;
                }
            } else if !self.files.contains_key(name) && !self.folders.contains_key(name)
                || entry.mode != Mode::Commit && !self.files.contains_key(name)
            {
                found.push(ChangedPath { path, before: Some(entry.id), after: None });
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
        let mut found = Vec::new();
        Folder::of(self.index.listing()).compare(&self.repository, "", Some(*tree), &|_, _| None, &mut found)?;
        found.sort();
        Ok(found)
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
        match self.index.entries.get(&*path) {
            Some(known) if known.mode != Mode::Commit => Ok(self.repository.blob(&known.id)?.into()),
            _ if super::kind_in(&self.files, &path).is_some() => Err(SourceError::IsDirectory),
            _ => Err(SourceError::Missing),
        }
    }

    fn content_id(&self, path: &str) -> Option<[u8; 20]> {
        self.index.entries.get(&*self.resolve(path).ok()?).map(|known| known.id)
    }

    fn resolve(&self, path: &str) -> Result<String, SourceError> {
        resolve_links(path, |path| self.link(path))
    }

    fn link(&self, path: &str) -> Option<Cow<'_, str>> {
        let known = self.index.entries.get(path).filter(|known| known.mode == Mode::Link)?;
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
