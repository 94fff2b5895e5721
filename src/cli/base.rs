//! The base revision of a check: given by `--base`, or found in what CI systems say of a pull request; and loading it, with
//! what did not change rendered once.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use super::workspace::Workspace;
use crate::history::{Images, Walk, contributions, images};
use crate::kustomize::{RenderOptions, Rendered, Renderer};
use crate::repo::{Overlay, Repo};
use crate::rules::{Actor, Authorship, Proofs};
use crate::source::Source;
use crate::source::git::{Commit, GitError, GitTree, Id, Repository, blob_id};
use crate::yaml::{FileId, Node};

/// A loaded base revision.
pub struct Base {
    /// The base as a repo.
    pub repo: Repo,
    /// Its commit: where the branch under check left the target branch.
    pub commit: Commit,
}

/// Digests, and when each was rendered for the first time.
type Digests = BTreeMap<String, i64>;

/// The digests that overlays rendered at the base and before it, found when they are asked for.
pub struct Past<'r> {
    repository: Arc<Repository>,
    workspace: &'r Workspace,
    base: &'r Base,
    /// By index of the overlay at the base.
    seen: Mutex<HashMap<usize, Arc<Digests>>>,
}

impl<'r> Past<'r> {
    /// The past of a base.
    pub fn new(workspace: &'r Workspace, base: &'r Base) -> Result<Past<'r>, GitError> {
        let repository = Arc::new(Repository::open(&workspace.place.root)?);
        Ok(Past { repository, workspace, base, seen: Mutex::default() })
    }

    fn digests(&self, overlay: &Overlay) -> Arc<Digests> {
        let Some(index) = self.base.repo.overlays.iter().position(|other| other.key() == overlay.key()) else { return Arc::default() };
        let known = self.seen.lock().ok().and_then(|seen| seen.get(&index).cloned());
        if let Some(known) = known {
            return known;
        }
        let mut digests = Digests::new();
        // seen from the newest to the oldest: the last time that is noted is the first
        let mut note = |images: &Images, time: i64| {
            digests.extend(images.values().flatten().filter_map(|version| Some((version.digest.clone()?, time))));
        };
        if let Some(overlay) = self.base.repo.overlays.get(index) {
            note(&images(&overlay.rendered), self.base.commit.time);
        }
        let root = Some(self.workspace.place.root.clone());
        let mut walk = Walk::new(&self.repository, &self.workspace.config, &self.base.repo, root, &[index]);
        walk.run(&self.base.repo, &self.base.commit, &mut |change| {
            let time = change.commit.as_ref().map_or(self.base.commit.time, |commit| commit.time);
            note(&change.after, time);
            note(&change.before, time);
            true
        });
        let digests = Arc::new(digests);
        if let Ok(mut seen) = self.seen.lock() {
            seen.insert(index, digests.clone());
        }
        digests
    }
}

impl Proofs for Past<'_> {
    fn ran(&self, overlay: &Overlay, digest: &str) -> bool {
        self.digests(overlay).contains_key(digest)
    }
    fn since(&self, overlay: &Overlay, digest: &str) -> Option<i64> {
        self.digests(overlay).get(digest).copied()
    }
    fn alters(&self, commit: &Id, overlay: &str) -> bool {
        let render = |id: &Id| -> Option<Vec<Node>> {
            let tree = self.repository.tree(&self.repository.commit(id).ok()?);
            let options = RenderOptions {
                remotes: self.workspace.config.remotes.clone(),
                root: Some(self.workspace.place.root.clone()),
                ..RenderOptions::default()
            };
            let renderer = Renderer::new(Arc::new(tree), Arc::default(), options);
            renderer.kustomization(overlay)?;
            Some(renderer.render(overlay).resources.iter().map(|resource| resource.node.clone()).collect())
        };
        let parent = self.repository.commit(commit).ok().and_then(|commit| commit.parents.first().copied());
        // what cannot be told counts: an agent that applies a plain folder, a clone that does not go back
        match (render(commit), parent.as_ref().and_then(render)) {
            (Some(after), Some(before)) => {
                !(after.len() == before.len() && after.iter().zip(&before).all(|(one, other)| one.same_value(other)))
            }
            _ => true,
        }
    }
}

/// Variables in which CI systems name the commit or branch that a pull request goes to; branches are those of `origin`.
const VARIABLES: &[(&str, bool)] = &[
    ("GITOPS_LINT_BASE", false),
    ("GITHUB_BASE_REF", true),
    ("CI_MERGE_REQUEST_DIFF_BASE_SHA", false),
    ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", true),
    ("BITBUCKET_PR_DESTINATION_BRANCH", true),
    ("SYSTEM_PULLREQUEST_TARGETBRANCH", true),
    ("CHANGE_TARGET", true),
    ("PULL_BASE_SHA", false),
];

