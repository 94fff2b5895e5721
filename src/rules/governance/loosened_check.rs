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
//!
//! ## Options
//!
//! None.

use crate::calendar;
use crate::config::Environment;
use crate::config::{Config, Level};
use crate::finding::Severity;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink, find};
use crate::yaml::{By, Node, Origin};

/// See the documentation above.
pub struct LoosenedCheck;

/// The rule's name.
pub const ID: &str = "loosened-check";

const METADATA: Metadata = Metadata {
    id: ID,
    category: Category::Governance,
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
            sink.report(
                context,
                None,
                Draft::new(Severity::Warning, origin, message)
                    .help("put it back, or tell the reviewer why"),
            );
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
    // what is protected no more as a whole, or ignored, is told by the line that says so
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
                    "the change leaves {} out of what is checked as {environment}",
                    before.path
                ),
            ));
        }
    }
    found
}

/// How loose a level is: the rule's own where none is configured.
fn strictness(rule: &str, level: Option<Level>) -> Option<Severity> {
    match level {
        Some(Level::Off) => None,
        Some(Level::At(severity)) => Some(severity),
        None => find(rule).map(|rule| rule.metadata().severity),
    }
}

/// Whether an environment has a name, or got another one and keeps it as a word.
fn is_called(environment: &Environment, name: &str) -> bool {
    environment.name == name
        || environment
            .aliases
            .iter()
            .any(|alias| alias.eq_ignore_ascii_case(name))
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
        document: _,
    } = before;
    let mut found = Vec::new();
    let mut note = |origin: Option<Origin>, message: String| found.push((origin, message));
    let rules = before.rules.keys().chain(
        now.rules
            .keys()
            .filter(|rule| !before.rules.contains_key(*rule)),
    );
    for rule in rules {
        let level = |config: &Config| config.rules.get(rule).and_then(|settings| settings.level);
        let (old, new) = (
            strictness(rule, level(before)),
            strictness(rule, level(now)),
        );
        let begins = !before.rules.contains_key(rule)
            && now
                .rules
                .get(rule)
                .is_some_and(|settings| settings.options.is_some());
        // `None` is less than any severity; a rule that waits for its options only begins with them
        if level(before) != level(now) && new < old && !(begins && new.is_some()) {
            let word = |severity: Option<Severity>| severity.map_or("off", Severity::as_str);
            let origin = now.rules.get(rule).and_then(|settings| settings.origin);
            note(
                origin,
                format!(
                    "the change sets the rule `{rule}` from {} to {}",
                    word(old),
                    word(new)
                ),
            );
        }
        let option = |config: &Config, name: &str| {
            config
                .rules
                .get(rule)
                .and_then(|settings| settings.options.as_ref()?.get(name).cloned())
        };
        for (name, _) in find(rule).map_or(&[][..], |rule| rule.metadata().options) {
            let (old, new) = (option(before, name), option(now, name));
            if new.is_some() || old.is_some() && level(now) != Some(Level::Off) {
                let origin = new
                    .as_ref()
                    .map(|node| node.origin)
                    .or(now.rules.get(rule).and_then(|settings| settings.origin));
                if let Some(what) = loosened_option(name, old.as_ref(), new.as_ref()) {
                    note(origin, format!("the change {what} of the rule `{rule}`"));
                }
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
                format!("the change protects {} no more", environment.name),
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
                        "the change lets {new} prove what goes to {}, in place of {old}",
                        environment.name
                    ),
                );
            }
            (Some(old), None) => note(
                None,
                format!(
                    "the change lets nothing prove what goes to {}, in place of {old}",
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
                format!("the change lets {} prove what goes to {}", new.from, new.to),
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
                "the change takes away that {} proves what goes to {}",
                old.from, old.to
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
            format!("the change takes images of {to} for those of {from}"),
        );
    }
    let added = |origin: Origin, what: String| (Some(origin), what);
    for new in now.suppress.iter().filter(|new| {
        let same = |old: &&crate::config::Suppression| {
            (&old.rule, &old.path, &old.kind, &old.name)
                == (&new.rule, &new.path, &new.kind, &new.name)
        };
        !before.suppress.iter().any(|old| {
            same(&old) && (old.until.is_none() || old.until >= new.until && new.until.is_some())
        })
    }) {
        found.push(added(
            new.origin,
            format!("the change suppresses `{}`: {}", new.rule, new.reason),
        ));
    }
    for new in now.drift_allow.iter().filter(|new| {
        !before.drift_allow.iter().any(|old| {
            (&old.kind, &old.name, &old.path, &old.app)
                == (&new.kind, &new.name, &new.path, &new.app)
        })
    }) {
        found.push(added(
            new.origin,
            format!(
                "the change allows a difference between environments: {}",
                new.reason
            ),
        ));
    }
    for new in now.external.iter().filter(|new| {
        let same = |old: &&crate::config::External| {
            (&old.kind, &old.name, &old.namespace, &old.environments)
                == (&new.kind, &new.name, &new.namespace, &new.environments)
        };
        !before.external.iter().any(|old| same(&old))
    }) {
        found.push(added(
            new.origin,
            format!(
                "the change declares {}/{} external, so nobody misses it",
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
            format!("the change leaves out {}", new.path),
        ));
    }
    for old in &before.freeze {
        let Some(new) = now.freeze.iter().find(|new| new.name == old.name) else {
            found.push((
                None,
                format!("the change removes the freeze `{}`", old.name),
            ));
            continue;
        };
        let wider = |old: &[String], new: &[String]| new.iter().any(|one| !old.contains(one));
        if (&old.window, old.allow, &old.environments, &old.apps)
            != (&new.window, new.allow, &new.environments, &new.apps)
        {
            found.push(added(
                new.origin,
                format!("the change alters the freeze `{}`", old.name),
            ));
        } else if wider(&old.except_authors, &new.except_authors)
            || wider(&old.except_paths, &new.except_paths)
        {
            found.push(added(
                new.origin,
                format!("the change exempts more from the freeze `{}`", old.name),
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
                format!("the change adds the window `{}`", new.name),
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
                "the change lets the trailer `{}` break the glass",
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
    if !now.bots.is_empty() {
        let lost = gone(&before.bots, &now.bots);
        found.extend(
            lost.iter()
                .map(|bot| (None, format!("the change counts `{bot}` as a bot no more"))),
        );
    }
    found.extend(gone(&before.policies, &now.policies).iter().map(|policy| {
        (
            None,
            format!("the change runs the policies {policy} no more"),
        )
    }));
    let kinds = gone(&before.drift_kinds, &now.drift_kinds);
    found.extend(kinds.iter().map(|kind| {
        (
            None,
            format!("the change compares {kind} between environments no more"),
        )
    }));
    found.extend(gone(&before.records, &now.records).iter().map(|record| {
        (
            None,
            format!("the change compares the record {record} no more"),
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
                format!("the change lets {} be promoted before {need}", old.app),
            ));
        }
    }
    found
}

/// What a change does to an option of a rule, where less is found by it.
fn loosened_option(name: &str, old: Option<&Node>, new: Option<&Node>) -> Option<String> {
    let texts = |node: Option<&Node>| -> Vec<String> {
        let one = node.and_then(Node::text).map(str::to_string);
        one.into_iter()
            .chain(
                node.into_iter()
                    .flat_map(Node::items)
                    .filter_map(Node::text)
                    .map(str::to_string),
            )
            .collect()
    };
    let (before, after) = (texts(old), texts(new));
    let without =
        |some: &[String], others: &[String]| some.iter().find(|one| !others.contains(one)).cloned();
    match name {
        "atLeast" => {
            let time =
                |texts: &[String]| texts.first().and_then(|text| calendar::duration(text).ok());
            let (was, is) = (time(&before)?, time(&after).unwrap_or_default());
            (is < was).then(|| {
                format!(
                    "shortens `{name}` from {} to {}",
                    calendar::spoken(was),
                    calendar::spoken(is)
                )
            })
        }
        // whom a rule lets pass
        "promoters" => without(&after, &before).map(|one| format!("adds `{one}` to `{name}`")),
        // what a rule looks for
        _ => without(&before, &after).map(|one| format!("takes `{one}` out of `{name}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RuleSettings;

    #[test]
    fn an_option_is_loosened_by_what_it_lets_pass() {
        let said = |before: &str, now: &str| {
            let [before, now] = [before, now].map(|text| {
                let known = crate::rules::all().iter().map(|rule| rule.metadata());
                let known: Vec<_> = known
                    .map(|rule| crate::config::KnownRule {
                        id: rule.id,
                        options: rule.options,
                    })
                    .collect();
                let file = crate::source::Files::default().add("c.yaml", None, text.into());
                Config::load(&crate::yaml::read::read(text, file).unwrap(), &known).unwrap()
            });
            loosened(&before, &now, &|_| true)
                .into_iter()
                .map(|(_, message)| message)
                .collect::<Vec<String>>()
        };
        let soak =
            |time: &str| format!("rules: {{insufficient-soak: {{level: error, atLeast: {time}}}}}");
        let shortened =
            "the change shortens `atLeast` from 2 days to 1 hour of the rule `insufficient-soak`";
        assert_eq!(said(&soak("2d"), &soak("1h")), [shortened]);
        assert_eq!(said(&soak("1h"), &soak("2d")), [""; 0]);
        assert_eq!(said(&soak("1h"), "version: 1").len(), 1, "gone");
        let tags = |tags: &str| format!("rules: {{mutable-tag: {{floating: {tags}}}}}");
        assert_eq!(
            said(&tags("[edge, next]"), &tags("[edge]")),
            ["the change takes `next` out of `floating` of the rule `mutable-tag`"]
        );
        assert_eq!(said(&tags("[edge]"), &tags("[edge, next]")), [""; 0]);
        let bots = |bots: &str| format!("rules: {{bot-write: {{promoters: {bots}}}}}");
        assert_eq!(
            said(&bots("[a]"), &bots("[a, '*']")),
            ["the change adds `*` to `promoters` of the rule `bot-write`"]
        );
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
                Some("the change sets the rule `mutable-tag` from error to warning"),
            ),
            (
                None,
                Some(Level::Off),
                Some("the change sets the rule `mutable-tag` from error to off"),
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
