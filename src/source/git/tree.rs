//! The files of a commit as a [`Source`], without a checkout.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use gix::objs::TreeRefIter;
use gix::objs::tree::EntryKind as Mode;

use super::gaps::Gaps;
use super::{Commit, Id, Repository, hex, short};
use crate::source::{EntryKind, Source, SourceError, Withheld, links};

/// One name in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) struct TreeEntry<'a> {
    pub(in crate::source) name: &'a str,
    pub(in crate::source) mode: Mode,
    pub(in crate::source) id: Id,
}

/// A tree as it is stored, with the positions of its names. Names that are not UTF-8 are listed
/// apart; a kustomization cannot name them either.
#[derive(Default)]
pub(in crate::source) struct Tree {
    bytes: Vec<u8>,
    names: Vec<(Range<u32>, Mode)>,
    /// The names that are not UTF-8, as far as they can be shown.
    unreadable: Vec<String>,
}

impl Tree {
    /// `None` if the bytes are not a tree.
    pub(super) fn read(bytes: Vec<u8>) -> Option<Tree> {
        let mut tree = Tree {
            names: Vec::with_capacity(bytes.len() / 32),
            ..Tree::default()
        };
        let mut at = 0;
        for entry in TreeRefIter::from_bytes(&bytes, gix::hash::Kind::Sha1) {
            let entry = entry.ok()?;
            // `MODE NAME\0ID`, one after the other
            let start = at
                + bytes
                    .get(at..)
                    .and_then(|rest| rest.iter().position(|byte| *byte == b' '))
                    .unwrap_or_default()
                + 1;
            let end = start + entry.filename.len();
            at = end + 1 + entry.oid.as_bytes().len();
            match std::str::from_utf8(entry.filename) {
                Ok(_) => tree
                    .names
                    .push((start as u32..end as u32, entry.mode.kind())),
                Err(_) => tree.unreadable.push(entry.filename.to_string()),
            }
        }
        Some(Tree { bytes, ..tree })
    }

    /// The memory that it takes, roughly.
    pub(super) fn size(&self) -> usize {
        self.bytes.len() + self.names.len() * size_of::<(Range<u32>, Mode)>()
    }

    fn get(&self, at: usize) -> Option<TreeEntry<'_>> {
        let (name, mode) = self.names.get(at)?;
        let (start, end) = (name.start as usize, name.end as usize);
        let id = self.bytes.get(end + 1..end + 21)?.try_into().ok()?;
        Some(TreeEntry {
            name: std::str::from_utf8(self.bytes.get(start..end)?).ok()?,
            mode: *mode,
            id,
        })
    }

    /// The entries, sorted as Git does.
    pub(in crate::source) fn iter(&self) -> impl Iterator<Item = TreeEntry<'_>> {
        (0..self.names.len()).filter_map(|at| self.get(at))
    }

    /// The entry of a name.
    pub(super) fn find(&self, name: &str) -> Option<TreeEntry<'_>> {
        let is = |folder: bool| {
            let found = self.names.binary_search_by(|(other, mode)| {
                let other = self
                    .bytes
                    .get(other.start as usize..other.end as usize)
                    .unwrap_or_default();
                tree_order((other, *mode == Mode::Tree), (name.as_bytes(), folder))
            });
            found.ok().and_then(|at| self.get(at))
        };
        is(true).or_else(|| is(false))
    }
}

impl TreeEntry<'_> {
    /// Git's order: a folder's name counts with a `/` at its end.
    pub(super) fn order(&self, other: &TreeEntry) -> Ordering {
        tree_order(
            (self.name.as_bytes(), self.mode == Mode::Tree),
            (other.name.as_bytes(), other.mode == Mode::Tree),
        )
    }
}

/// The order of the names in a tree, each with true for a folder.
fn tree_order(one: (&[u8], bool), other: (&[u8], bool)) -> Ordering {
    let with_end = |(name, folder): (&[u8], bool), at: usize| {
        name.get(at)
            .copied()
            .or_else(|| (folder && at == name.len()).then_some(b'/'))
    };
    let common = one.0.len().min(other.0.len());
    one.0[..common]
        .cmp(&other.0[..common])
        .then_with(|| with_end(one, common).cmp(&with_end(other, common)))
}

