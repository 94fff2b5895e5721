use super::configuration::loosened;
use crate::config::{Config, Level, RuleSettings};
use crate::finding::Severity;

fn said(before: &str, now: &str) -> Vec<String> {
    let [before, now] = [before, now].map(|text| {
        let file = crate::source::Files::default().add("c.yaml", None, text.into());
        Config::load(
            &crate::yaml::read::read(text, file).unwrap(),
            &crate::rules::known(),
        )
        .unwrap()
    });
    loosened(&before, &now, crate::rules::registry(), &|_| true)
        .into_iter()
        .map(|loosening| loosening.message)
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
            "environments: [staging, {name: production, protected: true, kubernetes: '1.33'}]",
            "environments: [staging, {name: production, protected: true, kubernetes: '1.25'}]",
            "this change says that production has Kubernetes 1.25",
        ),
        (
            "values: {resources: [appResources]}",
            "version: 1",
            "this change no longer reads `appResources` in the values of charts as `resources`",
        ),
        (
            "evidence: {paths: [scans/*.json]}",
            "version: 1",
            "this change no longer asks for scans of images",
        ),
        (
            "evidence: {paths: [scans/*.json]}",
            "evidence: {paths: [scans/*.json], failOn: critical}",
            "this change lets images have more serious vulnerabilities",
        ),
        (
            "evidence: {paths: [scans/*.json], maxAge: 30d}",
            "evidence: {paths: [scans/*.json]}",
            "this change accepts older scans of images",
        ),
        (
            "evidence: {paths: [scans/*.json]}",
            "evidence: {paths: [scans/*.json, mine/*.json]}",
            "this change reads scans of images in `mine/*.json`",
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
        let found = loosened(
            &config(before),
            &config(now),
            crate::rules::registry(),
            &|_| true,
        );
        assert_eq!(
            found.first().map(|loosening| loosening.message.as_str()),
            told
        );
    }
}
