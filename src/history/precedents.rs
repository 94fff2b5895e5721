//! Counts how often people merged a bot's changes of production before. `bot-write` trusts such
//! bots more.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use crate::repo::{Overlay, Repo};
use crate::source::git::{Commit, Person, Repository};

/// The most commits of the branch that are looked at.
const COMMITS: usize = 2_000;

/// The most commits whose changed files are looked up.
const COMPARED: usize = 200;

/// The number of changes of one bot that is enough to know it.
pub const ENOUGH: usize = 3;

/// The number of changes of production by a bot that people merged, up to [`ENOUGH`]. The keys are
/// the names and addresses of the bots, in lower case.
pub type Precedents = BTreeMap<String, usize>;

/// The precedents of some bots on the branch of a base, as far as the clone goes back. `wanted`
/// returns true for the names and addresses of these bots, `is_bot` for those of any bot.
pub fn precedents(
    repository: &Arc<Repository>,
    base: &Commit,
    repo: &Repo,
    wanted: &BTreeSet<String>,
    is_bot: &dyn Fn(&str) -> bool,
) -> Precedents {
    let mut found = Precedents::new();
    if wanted.is_empty() {
        return found;
    }
    let protected = protected_files(repo);
    let person_is_bot = |person: &Person| is_bot(&person.name) || is_bot(&person.email);
    let mut compared = 0;
    for commit in repository.first_parents(&base.id).take(COMMITS) {
        let Ok(commit) = commit else { break };
        let Some(bot) = merged_bot(repository, &commit, &person_is_bot) else {
            continue;
        };
        let names = [bot.name.to_lowercase(), bot.email.to_lowercase()];
        if !names.iter().any(|name| wanted.contains(name)) {
            continue;
        }
        compared += 1;
        if touches(repository, &commit, &protected) {
            for name in names {
                *found.entry(name).or_insert(0) += 1;
            }
        }
        let known = |name: &String| found.get(name).is_some_and(|count| *count >= ENOUGH);
        if compared == COMPARED || wanted.iter().all(known) {
            break;
        }
    }
    found
}

/// The bot whose change a person brought in with a commit: by a merge, or as the committer of a
/// change that was squashed or rebased.
fn merged_bot(
    repository: &Repository,
    commit: &Commit,
    is_bot: &dyn Fn(&Person) -> bool,
) -> Option<Person> {
    match &commit.parents[..] {
        [_] => {
            (is_bot(&commit.author) && !is_bot(&commit.committer)).then(|| commit.author.clone())
        }
        [_, merged, ..] if !is_bot(&commit.author) => {
            let merged = repository.commit(merged).ok()?;
            is_bot(&merged.author).then_some(merged.author)
        }
        _ => None,
    }
}

/// The files that protected environments are rendered from.
fn protected_files(repo: &Repo) -> HashSet<Arc<str>> {
    let protected: Vec<&Overlay> = repo
        .overlays
        .iter()
        .filter(|overlay| repo.protected(overlay))
        .collect();
    protected
        .par_iter()
        .flat_map_iter(|overlay| overlay.rendered.files.iter())
        .map(|file| repo.files.get(*file).path.clone())
        .collect()
}

/// True if a commit changed one of some files.
fn touches(repository: &Repository, commit: &Commit, files: &HashSet<Arc<str>>) -> bool {
    let before = commit.parents.first();
    let before = before.and_then(|parent| repository.commit(parent).ok());
    let changed = before.map(|before| repository.changed_paths(&before.tree, &commit.tree));
    changed
        .and_then(Result::ok)
        .is_some_and(|changed| changed.iter().any(|change| files.contains(&*change.path)))
}
