//! The base revision of a check: given by `--base`, or found in what CI systems say of a pull
//! request; and loading it, with what did not change shared with the head.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::options::{RepoOptions, complain};
use super::workspace::Workspace;
use crate::config::{CONFIG_FILE, Config};
use crate::history::{End, Images, Version, Walk, contributions, images, share_version};
use crate::kustomize::{RenderOptions, Renderer};
use crate::repo::{Overlay, Repo};
use crate::report::printable;
use crate::rules::{Actor, Authorship, Proofs, Submodule};
use crate::source::beside::Beside;
use crate::source::git::{ChangedPath, Commit, GitError, Id, Repository, short};
use crate::yaml::{By, FileId, Node, Origin};

/// A loaded base revision.
pub struct Base {
    /// The base as a repo, given back as little as the head is.
    pub repo: ManuallyDrop<Repo>,
    /// The same as the head numbers environments, where it does that otherwise.
    renumbered: Option<ManuallyDrop<Repo>>,
    /// Its configuration.
    pub config: Config,
    /// Its commit: where the branch under check left the target branch.
    pub commit: Commit,
    /// The paths that differ from the head.
    pub changed: BTreeSet<Arc<str>>,
    /// The submodules that the change adds or moves.
    pub submodules: Vec<Submodule>,
}

impl Base {
    /// The base as the head is compared with it: with the head's numbers for environments.
    pub fn compared(&self) -> &Repo {
        self.renumbered.as_ref().unwrap_or(&self.repo)
    }

    /// Whether something changed that every overlay is judged by: configuration, policies, owners.
    pub fn concerns_everything(&self, config: &Config) -> bool {
        let named: Vec<&String> = config.policies.iter().chain(&config.data).collect();
        self.changed.iter().any(|path| {
            let by_name = **path == *CONFIG_FILE
                || path.rsplit('/').next() == Some("CODEOWNERS")
                || path.ends_with(".rego");
            by_name
                || named.iter().any(|named| {
                    crate::kustomize::context::is_below(path, named.trim_end_matches('/'))
                })
        })
    }
}

/// What overlays rendered at a commit and before it, found when it is asked for: only for the
/// overlays and digests that need proof, all of them in one walk.
pub struct Past<'r> {
    repository: &'r Arc<Repository>,
    config: &'r Config,
    repo: &'r Repo,
    commit: Commit,
    root: PathBuf,
    /// The digests in question, by index of the overlay.
    wanted: BTreeMap<usize, BTreeSet<String>>,
    /// Whether it matters when a digest came first.
    dates: bool,
    walked: OnceLock<(HashMap<usize, Seen>, End)>,
}

/// The images with a digest that an overlay rendered, and when each came first.
type Seen = BTreeMap<(String, String), i64>;

