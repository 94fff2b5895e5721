//! Walking through the commits before a commit.
//!
//! The library walks fast, and refuses some old commits that Git accepts. For histories that
//! contain one, [`History`] reads the commits one by one.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Commit, GitError, Id, Repository, UNSHALLOW, id_of, object, short};

impl Repository {
    /// The best common ancestors of two commits, newest first, and never none. After merges in both
    /// directions there are several. Ids order those of the same second, because Git's own order is
    /// accidental.
    pub fn merge_bases(&self, one: &Id, other: &Id) -> Result<Vec<Id>, GitError> {
        if one == other {
            return Ok(vec![*one]);
        }
        let bases = self.with(|repo| {
            let bases = repo.merge_bases_many(object(one), &[object(other)]).ok()?;
            Some(bases.into_iter().map(|id| id_of(id.detach())).collect())
        });
        // the library may refuse what Git accepts
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

    /// The commit and its first parents, newest first: the states that a branch went through. Ends
    /// at the root commit, or with an error where a shallow clone ends.
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
                    "the history loops at {}; see git replace -l",
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

    /// The commits of `head` that are not in `base`, newest first.
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
}

/// A commit and all its ancestors.
struct History {
    /// Newest first, as far as the order of parents tells.
    order: Vec<Id>,
    /// The parents of each.
    parents: HashMap<Id, Vec<Id>>,
}

impl History {
    fn of(repository: &Repository, head: &Id) -> Result<History, GitError> {
        let mut history = History {
            order: vec![*head],
            parents: HashMap::new(),
        };
        let mut seen = HashSet::from([*head]);
        let shallow = repository.is_shallow();
        let mut at = 0;
        while let Some(id) = history.order.get(at).copied() {
            at += 1;
            match repository.commit(&id) {
                Ok(commit) => {
                    history
                        .order
                        .extend(commit.parents.iter().filter(|parent| seen.insert(**parent)));
                    history.parents.insert(id, commit.parents);
                }
                // a shallow clone ends somewhere
                Err(GitError::Missing { .. }) if shallow && id != *head => {}
                Err(error) => return Err(error),
            }
        }
        history.order.retain(|id| history.parents.contains_key(id));
        Ok(history)
    }

    /// The commits that another history lacks.
    fn without(&self, other: &History) -> Vec<Id> {
        self.order
            .iter()
            .filter(|id| !other.parents.contains_key(*id))
            .copied()
            .collect()
    }

    /// The common commits that are not ancestors of another common one.
    fn merge_bases(&self, other: &History) -> Vec<Id> {
        let shared: Vec<&Id> = self
            .order
            .iter()
            .filter(|id| other.parents.contains_key(*id))
            .collect();
        let earlier: HashSet<&Id> = shared
            .iter()
            .filter_map(|id| self.parents.get(*id))
            .flatten()
            .collect();
        shared
            .into_iter()
            .filter(|id| !earlier.contains(id))
            .copied()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::scratch::{commit, git};

    #[test]
    fn it_agrees_with_the_library() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        git(root, &["init", "-q"]);
        commit(root, &[("a", "1")], "start");
        git(root, &["checkout", "-q", "-b", "left"]);
        commit(root, &[("b", "1")], "left");
        git(root, &["checkout", "-q", "-b", "right", "main"]);
        commit(root, &[("c", "1")], "right");
        git(root, &["merge", "-q", "-m", "left into right", "left"]);
        commit(root, &[("d", "1")], "right goes on");
        git(root, &["checkout", "-q", "left"]);
        commit(root, &[("e", "1")], "left goes on");
        let repository = Arc::new(Repository::open(root).unwrap());
        let [left, right] = ["left", "right"].map(|name| repository.resolve(name).unwrap());
        let (one, other) = (
            History::of(&repository, &left).unwrap(),
            History::of(&repository, &right).unwrap(),
        );
        assert_eq!(
            one.merge_bases(&other),
            repository.merge_bases(&left, &right).unwrap()
        );
        let mut between: Vec<Id> = repository
            .commits_between(&left, &right)
            .unwrap()
            .iter()
            .map(|commit| commit.id)
            .collect();
        let mut own = other.without(&one);
        between.sort();
        own.sort();
        assert_eq!((own.len(), own), (3, between));
    }
}
