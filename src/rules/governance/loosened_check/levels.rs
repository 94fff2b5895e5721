//! Rules that a change switches off or lowers, and options that let more pass.

use super::loosening::Loosening;
use crate::calendar;
use crate::config::{Config, Level, More, RuleOption};
use crate::finding::{Cause, Severity};
use crate::rules::Registry;

pub(super) fn loosened(before: &Config, now: &Config, registry: &Registry) -> Vec<Loosening> {
    let added = now.rules.keys();
    let added = added.filter(|rule| !before.rules.contains_key(*rule));
    let rules = before.rules.keys().chain(added);
    rules
        .flat_map(|rule| {
            let (old, new) = (
                strictness(rule, before, registry),
                strictness(rule, now, registry),
            );
            let mut found: Vec<Loosening> = lowered(rule, old, new, now).into_iter().collect();
            if new.is_some() {
                found.extend(loosened_options(rule, before, now, registry));
            }
            found
        })
        .collect()
}

/// The configured severity of a rule, or else the rule's own. `None` if the rule is off; `None` is
/// less than any severity.
fn strictness(rule: &str, config: &Config, registry: &Registry) -> Option<Severity> {
    match config.level(rule) {
        Some(Level::Off) => return None,
        Some(Level::At(severity)) => return Some(severity),
        None => {}
    }
    let Some(metadata) = registry.find(rule).map(|rule| rule.metadata()) else {
        // the level of a policy is in its name: policy/main/deny, policy/main/warn_replicas
        let name = rule.rsplit('/').next().unwrap_or_default();
        let warns = name.starts_with("warn");
        return Some(if warns {
            Severity::Warning
        } else {
            Severity::Error
        });
    };
    let waits =
        |option: &RuleOption| option.switches_on() && config.option(rule, option.name()).is_none();
    (!metadata.options.iter().any(waits)).then_some(metadata.severity)
}

fn lowered(
    rule: &str,
    old: Option<Severity>,
    new: Option<Severity>,
    now: &Config,
) -> Option<Loosening> {
    let word = |severity: Option<Severity>| severity.map_or("off", Severity::as_str);
    (new < old).then(|| Loosening {
        origin: now.rules.get(rule).and_then(|settings| settings.origin),
        cause: Cause::new("lowered-rule").with(rule),
        message: format!(
            "this change lowers the rule `{rule}` from {} to {}",
            word(old),
            word(new)
        ),
    })
}

fn loosened_options(
    rule: &str,
    before: &Config,
    now: &Config,
    registry: &Registry,
) -> Vec<Loosening> {
    let options = registry
        .find(rule)
        .map_or(&[][..], |rule| rule.metadata().options);
    let settings = now.rules.get(rule).and_then(|settings| settings.origin);
    let loosened = options.iter().filter_map(|option| {
        let what = loosened_option(*option, rule, before, now)?;
        let setting = now.option(rule, option.name());
        Some(Loosening {
            origin: setting.map(|setting| setting.origin).or(settings),
            cause: Cause::new("loosened-option").with(rule).with(option.name()),
            message: format!("this change {what} of the rule `{rule}`"),
        })
    });
    loosened.collect()
}

/// A change of an option that makes the rule report less, for messages: ``adds `a` to `floating`
/// ``.
fn loosened_option(
    option: RuleOption,
    rule: &str,
    before: &Config,
    now: &Config,
) -> Option<String> {
    let name = option.name();
    match option {
        RuleOption::Texts(texts) => {
            let (old, new) = (before.texts(rule, texts), now.texts(rule, texts));
            let only = |some: &[&str], others: &[&str]| {
                let one = some.iter().find(|one| !others.contains(one));
                one.map(|one| one.to_string())
            };
            match option.more() {
                More::Loosens => only(&new, &old).map(|one| format!("adds `{one}` to `{name}`")),
                More::Tightens => {
                    only(&old, &new).map(|one| format!("removes `{one}` from `{name}`"))
                }
            }
        }
        RuleOption::Duration(duration) => {
            let (old, new) = (
                before.duration(rule, duration),
                now.duration(rule, duration),
            );
            let (old, new) = (old?.as_secs(), new.unwrap_or_default().as_secs());
            let (loosened, verb) = match option.more() {
                More::Loosens => (new > old, "extends"),
                More::Tightens => (new < old, "shortens"),
            };
            loosened.then(|| {
                let (old, new) = (calendar::spoken(old), calendar::spoken(new));
                format!("{verb} `{name}` from {old} to {new}")
            })
        }
    }
}
