//! Who made a change: the people whom a CI system names, and the commits between two revisions.

use std::collections::BTreeSet;

use super::Precedents;
use crate::source::git::{Commit, GitError, Repository};

/// A person or bot whom the CI system names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The login name.
    pub name: String,
    /// The CI variable or the field of the event that names them.
    pub told_by: &'static str,
    /// True if the CI system itself calls them a bot.
    pub is_bot: bool,
}

/// Who made the change under check, as far as that is known.
#[derive(Clone, Debug, Default)]
pub struct Authorship {
    /// The people whom the CI system names. A commit cannot forge these.
    pub actors: Vec<Actor>,
    /// The commits between base and head. Anybody can write any author into them.
    pub commits: Vec<Contribution>,
    /// True if people merged changes of these bots before.
    pub precedents: Precedents,
}

impl Authorship {
    /// The names and addresses, in lower case, of everybody who made the change.
    pub fn identities(&self) -> BTreeSet<String> {
        let actors = self.actors.iter().map(|actor| actor.name.to_lowercase());
        let people = self.commits.iter().flat_map(|one| {
            let (author, committer) = (&one.commit.author, &one.commit.committer);
            [
                &author.name,
                &author.email,
                &committer.name,
                &committer.email,
            ]
        });
        actors
            .chain(people.map(|name| name.to_lowercase()))
            .collect()
    }
}

/// A commit of the change under check, with the paths that it changed.
#[derive(Clone, Debug)]
pub struct Contribution {
    /// The commit.
    pub commit: Commit,
    /// The paths that it changed.
    pub paths: BTreeSet<String>,
}

/// The commits after `base` up to `head`. Merge commits are left out: they bring in the work of
/// others.
pub fn contributions(
    repository: &Repository,
    base: &Commit,
    head: &Commit,
) -> Result<Vec<Contribution>, GitError> {
    let mut found = Vec::new();
    for commit in repository.commits_between(&base.id, &head.id)? {
        let [parent] = &commit.parents[..] else {
            continue;
        };
        let parent = repository.commit(parent)?;
        let paths = repository
            .changed_paths(&parent.tree, &commit.tree)?
            .into_iter()
            .map(|change| change.path)
            .collect();
        found.push(Contribution { commit, paths });
    }
    Ok(found)
}
