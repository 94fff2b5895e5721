//! The inputs of a [`Context`](super::Context).

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::ZonedDateTime;

use super::RepoFacts;
use crate::config::Config;
use crate::history::{Authorship, Proofs};
use crate::repo::Repo;
use crate::rules::engine::Registry;
use crate::yaml::{FileId, Origin};

/// A submodule that a change adds or moves to another commit.
#[derive(Clone, Debug)]
pub struct Submodule {
    /// Where it lies.
    pub path: String,
    /// The commit before, as people read it.
    pub before: Option<String>,
    /// The commit after.
    pub after: Option<String>,
    /// The line that names its path.
    pub origin: Option<Origin>,
}

/// A file with policies or with data for policies that exists at the base and that the change
/// touches.
#[derive(Clone, Debug)]
pub struct PolicyFileChange {
    /// Its path.
    pub path: String,
    /// The kind of change.
    pub change: PolicyChange,
    /// The place of the finding: the file, or the configuration that names it.
    pub origin: Origin,
}

/// A kind of change to a policy file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyChange {
    /// The file is gone.
    Removed,
    /// Nothing but blank lines and comments is left.
    Emptied,
    /// Something else changed.
    Edited,
}

/// The inputs of a [`super::Context`].
pub struct Inputs<'a> {
    /// The facts of the repo under check.
    pub facts: RepoFacts<'a>,
    /// The configuration.
    pub config: &'a Config,
    /// The rules.
    pub rules: &'static Registry,
    /// The base revision, if there is one.
    pub base: Option<&'a Repo>,
    /// The configuration as written at the base, and the file in which a removed setting is
    /// reported.
    pub base_config: Option<(Config, FileId)>,
    /// The past of the base, or of the repo when there is no base.
    pub proofs: Option<&'a dyn Proofs>,
    /// The current time.
    pub now: Option<ZonedDateTime>,
    /// Who made the change.
    pub authorship: Authorship,
    /// The paths that differ from the base, if there is one.
    pub changed: Option<&'a BTreeSet<Arc<str>>>,
    /// The submodules that the change adds or moves.
    pub submodules: Vec<Submodule>,
    /// The policy files of the base that the change touches.
    pub policy_changes: Vec<PolicyFileChange>,
    /// The ids of the policies of the check; `None` if they are not known.
    pub policy_ids: Option<Vec<String>>,
    /// Indices of the overlays that are judged; `None` for all.
    pub judged: Option<BTreeSet<usize>>,
}

impl<'a> Inputs<'a> {
    /// A repo, its configuration and the rules, and nothing else.
    pub fn new(facts: RepoFacts<'a>, config: &'a Config, rules: &'static Registry) -> Inputs<'a> {
        Inputs {
            facts,
            config,
            rules,
            base: None,
            base_config: None,
            proofs: None,
            now: None,
            authorship: Authorship::default(),
            changed: None,
            submodules: Vec::new(),
            policy_changes: Vec::new(),
            policy_ids: None,
            judged: None,
        }
    }
}
