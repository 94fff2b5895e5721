//! The repo behind an editor: its files on disk with one finished check, and the texts that are not
//! saved. An edit is judged beside that check, so only what it concerns is rendered and judged.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use jiff::ZonedDateTime;

use super::past::{Past, Recalling, Remembering};
use crate::check::{self, Earlier, Outcome, PolicySet, Request};
use crate::config::{CONFIG_FILE, Config};
use crate::finding::Finding;
use crate::history::{Branch, GitProofs, NoProofs, Proofs};
use crate::policy::{self, Policies};
use crate::repo::Repo;
use crate::source::beside::Beside;
use crate::source::git::{Commit, Repository};
use crate::source::unsaved::Unsaved;
use crate::yaml::FileId;

/// A repo on disk, as the command line loads it.
pub(crate) struct Loaded {
    /// Its root, absolute and without links.
    pub(crate) root: PathBuf,
    /// Its configuration.
    pub(crate) config: Config,
    /// The repo.
    pub(crate) repo: Arc<Repo>,
    /// Its policies.
    pub(crate) policies: Policies,
    /// The options with which they were compiled.
    pub(crate) policy_options: policy::Options,
    /// The Git repository with the commit at `HEAD`, or why there is none.
    pub(crate) git: Result<(Arc<Repository>, Commit), String>,
}

impl Loaded {
    fn request<'r>(
        &'r self,
        repo: &'r Repo,
        config: &'r Config,
        proofs: &'r dyn Proofs,
        now: ZonedDateTime,
    ) -> Request<'r> {
        Request {
            proofs: Some(proofs),
            policies: Some(PolicySet {
                policies: &self.policies,
                options: &self.policy_options,
                log: None,
                named_by_caller: false,
            }),
            ..Request::new(repo, config, now)
        }
    }

    /// The history before the work tree.
    fn proofs<'r>(&'r self, repo: &'r Repo, config: &'r Config) -> Box<dyn Proofs + 'r> {
        match &self.git {
            Ok((repository, commit)) => Box::new(GitProofs::new(Branch {
                repository,
                config,
                repo,
                commit: commit.clone(),
                root: Some(self.root.clone()),
            })),
            Err(reason) => Box::new(NoProofs {
                reason: reason.clone(),
            }),
        }
    }
}

/// The repo with the unsaved texts.
#[derive(Clone)]
pub(super) struct Current {
    pub(super) repo: Arc<Repo>,
    config: Arc<Config>,
    versions: usize,
}

/// A loaded repo with its check and the unsaved texts.
pub(super) struct Session {
    pub(super) loaded: Arc<Loaded>,
    /// The findings of the check of the files on disk, before anything was left out.
    findings: Vec<Finding>,
    /// The outcome of that check.
    saved: Arc<Outcome>,
    past: Past,
    pub(super) unsaved: Unsaved,
    current: Current,
}

/// A result that can be published.
pub(super) struct Checked {
    pub(super) outcome: Arc<Outcome>,
    /// True if the whole check may find something else: about overlays that were not judged, or in
    /// the history.
    pub(super) is_preliminary: bool,
}

impl Session {
    /// Checks a repo that was loaded.
    pub(super) fn new(loaded: Loaded, now: ZonedDateTime) -> Session {
        let Loaded { repo, config, .. } = &loaded;
        let past = Past::default();
        let (outcome, findings) = {
            let proofs = loaded.proofs(repo, config);
            let proofs = Remembering {
                proofs: &*proofs,
                past: &past,
            };
            check::run_keeping(loaded.request(repo, config, &proofs, now))
        };
        let current = Current {
            repo: repo.clone(),
            config: Arc::new(config.clone()),
            versions: 0,
        };
        Session {
            loaded: Arc::new(loaded),
            findings,
            saved: Arc::new(outcome),
            past,
            unsaved: Unsaved::default(),
            current,
        }
    }

    /// The outcome of the check of the files on disk.
    pub(super) fn saved(&self) -> &Outcome {
        &self.saved
    }

    /// The text of a file when the repo was loaded.
    pub(super) fn saved_text(&self, path: &str) -> Option<String> {
        let repo = &self.loaded.repo;
        if let Some(id) = repo.files.find(path, &None) {
            return Some(repo.files.get(id).text.to_string());
        }
        String::from_utf8(repo.source.read(path).ok()?.to_vec()).ok()
    }

    /// Replaces the text of a file; `None` removes the file. Returns true if that changes
    /// something.
    pub(super) fn set(&mut self, path: &str, text: Option<&str>) -> bool {
        let saved = self.saved_text(path);
        if saved.as_deref() == text {
            self.unsaved.forget(path)
        } else {
            self.unsaved.set(path, text)
        }
    }

    /// The paths with another text than on disk.
    fn changed(&self) -> BTreeSet<Arc<str>> {
        self.unsaved.changed().cloned().collect()
    }

    /// The repo with the unsaved texts.
    pub(super) fn current(&mut self) -> Current {
        if self.current.versions != self.unsaved.versions() {
            self.current = self.edited();
        }
        self.current.clone()
    }

    fn edited(&self) -> Current {
        let changed = self.changed();
        let versions = self.unsaved.versions();
        let Loaded { repo, config, .. } = &*self.loaded;
        if changed.is_empty() {
            return Current {
                repo: repo.clone(),
                config: Arc::new(config.clone()),
                versions,
            };
        }
        let alike = !changed.contains(CONFIG_FILE);
        let unsaved = Arc::new(self.unsaved.clone());
        let source = Arc::new(Beside::new(repo.source.clone(), unsaved, changed));
        // a configuration with mistakes is not used; the mistakes are reported
        let own = self.unsaved.text(CONFIG_FILE).flatten();
        let own = own.and_then(|text| check::configuration(text, FileId(0)).ok());
        let config = own.unwrap_or_else(|| config.clone());
        Current {
            repo: Arc::new(repo.beside(source, &config, alike)),
            config: Arc::new(config),
            versions,
        }
    }

    /// Judges what the unsaved texts concern.
    pub(super) fn check(&mut self, now: ZonedDateTime) -> Checked {
        let current = self.current();
        let changed = self.changed();
        if changed.is_empty() {
            return Checked {
                outcome: self.saved.clone(),
                is_preliminary: false,
            };
        }
        let loaded = &self.loaded;
        let proofs = Recalling {
            past: &self.past,
            repo: &current.repo,
            unknown: Mutex::default(),
        };
        let earlier = Earlier {
            repo: &loaded.repo,
            findings: &self.findings,
            changed: &changed,
        };
        let request = loaded.request(&current.repo, &current.config, &proofs, now);
        let outcome = check::run_again(request, &earlier);
        Checked {
            outcome: Arc::new(outcome),
            is_preliminary: true,
        }
    }

    /// The check of everything with the unsaved texts, to be run by another thread.
    pub(super) fn whole_check(&mut self, now: ZonedDateTime) -> impl FnOnce() -> Checked + use<> {
        let (loaded, current, past) = (self.loaded.clone(), self.current(), self.past.clone());
        move || {
            let proofs = loaded.proofs(&current.repo, &current.config);
            let proofs = Remembering {
                proofs: &*proofs,
                past: &past,
            };
            let request = loaded.request(&current.repo, &current.config, &proofs, now);
            Checked {
                outcome: Arc::new(check::run(request)),
                is_preliminary: false,
            }
        }
    }
}
