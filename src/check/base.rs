//! The base revision of a check: its repo, its configuration, and the paths that the change
//! touches. Not here: which revision it is (`cli`), its findings (`known`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::policy_changes::names_for_policies;
use crate::config::{CONFIG_FILE, Config};
use crate::repo::Repo;
use crate::rules::Submodule;
use crate::yaml::FileId;

/// True in a process that goes on after a check.
static SERVES: AtomicBool = AtomicBool::new(false);

/// From now on, repos are freed when they are no longer needed. A command does not free them,
/// because that takes measurable time before its end.
pub fn free_repos() {
    SERVES.store(true, Ordering::Relaxed);
}

/// A repo that lasts until the end of the process, or of its use in a server.
pub fn lasting(repo: Repo) -> Arc<Repo> {
    let repo = Arc::new(repo);
    if !SERVES.load(Ordering::Relaxed) {
        std::mem::forget(repo.clone());
    }
    repo
}

/// A loaded base revision.
pub struct Base {
    /// The base repo.
    pub repo: Arc<Repo>,
    /// The base repo with the environments numbered as in the head, where its own numbers differ.
    renumbered: Option<Arc<Repo>>,
    /// The configuration by which the base is judged.
    pub config: Config,
    /// The head as the configuration of the base sees it, if the change edits the configuration.
    pub(super) head: Option<HeadAtBase>,
    /// The configuration as written at the base, and the file in which a removed setting is
    /// reported.
    pub(super) written: Option<(Config, FileId)>,
    /// The paths that differ from the head.
    pub changed: BTreeSet<Arc<str>>,
    /// The submodules that the change adds or moves.
    pub(super) submodules: Vec<Submodule>,
}

/// The head under the configuration of the base.
pub(super) struct HeadAtBase {
    pub(super) repo: Arc<Repo>,
    /// The base repo with the environments numbered as in it, where its own numbers differ.
    pub(super) before: Option<Arc<Repo>>,
}

impl HeadAtBase {
    fn new(head: &Repo, before: &Repo, config: &Config) -> HeadAtBase {
        let repo = head.under(config);
        HeadAtBase {
            before: renumbered(before, &repo),
            repo: lasting(repo),
        }
    }
}

/// A base repo with the environments numbered as in another one, if its own numbers differ.
fn renumbered(repo: &Repo, other: &Repo) -> Option<Arc<Repo>> {
    (repo.environments != other.environments)
        .then(|| lasting(repo.numbered_as(&other.environments)))
}

/// The parts of a [`Base`].
pub struct BaseInputs {
    /// The base repo.
    pub repo: Repo,
    /// The configuration by which the base is judged.
    pub config: Config,
    /// The configuration as written at the base, and the file in which a removed setting is
    /// reported.
    pub written: Option<(Config, FileId)>,
    /// The paths that differ from the head.
    pub changed: BTreeSet<Arc<str>>,
    /// The submodules that the change adds or moves.
    pub submodules: Vec<Submodule>,
}

impl BaseInputs {
    /// A base without submodules and without a configuration file.
    pub fn new(repo: Repo, config: Config, changed: BTreeSet<Arc<str>>) -> BaseInputs {
        BaseInputs {
            repo,
            config,
            written: None,
            changed,
            submodules: Vec::new(),
        }
    }
}

impl Base {
    /// The base of a head.
    pub fn new(inputs: BaseInputs, head: &Repo) -> Base {
        let repo = inputs.repo;
        let renumbered = renumbered(&repo, head);
        let edited = inputs.written.is_some() && inputs.changed.contains(CONFIG_FILE);
        Base {
            head: edited.then(|| HeadAtBase::new(head, &repo, &inputs.config)),
            repo: lasting(repo),
            renumbered,
            config: inputs.config,
            written: inputs.written,
            changed: inputs.changed,
            submodules: inputs.submodules,
        }
    }

    /// The repo as the head is compared with it: with the head's numbers for environments.
    pub fn compared(&self) -> &Repo {
        self.renumbered.as_deref().unwrap_or(&self.repo)
    }

    /// True if the change touches a file that affects the findings of every overlay.
    pub(super) fn affects_every_overlay(&self, config: &Config) -> bool {
        affects_every_overlay(&self.changed, config)
    }
}

/// True if a file affects the findings of every overlay: the configuration, policies and their data,
/// or CODEOWNERS.
pub(super) fn affects_every_overlay(changed: &BTreeSet<Arc<str>>, config: &Config) -> bool {
    changed.iter().any(|path| {
        **path == *CONFIG_FILE
            || path.rsplit('/').next() == Some("CODEOWNERS")
            || path.ends_with(".rego")
            || names_for_policies(config, path)
    })
}
