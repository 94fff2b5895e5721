//! The paths that differ between two trees.

use std::cmp::Ordering;
use std::sync::Arc;

use gix::objs::tree::EntryKind as Mode;

use super::{GitError, Id, Repository, TreeEntry};

/// A path that differs between two trees.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangedPath {
    /// The path.
    pub path: String,
    /// The id before; `None` for a new file.
    pub before: Option<Id>,
    /// The id after; `None` for a deleted file.
    pub after: Option<Id>,
    /// True for a submodule, before or after. The ids are then those of commits.
    pub submodule: bool,
}

impl Repository {
    /// The paths that differ between two trees, sorted. Equal folders are not entered. Submodules
    /// that are checked out are compared file by file.
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

    /// Adds what differs in a submodule between two of its commits. `None` means that the submodule
    /// does not exist on that side.
    pub(in crate::source) fn changed_in_module(
        &self,
        path: &str,
        (before, after): (Option<&Id>, Option<&Id>),
        found: &mut Vec<ChangedPath>,
    ) -> Result<(), GitError> {
        let open = |commit: Option<&Id>| commit.and_then(|commit| self.module(path, commit).ok());
        let (before, after) = (open(before), open(after));
        compare(path, side_of(&before, path), side_of(&after, path), found)
    }
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
