//! A set of rules, and what the machinery asks about it. Not here: which rules there are
//! (`rules::registry`).

use std::collections::BTreeMap;

use super::{Claim, Revision, Rule};
use crate::config::{Config, Level};

/// The rules of a check.
pub struct Registry {
    rules: Vec<&'static dyn Rule>,
    by_id: BTreeMap<&'static str, &'static dyn Rule>,
}

impl Registry {
    /// A set of rules, in the order in which they are run and listed.
    pub(in crate::rules) fn new(rules: Vec<&'static dyn Rule>) -> Registry {
        let by_id = rules.iter().map(|rule| (rule.metadata().id, *rule));
        Registry {
            by_id: by_id.collect(),
            rules,
        }
    }

    /// Every rule.
    pub fn all(&self) -> &[&'static dyn Rule] {
        &self.rules
    }

    /// The rule with an id.
    pub fn find(&self, id: &str) -> Option<&'static dyn Rule> {
        self.by_id.get(id).copied()
    }

    /// The rule that claims a kind of loss.
    pub(super) fn claiming(&self, claim: Claim) -> Option<&'static dyn Rule> {
        let mut rules = self.rules.iter().copied();
        rules.find(|rule| rule.metadata().behavior.claims == Some(claim))
    }

    /// The rules whose level at the base counts: those that judge the configuration itself.
    pub fn about_configuration(&self) -> impl Iterator<Item = &'static dyn Rule> {
        let rules = self.rules.iter().copied();
        rules.filter(|rule| rule.metadata().behavior.level_from == Revision::Base)
    }

    /// The rule that reports policies which fail while they are evaluated.
    pub fn for_failing_policies(&self) -> Option<&'static dyn Rule> {
        let mut rules = self.rules.iter().copied();
        rules.find(|rule| rule.metadata().behavior.for_failing_policies)
    }

    /// The rule that reports files which cannot be read.
    pub fn for_unreadable_files(&self) -> Option<&'static dyn Rule> {
        let mut rules = self.rules.iter().copied();
        rules.find(|rule| rule.metadata().behavior.for_unreadable_files)
    }

    /// True if a rule that is on needs the dates since which environments run their images.
    pub(super) fn needs_dates(&self, config: &Config) -> bool {
        self.rules.iter().any(|rule| {
            config.level(rule.metadata().id) != Some(Level::Off) && rule.needs_dates(config)
        })
    }
}
