//! The input of rules: the tree under check, the configuration, and the facts that several rules
//! need, computed once and on demand. Not here: any judgement.

mod against_base;
pub(in crate::rules) mod applying;
mod changes;
pub(in crate::rules) mod controls;
pub(in crate::rules) mod depends_on;
mod dropped;
mod evidence;
mod facts;
mod inputs;
mod newly_listed;
mod objects;
mod pinning;
pub(in crate::rules) mod proofs;
mod schemas;
pub(in crate::rules) mod unlisted;

pub use changes::MovedVersion;
pub use facts::{Facts, RepoFacts};
pub use inputs::{Inputs, PolicyChange, PolicyFileChange, Submodule};
pub use objects::Providers;
pub(in crate::rules) use objects::{ObjectKey, object_key};
pub(in crate::rules) use schemas::Contradiction;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use jiff::ZonedDateTime;

use crate::config::{Config, Level};
use crate::evidence::Evidence;
use crate::history::{Authorship, Proofs};
use crate::repo::coverage::Unseen;
use crate::repo::{Overlay, Repo};
use crate::rules::engine::{Claim, Registry, Revision, Rule};
use crate::yaml::FileId;

use against_base::AgainstBase;
use applying::Applying;
use controls::Control;
use depends_on::Edge;
use newly_listed::NewlyListed;
use objects::Objects;
use pinning::Pinning;
use schemas::Schemas;

/// The value of kustomize's option `--load-restrictor` that lifts the restriction.
const UNRESTRICTED: &str = "LoadRestrictionsNone";

/// The position of an overlay along the promotion order. Default levels depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Belongs to no environment, or to one whose place in the promotion order is not known.
    None,
    /// Developers' own: named or aliased dev, development, sandbox or local.
    Development,
    /// Between development and the protected environments: test, staging, …
    Proving,
    /// Protected.
    Protected,
}

/// The input of rules.
pub struct Context<'a> {
    /// The tree under check.
    pub repo: &'a Repo,
    /// The configuration.
    pub config: &'a Config,
    /// The rules.
    rules: &'static Registry,
    /// The base revision, when one was given.
    pub base: Option<&'a Repo>,
    /// The configuration of the base revision, and the file in which a removed setting is reported.
    pub base_config: Option<(Config, FileId)>,
    /// The history of the base revision (or of the head without a base), if Git has one.
    pub proofs: Option<&'a dyn Proofs>,
    /// The time of the check. Without it, rules that depend on the time report nothing.
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
    judged: Option<BTreeSet<usize>>,
    facts: RepoFacts<'a>,
    against_base: AgainstBase<'a>,
    objects: Objects<'a>,
    schemas: Schemas<'a>,
    controls: OnceLock<Vec<Control<'a>>>,
    applying: OnceLock<Applying<'a>>,
    waits: OnceLock<Vec<Edge<'a>>>,
    pinning: OnceLock<Pinning>,
    unseen: OnceLock<Vec<Unseen>>,
    unrestricted: OnceLock<bool>,
    newly_listed: NewlyListed,
    evidence: OnceLock<Evidence>,
}

impl<'a> Context<'a> {
    /// The context of a check.
    pub fn new(inputs: Inputs<'a>) -> Context<'a> {
        let (repo, base) = (inputs.facts.repo, inputs.base);
        Context {
            repo,
            config: inputs.config,
            rules: inputs.rules,
            base,
            base_config: inputs.base_config,
            proofs: inputs.proofs,
            now: inputs.now,
            authorship: inputs.authorship,
            changed: inputs.changed,
            submodules: inputs.submodules,
            policy_changes: inputs.policy_changes,
            policy_ids: inputs.policy_ids,
            judged: inputs.judged,
            facts: inputs.facts,
            against_base: AgainstBase::new(repo, base),
            objects: Objects::default(),
            schemas: Schemas::default(),
            controls: OnceLock::new(),
            applying: OnceLock::new(),
            waits: OnceLock::new(),
            pinning: OnceLock::new(),
            unseen: OnceLock::new(),
            unrestricted: OnceLock::new(),
            newly_listed: NewlyListed::default(),
            evidence: OnceLock::new(),
        }
    }

    /// True if an overlay is judged. With a base revision, overlays that the change does not affect
    /// are skipped.
    pub fn judges(&self, overlay: &Overlay) -> bool {
        self.judged.as_ref().is_none_or(|judged| {
            self.index(overlay)
                .is_some_and(|index| judged.contains(&index))
        })
    }

    /// True if every overlay is judged.
    pub fn judges_all(&self) -> bool {
        self.judged.is_none()
    }

    /// The overlays that are judged, in the order of the repo.
    pub fn judged(&self) -> impl Iterator<Item = &'a Overlay> {
        let repo: &'a Repo = self.repo;
        let judged = |index: &usize| {
            self.judged
                .as_ref()
                .is_none_or(|judged| judged.contains(index))
        };
        repo.overlays
            .iter()
            .enumerate()
            .filter(move |(index, _)| judged(index))
            .map(|(_, overlay)| overlay)
    }

    /// The pairs whose later overlay is judged, in the order of the repo.
    pub fn judged_pairs(&self) -> impl Iterator<Item = (&'a Overlay, &'a Overlay)> {
        let repo: &'a Repo = self.repo;
        let judged = |index: usize| {
            self.judged
                .as_ref()
                .is_none_or(|judged| judged.contains(&index))
        };
        let pairs = repo.pairs.iter().filter(move |pair| judged(pair.to));
        pairs.filter_map(move |pair| {
            Some((repo.overlays.get(pair.from)?, repo.overlays.get(pair.to)?))
        })
    }

