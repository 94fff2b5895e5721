//! `bots`: who counts as a bot.

use super::Config;
use super::key::Key;
use super::shape::Shape;
use crate::names::{NamePattern, matches};

/// Names and addresses of bots, when the configuration names none. The identities are those that
/// the tools commit with by default.
const BUILT_IN: &[&str] = &[
    "*[bot]",
    "*[bot]@*",
    "*-bot",
    "*-bot@*",
    "fluxcdbot*",
    "argocd-image-updater*",
    "noreply@argoproj.io",
    "kargo",
    "no-reply@kargo.io",
    "kustomize-everything*",
    "renovate",
    "renovate@*",
    "*@renovateapp.com",
    "dependabot*",
    "github-actions*",
    "project_*_bot*",
    "group_*_bot*",
];

/// Who counts as a bot when the configuration names none.
pub(super) fn built_in() -> Vec<NamePattern> {
    BUILT_IN.iter().copied().map(NamePattern::new).collect()
}

impl Config {
    /// True if a name or an address is one of a bot.
    pub fn is_bot(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let fits = |pattern: &NamePattern| matches(&pattern.as_str().to_lowercase(), &name);
        self.bots.iter().any(fits)
    }

    /// True if the configuration says who counts as a bot.
    pub fn names_bots(&self) -> bool {
        self.bots != built_in()
    }
}

pub(super) static KEY: Key = Key {
    name: "bots",
    value: "list of names or addresses, `*` allowed",
    summary: "who counts as a bot; replaces the built-in list",
    shape: Shape::List(&Shape::Pattern),
    read: |reader, node, config| {
        let named = reader.patterns(node, "`bots`");
        let named = named.filter(|bots| !bots.is_empty());
        config.bots = named.unwrap_or_else(built_in);
    },
};
