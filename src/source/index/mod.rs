//! The Git index: the staged files ([`Staged`]), and comparing a work tree with a commit.
//!
//! Not here: reading objects (`git`), what a difference means.

mod compare;
mod staged;

use std::sync::Arc;

use gix::index::entry::{Flags, Mode as IndexMode, Stage, Stat, stat};
use gix::index::extension::Tree as NotedTree;
use gix::objs::tree::EntryKind as Mode;

use super::folder::Folder;
use super::git::{GitError, Id, Repository, id_of, not_checked_out};
use super::{Source, Withheld, is_below};
pub(crate) use staged::Staged;

/// An entry of the index.
#[derive(Clone, Copy)]
struct IndexEntry {
    mode: Mode,
    id: Id,
    stat: Stat,
    /// `stat` proves nothing: a conflict, a file that is only announced, or a file that was written
    /// in the same moment as the index.
    unsure: bool,
    /// Not merged yet.
    conflict: bool,
    /// Announced by `git add --intent-to-add`: no part of the next commit.
    announced: bool,
    /// Left out of the work tree on purpose (a sparse checkout).
    absent: bool,
}

/// The index of a work tree, with paths relative to the opened folder.
#[derive(Default)]
pub(super) struct Index {
    /// Sorted by path.
    entries: Vec<(Arc<str>, IndexEntry)>,
    /// The trees that the entries make, as far as Git noted them.
    trees: Option<NotedTree>,
    /// Names that are not UTF-8, as far as they can be shown.
    unreadable: Vec<String>,
}

const STAT: stat::Options = stat::Options {
    trust_ctime: true,
    check_stat: true,
    use_nsec: true,
    use_stdev: false,
};

impl Index {
    /// Reads the index. A missing index is an empty one.
    pub(super) fn read(repository: &Repository) -> Result<Index, GitError> {
        let Some(mut file) = open(repository)? else {
            return Ok(Index::default());
        };
        let below = if repository.prefix().is_empty() {
            String::new()
        } else {
            format!("{}/", repository.prefix())
        };
        let mut index = Index {
            entries: Vec::with_capacity(file.entries().len()),
            ..Index::default()
        };
        for entry in file.entries() {
            index.add(entry, &file, repository, &below)?;
        }
        if file.is_sparse() {
            index.entries.sort_by(|one, other| one.0.cmp(&other.0));
        }
        let below = |noted: NotedTree, part: &str| {
            noted
                .children
                .into_iter()
                .find(|child| *child.name == *part.as_bytes())
        };
        let parts = repository
            .prefix()
            .split('/')
            .filter(|part| !part.is_empty());
        index.trees = parts.fold(file.remove_tree(), |noted, part| {
            noted.and_then(|noted| below(noted, part))
        });
        Ok(index)
    }

    fn add(
        &mut self,
        entry: &gix::index::Entry,
        file: &gix::index::File,
        repository: &Repository,
        below: &str,
    ) -> Result<(), GitError> {
        let name = entry.path(file);
        let Ok(path) = std::str::from_utf8(name) else {
            if name.starts_with(below.as_bytes()) {
                self.unreadable.push(name.to_string());
            }
            return Ok(());
        };
        let mode = match entry.mode {
            IndexMode::FILE => Mode::Blob,
            IndexMode::FILE_EXECUTABLE => Mode::BlobExecutable,
            IndexMode::SYMLINK => Mode::Link,
            IndexMode::COMMIT => Mode::Commit,
            IndexMode::DIR => Mode::Tree,
            _ => return Ok(()),
        };
        let conflict = entry.stage() != Stage::Unconflicted;
        let announced = entry.flags.contains(Flags::INTENT_TO_ADD);
        let found = IndexEntry {
            mode,
            id: id_of(entry.id),
            stat: entry.stat,
            unsure: conflict || announced || entry.stat.is_racy(file.timestamp(), STAT),
            conflict,
            announced,
            absent: entry.flags.contains(Flags::SKIP_WORKTREE),
        };
        if mode == Mode::Tree {
            return self.expand(repository, (path.trim_end_matches('/'), below), &found);
        }
        let Some(path) = path.strip_prefix(below) else {
            return Ok(());
        };
        match self.entries.last_mut().filter(|(last, _)| **last == *path) {
            // of the sides of a conflict, show ours
            Some((_, last)) if entry.stage() == Stage::Ours => *last = found,
            Some(_) => {}
            None => self.entries.push((Arc::from(path), found)),
        }
        Ok(())
    }

