//! Suppressions, allowed differences and external objects that a change adds or extends.

use jiff::civil::Date;

use super::loosening::Loosening;
use crate::config::{Config, External, PointerPattern};
use crate::finding::Cause;
use crate::glob::Glob;
use crate::names::NamePattern;

pub(super) fn loosened(before: &Config, now: &Config) -> Vec<Loosening> {
    let mut found = suppressions(before, now);
    found.extend(differences(before, now));
    found.extend(external(before, now));
    found
}

/// True if an entry that ends on the day `old` lasts at least as long as one that ends on `new`.
/// `None` means that the entry never ends.
fn covers(old: Option<Date>, new: Option<Date>) -> bool {
    old.is_none() || new.is_some() && old >= new
}

fn text(pattern: &Option<NamePattern>) -> Option<&str> {
    pattern.as_ref().map(NamePattern::as_str)
}

fn suppressions(before: &Config, now: &Config) -> Vec<Loosening> {
    let added = now.suppress.iter().filter(|new| {
        let scope = (&new.rule, &new.path, &new.kind, &new.name);
        !before.suppress.iter().any(|old| {
            (&old.rule, &old.path, &old.kind, &old.name) == scope && covers(old.until, new.until)
        })
    });
    let said = added.map(|new| {
        let mut cause = Cause::new("added-suppression").with(&new.rule);
        let path = new.path.as_ref().map(Glob::as_str);
        for part in [path, text(&new.kind), text(&new.name)] {
            cause = cause.with(part.unwrap_or_default());
        }
        let message = format!("this change suppresses `{}`: {}", new.rule, new.reason);
        Loosening::at(new.origin, cause, message)
    });
    said.collect()
}

fn differences(before: &Config, now: &Config) -> Vec<Loosening> {
    let added = now.drift_allow.iter().filter(|new| {
        let scope = (&new.kind, &new.name, &new.path, &new.app);
        !before.drift_allow.iter().any(|old| {
            (&old.kind, &old.name, &old.path, &old.app) == scope && covers(old.until, new.until)
        })
    });
    let said = added.map(|new| {
        let mut cause = Cause::new("added-allowance");
        let path = new.path.as_ref().map(PointerPattern::as_str);
        for part in [text(&new.kind), text(&new.name), path, text(&new.app)] {
            cause = cause.with(part.unwrap_or_default());
        }
        let reason = &new.reason;
        let message = format!("this change allows a difference between environments: {reason}");
        Loosening::at(new.origin, cause, message)
    });
    said.collect()
}

fn external(before: &Config, now: &Config) -> Vec<Loosening> {
    let added = now.external.iter().filter(|new| {
        let covers = |old: &External| {
            let everywhere = old.environments.is_empty();
            let listed = |name| old.environments.contains(name);
            (&old.kind, &old.name) == (&new.kind, &new.name)
                && (old.namespace.is_none() || old.namespace == new.namespace)
                && (everywhere
                    || !new.environments.is_empty() && new.environments.iter().all(listed))
        };
        !before.external.iter().any(covers)
    });
    let said = added.map(|new| {
        Loosening::at(
            new.origin,
            Cause::new("added-external")
                .with(&new.kind)
                .with(&new.name)
                .with(new.namespace.as_deref().unwrap_or_default()),
            format!(
                "this change declares {}/{} external, so references to it are not checked",
                new.kind, new.name
            ),
        )
    });
    said.collect()
}
