//! The differences between a tree of Git and the files of a work tree or of the index.
//!
//! The index knows size and times of each file, so only files that changed since are read.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use gix::objs::tree::EntryKind as Mode;
use rayon::prelude::*;

use super::{Index, IndexEntry, NotedTree, STAT};
use crate::source::folder::Folder;
use crate::source::git::{
    ChangedPath, EMPTY_TREE, GitError, Id, Repository, TreeEntry, blob_id, id_of, sha256,
};
use crate::source::{MAX_FILE_SIZE, POINTER_SIZE, Source, is_below, pointed_at};

/// A path of the head. Mode and id are missing if only reading the file can tell them.
pub(super) type Listed = (Arc<str>, Option<(Mode, Id)>);

impl Index {
    /// The paths that differ between a tree and a work tree, sorted. Files that a sparse checkout
    /// leaves out cannot be compared; they are the second list. In `after`, the id is
    /// made up if only the work tree has the file.
    pub(in crate::source) fn changed_since(
        &self,
        repository: &Repository,
        tree: &Id,
        worktree: &Folder,
    ) -> Result<(Vec<ChangedPath>, Vec<String>), GitError> {
        let mut found = self.changed_below("", repository, tree, worktree)?;
        found.sort();
        let unseen = |path: &str| {
            self.get(path).is_some_and(|entry| entry.absent) && worktree.kind(path).is_none()
        };
        let (left_out, found): (Vec<ChangedPath>, Vec<ChangedPath>) =
            found.into_iter().partition(|change| unseen(&change.path));
        Ok((
            found,
            left_out.into_iter().map(|change| change.path).collect(),
        ))
    }

    /// The same for one repository within a work tree: the whole, or the submodule at `top`. Paths
    /// are those of the whole.
    fn changed_below(
        &self,
        top: &str,
        repository: &Repository,
        tree: &Id,
        worktree: &Folder,
    ) -> Result<Vec<ChangedPath>, GitError> {
        let below = if top.is_empty() {
            String::new()
        } else {
            format!("{top}/")
        };
        let (listed, missing) = self.listed(&below, worktree);
        let content = |path: &str, before: &TreeEntry| {
            content_of(worktree, &format!("{below}{path}"), before, repository)
        };
        let mut found = Comparison::new(repository, &listed, &missing, &content)
            .run(self.trees.as_ref(), tree)?;
        self.changed_modules(&below, repository, tree, Some(worktree), &mut found)?;
        for change in &mut found {
            change.path.insert_str(0, &below);
        }
        Ok(found)
    }

    /// The files of a repository within a work tree, sorted, and the paths that only the index has.
    fn listed(&self, below: &str, worktree: &Folder) -> (Vec<Listed>, Vec<Arc<str>>) {
        let mut entries = self.entries.iter().peekable();
        let mut files: Vec<(&str, Option<&IndexEntry>)> = Vec::with_capacity(self.entries.len());
        let mut only_in_index = Vec::new();
        for path in self.own_files(below, worktree) {
            while let Some(entry) = entries.next_if(|(other, _)| **other < *path) {
                only_in_index.push(entry);
            }
            let entry = entries.next_if(|(other, _)| **other == *path);
            files.push((path, entry.map(|(_, entry)| entry)));
        }
        only_in_index.extend(entries);
        // files that are left out on purpose, and submodules, count as unchanged since the index
        let (kept, missing): (Vec<_>, Vec<_>) = only_in_index
            .into_iter()
            .partition(|(_, entry)| entry.absent || entry.mode == Mode::Commit);
        let mut listed: Vec<Listed> = kept
            .into_iter()
            .map(|(path, entry)| (path.clone(), Some((entry.mode, entry.id))))
            .collect();
        listed.par_extend(files.into_par_iter().map(|(path, entry)| {
            let untouched =
                entry.filter(|entry| is_untouched(worktree, &format!("{below}{path}"), entry));
            (
                Arc::from(path),
                untouched.map(|entry| (entry.mode, entry.id)),
            )
        }));
        listed.par_sort_unstable_by(|one, other| one.0.cmp(&other.0));
        (
            listed,
            missing.into_iter().map(|(path, _)| path.clone()).collect(),
        )
    }

