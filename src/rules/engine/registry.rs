//! The list of rules: one line for each in the `mod.rs` of its category, put together here.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::{Claim, Rule};
use crate::config::{Config, KnownRule, Level};
use crate::names::UnknownName;
use crate::rules::{configuration, drift, governance, guardrails, images, ordering, structure};

static ALL: LazyLock<Vec<&'static dyn Rule>> = LazyLock::new(|| {
    [
        images::RULES,
        structure::RULES,
        configuration::RULES,
        drift::RULES,
        guardrails::RULES,
        ordering::RULES,
        governance::RULES,
    ]
    .concat()
});

/// Every built-in rule, by category, in the order of the rule table.
pub fn all() -> &'static [&'static dyn Rule] {
    &ALL
}

static BY_ID: LazyLock<BTreeMap<&'static str, &'static dyn Rule>> = LazyLock::new(|| {
    let ids = all().iter().map(|rule| (rule.metadata().id, *rule));
    ids.collect()
});

/// The rule with an id.
pub fn find(id: &str) -> Option<&'static dyn Rule> {
    BY_ID.get(id).copied()
}

/// The rule that claims a kind of loss.
pub(super) fn claiming(claim: Claim) -> Option<&'static dyn Rule> {
    let mut rules = all().iter().copied();
    rules.find(|rule| rule.metadata().behavior.claims == Some(claim))
}

/// The facts about every rule that reading the configuration needs.
pub fn known() -> Vec<KnownRule<'static>> {
    let known = all().iter().map(|rule| rule.metadata());
    known
        .map(|metadata| KnownRule {
            suppressible: metadata.behavior.suppressible,
            id: metadata.id,
            options: metadata.options,
        })
        .collect()
}

/// True if a rule that is on needs the dates since which environments run their images.
pub fn needs_dates(config: &Config) -> bool {
    all().iter().any(|rule| {
        config.level(rule.metadata().id) != Some(Level::Off) && rule.needs_dates(config)
    })
}

/// The rule with the id that a person typed.
pub fn named(typed: &str) -> Result<&'static dyn Rule, UnknownName> {
    find(typed).ok_or_else(|| {
        let known: Vec<&str> = all().iter().map(|rule| rule.metadata().id).collect();
        UnknownName::new("rule", typed, &known).or_else_see("`gitops-lint rules` lists them")
    })
}

/// The table of rules in the documentation, as Markdown.
pub fn table_markdown() -> String {
    let mut table = String::from("| rule | default level | what it finds |\n|---|---|---|\n");
    for rule in all() {
        let metadata = rule.metadata();
        table.push_str(&format!(
            "| `{}` | {} | {} |\n",
            metadata.id, metadata.level, metadata.summary
        ));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_rule_claims_a_loss() {
        for claim in [Claim::LostGuards, Claim::LostDigests] {
            let claims = |rule: &&&dyn Rule| rule.metadata().behavior.claims == Some(claim);
            assert_eq!(all().iter().filter(claims).count(), 1, "{claim:?}");
        }
    }
}