    /// Adds the files of a folder for which a sparse index holds one entry. Paths are those of the
    /// whole work tree.
    fn expand(
        &mut self,
        repository: &Repository,
        (folder, below): (&str, &str),
        found: &IndexEntry,
    ) -> Result<(), GitError> {
        if !folder.starts_with(below) && !below.starts_with(&format!("{folder}/")) {
            return Ok(());
        }
        for entry in repository.entries(folder, &found.id)?.iter() {
            let path = format!("{folder}/{}", entry.name);
            let inner = IndexEntry {
                mode: entry.mode,
                id: entry.id,
                ..*found
            };
            match path.strip_prefix(below) {
                _ if entry.mode == Mode::Tree => self.expand(repository, (&path, below), &inner)?,
                Some(path) => self.entries.push((Arc::from(path), inner)),
                None => {}
            }
        }
        Ok(())
    }

    fn get(&self, path: &str) -> Option<&IndexEntry> {
        let at = self
            .entries
            .binary_search_by(|(other, _)| (**other).cmp(path))
            .ok()?;
        self.entries.get(at).map(|(_, entry)| entry)
    }

    /// The submodules.
    fn modules(&self) -> impl Iterator<Item = (&Arc<str>, &Id)> {
        self.entries
            .iter()
            .filter(|(_, entry)| entry.mode == Mode::Commit)
            .map(|(path, entry)| (path, &entry.id))
    }

    /// True if Git tracks a file.
    pub(super) fn has(&self, path: &str) -> bool {
        let found = self
            .entries
            .binary_search_by(|(known, _)| (**known).cmp(path));
        found.is_ok()
    }

    /// Why the work tree lacks a path that the index has, as a file or as a folder.
    pub(super) fn withheld(&self, path: &str, folder: &Folder) -> Option<Withheld> {
        if let Some((module, _)) = self.modules().find(|(module, _)| is_below(path, module)) {
            return folder
                .kind(module)
                .is_none()
                .then(|| not_checked_out(module));
        }
        let below = format!("{path}/");
        let next = self
            .entries
            .get(self.entries.partition_point(|(other, _)| **other < *below));
        let next = next
            .filter(|(other, _)| other.starts_with(&*below))
            .map(|(_, entry)| entry);
        self.get(path)
            .or(next)
            .filter(|entry| entry.absent)
            .map(|_| left_out(path))
    }

    /// The number of files that a sparse checkout leaves out.
    pub(super) fn left_out(&self, folder: &Folder) -> usize {
        let is_absent =
            |(path, entry): &&(Arc<str>, IndexEntry)| entry.absent && folder.kind(path).is_none();
        self.entries.iter().filter(is_absent).count()
    }
}

/// Opens the file of the index; `None` if there is none yet.
fn open(repository: &Repository) -> Result<Option<gix::index::File>, GitError> {
    let path = repository.index_path();
    let path = path.ok_or_else(|| {
        GitError::Other("a bare repository has no index, so nothing can be staged".to_string())
    })?;
    if !path.exists() {
        return Ok(None);
    }
    let options = gix::index::decode::Options::default();
    let file = gix::index::File::at(path, gix::hash::Kind::Sha1, true, options);
    file.map(Some).map_err(|error| {
        GitError::Other(format!(
            "the index cannot be read: {error}; `git read-tree HEAD` writes it again"
        ))
    })
}

/// The sparse checkout leaves a file out.
fn left_out(path: &str) -> Withheld {
    Withheld {
        reason: "Git has it, but the sparse checkout leaves it out".to_string(),
        remedy: format!(
            "git sparse-checkout add {}",
            path.rsplit_once('/').map_or(path, |(folder, _)| folder)
        ),
    }
}
