//! All commits before one, read one by one: for histories with commits that the library refuses and
//! Git does not.

use std::collections::{HashMap, HashSet};

use super::{GitError, Id, Repository};

/// A commit and all before it.
pub(super) struct History {
    /// Newest first, as far as the order of parents tells.
    order: Vec<Id>,
    /// The parents of each.
    parents: HashMap<Id, Vec<Id>>,
}

impl History {
    pub(super) fn of(repository: &Repository, head: &Id) -> Result<History, GitError> {
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

    /// The commits that another history has not.
    pub(super) fn without(&self, other: &History) -> Vec<Id> {
        self.order
            .iter()
            .filter(|id| !other.parents.contains_key(*id))
            .copied()
            .collect()
    }

    /// The commits that both have and from which no other one of these descends.
    pub(super) fn merge_bases(&self, other: &History) -> Vec<Id> {
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
        let repository = std::sync::Arc::new(Repository::open(root).unwrap());
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