    /// The files on disk that belong to a repository: not those of its submodules, and not those of
    /// clones that are in its work tree for other reasons.
    fn own_files<'w>(&self, below: &str, worktree: &'w Folder) -> impl Iterator<Item = &'w str> {
        let modules: Vec<String> = self.modules().map(|(path, _)| format!("{path}/")).collect();
        let is_clone = |folder: &&str| {
            let next = self.entries.partition_point(|(path, _)| **path < **folder);
            let next = self.entries.get(next);
            next.is_none_or(|(path, _)| !is_below(path, folder))
        };
        let clones: Vec<&str> = worktree
            .nested()
            .iter()
            .filter_map(|folder| folder.strip_prefix(below))
            .filter(is_clone)
            .collect();
        let first = worktree.files().partition_point(|path| **path < *below);
        let inside: Vec<&str> = worktree
            .files()
            .get(first..)
            .unwrap_or_default()
            .iter()
            .map_while(|path| path.strip_prefix(below))
            .collect();
        inside.into_iter().filter(move |path| {
            !modules.iter().any(|module| path.starts_with(module))
                && !clones.iter().any(|folder| is_below(path, folder))
        })
    }

    /// Adds what differs in submodules: those of the tree and those of the index. Without a work
    /// tree, their commits are compared.
    pub(super) fn changed_modules(
        &self,
        below: &str,
        repository: &Repository,
        tree: &Id,
        worktree: Option<&Folder>,
        found: &mut Vec<ChangedPath>,
    ) -> Result<(), GitError> {
        let commit_in_tree = |path: &str| {
            let entry = repository.in_tree(tree, path)?;
            Ok(entry
                .filter(|(mode, _)| *mode == Mode::Commit)
                .map(|(_, id)| id))
        };
        let is_own = |path: &str| {
            self.get(path)
                .is_some_and(|entry| entry.mode == Mode::Commit)
        };
        let gone: Vec<String> = found
            .iter()
            .filter(|change| change.before.is_some() && !is_own(&change.path))
            .map(|change| change.path.clone())
            .collect();
        for path in gone {
            if let Some(before) = commit_in_tree(&path)? {
                repository.changed_in_module(&path, (Some(&before), None), found)?;
            }
        }
        for (path, own) in self.modules() {
            let before = commit_in_tree(path)?;
            let folder = format!("{below}{path}");
            let checked_out = worktree.filter(|worktree| worktree.kind(&folder).is_some());
            match (checked_out, repository.opened_module(path)) {
                (Some(worktree), Some(module)) => {
                    let before = before
                        .and_then(|before| module.commit(&before).ok())
                        .map_or(EMPTY_TREE, |commit| commit.tree);
                    let inner =
                        Index::read(&module)?.changed_below(&folder, &module, &before, worktree)?;
                    let inner = inner.into_iter().map(|mut change| ChangedPath {
                        path: change.path.split_off(below.len()),
                        ..change
                    });
                    found.extend(inner);
                }
                _ if before.as_ref() == Some(own) => {}
                (Some(worktree), None) => {
                    let inside = worktree
                        .files()
                        .iter()
                        .filter_map(|file| file.strip_prefix(below))
                        .filter(|file| file.starts_with(&format!("{path}/")));
                    found.extend(inside.map(|file| ChangedPath {
                        path: file.to_string(),
                        before: None,
                        after: Some(blob_id(&[])),
                        submodule: false,
                    }));
                }
                (None, _) => {
                    let after = if worktree.is_some() { None } else { Some(own) };
                    repository.changed_in_module(path, (before.as_ref(), after), found)?;
                }
            }
        }
        Ok(())
    }
}

/// True if a file did not change since the index was written.
fn is_untouched(worktree: &Folder, path: &str, entry: &IndexEntry) -> bool {
    !entry.unsure
        && entry.mode != Mode::Commit
        && worktree
            .stat(path)
            .is_some_and(|stat| entry.stat.matches(&stat, STAT))
}

/// The id that Git would give a file of a work tree. A file that differs from the tree only in its
/// line ends gets the id of the tree, as with `core.autocrlf`; so does the content for a Git LFS
/// pointer of the tree.
fn content_of(
    worktree: &Folder,
    path: &str,
    before: &TreeEntry,
    repository: &Repository,
) -> Option<Id> {
    if let Some(target) = worktree.link(path) {
        return (before.mode == Mode::Link).then(|| blob_id(target.as_bytes()));
    }
    let bytes = worktree
        .read(path)
        .ok()
        .filter(|bytes| bytes.len() as u64 <= MAX_FILE_SIZE && before.mode != Mode::Link)?;
    let id = blob_id(&bytes);
    if id == before.id {
        return Some(id);
    }
    if bytes.contains(&b'\r') {
        let mut unified = Vec::with_capacity(bytes.len());
        for (at, byte) in bytes.iter().enumerate() {
            if *byte != b'\r' || bytes.get(at + 1) != Some(&b'\n') {
                unified.push(*byte);
            }
        }
        let unified = blob_id(&unified);
        if unified == before.id {
            return Some(unified);
        }
    }
    let pointer = repository.small_blob(&before.id, POINTER_SIZE)?;
    let stands_for = pointed_at(&pointer).is_some_and(|digest| digest == sha256(&bytes));
    Some(if stands_for { before.id } else { id })
}

