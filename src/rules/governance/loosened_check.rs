//! # loosened-check
//!
//! ## What
//!
//! A change weakens the check of protected environments. The rule needs a base revision
//! (`--base`). It compares `.gitops-lint.yaml` at the base with the change, and reports:
//!
//! - a rule that is switched off or lowered, or a rule option that lets more pass;
//! - an environment that is no longer protected, or that another environment proves now;
//! - a changed pair or image mirror, and an overlay of production that is no longer checked;
//! - an added suppression, allowance, external object or ignored layout;
//! - a freeze that is removed, shortened or gets a new exemption, and an added break-glass
//!   trailer;
//! - removed bots, policies, records, compared kinds and dependencies.
//!
//! A suppression comment that the change adds, and that hides an error, is also reported, wherever
//! it is.
//!
//! ## Why
//!
//! A change could otherwise switch off the rule that would find it, two hundred lines further down
//! in the same pull request.
//!
//! The check uses the configuration of the change, because otherwise nobody could repair a broken
//! configuration. Therefore this rule uses the level that it has at the base revision, and no
//! suppression hides it.
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
//! If the change is intended, explain it to the reviewer; the finding stays. Otherwise restore the
//! old configuration.

use jiff::civil::Date;

use crate::calendar;
use crate::config::{Config, Environment, Level, More, RuleOption};
use crate::finding::{Cause, Severity};
use crate::rules::shared::availability::matches;
use crate::rules::{Behavior, Category, Context, Draft, Metadata, Revision, Rule, Sink, find};
use crate::wording;
use crate::yaml::{By, Origin};

/// See the documentation above.
pub struct LoosenedCheck;

pub(crate) static METADATA: Metadata = Metadata {
    id: "loosened-check",
    category: Category::Governance,
    level: "warning; needs a base revision",
    severity: Severity::Warning,
    summary: "a change that makes the check of production less strict",
    options: &[],
    behavior: Behavior {
        suppressible: false,
        level_from: Revision::Base,
        ..Metadata::USUAL
    },
    source: include_str!("loosened_check.rs"),
};

impl Rule for LoosenedCheck {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let mut told = left_out(context);
        if let Some((before, file)) = &context.base_config {
            // what is gone stands in no line of the head
            let place = Origin {
                file: *file,
                start: 0,
                end: 0,
                by: By::Manifest,
            };
            let there = |path: &str| {
                context
                    .base
                    .is_some_and(|base| base.overlays_at(path).next().is_some())
            };
            told.extend(
                loosened(before, context.config, &there)
                    .into_iter()
                    .map(|(origin, message)| (origin.unwrap_or(place), message)),
            );
        }
        for (origin, message) in told {
            // these findings are only about the change under check and never known from before, so
            // the sentence may tell them apart
            let cause = Cause::new("loosened").with(&message);
            let draft = Draft::new(Severity::Warning, origin, cause, message)
                .help("restore it, or explain to the reviewer why it is intended");
            sink.report(context, None, draft);
        }
    }
}

/// Overlays of protected environments that are judged as such no more, while their kustomization is
/// still there: another one that builds upon it took its place, it became a component, or the
/// configuration reads its path otherwise.
fn left_out(context: &Context) -> Vec<(Origin, String)> {
    let (repo, Some(base)) = (context.repo, context.base) else {
        return Vec::new();
    };
    // what is no longer protected as a whole, or ignored, is told by the line that says so
    let ignored = |path: &str| {
        let glob = |pattern: &str| {
            globset::Glob::new(pattern).is_ok_and(|glob| glob.compile_matcher().is_match(path))
        };
        context
            .config
            .layout
            .iter()
            .any(|pattern| pattern.ignore && glob(&pattern.path))
    };
    let still = |name: &str| {
        context
            .config
            .environments
            .iter()
            .any(|environment| environment.name == name && environment.protected)
    };
    let mut found = Vec::new();
    for before in base
        .overlays
        .iter()
        .filter(|overlay| base.protected(overlay))
    {
        let Some(environment) = base
            .environment(before)
            .map(|environment| &environment.name)
        else {
            continue;
        };
        let judged = repo
            .overlays_at(&before.path)
            .any(|overlay| repo.protected(overlay));
        let kept = repo
            .kustomization_origin(&before.path)
            .filter(|_| !judged && still(environment) && !ignored(&before.path));
        if let Some(origin) = kept {
            found.push((
                origin,
                format!(
                    "this change no longer checks {} as {environment}",
                    before.path
                ),
            ));
        }
    }
    found
}