impl<'r> Past<'r> {
    /// The past of the base, or of the head where there is no base.
    pub fn new(
        workspace: &'r Workspace,
        base: Option<&'r Base>,
        dates: bool,
    ) -> Result<Past<'r>, GitError> {
        Ok(Past {
            repository: workspace.git()?,
            config: base.map_or(&workspace.config, |base| &base.config),
            repo: base.map_or(&workspace.repo, Base::compared),
            commit: base.map_or_else(|| workspace.head_commit(), |base| Ok(base.commit.clone()))?,
            root: workspace.place.root.clone(),
            wanted: BTreeMap::new(),
            dates,
            walked: OnceLock::new(),
        })
    }

    /// Notes what has to be proved: the digests of an overlay that are to be found in the past of
    /// one of some overlays.
    pub fn want(&mut self, digests: impl IntoIterator<Item = String>, overlays: &[&Overlay]) {
        let digests: BTreeSet<String> = digests.into_iter().collect();
        if digests.is_empty() {
            return;
        }
        for overlay in overlays {
            let present = images(&overlay.rendered, &self.repo.files);
            let present: BTreeSet<&String> = present
                .values()
                .flatten()
                .filter_map(|version| version.digest.as_ref())
                .collect();
            let missing: BTreeSet<String> = digests
                .iter()
                .filter(|digest| self.dates || !present.contains(digest))
                .cloned()
                .collect();
            if let Some(index) = self.index(overlay).filter(|_| !missing.is_empty()) {
                self.wanted.entry(index).or_default().extend(missing);
            }
        }
    }

    fn index(&self, overlay: &Overlay) -> Option<usize> {
        self.repo.index_of_same(overlay)
    }

    /// The names under which an overlay renders a digest.
    fn at_present(&self, overlay: &Overlay, digest: &str) -> Vec<String> {
        let has = |versions: &BTreeSet<Version>| {
            versions
                .iter()
                .any(|version| version.digest.as_deref() == Some(digest))
        };
        images(&overlay.rendered, &self.repo.files)
            .into_iter()
            .filter(|(_, versions)| has(versions))
            .map(|(name, _)| name)
            .collect()
    }

    fn walked(&self) -> &(HashMap<usize, Seen>, End) {
        self.walked.get_or_init(|| {
            let indices: Vec<usize> = self.wanted.keys().copied().collect();
            let mut seen: HashMap<usize, Seen> = HashMap::new();
            // seen from the newest to the oldest: the last time that is noted is the first
            let note = |seen: &mut Seen, images: &Images, time: i64| {
                for (name, versions) in images {
                    let digests = versions.iter().filter_map(|version| version.digest.clone());
                    seen.extend(digests.map(|digest| ((name.clone(), digest), time)));
                }
            };
            for index in &indices {
                if let Some(overlay) = self.repo.overlays.get(*index) {
                    note(
                        seen.entry(*index).or_default(),
                        &images(&overlay.rendered, &self.repo.files),
                        self.commit.time,
                    );
                }
            }
            let mut walk = Walk::new(
                self.repository,
                self.config,
                self.repo,
                Some(self.root.clone()),
                &indices,
            );
            let end = walk.run(self.repo, &self.commit, &mut |change| {
                let time = change
                    .commit
                    .as_ref()
                    .map_or(self.commit.time, |commit| commit.time);
                let found = seen.entry(change.overlay).or_default();
                note(found, &change.after, time);
                // when it came is told by the change before
                note(found, &change.before, time);
                let has = |digest: &String| found.keys().any(|(_, other)| other == digest);
                self.dates
                    || !self
                        .wanted
                        .get(&change.overlay)
                        .is_some_and(|wanted| wanted.iter().all(has))
            });
            (seen, end)
        })
    }
}

/// A past of which nothing is known, and why.
pub struct Unknown(pub String);

impl Proofs for Unknown {
    fn since(&self, _overlay: &Overlay, _digest: &str) -> Vec<(String, i64)> {
        Vec::new()
    }
    fn gap(&self, _overlay: &Overlay) -> Option<String> {
        Some(self.0.clone())
    }
}

impl Proofs for Past<'_> {
    fn since(&self, overlay: &Overlay, digest: &str) -> Vec<(String, i64)> {
        let Some(index) = self
            .index(overlay)
            .filter(|index| self.wanted.contains_key(index))
        else {
            return self
                .at_present(overlay, digest)
                .into_iter()
                .map(|name| (name, self.commit.time))
                .collect();
        };
        let seen = self.walked().0.get(&index).into_iter().flatten();
        seen.filter(|((_, other), _)| other == digest)
            .map(|((name, _), time)| (name.clone(), *time))
            .collect()
    }
    fn ran(&self, overlay: &Overlay, digest: &str) -> Vec<String> {
        let present = self.at_present(overlay, digest);
        if !present.is_empty() {
            return present;
        }
        self.since(overlay, digest)
            .into_iter()
            .map(|(name, _)| name)
            .collect()
    }
    fn alters(&self, commit: &Id, overlay: &str) -> bool {
        let render = |id: &Id| -> Option<Vec<Node>> {
            let tree = self.repository.tree(&self.repository.commit(id).ok()?);
            let options = RenderOptions {
                remotes: self.config.remotes.clone(),
                root: Some(self.root.clone()),
                ..RenderOptions::default()
            };
            let renderer = Renderer::new(Arc::new(tree), Arc::default(), options);
            renderer.kustomization(overlay)?;
            Some(
                renderer
                    .render(overlay)
                    .resources
                    .iter()
                    .map(|resource| resource.node.clone())
                    .collect(),
            )
        };
        let parent = self
            .repository
            .commit(commit)
            .ok()
            .and_then(|commit| commit.parents.first().copied());
        // what cannot be told counts: an agent that applies a plain folder, a clone that does not
        // go back
        match (render(commit), parent.as_ref().and_then(render)) {
            (Some(after), Some(before)) => {
                !(after.len() == before.len()
                    && after
                        .iter()
                        .zip(&before)
                        .all(|(one, other)| one.same_value(other)))
            }
            _ => true,
        }
    }
    fn when_it_ran(&self, wanted: &[(&Overlay, &Images)]) -> Vec<Option<Overlay>> {
        let indices: Vec<Option<usize>> = wanted
            .iter()
            .map(|(overlay, _)| self.repo.index(overlay))
            .collect();
        let mut found: Vec<Option<Overlay>> = wanted.iter().map(|_| None).collect();
        let mut tracked: Vec<usize> = indices.iter().copied().flatten().collect();
        tracked.dedup();
        let mut walk = Walk::new(
            self.repository,
            self.config,
            self.repo,
            Some(self.root.clone()),
            &tracked,
        )
        .keeping(self.repo);
        walk.run(self.repo, &self.commit, &mut |change| {
            let mut open = false;
            for (((overlay, images), index), found) in wanted.iter().zip(&indices).zip(&mut found) {
                if *index != Some(change.overlay) || found.is_some() {
                    continue;
                }
                match &change.rendered {
                    Some(rendered) if share_version(&change.before, images) => {
                        *found = Some(Overlay {
                            rendered: rendered.clone().into(),
                            ..(*overlay).clone()
                        });
                    }
                    _ => open = true,
                }
            }
            open
        });
        found
    }
    fn gap(&self, overlay: &Overlay) -> Option<String> {
        self.index(overlay)
            .and_then(|index| self.wanted.get(&index))?;
        match &self.walked().1 {
            End::Truncated(reason) => Some(reason.clone()),
            End::Answered | End::Complete => None,
        }
    }
}