    /// The name of an overlay in messages: its environment, or its path if it belongs to none.
    pub fn name_of<'n>(&'n self, overlay: &'n Overlay) -> &'n str {
        let repo = self
            .base
            .filter(|_| self.is_of_base(overlay))
            .unwrap_or(self.repo);
        repo.environment(overlay)
            .map_or(overlay.path.as_str(), |environment| {
                environment.name.as_str()
            })
    }

    /// The name of one side of a comparison in messages: `the base revision`, or the result of
    /// [`Self::name_of`].
    pub fn side<'n>(&'n self, overlay: &'n Overlay) -> &'n str {
        if self.is_of_base(overlay) {
            "the base revision"
        } else {
            self.name_of(overlay)
        }
    }

    /// One side of a comparison with its preposition, for messages: `in staging`, `at the base
    /// revision`.
    pub fn in_side(&self, overlay: &Overlay) -> String {
        let preposition = if self.is_of_base(overlay) { "at" } else { "in" };
        format!("{preposition} {}", self.side(overlay))
    }

    /// The objects that steer agents, updaters and gates.
    pub(in crate::rules) fn controls(&self) -> &[Control<'a>] {
        self.controls.get_or_init(|| controls::collect(self))
    }

    /// The agents' objects and the overlays that they apply.
    fn applying(&self) -> &Applying<'a> {
        self.applying.get_or_init(|| Applying::of(self.repo))
    }

    /// The `dependsOn` entries among these objects.
    pub(in crate::rules) fn waits(&self) -> &[Edge<'a>] {
        self.waits.get_or_init(|| depends_on::collect(self))
    }

    /// The rules of the check, whether they are on or off.
    pub fn rules(&self) -> &'static Registry {
        self.rules
    }

    /// The level that the configuration gives a rule: that of the head, or of the base for a rule
    /// that judges the configuration itself.
    pub fn level(&self, rule: &str) -> Option<Level> {
        let before = self.base_config.as_ref().filter(|_| {
            let metadata = self.rules.find(rule).map(|rule| rule.metadata());
            metadata.is_some_and(|metadata| metadata.behavior.level_from == Revision::Base)
        });
        before.map_or(self.config, |(before, _)| before).level(rule)
    }

    /// True if a rule is not switched off.
    pub fn is_on(&self, rule: &dyn Rule) -> bool {
        self.level(rule.metadata().id) != Some(Level::Off)
    }

    /// True if a rule that is on claims a kind of loss, so that no other rule reports it.
    pub fn is_claimed(&self, claim: Claim) -> bool {
        let rule = self.rules.claiming(claim);
        rule.is_some_and(|rule| self.is_on(rule))
    }

    /// Where an overlay stands in [`Repo::overlays`].
    pub fn index(&self, overlay: &Overlay) -> Option<usize> {
        self.repo.index(overlay)
    }

    /// The facts of an overlay of the repo under check.
    pub fn facts(&self, overlay: &Overlay) -> &Facts<'a> {
        self.facts.of(overlay)
    }

    /// The overlays with something that may make an object of this name without naming it.
    pub(in crate::rules) fn making<'s>(
        &'s self,
        name: &'s str,
    ) -> impl Iterator<Item = &'a Overlay> + use<'a, 's> {
        self.facts.making(name)
    }

    /// The overlays with objects that give a name to a program.
    pub(in crate::rules) fn naming<'s>(
        &'s self,
        name: &str,
    ) -> impl Iterator<Item = &'a Overlay> + use<'a, 's> {
        self.facts.naming(name)
    }

    /// True if an image should have a digest: production pins at least half of its images, or
    /// this one.
    pub fn expects_digest(&self, image: &str) -> bool {
        let pinning = self.pinning.get_or_init(|| Pinning::of(self));
        pinning.expects(image)
    }

    /// The parts of the repo that are not judged, sorted by kind and name.
    pub fn unseen(&self) -> &[Unseen] {
        self.unseen.get_or_init(|| {
            let mut found = self.repo.unseen(self.judged());
            found.extend(self.kinds_without_schema());
            if let Some(changed) = self.changed {
                let changed = changed.iter().map(|path| &**path);
                found.extend(self.repo.unapplied(changed, self.judged()));
            }
            found
        })
    }

    /// True if a file of the repo gives Argo CD the option that lets kustomize read files above its
    /// folder: the ConfigMap `argocd-cm`, or values or a custom resource that make it.
    pub(in crate::rules) fn lifts_load_restrictor(&self) -> bool {
        let lifted = || self.repo.has_yaml_with(UNRESTRICTED);
        *self.unrestricted.get_or_init(lifted)
    }

    /// The facts of the overlay at an index.
    pub fn facts_at(&self, index: usize) -> &Facts<'a> {
        self.facts.at(index)
    }

    /// The position of an overlay along the promotion order.
    pub fn stage(&self, overlay: &Overlay) -> Stage {
        let environment = self.repo.environment(overlay);
        let Some(environment) = environment.filter(|environment| environment.ordered) else {
            return Stage::None;
        };
        if environment.protected {
            Stage::Protected
        } else if environment.is_for_development() {
            Stage::Development
        } else {
            Stage::Proving
        }
    }
}