/// The files of a commit, those of submodules that are checked out among them.
pub struct GitTree {
    repository: Arc<Repository>,
    root: Id,
    name: Arc<str>,
    /// Name files by their content instead of the revision.
    by_content: bool,
    gaps: Arc<Gaps>,
    listed: OnceLock<Listed>,
}

/// Every file, and what could not be listed.
#[derive(Default)]
struct Listed {
    files: Vec<Arc<str>>,
    unreadable: Vec<String>,
}

/// An entry at a path of a tree.
struct Entry {
    mode: Mode,
    id: Id,
    /// The repository that has it: a submodule's has its own objects.
    repository: Arc<Repository>,
}

/// The result of looking a path up without following links.
enum Found {
    Entry(Entry),
    /// Nothing; true if a link is on the way.
    Nothing(bool),
    Withheld(Withheld),
}

impl GitTree {
    /// `gaps` collects what the clone lacks. `by_content`: a file that is the same in several
    /// revisions has one name.
    pub(super) fn new(
        repository: &Arc<Repository>,
        commit: &Commit,
        gaps: &Arc<Gaps>,
        by_content: bool,
    ) -> GitTree {
        GitTree {
            repository: repository.clone(),
            root: commit.tree,
            name: short(&commit.id).into(),
            by_content,
            gaps: gaps.clone(),
            listed: OnceLock::new(),
        }
    }

    fn listed(&self) -> &Listed {
        self.listed.get_or_init(|| {
            let mut listed = Listed::default();
            self.list("", (&self.repository, 0), &self.root, &mut listed);
            listed.files.sort();
            listed
        })
    }

    fn noted(&self, path: &str, withheld: Withheld) -> Withheld {
        self.gaps.note(&self.name, path, &withheld);
        withheld
    }

    /// The entry at a path, without following links.
    fn lookup(&self, path: &str) -> Found {
        let mut here = Entry {
            mode: Mode::Tree,
            id: self.root,
            repository: self.repository.clone(),
        };
        // the offsets in the path of the rest and of the current repository
        let (mut at, mut top) = (0, 0);
        loop {
            let rest = path.get(at..).unwrap_or_default();
            if here.mode == Mode::Commit {
                let folder = path.get(top..at).unwrap_or_default().trim_matches('/');
                here = match here.repository.module(folder, &here.id) {
                    Ok((repository, tree)) => Entry {
                        mode: Mode::Tree,
                        id: tree,
                        repository,
                    },
                    Err(withheld) => return Found::Withheld(withheld),
                };
                top = at;
            }
            let Some(part) = rest.split('/').find(|part| !part.is_empty()) else {
                return Found::Entry(here);
            };
            if here.mode != Mode::Tree {
                return Found::Nothing(here.mode == Mode::Link);
            }
            let start = at + rest.find(part).unwrap_or_default();
            let folder = path.get(..start).unwrap_or_default().trim_end_matches('/');
            at = start + part.len();
            let tree = match here.repository.folder(&here.id) {
                Ok(tree) => tree,
                Err(withheld) => return Found::Withheld(self.noted(folder, withheld)),
            };
            match tree.find(part) {
                Some(entry) => (here.mode, here.id) = (entry.mode, entry.id),
                None => return Found::Nothing(false),
            }
        }
    }

    /// The entry at a path, following links.
    fn entry(&self, path: &str) -> Result<Entry, SourceError> {
        let found = match self.lookup(path) {
            found @ (Found::Withheld(_) | Found::Nothing(false)) if is_normalised(path) => found,
            Found::Entry(entry) if is_normalised(path) && entry.mode != Mode::Link => {
                Found::Entry(entry)
            }
            _ => self.lookup(&links::resolve(path, |path| self.link(path))?),
        };
        match found {
            Found::Entry(entry) => Ok(entry),
            Found::Nothing(_) => Err(SourceError::Missing),
            Found::Withheld(withheld) => Err(SourceError::Withheld(withheld)),
        }
    }

