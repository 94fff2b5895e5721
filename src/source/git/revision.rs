//! The names of revisions: branches, tags, ids, `HEAD~2`.

use std::sync::Arc;

use gix::ObjectId;
use gix::objs::Kind;
use gix::revision::plumbing::Spec;

use super::{GitError, Id, Repository, UNSHALLOW, id_of, object};
use crate::names::{did_you_mean, nearest};
use crate::source::open::read_small;

impl Repository {
    /// The commit that a revision names: a branch, tag, id, `HEAD~2`, `origin/main`.
    pub fn resolve(self: &Arc<Self>, revision: &str) -> Result<Id, GitError> {
        if revision.trim().is_empty() {
            return Err(GitError::Other(
                "the name of the revision is empty: is the variable set that should hold it?"
                    .to_string(),
            ));
        }
        if revision.len() == 40 && revision.bytes().all(|byte| byte == b'0') {
            let advice =
                ", which Git writes for no revision: name the branch that the change goes to"
                    .to_string();
            return Err(GitError::UnknownRevision(revision.to_string(), advice));
        }
        self.with(|repo| refuse_ambiguous(repo, revision))?;
        let id =
            self.with(
                |repo| match repo.rev_parse(revision).ok().map(|spec| spec.detach()) {
                    Some(Spec::Include(id)) => Ok(id),
                    Some(_) => Err(GitError::UnknownRevision(
                        revision.to_string(),
                        ": it is a range, and one revision is needed".to_string(),
                    )),
                    None => Err(self.unresolved(repo, revision)),
                },
            )?;
        let id = id_of(id);
        self.with(|repo| {
            let object = repo
                .find_object(object(&id))
                .map_err(|error| self.missing(&id, Kind::Commit, revision.to_string(), &error))?;
            let kind = object.kind;
            object
                .peel_to_commit()
                .map(|commit| id_of(commit.id))
                .map_err(|_| match kind {
                    Kind::Tree | Kind::Blob => GitError::UnknownRevision(
                        revision.to_string(),
                        format!(": it is a {kind}, not a commit"),
                    ),
                    _ => GitError::UnknownRevision(
                        revision.to_string(),
                        ": the tag does not lead to a commit of this clone".to_string(),
                    ),
                })
        })
    }

    /// Why a revision leads to nothing.
    fn unresolved(self: &Arc<Self>, repo: &gix::Repository, revision: &str) -> GitError {
        let start = revision.split(['^', '~', ':']).next().unwrap_or_default();
        let start = if start.is_empty() || start == "@" {
            "HEAD"
        } else {
            start
        };
        if start == "HEAD" {
            match repo.head() {
                Ok(head) if head.is_unborn() => return GitError::Unborn,
                Ok(_) => {}
                Err(error) => {
                    return GitError::Other(format!(
                        "HEAD cannot be read: {error}; git fsck shows more"
                    ));
                }
            }
        }
        let unknown = |advice: String| GitError::UnknownRevision(revision.to_string(), advice);
        let named =
            target(repo, start).or_else(|| repo.rev_parse_single(start).ok().map(|id| id.detach()));
        if let Some((id, Err(error))) = named.map(|id| (id_of(id), repo.find_object(id))) {
            return self.missing(&id, Kind::Commit, start.to_string(), &error);
        }
        if self.is_shallow() {
            return unknown(format!("; the clone is shallow: {UNSHALLOW}"));
        }
        // history may be cut off on the way to it
        let way = named.map(id_of).filter(|_| revision.contains(['^', '~']));
        if let Some(error) = way.and_then(|id| self.first_parents(&id).find_map(Result::err)) {
            return error;
        }
        match named {
            Some(_) if start != revision => unknown(format!(
                ": {start} exists, but what follows it in the name does not"
            )),
            Some(_) => unknown(String::new()),
            None => {
                let names = names_of(repo);
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                unknown(match nearest(start, &names) {
                    Some(name) => format!("; {}", did_you_mean(name)),
                    None => {
                        "; git fetch gets what the clone lacks (in CI, fetch-depth: 0)".to_string()
                    }
                })
            }
        }
    }
}

/// The names of branches and tags, as people type them.
fn names_of(repo: &gix::Repository) -> Vec<String> {
    /// A repository may have a branch for each build.
    const MOST: usize = 2000;
    let Ok(references) = repo.references() else {
        return Vec::new();
    };
    let Ok(all) = references.all() else {
        return Vec::new();
    };
    let names = all.filter_map(Result::ok).take(MOST);
    names
        .map(|reference| reference.name().shorten().to_string())
        .collect()
}

/// Refuses a name that means several things, such as a branch and a tag: whoever can push a tag
/// could otherwise choose what a change is compared with.
fn refuse_ambiguous(repo: &gix::Repository, revision: &str) -> Result<(), GitError> {
    let name = revision
        .split(['^', '~', ':', '@'])
        .next()
        .unwrap_or_default();
    let is_id = name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    // Git's own names are `HEAD`, `FETCH_HEAD` and the like
    let is_own = name
        .bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    if is_id || is_own || name.starts_with("refs/") {
        return Ok(());
    }
    let kinds = [
        ("branch", "refs/heads/"),
        ("tag", "refs/tags/"),
        ("remote branch", "refs/remotes/"),
        ("reference", "refs/"),
    ];
    let found = kinds.into_iter().filter_map(|(kind, folder)| {
        let full = format!("{folder}{name}");
        let id = target(repo, &full)?;
        Some((kind, full, id))
    });
    let found: Vec<(&str, String, ObjectId)> = found.collect();
    let beside = repo.git_dir().join(name);
    if read_small(&beside).is_ok_and(|text| leads_to_commit(&text)) {
        return Err(GitError::Ambiguous(
            revision.to_string(),
            format!("it names the file {}, which is no branch", beside.display()),
        ));
    }
    match &found[..] {
        [(kind, full, id), others @ ..] if others.iter().any(|(.., other)| other != id) => {
            let others: Vec<&str> = others.iter().map(|(kind, ..)| *kind).collect();
            Err(GitError::Ambiguous(
                revision.to_string(),
                format!(
                    "a {kind} and a {} have this name; write {full}",
                    others.join(" and a ")
                ),
            ))
        }
        _ => Ok(()),
    }
}

/// True if the text of a file is that of a reference.
fn leads_to_commit(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("ref: ")
        || text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The object that a reference leads to, there or not.
fn target(repo: &gix::Repository, name: &str) -> Option<ObjectId> {
    let mut reference = match name {
        "HEAD" => return repo.head().ok()?.id().map(|id| id.detach()),
        name => repo.find_reference(name).ok()?,
    };
    while let Some(Ok(next)) = reference.follow() {
        reference = next;
    }
    reference.try_id().map(|id| id.detach())
}
