//! # loosened-check
//!
//! ## What
//!
//! With `--base`: what the change under check alters in `.gitops-lint.yaml` so that less is found in protected environments: a rule that is switched off or lowered, an environment that is no longer protected or proved by another one, an added suppression, allowance, external object or ignored layout, a freeze that is gone, shortened or has a new exemption, a break-glass trailer, bots that count no more, policies and dependencies that are gone.
//!
//! The check runs with the configuration of the change: otherwise nobody could mend it. What the change loosens for itself is therefore told, at the level that this rule has in the configuration of the base revision, and no suppression covers it.
//!
//! ## Why
//!
//! A change that would be found can switch off what finds it, two hundred lines away in the same pull request.
//!
//! ## Example
//!
//! ```yaml
//! rules:
//!   mutable-tag: off # added in the pull request that promotes :latest
//! ```
//!
//! ## Fix
//!
//! Nothing, when it is meant: the finding is for the reviewer. Otherwise put it back.
//!
//! ## Options
//!
//! None.

use super::{Category, Context, Draft, Metadata, Rule, Sink, find};
use crate::config::{Config, Level};
use crate::finding::Severity;
use crate::yaml::{By, Origin};

/// See the documentation above.
pub struct LoosenedCheck;

/// The rule's name.
pub const ID: &str = "loosened-check";

const METADATA: Metadata = Metadata {
    id: ID,
    category: Category::Meta,
    level: "warning; needs a base revision",
    severity: Severity::Warning,
    summary: "a change of the configuration by which less is found in production",
    options: &[],
    source: include_str!("loosened_check.rs"),
};

impl Rule for LoosenedCheck {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let Some((before, file)) = &context.base_config else { return };
        for (origin, message) in loosened(before, context.config) {
            // what is gone stands in no line of the head
            let place = Origin { file: *file, start: 0, end: 0, by: By::Manifest };
            let draft = Draft::new(Severity::Warning, origin.unwrap_or(place), message);
            sink.report(context, None, draft.help("put it back, or tell the reviewer why"));
        }
    }
}

/// How loose a level is: the rule's own where none is configured.
fn strictness(rule: &str, level: Option<Level>) -> Option<Severity> {
    match level {
        Some(Level::Off) => None,
        Some(Level::At(severity)) => Some(severity),
        None => find(rule).map(|rule| rule.metadata().severity),
    }
}

/// The environment before another one in the order of promotion.
fn proving<'c>(config: &'c Config, name: &str) -> Option<&'c str> {
    let at = config.environments.iter().position(|environment| environment.name == name)?;
    config.environments.get(at.checked_sub(1)?).map(|environment| environment.name.as_str())
}