/// Variables in which CI systems name the commit that a pull request is compared with, or the
/// branch that it goes to, the surest first.
const VARIABLES: &[(&str, Named)] = &[
    ("GITOPS_LINT_BASE", Named::Revision),
    ("GITHUB_BASE_REF", Named::Branch),
    ("CI_MERGE_REQUEST_DIFF_BASE_SHA", Named::Revision),
    ("CI_MERGE_REQUEST_TARGET_BRANCH_SHA", Named::Revision),
    ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", Named::Branch),
    (
        "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_SHA",
        Named::Revision,
    ),
    ("CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME", Named::Branch),
    ("BITBUCKET_PR_DESTINATION_BRANCH", Named::Branch),
    ("SYSTEM_PULLREQUEST_TARGETBRANCH", Named::Branch),
    ("CHANGE_TARGET", Named::Branch),
    ("PULL_BASE_SHA", Named::Revision),
    ("PULL_BASE_REF", Named::Branch),
    ("BUILDKITE_PULL_REQUEST_BASE_BRANCH", Named::Branch),
    ("CI_COMMIT_TARGET_BRANCH", Named::Branch),
    ("DRONE_TARGET_BRANCH", Named::Branch),
    ("CIRRUS_BASE_SHA", Named::Revision),
    ("CIRRUS_BASE_BRANCH", Named::Branch),
    ("CODEBUILD_WEBHOOK_BASE_REF", Named::Branch),
];

/// Variables that name the branch of a push as well: they count in pull requests only, which the
/// second variable tells.
const IN_PULL_REQUESTS: &[(&str, &str)] = &[
    ("CI_COMMIT_TARGET_BRANCH", "CI_COMMIT_PULL_REQUEST"),
    ("DRONE_TARGET_BRANCH", "DRONE_PULL_REQUEST"),
];

/// Fields of the event file of GitHub Actions (and Gitea, Forgejo) with the commit that the change
/// is compared with.
const EVENT_FIELDS: &[&str] = &["/pull_request/base/sha", "/merge_group/base_sha"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    Revision,
    Branch,
}

/// The revisions that the CI system names, the surest first, each with the variable that does.
pub fn from_environment() -> Vec<(String, &'static str)> {
    let value = |name: &str| {
        std::env::var(name)
            .ok()
            .filter(|value| !value.trim().is_empty())
    };
    let mut found = Vec::new();
    for (name, named) in VARIABLES {
        let guarded = IN_PULL_REQUESTS
            .iter()
            .find(|(variable, _)| variable == name);
        if guarded.is_some_and(|(_, guard)| value(guard).is_none()) {
            continue;
        }
        let Some(value) = value(name) else { continue };
        match named {
            Named::Revision => found.push((value, *name)),
            Named::Branch => {
                let branch = value.strip_prefix("refs/heads/").unwrap_or(&value);
                found.push((format!("origin/{branch}"), *name));
                found.push((branch.to_string(), *name));
            }
        }
    }
    let event = event();
    let shas = EVENT_FIELDS
        .iter()
        .filter_map(|field| event.as_ref()?.pointer(field)?.as_str());
    found.extend(shas.map(|sha| (sha.to_string(), "GITHUB_EVENT_PATH")));
    found
}