/// The revision that a CI system names, and the variable that does.
pub fn from_environment() -> Option<(String, &'static str)> {
    VARIABLES.iter().find_map(|(name, branch)| {
        let value = std::env::var(name).ok().filter(|value| !value.is_empty())?;
        let value = value.strip_prefix("refs/heads/").unwrap_or(&value).to_string();
        Some((if *branch { format!("origin/{value}") } else { value }, *name))
    })
}

/// Who made the change: whom CI names, and the authors of the commits.
pub fn authorship(workspace: &Workspace, base: &Base) -> Result<Authorship, GitError> {
    let (repository, head) = (Repository::open(&workspace.place.root)?, "HEAD");
    let head = repository.commit(&repository.resolve(head)?)?;
    Ok(Authorship { actors: actors(), commits: contributions(&repository, &base.commit, &head)? })
}

/// Variables in which CI systems name who started the run.
const ACTORS: &[&str] = &["GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILD_REQUESTEDFOREMAIL", "CHANGE_AUTHOR"];

/// The people of the CI event: who opened the pull request, then who started the run.
fn actors() -> Vec<Actor> {
    let event = std::env::var("GITHUB_EVENT_PATH").ok().and_then(|path| std::fs::read(path).ok());
    let event = event.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok()).unwrap_or_default();
    let text = |pointer: &str| event.pointer(pointer).and_then(serde_json::Value::as_str);
    let of_event = |pointer: &str, told_by: &'static str| {
        let is_bot = text(&format!("{pointer}/type")) == Some("Bot");
        text(&format!("{pointer}/login")).map(|name| Actor { name: name.to_string(), told_by, is_bot })
    };
    let mut found: Vec<Actor> = of_event("/pull_request/user", "the pull request").into_iter().collect();
    found.extend(of_event("/sender", "the event"));
    for variable in ACTORS {
        let name = std::env::var(variable).ok().filter(|name| !name.is_empty());
        found.extend(name.map(|name| Actor { name, told_by: variable, is_bot: false }));
    }
    found
}

/// What is said when a revision is not there.
pub fn advice(error: &GitError) -> String {
    let hint = match error {
        GitError::UnknownRevision(_) | GitError::MissingObject(_) | GitError::Unrelated(..) => {
            "; a shallow clone may lack it: fetch all of it (fetch-depth: 0, or git fetch --unshallow)"
        }
        _ => "",
    };
    format!("{error}{hint}")
}

/// Loads the revision at which the head left `revision`.
pub fn load(workspace: &Workspace, revision: &str) -> Result<Base, GitError> {
    let repository = Arc::new(Repository::open(&workspace.place.root)?);
    let wanted = repository.resolve(revision)?;
    let head = repository.resolve("HEAD")?;
    let commit = repository.commit(&repository.merge_base(&wanted, &head)?)?;
    Ok(at(workspace, &repository, commit))
}

/// Loads a revision itself, wherever the head left it.
pub fn load_exactly(workspace: &Workspace, revision: &str) -> Result<Base, GitError> {
    let repository = Arc::new(Repository::open(&workspace.place.root)?);
    let commit = repository.commit(&repository.resolve(revision)?)?;
    Ok(at(workspace, &repository, commit))
}

fn at(workspace: &Workspace, repository: &Arc<Repository>, commit: Commit) -> Base {
    let tree = Arc::new(repository.tree(&commit));
    let unchanged = Unchanged { head: &workspace.repo, tree: tree.clone(), ids: Mutex::default() };
    let files = workspace.repo.files.clone();
    let root = Some(workspace.place.root.clone());
    let repo = Repo::load_with(tree, root, &workspace.config, files, &|path, _: &Renderer| unchanged.rendering(path));
    Base { repo, commit }
}

/// The overlays of the head that read nothing but what the base has as well.
struct Unchanged<'r> {
    head: &'r Repo,
    tree: Arc<GitTree>,
    ids: Mutex<HashMap<FileId, Id>>,
}

impl Unchanged<'_> {
    fn rendering(&self, path: &str) -> Option<Arc<Rendered>> {
        let overlay = self.head.overlays.iter().find(|overlay| overlay.path == path && overlay.agent.is_none())?;
        // an overlay that lacks something may have had it at the base
        let same = overlay.rendered.complete
            && overlay.rendered.files.iter().all(|file| {
                let source = self.head.files.get(*file);
                let known = |ids: &Mutex<HashMap<FileId, Id>>| ids.lock().ok().and_then(|ids| ids.get(file).copied());
                let id = known(&self.ids).unwrap_or_else(|| {
                    let id = blob_id(source.text.as_bytes());
                    if let Ok(mut ids) = self.ids.lock() {
                        ids.insert(*file, id);
                    }
                    id
                });
                self.tree.content_id(&source.path) == Some(id)
            });
        same.then(|| overlay.rendered.clone())
    }
}