/// The severity that a configuration gives to a rule: the rule's own where none is configured.
/// `None` when the rule is off, which is less than any severity.
fn strictness(rule: &str, config: &Config) -> Option<Severity> {
    match config.level(rule) {
        Some(Level::Off) => return None,
        Some(Level::At(severity)) => return Some(severity),
        None => {}
    }
    let Some(metadata) = find(rule).map(|rule| rule.metadata()) else {
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

/// Whether an environment has a name, or got another one and keeps it as a word.
fn is_called(environment: &Environment, name: &str) -> bool {
    environment.name == name
        || environment
            .aliases
            .iter()
            .any(|alias| alias.eq_ignore_ascii_case(name))
}

/// Whether an entry that ends on one day covers what an entry that ends on another one does.
fn lasts(old: Option<Date>, new: Option<Date>) -> bool {
    old.is_none() || new.is_some() && old >= new
}

/// The environment before another one in the order of promotion.
fn proving<'c>(config: &'c Config, name: &str) -> Option<&'c str> {
    let at = config
        .environments
        .iter()
        .position(|environment| is_called(environment, name))?;
    config
        .environments
        .get(at.checked_sub(1)?)
        .map(|environment| environment.name.as_str())
}

/// What one configuration lets pass that another one does not, each with its place where it has
/// one. `there`: whether the base has an overlay in a folder.
fn loosened(
    before: &Config,
    now: &Config,
    there: &dyn Fn(&str) -> bool,
) -> Vec<(Option<Origin>, String)> {
    // a new key of the configuration has to be thought of here
    let Config {
        environments: _,
        layout: _,
        pairs: _,
        rules: _,
        drift_kinds: _,
        drift_allow: _,
        external: _,
        mirrors: _,
        // what stands for a remote base or a chart is a file of the change
        remotes: _,
        policies: _,
        data: _,
        suppress: _,
        bots: _,
        freeze: _,
        break_glass: _,
        dependencies: _,
        records: _,
    } = before;
    let mut found = Vec::new();
    let mut note = |origin: Option<Origin>, message: String| found.push((origin, message));
    let rules = before.rules.keys().chain(
        now.rules
            .keys()
            .filter(|rule| !before.rules.contains_key(*rule)),
    );
    for rule in rules {
        let place = now.rules.get(rule).and_then(|settings| settings.origin);
        let (old, new) = (strictness(rule, before), strictness(rule, now));
        if new < old {
            let word = |severity: Option<Severity>| severity.map_or("off", Severity::as_str);
            let message = format!(
                "this change lowers the rule `{rule}` from {} to {}",
                word(old),
                word(new)
            );
            note(place, message);
        }
        if new.is_none() {
            continue;
        }
        for option in find(rule).map_or(&[][..], |rule| rule.metadata().options) {
            if let Some(what) = loosened_option(*option, rule, before, now) {
                let setting = now.option(rule, option.name());
                let origin = setting.map(|setting| setting.origin).or(place);
                note(origin, format!("this change {what} of the rule `{rule}`"));
            }
        }
    }
    for environment in before
        .environments
        .iter()
        .filter(|environment| environment.protected)
    {
        if !now
            .environments
            .iter()
            .any(|other| other.protected && is_called(other, &environment.name))
        {
            note(
                None,
                format!("this change no longer protects {}", environment.name),
            );
            continue;
        }
        match (
            proving(before, &environment.name),
            proving(now, &environment.name),
        ) {
            (Some(old), Some(new))
                if old != new && before.environments.iter().any(|other| other.name == new) =>
            {
                note(
                    None,
                    format!(
                        "this change compares {} with {new} instead of {old}",
                        environment.name
                    ),
                );
            }
            (Some(old), None) => note(
                None,
                format!(
                    "this change compares {} with no environment instead of {old}",
                    environment.name
                ),
            ),
            _ => {}
        }
    }
    let paired = |config: &Config, to: &str| {
        config
            .pairs
            .iter()
            .rev()
            .find(|pair| pair.to == to)
            .cloned()
    };
    for new in now.pairs.iter().filter(|pair| there(&pair.to)) {
        if paired(before, &new.to).is_none_or(|old| old.from != new.from) {
            note(
                Some(new.origin),
                format!("this change compares {} with {}", new.to, new.from),
            );
        }
    }
    for old in before
        .pairs
        .iter()
        .filter(|pair| there(&pair.from) && paired(now, &pair.to).is_none())
    {
        note(
            None,
            format!(
                "this change no longer compares {} with {}",
                old.to, old.from
            ),
        );
    }
    for (from, to) in now
        .mirrors
        .iter()
        .filter(|mirror| !before.mirrors.contains(mirror))
    {
        note(
            None,
            format!("this change treats images of {to} as images of {from}"),
        );
    }
    let added = |origin: Origin, what: String| (Some(origin), what);
    for new in now.suppress.iter().filter(|new| {
        let same = |old: &&crate::config::Suppression| {
            (&old.rule, &old.path, &old.kind, &old.name)
                == (&new.rule, &new.path, &new.kind, &new.name)
        };
        !before
            .suppress
            .iter()
            .any(|old| same(&old) && lasts(old.until, new.until))
    }) {
        found.push(added(
            new.origin,
            format!("this change suppresses `{}`: {}", new.rule, new.reason),
        ));
    }
    for new in now.drift_allow.iter().filter(|new| {
        !before.drift_allow.iter().any(|old| {
            (&old.kind, &old.name, &old.path, &old.app)
                == (&new.kind, &new.name, &new.path, &new.app)
                && lasts(old.until, new.until)
        })
    }) {
        found.push(added(
            new.origin,
            format!(
                "this change allows a difference between environments: {}",
                new.reason
            ),
        ));
    }
    for new in now.external.iter().filter(|new| {
        let covers = |old: &crate::config::External| {
            let everywhere = old.environments.is_empty();
            let listed = |name| old.environments.contains(name);
            (&old.kind, &old.name) == (&new.kind, &new.name)
                && (old.namespace.is_none() || old.namespace == new.namespace)
                && (everywhere
                    || !new.environments.is_empty() && new.environments.iter().all(listed))
        };
        !before.external.iter().any(covers)
    }) {
        found.push(added(
            new.origin,
            format!(
                "this change declares {}/{} external, so references to it are not checked",
                new.kind, new.name
            ),
        ));
    }
    for new in now.layout.iter().filter(|new| {
        new.ignore
            && !before
                .layout
                .iter()
                .any(|old| old.ignore && old.path == new.path)
    }) {
        found.push(added(
            new.origin,
            format!("this change ignores {}", new.path),
        ));
    }
    for old in &before.freeze {
        let Some(new) = now.freeze.iter().find(|new| new.name == old.name) else {
            found.push((
                None,
                format!("this change removes the freeze `{}`", old.name),
            ));
            continue;
        };
        let wider = |old: &[String], new: &[String]| new.iter().any(|one| !old.contains(one));
        if (&old.window, old.allow, &old.environments, &old.apps)
            != (&new.window, new.allow, &new.environments, &new.apps)
        {
            found.push(added(
                new.origin,
                format!("this change alters the freeze `{}`", old.name),
            ));
        } else if wider(&old.except_authors, &new.except_authors)
            || wider(&old.except_paths, &new.except_paths)
        {
            found.push(added(
                new.origin,
                format!("this change exempts more from the freeze `{}`", old.name),
            ));
        }
    }
    // within several windows of one kind a change passes if one of them is open
    if before.freeze.iter().any(|old| old.allow) {
        let new = |new: &&crate::config::Freeze| {
            new.allow && !before.freeze.iter().any(|old| old.name == new.name)
        };
        found.extend(now.freeze.iter().filter(new).map(|new| {
            added(
                new.origin,
                format!("this change allows changes in the window `{}`", new.name),
            )
        }));
    }
    if now.break_glass.is_some()
        && now.break_glass != before.break_glass
        && !before.freeze.is_empty()
    {
        found.push((
            None,
            format!(
                "this change lets commits with the trailer `{}` pass a freeze",
                now.break_glass.as_deref().unwrap_or_default()
            ),
        ));
    }
    let gone = |old: &[String], new: &[String]| -> Vec<String> {
        old.iter()
            .filter(|one| !new.contains(one))
            .cloned()
            .collect()
    };
    let covered = |old: &&String| now.bots.iter().any(|new| matches(new, old));
    let lost: Vec<&String> = before.bots.iter().filter(|old| !covered(old)).collect();
    if !lost.is_empty() {
        let lost = wording::listed(&lost, 3);
        found.push((None, format!("this change no longer counts {lost} as bots")));
    }
    found.extend(gone(&before.data, &now.data).iter().map(|file| {
        (
            None,
            format!("this change no longer gives {file} to the policies"),
        )
    }));
    found.extend(gone(&before.policies, &now.policies).iter().map(|policy| {
        (
            None,
            format!("this change no longer runs the policies {policy}"),
        )
    }));
    let kinds = gone(&before.drift_kinds, &now.drift_kinds);
    found.extend(kinds.iter().map(|kind| {
        (
            None,
            format!("this change no longer compares {kind} between environments"),
        )
    }));
    found.extend(gone(&before.records, &now.records).iter().map(|record| {
        (
            None,
            format!("this change no longer checks the record {record}"),
        )
    }));
    for old in &before.dependencies {
        let kept = |need: &&String| {
            now.dependencies
                .iter()
                .any(|new| new.app == old.app && new.needs.contains(need))
        };
        for need in old.needs.iter().filter(|need| !kept(need)) {
            found.push((
                None,
                format!("this change lets {} be promoted before {need}", old.app),
            ));
        }
    }
    found
}