/// The event file of GitHub Actions.
fn event() -> Option<Value> {
    let path = std::env::var_os("GITHUB_EVENT_PATH")?;
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// Who made the change: whom CI names, and the authors of the commits.
pub fn authorship(workspace: &Workspace, base: &Base) -> Result<Authorship, GitError> {
    Ok(Authorship {
        actors: actors(),
        commits: contributions(workspace.git()?, &base.commit, &workspace.head_commit()?)?,
    })
}

/// Variables in which CI systems name who started the run.
const ACTORS: &[&str] = &[
    "GITHUB_ACTOR",
    "GITLAB_USER_LOGIN",
    "BUILD_REQUESTEDFOREMAIL",
    "CHANGE_AUTHOR",
];

/// The people of the CI event: who opened the pull request, then who started the run.
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

/// Loads the revision at which the head left `revision`: of several, as after merges in both
/// directions, the newest.
pub fn load(
    workspace: &Workspace,
    revision: &str,
    options: &RepoOptions,
) -> Result<Base, GitError> {
    let repository = workspace.git()?;
    let wanted = repository.resolve(revision)?;
    let head = workspace.head_commit()?;
    let bases = repository.merge_bases(&wanted, &head.id)?;
    if let [first, _, ..] = &bases[..] {
        let (count, revision, first) = (bases.len(), printable(revision), short(first));
        complain(&format!(
            "warning: {revision} and the head parted at {count} commits, merged across each other; compared with the newest, {first}"
        ));
    }
    at(
        workspace,
        repository.commit(bases.first().unwrap_or(&wanted))?,
        options,
    )
}

/// Loads a revision itself, wherever the head left it.
pub fn load_exactly(
    workspace: &Workspace,
    revision: &str,
    options: &RepoOptions,
) -> Result<Base, GitError> {
    let repository = workspace.git()?;
    at(
        workspace,
        repository.commit(&repository.resolve(revision)?)?,
        options,
    )
}

fn at(workspace: &Workspace, commit: Commit, options: &RepoOptions) -> Result<Base, GitError> {
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
    let others = &workspace.repo.environments;
    let renumbered =
        (repo.environments != *others).then(|| ManuallyDrop::new(repo.numbered_as(others)));
    Ok(Base {
        repo: ManuallyDrop::new(repo),
        renumbered,
        config,
        commit,
        changed,
        submodules,
    })
}

/// The submodules among what changed, each with the line of `.gitmodules` that names its path.
fn submodules(workspace: &Workspace, changed: &[ChangedPath]) -> Vec<Submodule> {
    const NAMES: &str = ".gitmodules";
    let repo = &workspace.repo;
    let moved = changed
        .iter()
        .filter(|change| change.submodule && change.after.is_some());
    let read = || -> Option<FileId> {
        let bytes = repo.source.read(NAMES).ok()?;
        Some(repo.files.add(
            NAMES,
            repo.source.revision_of(NAMES).as_deref(),
            Arc::from(std::str::from_utf8(&bytes).ok()?),
        ))
    };
    let mut names = None;
    let submodule = |change: &ChangedPath| {
        let file = *names.get_or_insert_with(read);
        let origin = file.and_then(|file| {
            let text = repo.files.get(file).text.clone();
            let is_its = |line: &str| {
                line.trim().strip_prefix("path").is_some_and(|rest| {
                    rest.trim()
                        .strip_prefix('=')
                        .is_some_and(|path| path.trim() == change.path)
                })
            };
            let mut start = 0;
            text.split_inclusive('\n').find_map(|line| {
                let here = start + line.len() - line.trim_start().len();
                start += line.len();
                is_its(line).then(|| Origin {
                    file,
                    start: here as u32,
                    end: (here + line.trim().len()) as u32,
                    by: By::Manifest,
                })
            })
        });
        Submodule {
            path: change.path.clone(),
            before: change.before.as_ref().map(short),
            after: change.after.as_ref().map(short),
            origin,
        }
    };
    moved.map(submodule).collect()
}
