//! The branches and tags that agents read, as the remote has them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Commit, Id, Repository, id_of};

/// A repository may have a branch for each build.
const MOST: usize = 2000;

impl Repository {
    /// The commit of a branch, a tag or an id. A branch of a remote counts before one of the clone,
    /// because agents read the remote; `origin` counts before other remotes.
    pub fn reference(self: &Arc<Self>, name: &str) -> Option<Commit> {
        let name = name.strip_prefix("refs/heads/").unwrap_or(name);
        let id = match name.strip_prefix("refs/") {
            Some(_) => self.commit_of(name),
            None => self.branch_or_tag(name),
        };
        let is_id = (7..=40).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_hexdigit());
        let by_id = || is_id.then(|| self.resolve(name).ok())?;
        self.commit(&id.or_else(by_id)?).ok()
    }

    fn branch_or_tag(&self, name: &str) -> Option<Id> {
        let mut remotes = self.with(|repo| {
            let names = repo.remote_names().into_iter();
            names.map(|name| name.to_string()).collect::<Vec<_>>()
        });
        remotes.sort_by_key(|remote| remote != "origin");
        let remotes = remotes.iter();
        let names = remotes
            .map(|remote| format!("refs/remotes/{remote}/{name}"))
            .chain([format!("refs/heads/{name}"), format!("refs/tags/{name}")]);
        names.into_iter().find_map(|name| self.commit_of(&name))
    }

    /// The commit that a whole name leads to.
    fn commit_of(&self, name: &str) -> Option<Id> {
        self.with(|repo| {
            let mut reference = repo.try_find_reference(name).ok()??;
            let commit = reference.peel_to_commit().ok()?;
            Some(id_of(commit.id))
        })
    }

    /// The branch that is checked out; `None` if a commit is.
    pub fn current_branch(&self) -> Option<String> {
        self.with(|repo| {
            let name = repo.head_name().ok()??;
            Some(name.shorten().to_string())
        })
    }

    /// The names of all branches, of the clone and of its remotes.
    pub fn branches(&self) -> BTreeSet<String> {
        self.with(|repo| {
            let mut names = BTreeSet::new();
            let Ok(references) = repo.references() else {
                return names;
            };
            if let Ok(local) = references.local_branches() {
                let local = local.filter_map(Result::ok).take(MOST);
                names.extend(local.map(|one| one.name().shorten().to_string()));
            }
            if let Ok(remote) = references.remote_branches() {
                let remote = remote.filter_map(Result::ok).take(MOST);
                let name = |text: String| Some(text.split_once('/')?.1.to_string());
                names.extend(remote.filter_map(|one| name(one.name().shorten().to_string())));
            }
            names.remove("HEAD");
            names
        })
    }
}