    /// `top`: the length of the path at which the repository begins.
    fn list(
        &self,
        folder: &str,
        (repository, top): (&Arc<Repository>, usize),
        id: &Id,
        listed: &mut Listed,
    ) {
        let tree = match repository.folder(id) {
            Ok(tree) => tree,
            Err(withheld) => return drop(self.noted(folder, withheld)),
        };
        let below = |name: &str| {
            if folder.is_empty() {
                name.to_string()
            } else {
                format!("{folder}/{name}")
            }
        };
        listed
            .unreadable
            .extend(tree.unreadable.iter().map(|name| below(name)));
        for entry in tree.iter() {
            let path = below(entry.name);
            match entry.mode {
                Mode::Tree => self.list(&path, (repository, top), &entry.id, listed),
                Mode::Blob | Mode::BlobExecutable | Mode::Link => listed.files.push(path.into()),
                // a missing one is reported where it is needed
                Mode::Commit => {
                    if let Ok((module, tree)) = repository.module(
                        path.get(top..).unwrap_or_default().trim_start_matches('/'),
                        &entry.id,
                    ) {
                        self.list(&path, (&module, path.len()), &tree, listed);
                    }
                }
            }
        }
    }
}

/// True if a path has no `.`, `..` or empty parts.
fn is_normalised(path: &str) -> bool {
    path.is_empty() || path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

impl Source for GitTree {
    fn unreadable(&self) -> Vec<(String, String)> {
        super::super::not_utf8(&self.listed().unreadable)
    }

    fn files(&self) -> &[Arc<str>] {
        &self.listed().files
    }

    fn kind(&self, path: &str) -> Option<EntryKind> {
        match self.entry(path).ok()?.mode {
            Mode::Tree => Some(EntryKind::Directory),
            Mode::Blob | Mode::BlobExecutable => Some(EntryKind::File),
            Mode::Link | Mode::Commit => None,
        }
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, SourceError> {
        let entry = self.entry(path)?;
        match entry.mode {
            Mode::Tree => Err(SourceError::IsDirectory),
            Mode::Blob | Mode::BlobExecutable => {
                entry
                    .repository
                    .blob(&entry.id)
                    .map_err(|error| match error {
                        SourceError::Withheld(withheld) => {
                            SourceError::Withheld(self.noted(path, withheld))
                        }
                        error => error,
                    })
            }
            Mode::Link | Mode::Commit => Err(SourceError::Missing),
        }
    }

    fn content_id(&self, path: &str) -> Option<[u8; 20]> {
        let entry = self.entry(path).ok()?;
        (entry.mode != Mode::Tree).then_some(entry.id)
    }

    fn resolve(&self, path: &str) -> Result<String, SourceError> {
        match self.lookup(path) {
            Found::Entry(entry) if is_normalised(path) && entry.mode != Mode::Link => {
                Ok(path.to_string())
            }
            Found::Nothing(false) | Found::Withheld(_) if is_normalised(path) => {
                Ok(path.to_string())
            }
            _ => links::resolve(path, |path| self.link(path)),
        }
    }

    fn link(&self, path: &str) -> Option<Cow<'_, str>> {
        let Found::Entry(entry) = self.lookup(path) else {
            return None;
        };
        if entry.mode != Mode::Link {
            return None;
        }
        match entry.repository.blob(&entry.id) {
            Ok(target) => Some(Cow::Owned(String::from_utf8_lossy(&target).into_owned())),
            Err(SourceError::Withheld(withheld)) => {
                self.noted(path, withheld);
                None
            }
            Err(_) => None,
        }
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

    fn withheld(&self, path: &str) -> Option<Withheld> {
        match self.entry(path) {
            Err(SourceError::Withheld(withheld)) => Some(withheld),
            _ => None,
        }
    }
}