/// Compares files with a tree. Folders whose tree Git noted are entered only where something in
/// them may differ.
pub(super) struct Comparison<'a> {
    repository: &'a Repository,
    /// Sorted by path.
    files: &'a [Listed],
    /// The folders that contain, at any depth, a file whose id is unknown.
    unknown: HashSet<&'a str>,
    /// Reads a file and returns its id.
    content: &'a dyn Fn(&str, &TreeEntry) -> Option<Id>,
}

/// A folder of both sides.
struct FolderPair<'f> {
    path: &'f str,
    /// The files of the head in and below it.
    files: &'f [Listed],
    /// The tree that Git noted for these files.
    noted: Option<&'f NotedTree>,
    tree: Option<Id>,
}

impl FolderPair<'_> {
    /// The path of an entry.
    fn join(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_string()
        } else {
            format!("{}/{name}", self.path)
        }
    }
    /// The path of a file relative to the folder.
    fn below<'l>(&self, listed: &'l Listed) -> &'l str {
        let prefix = if self.path.is_empty() {
            0
        } else {
            self.path.len() + 1
        };
        listed.0.get(prefix..).unwrap_or_default()
    }
}

impl<'a> Comparison<'a> {
    /// `missing`: the paths that the index has and the head has not.
    pub(super) fn new(
        repository: &'a Repository,
        files: &'a [Listed],
        missing: &'a [Arc<str>],
        content: &'a dyn Fn(&str, &TreeEntry) -> Option<Id>,
    ) -> Comparison<'a> {
        let unknown = files
            .iter()
            .filter(|(_, id)| id.is_none())
            .map(|(path, _)| path)
            .chain(missing);
        let folders = unknown.flat_map(|path| {
            path.match_indices('/')
                .filter_map(|(at, _)| path.get(..at))
                .chain([""])
        });
        Comparison {
            repository,
            files,
            unknown: folders.collect(),
            content,
        }
    }

    /// The paths that differ, sorted.
    pub(super) fn run(
        &self,
        noted: Option<&NotedTree>,
        tree: &Id,
    ) -> Result<Vec<ChangedPath>, GitError> {
        let mut found = Vec::new();
        let top = FolderPair {
            path: "",
            files: self.files,
            noted,
            tree: Some(*tree),
        };
        self.folder(&top, &mut found)?;
        found.sort();
        Ok(found)
    }

    fn folder(&self, pair: &FolderPair<'_>, found: &mut Vec<ChangedPath>) -> Result<(), GitError> {
        let noted = pair.noted;
        let own = noted
            .filter(|noted| noted.num_entries.is_some() && !self.unknown.contains(pair.path))
            .map(|noted| id_of(noted.id));
        if pair.tree.is_some() && pair.tree == own {
            return Ok(());
        }
        let entries = pair.tree.map_or_else(
            || Ok(Arc::default()),
            |tree| self.repository.entries(pair.path, &tree),
        )?;
        let before: HashMap<&str, TreeEntry> =
            entries.iter().map(|entry| (entry.name, entry)).collect();
        let noted: HashMap<&[u8], &NotedTree> = noted
            .iter()
            .flat_map(|noted| &noted.children)
            .map(|child| (&*child.name, child))
            .collect();
        let (mut own_files, mut own_folders): (HashSet<&str>, HashSet<&str>) = Default::default();
        let mut rest = pair.files;
        while let Some((first, others)) = rest.split_first() {
            let name = pair.below(first);
            let Some((name, _)) = name.split_once('/') else {
                rest = others;
                own_files.insert(name);
                found.extend(self.file(pair.join(name), first.1, before.get(name)));
                continue;
            };
            let inside = |listed: &Listed| {
                let rest = pair.below(listed).strip_prefix(name);
                rest.is_some_and(|rest| rest.starts_with('/'))
            };
            let (inner, others) = rest.split_at(rest.partition_point(inside));
            rest = others;
            own_folders.insert(name);
            let old = before.get(name).filter(|entry| entry.mode == Mode::Tree);
            let inner = FolderPair {
                path: &pair.join(name),
                files: inner,
                noted: noted.get(name.as_bytes()).copied(),
                tree: old.map(|entry| entry.id),
            };
            self.folder(&inner, found)?;
        }
        for entry in entries.iter() {
            let present = match entry.mode {
                Mode::Tree => own_folders.contains(entry.name),
                Mode::Commit if own_folders.contains(entry.name) => true,
                _ => own_files.contains(entry.name),
            };
            if !present {
                self.gone(pair.join(entry.name), &entry, found)?;
            }
        }
        Ok(())
    }

    /// Compares a file or submodule of the head with the entry of the tree at its path.
    fn file(
        &self,
        path: String,
        after: Option<(Mode, Id)>,
        old: Option<&TreeEntry>,
    ) -> Option<ChangedPath> {
        let old = old.filter(|entry| entry.mode != Mode::Tree);
        let same = old.is_some_and(|old| match after {
            Some((mode, id)) => (mode, id) == (old.mode, old.id),
            None => (self.content)(&path, old) == Some(old.id),
        });
        if same {
            return None;
        }
        let modes = [old.map(|old| old.mode), after.map(|(mode, _)| mode)];
        Some(ChangedPath {
            path,
            before: old.map(|old| old.id),
            after: Some(after.map_or_else(|| blob_id(&[]), |(_, id)| id)),
            submodule: modes.contains(&Some(Mode::Commit)),
        })
    }

    /// Adds an entry of the tree that the head lacks.
    fn gone(
        &self,
        path: String,
        entry: &TreeEntry<'_>,
        found: &mut Vec<ChangedPath>,
    ) -> Result<(), GitError> {
        if entry.mode == Mode::Tree {
            let inner = FolderPair {
                path: &path,
                files: &[],
                noted: None,
                tree: Some(entry.id),
            };
            return self.folder(&inner, found);
        }
        found.push(ChangedPath {
            path,
            before: Some(entry.id),
            after: None,
            submodule: entry.mode == Mode::Commit,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::index::Staged;
    use crate::source::scratch::{git, write};
    use std::path::Path;

    /// The paths that differ from the first commit: of the work tree, and of the staged files.
    fn changed(root: &Path) -> (Vec<String>, Vec<String>) {
        let repository = Arc::new(Repository::open(root).unwrap());
        let first = repository
            .resolve("first")
            .and_then(|id| repository.commit(&id))
            .unwrap();
        let index = Index::read(&repository).unwrap();
        let paths =
            |changes: Vec<ChangedPath>| changes.into_iter().map(|change| change.path).collect();
        let (of_worktree, _) = index
            .changed_since(&repository, &first.tree, &Folder::open(root).unwrap())
            .unwrap();
        (
            paths(of_worktree),
            paths(
                Staged::open(repository)
                    .unwrap()
                    .changed_since(&first.tree)
                    .unwrap(),
            ),
        )
    }

    #[test]
    fn what_differs_is_found_whatever_git_noted_of_trees() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        git(root, &["init", "-q"]);
        for path in [
            "a/b/one.yaml",
            "a/b/two.yaml",
            "a/c/three.yaml",
            "a-b/four.yaml",
            "a.yaml",
            "d/e/five.yaml",
            "f/six.yaml",
        ] {
            write(root, path, path);
        }
        git(root, &["add", "-A"]);
        git(root, &["commit", "-q", "-m", "first"]);
        git(root, &["tag", "first"]);
        assert_eq!(changed(root), (vec![], vec![]));
        // changed, removed and new without the index knowing; a folder instead of a file
        // and a file instead of a folder
        write(root, "a/b/one.yaml", "other");
        write(root, "a/c/new.yaml", "new");
        std::fs::remove_file(root.join("a.yaml")).unwrap();
        write(root, "a.yaml/file", "in a folder");
        std::fs::remove_dir_all(root.join("d")).unwrap();
        std::fs::remove_dir_all(root.join("f")).unwrap();
        write(root, "f", "was a folder");
        let different = [
            "a.yaml",
            "a.yaml/file",
            "a/b/one.yaml",
            "a/c/new.yaml",
            "d/e/five.yaml",
            "f",
            "f/six.yaml",
        ]
        .map(str::to_string)
        .to_vec();
        assert_eq!(changed(root), (different.clone(), vec![]));
        // staged: Git notes the trees that did not change
        git(root, &["add", "-A"]);
        assert_eq!(changed(root), (different.clone(), different.clone()));
        // committed: Git notes all trees, and some differ from those of the first commit
        git(root, &["commit", "-q", "-m", "second"]);
        assert_eq!(changed(root), (different.clone(), different));
        git(root, &["reset", "-q", "--hard", "first"]);
        assert_eq!(changed(root), (vec![], vec![]));
    }
}
