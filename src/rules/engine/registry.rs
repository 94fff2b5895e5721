//! The list of rules: one line for each in the `mod.rs` of its category, put together here.

use std::sync::LazyLock;

use super::Rule;
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

/// The rule with an id.
pub fn find(id: &str) -> Option<&'static dyn Rule> {
    all().iter().copied().find(|rule| rule.metadata().id == id)
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