/// What a change does to an option of a rule, where less is found by it.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RuleSettings;

    fn said(before: &str, now: &str) -> Vec<String> {
        let [before, now] = [before, now].map(|text| {
            let file = crate::source::Files::default().add("c.yaml", None, text.into());
            Config::load(
                &crate::yaml::read::read(text, file).unwrap(),
                &crate::rules::known(),
            )
            .unwrap()
        });
        loosened(&before, &now, &|_| true)
            .into_iter()
            .map(|(_, message)| message)
            .collect::<Vec<String>>()
    }

    #[test]
    fn an_option_is_loosened_by_what_it_lets_pass() {
        let soak =
            |time: &str| format!("rules: {{insufficient-soak: {{level: error, atLeast: {time}}}}}");
        let shortened =
            "this change shortens `atLeast` from 2 days to 1 hour of the rule `insufficient-soak`";
        assert_eq!(said(&soak("2d"), &soak("1h")), [shortened]);
        assert_eq!(said(&soak("1h"), &soak("2d")), [""; 0]);
        assert_eq!(said(&soak("1h"), "version: 1").len(), 1, "gone");
        let tags = |tags: &str| format!("rules: {{mutable-tag: {{floating: {tags}}}}}");
        assert_eq!(
            said(&tags("[edge, next]"), &tags("[edge]")),
            ["this change removes `next` from `floating` of the rule `mutable-tag`"]
        );
        assert_eq!(said(&tags("[edge]"), &tags("[edge, next]")), [""; 0]);
        let bots = |bots: &str| format!("rules: {{bot-write: {{promoters: {bots}}}}}");
        assert_eq!(
            said(&bots("[a]"), &bots("[a, '*']")),
            ["this change adds `*` to `promoters` of the rule `bot-write`"]
        );
    }

    #[test]
    fn entries_are_loosened_by_time_and_by_what_they_drop() {
        for (before, now, told) in [
            (
                "drift: {allow: [{kind: Job, reason: r, until: 2026-01-31}]}",
                "drift: {allow: [{kind: Job, reason: r, until: 2027-01-31}]}",
                "this change allows a difference between environments: r",
            ),
            (
                "suppress: [{rule: mutable-tag, kind: Job, reason: r, until: 2026-01-31}]",
                "suppress: [{rule: mutable-tag, kind: Job, reason: r}]",
                "this change suppresses `mutable-tag`: r",
            ),
            (
                "bots: [deployer, '*[bot]']",
                "version: 1",
                "this change no longer counts deployer as bots",
            ),
            (
                "data: [limits.yaml]",
                "version: 1",
                "this change no longer gives limits.yaml to the policies",
            ),
            (
                "version: 1",
                "rules: {policy/main/deny: off}",
                "this change lowers the rule `policy/main/deny` from error to off",
            ),
        ] {
            assert_eq!(said(before, now), [told]);
            assert_eq!(said(now, now), [""; 0]);
        }
    }

    #[test]
    fn a_level_is_loosened_by_less_than_it_was() {
        let config = |level: Option<Level>| {
            let mut config = Config::default();
            config.rules.insert(
                "mutable-tag".to_string(),
                RuleSettings {
                    level,
                    ..RuleSettings::default()
                },
            );
            config
        };
        let at = |severity| Some(Level::At(severity));
        for (before, now, told) in [
            (
                at(Severity::Error),
                at(Severity::Warning),
                Some("this change lowers the rule `mutable-tag` from error to warning"),
            ),
            (
                None,
                Some(Level::Off),
                Some("this change lowers the rule `mutable-tag` from error to off"),
            ),
            (Some(Level::Off), None, None),
            (at(Severity::Warning), at(Severity::Error), None),
            (at(Severity::Info), at(Severity::Info), None),
        ] {
            let found = loosened(&config(before), &config(now), &|_| true);
            assert_eq!(found.first().map(|(_, message)| message.as_str()), told);
        }
    }
}