/// What one configuration lets pass that another one does not, each with its place where it has one.
fn loosened(before: &Config, now: &Config) -> Vec<(Option<Origin>, String)> {
    let mut found = Vec::new();
    let mut note = |origin: Option<Origin>, message: String| found.push((origin, message));
    let rules = before.rules.keys().chain(now.rules.keys().filter(|rule| !before.rules.contains_key(*rule)));
    for rule in rules {
        let level = |config: &Config| config.rules.get(rule).and_then(|settings| settings.level);
        let (old, new) = (strictness(rule, level(before)), strictness(rule, level(now)));
        let begins = !before.rules.contains_key(rule) && now.rules.get(rule).is_some_and(|settings| settings.options.is_some());
        // `None` is less than any severity; a rule that waits for its options only begins with them
        if level(before) != level(now) && new < old && !(begins && new.is_some()) {
            let word = |severity: Option<Severity>| severity.map_or("off", Severity::as_str);
            let origin = now.rules.get(rule).and_then(|settings| settings.origin);
            note(origin, format!("the change sets the rule `{rule}` from {} to {}", word(old), word(new)));
        }
    }
    for environment in before.environments.iter().filter(|environment| environment.protected) {
        if !now.environments.iter().any(|other| other.name == environment.name && other.protected) {
            note(None, format!("the change protects {} no more", environment.name));
        } else if let (Some(old), Some(new)) = (proving(before, &environment.name), proving(now, &environment.name))
            && old != new
            && before.environments.iter().any(|other| other.name == new)
        {
            note(None, format!("the change lets {new} prove what goes to {}, in place of {old}", environment.name));
        }
    }
    let added = |origin: Origin, what: String| (Some(origin), what);
    for new in now.suppress.iter().filter(|new| {
        let same = |old: &&crate::config::Suppression| {
            (&old.rule, &old.path, &old.kind, &old.name) == (&new.rule, &new.path, &new.kind, &new.name)
        };
        !before.suppress.iter().any(|old| same(&old) && (old.until.is_none() || old.until >= new.until && new.until.is_some()))
    }) {
        found.push(added(new.origin, format!("the change suppresses `{}`: {}", new.rule, new.reason)));
    }
    for new in now.drift_allow.iter().filter(|new| {
        !before.drift_allow.iter().any(|old| (&old.kind, &old.name, &old.path, &old.app) == (&new.kind, &new.name, &new.path, &new.app))
    }) {
        found.push(added(new.origin, format!("the change allows a difference between environments: {}", new.reason)));
    }
    for new in now.external.iter().filter(|new| {
        let same = |old: &&crate::config::External| {
            (&old.kind, &old.name, &old.namespace, &old.environments) == (&new.kind, &new.name, &new.namespace, &new.environments)
        };
        !before.external.iter().any(|old| same(&old))
    }) {
        found.push(added(new.origin, format!("the change declares {}/{} external, so nobody misses it", new.kind, new.name)));
    }
    for new in now.layout.iter().filter(|new| new.ignore && !before.layout.iter().any(|old| old.ignore && old.path == new.path)) {
        found.push(added(new.origin, format!("the change leaves out {}", new.path)));
    }
    for old in &before.freeze {
        let Some(new) = now.freeze.iter().find(|new| new.name == old.name) else {
            found.push((None, format!("the change removes the freeze `{}`", old.name)));
            continue;
        };
        let wider = |old: &[String], new: &[String]| new.iter().any(|one| !old.contains(one));
        if (&old.window, old.allow, &old.environments, &old.apps) != (&new.window, new.allow, &new.environments, &new.apps) {
            found.push(added(new.origin, format!("the change alters the freeze `{}`", old.name)));
        } else if wider(&old.except_authors, &new.except_authors) || wider(&old.except_paths, &new.except_paths) {
            found.push(added(new.origin, format!("the change exempts more from the freeze `{}`", old.name)));
        }
    }
    if now.break_glass.is_some() && now.break_glass != before.break_glass && !before.freeze.is_empty() {
        found.push((None, format!("the change lets the trailer `{}` break the glass", now.break_glass.as_deref().unwrap_or_default())));
    }
    let gone = |old: &[String], new: &[String]| -> Vec<String> { old.iter().filter(|one| !new.contains(one)).cloned().collect() };
    if !now.bots.is_empty() {
        let lost = gone(&before.bots, &now.bots);
        found.extend(lost.iter().map(|bot| (None, format!("the change counts `{bot}` as a bot no more"))));
    }
    found.extend(
        gone(&before.policies, &now.policies).iter().map(|policy| (None, format!("the change runs the policies {policy} no more"))),
    );
    for old in &before.dependencies {
        let kept = |need: &&String| now.dependencies.iter().any(|new| new.app == old.app && new.needs.contains(need));
        for need in old.needs.iter().filter(|need| !kept(need)) {
            found.push((None, format!("the change lets {} be promoted before {need}", old.app)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RuleSettings;

    #[test]
    fn a_level_is_loosened_by_less_than_it_was() {
        let config = |level: Option<Level>| {
            let mut config = Config::default();
            config.rules.insert("mutable-tag".to_string(), RuleSettings { level, ..RuleSettings::default() });
            config
        };
        let at = |severity| Some(Level::At(severity));
        for (before, now, told) in [
            (at(Severity::Error), at(Severity::Warning), Some("the change sets the rule `mutable-tag` from error to warning")),
            (None, Some(Level::Off), Some("the change sets the rule `mutable-tag` from error to off")),
            (Some(Level::Off), None, None),
            (at(Severity::Warning), at(Severity::Error), None),
            (at(Severity::Info), at(Severity::Info), None),
        ] {
            let found = loosened(&config(before), &config(now));
            assert_eq!(found.first().map(|(_, message)| message.as_str()), told);
        }
    }
}
