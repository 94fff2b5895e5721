//! The staged files as a [`Source`].

use std::borrow::Cow;
use std::sync::Arc;

use gix::objs::tree::EntryKind as Mode;

use super::compare::{Comparison, Listed};
use super::{Index, IndexEntry, left_out};
use crate::source::git::{ChangedPath, GitError, GitTree, Id, Repository};
use crate::source::{Source, SourceError, Withheld, is_below, kind_in, links};

/// The staged files: those of the next commit.
pub(crate) struct Staged {
    repository: Arc<Repository>,
    index: Index,
    files: Vec<Arc<str>>,
    /// The files of submodules that are checked out, by their paths.
    modules: Vec<(Arc<str>, GitTree)>,
    /// The files that a sparse checkout leaves out of a partial clone, sorted.
    left_out: Vec<Arc<str>>,
}

impl Staged {
    /// The files of the index.
    pub(crate) fn open(repository: Arc<Repository>) -> Result<Staged, GitError> {
        let mut index = Index::read(&repository)?;
        refuse_conflicts(&index)?;
        index.entries.retain(|(_, entry)| !entry.announced);
        let is_lacking = |entry: &IndexEntry| {
            entry.absent && entry.mode != Mode::Commit && !repository.has(&entry.id)
        };
        let left_out: Vec<Arc<str>> = index
            .entries
            .iter()
            .filter(|(_, entry)| is_lacking(entry))
            .map(|(path, _)| path.clone())
            .collect();
        let modules: Vec<(Arc<str>, GitTree)> = index
            .modules()
            .filter_map(|(path, id)| {
                let module = repository.opened_module(path)?;
                let commit = module.commit(id).ok()?;
                Some((path.clone(), module.tree(&commit)))
            })
            .collect();
        let mut files: Vec<Arc<str>> = index
            .entries
            .iter()
            .filter(|(_, entry)| entry.mode != Mode::Commit)
            .map(|(path, _)| path.clone())
            .collect();
        files.retain(|path| left_out.binary_search(path).is_err());
        for (path, tree) in &modules {
            files.extend(
                tree.files()
                    .iter()
                    .map(|file| Arc::from(format!("{path}/{file}"))),
            );
        }
        files.sort();
        Ok(Staged {
            repository,
            index,
            files,
            modules,
            left_out,
        })
    }

    /// The number of files that are missing because the checkout is sparse and the clone partial.
    pub(crate) fn left_out(&self) -> usize {
        self.left_out.len()
    }

    fn is_left_out(&self, path: &str) -> bool {
        let next = self
            .left_out
            .get(self.left_out.partition_point(|other| **other < *path));
        !path.is_empty() && next.is_some_and(|other| is_below(other, path))
    }

    /// The paths that differ between a tree and the staged files, sorted.
    pub(crate) fn changed_since(&self, tree: &Id) -> Result<Vec<ChangedPath>, GitError> {
        let listed: Vec<Listed> = self
            .index
            .entries
            .iter()
            .map(|(path, entry)| (path.clone(), Some((entry.mode, entry.id))))
            .collect();
        let comparison = Comparison::new(&self.repository, &listed, &[], &|_, _| None);
        let mut found = comparison.run(self.index.trees.as_ref(), tree)?;
        self.index
            .changed_modules("", &self.repository, tree, None, &mut found)?;
        found.retain(|change| !self.is_left_out(&change.path));
        found.sort();
        Ok(found)
    }

    /// The submodule of a path, and the path in it.
    fn module<'s, 'p>(&'s self, path: &'p str) -> Option<(&'s GitTree, &'p str)> {
        self.modules.iter().find_map(|(module, tree)| {
            Some((tree, path.strip_prefix(&**module)?.strip_prefix('/')?))
        })
    }

    fn noted(&self, path: &str, error: SourceError) -> SourceError {
        if let SourceError::Withheld(withheld) = &error {
            self.repository
                .gaps()
                .note(&Arc::from("the index"), path, withheld);
        }
        error
    }
}

/// A commit cannot be made while paths are not merged.
fn refuse_conflicts(index: &Index) -> Result<(), GitError> {
    let mut conflicts = index.entries.iter().filter(|(_, entry)| entry.conflict);
    let Some((path, _)) = conflicts.next() else {
        return Ok(());
    };
    let more = match conflicts.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Err(GitError::Other(format!(
        "{path}{more} is not merged yet, so nothing can be committed: resolve the conflict and add it"
    )))
}

impl Source for Staged {
    fn unreadable(&self) -> Vec<(String, String)> {
        super::super::not_utf8(&self.index.unreadable)
    }

    fn files(&self) -> &[Arc<str>] {
        &self.files
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, SourceError> {
        let path = self.resolve(path)?;
        if let Some((module, path)) = self.module(&path) {
            return module.read(path);
        }
        match self.index.get(&path) {
            Some(_) if self.is_left_out(&path) => Err(SourceError::Withheld(left_out(&path))),
            Some(entry) if entry.mode != Mode::Commit => self
                .repository
                .blob(&entry.id)
                .map_err(|error| self.noted(&path, error)),
            _ if kind_in(&self.files, &path).is_some() => Err(SourceError::IsDirectory),
            _ => Err(SourceError::Missing),
        }
    }

    fn content_id(&self, path: &str) -> Option<[u8; 20]> {
        let path = self.resolve(path).ok()?;
        match self.module(&path) {
            Some((module, path)) => module.content_id(path),
            None => self.index.get(&path).map(|entry| entry.id),
        }
    }

    fn resolve(&self, path: &str) -> Result<String, SourceError> {
        links::resolve(path, |path| self.link(path))
    }

    fn link(&self, path: &str) -> Option<Cow<'_, str>> {
        if let Some((module, path)) = self.module(path) {
            return module.link(path);
        }
        let entry = self
            .index
            .get(path)
            .filter(|entry| entry.mode == Mode::Link)?;
        let target = self
            .repository
            .blob(&entry.id)
            .map_err(|error| self.noted(path, error))
            .ok()?;
        Some(Cow::Owned(String::from_utf8_lossy(&target).into_owned()))
    }

    fn has_links(&self) -> bool {
        true
    }

    fn remotes(&self) -> Vec<String> {
        self.repository.remotes()
    }

    fn withheld(&self, path: &str) -> Option<Withheld> {
        if self.is_left_out(path) {
            return Some(left_out(path));
        }
        let (module, id) = self
            .index
            .modules()
            .find(|(module, _)| is_below(path, module))?;
        self.repository.module(module, id).err()
    }
}
