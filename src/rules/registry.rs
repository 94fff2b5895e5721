//! The list of rules: one line for each in the `mod.rs` of its category, put together here.

use std::sync::LazyLock;

use super::engine::Registry;
use super::{Category, Rule};
use super::{configuration, drift, governance, guardrails, images, ordering, structure};
use crate::config::KnownRule;
use crate::names::UnknownName;

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let categories = Category::ALL.into_iter();
    Registry::new(categories.flat_map(of_category).copied().collect())
});

/// The rules of a category, in the order of docs/rules.md.
fn of_category(category: Category) -> &'static [&'static dyn Rule] {
    match category {
        Category::Images => images::RULES,
        Category::Structure => structure::RULES,
        Category::Configuration => configuration::RULES,
        Category::Drift => drift::RULES,
        Category::Guardrails => guardrails::RULES,
        Category::Ordering => ordering::RULES,
        Category::Governance => governance::RULES,
    }
}

/// The built-in rules.
pub fn registry() -> &'static Registry {
    &REGISTRY
}

/// Every built-in rule, by category, in the order of docs/rules.md.
pub fn all() -> &'static [&'static dyn Rule] {
    REGISTRY.all()
}

/// The rule with an id.
pub fn find(id: &str) -> Option<&'static dyn Rule> {
    REGISTRY.find(id)
}

/// The facts about every rule that reading the configuration needs.
pub fn known() -> Vec<KnownRule<'static>> {
    let known = all().iter().map(|rule| rule.metadata());
    known
        .map(|metadata| KnownRule {
            id: metadata.id,
            options: metadata.options,
            suppressible: metadata.behavior.suppressible,
        })
        .collect()
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
            "| [`{0}`](rules/{0}.md) | {1} | {2} |\n",
            metadata.id, metadata.level, metadata.summary
        ));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Behavior, Claim};

    #[test]
    fn exactly_one_rule_claims_what_only_one_may_report() {
        let count = |claims: &dyn Fn(&Behavior) -> bool| {
            let behaviors = all().iter().map(|rule| &rule.metadata().behavior);
            behaviors.filter(|behavior| claims(behavior)).count()
        };
        for claim in [Claim::LostGuards, Claim::LostDigests] {
            assert_eq!(count(&|behavior| behavior.claims == Some(claim)), 1);
        }
        assert_eq!(count(&|behavior| behavior.for_failing_policies), 1);
        assert_eq!(count(&|behavior| behavior.for_unreadable_files), 1);
    }

    #[test]
    fn every_rule_is_in_the_list_of_its_category() {
        for category in Category::ALL {
            for rule in of_category(category) {
                assert_eq!(rule.metadata().category, category, "{}", rule.metadata().id);
            }
        }
    }
}
