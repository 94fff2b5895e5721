//! Loads the base revision of a check, which `--base` or the CI system names. Unchanged renderings
//! are shared with the head.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::ci::event;
use super::options::RepoOptions;
use super::output::warn;
use super::workspace::Workspace;
use crate::check::{Base, BaseInputs};
use crate::config::CONFIG_FILE;
use crate::history::{Actor, Authorship, contributions, precedents};
use crate::rules::Submodule;
use crate::source::beside::Beside;
use crate::source::git::{ChangedPath, Commit, GitError, hex, short};

/// A base revision that Git names.
pub(super) struct Loaded {
    /// The base, as the check compares with it.
    pub(super) base: Base,
    /// Its commit: the one at which the checked branch left the target branch.
    pub(super) commit: Commit,
    /// The revision as it was named.
    revision: String,
}

impl Loaded {
    /// `origin/main at cff1309ab2`
    pub(super) fn name(&self) -> String {
        let commit = short(&self.commit.id);
        match hex(&self.commit.id).starts_with(&self.revision) {
            true => commit,
            false => format!("{} at {commit}", self.revision),
        }
    }
}

/// The people who made the change: those whom the CI system names, and the authors of the commits.
pub(super) fn authorship(workspace: &Workspace, base: &Loaded) -> Result<Authorship, GitError> {
    let repository = workspace.git()?;
    let mut authorship = Authorship {
        actors: actors(),
        commits: contributions(repository, &base.commit, &workspace.head_commit()?)?,
        ..Authorship::default()
    };
    let is_bot = |name: &str| workspace.config.is_bot(name);
    let mut bots = authorship.identities();
    bots.retain(|name| is_bot(name));
    authorship.precedents = precedents(repository, &base.commit, &base.base.repo, &bots, &is_bot);
    Ok(authorship)
}

/// Variables in which CI systems name the person who started the run.
const ACTORS: &[&str] = &[
    "GITHUB_ACTOR",
    "GITLAB_USER_LOGIN",
    "BUILD_REQUESTEDFOREMAIL",
    "CHANGE_AUTHOR",
];

/// The people whom the CI system names: the one who opened the pull request, then the one who
/// started the run.
fn actors() -> Vec<Actor> {
    let event = event().unwrap_or_default();
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
    let of_event = |pointer: &str, told_by: &'static str| {
        let is_bot = text(&format!("{pointer}/type")) == Some("Bot");
        text(&format!("{pointer}/login")).map(|name| Actor {
            name: name.to_string(),
            told_by,
            is_bot,
        })
    };
    let mut found: Vec<Actor> = of_event("/pull_request/user", "the pull request")
        .into_iter()
        .collect();
    found.extend(of_event("/sender", "the event"));
    for variable in ACTORS {
        let name = std::env::var(variable).ok().filter(|name| !name.is_empty());
        found.extend(name.map(|name| Actor {
            name,
            told_by: variable,
            is_bot: false,
        }));
    }
    found
}

/// Loads the revision at which the head left `revision`. If there are several, as after merges in
/// both directions, the newest one counts.
pub(super) fn load(
    workspace: &Workspace,
    revision: &str,
    options: &RepoOptions,
) -> Result<Loaded, GitError> {
    let repository = workspace.git()?;
    let wanted = repository.resolve(revision)?;
    let head = workspace.head_commit()?;
    let bases = repository.merge_bases(&wanted, &head.id)?;
    if let [first, _, ..] = &bases[..] {
        let (count, revision, first) = (bases.len(), revision, short(first));
        warn(&format!(
            "{revision} and the head have {count} merge bases; compared with the newest, {first}"
        ));
    }
    at(
        workspace,
        repository.commit(bases.first().unwrap_or(&wanted))?,
        revision,
        options,
    )
}

/// Loads a revision itself instead of the commit at which the head left it.
pub(super) fn load_exactly(
    workspace: &Workspace,
    revision: &str,
    options: &RepoOptions,
) -> Result<Loaded, GitError> {
    let repository = workspace.git()?;
    at(
        workspace,
        repository.commit(&repository.resolve(revision)?)?,
        revision,
        options,
    )
}

fn at(
    workspace: &Workspace,
    commit: Commit,
    revision: &str,
    options: &RepoOptions,
) -> Result<Loaded, GitError> {
    let changed = workspace.changed_since(&commit)?;
    let submodules = submodules(workspace, &changed);
    let changed: BTreeSet<Arc<str>> = changed
        .into_iter()
        .map(|change| Arc::from(change.path))
        .collect();
    let tree = Arc::new(workspace.git()?.tree(&commit));
    let source = Arc::new(Beside::new(
        workspace.repo.source.clone(),
        tree,
        changed.iter().cloned(),
    ));
    let config = workspace.configuration_at(&*source, options);
    let alike = !changed.contains(CONFIG_FILE);
    let repo = workspace.repo.beside(source, &config, alike);
    let inputs = BaseInputs {
        written: workspace.configuration_of(&repo, options),
        submodules,
        ..BaseInputs::new(repo, config, changed)
    };
    let base = Base::new(inputs, &workspace.repo);
    Ok(Loaded {
        base,
        commit,
        revision: revision.to_string(),
    })
}

/// The changed submodules, each with the line of `.gitmodules` that names its path.
fn submodules(workspace: &Workspace, changed: &[ChangedPath]) -> Vec<Submodule> {
    let declared = &workspace.repo.submodules;
    changed
        .iter()
        .filter(|change| change.submodule && change.after.is_some())
        .map(|change| Submodule {
            path: change.path.clone(),
            before: change.before.as_ref().map(short),
            after: change.after.as_ref().map(short),
            origin: declared
                .iter()
                .find(|submodule| submodule.path == change.path)
                .map(|submodule| submodule.origin),
        })
        .collect()
}
