//! Jobs of CI systems, and hooks of pre-commit, that ran this check at the base.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::loosening::Loosening;
use crate::finding::Cause;
use crate::repo::Repo;
use crate::repo::pipelines::is_pipeline;
use crate::yaml::{Data, Node, Origin};

const NAME: &str = "gitops-lint";

/// Keys whose values do not decide what a job runs.
const HARMLESS: &[&str] = &["cache", "id", "name", "timeout-minutes"];

/// Keys whose values end in a version, which may change: `image: acme/lint:1.4`, `rev: v1.4.0`,
/// `runs-on: ubuntu-24.04`.
const VERSIONED: &[&str] = &["image", "ref", "rev", "runs-on"];

/// Keys at the top that decide about every job: when it starts, what it includes, and which files a hook
/// gets.
const GLOBAL: &[&str] = &[
    "before_script",
    "default",
    "defaults",
    "exclude",
    "files",
    "include",
    "on",
    "pr",
    "trigger",
    "true",
    "workflow",
];

/// The changed pipelines that no longer run the check, or run it in another way.
pub(super) fn loosened(base: &Repo, head: &Repo, changed: &BTreeSet<Arc<str>>) -> Vec<Loosening> {
    let pipelines = changed.iter().filter(|path| is_pipeline(path));
    let found = pipelines.filter_map(|path| {
        let before = base.yaml(path).map(|(_, node)| node).filter(mentions)?;
        let Some(now) = head.yaml(path).map(|(_, node)| node).filter(mentions) else {
            return Some(Loosening::at(
                mention(&before).unwrap_or(before.origin),
                Cause::new("check-not-run").with(path),
                format!("{path} no longer runs {NAME} by this change"),
            ));
        };
        let origin = first_change(&before, &now)?;
        Some(Loosening::at(
            origin,
            Cause::new("check-run-otherwise").with(path),
            format!("this change edits how {path} runs {NAME}"),
        ))
    });
    found.collect()
}

fn mentions(node: &Node) -> bool {
    mention(node).is_some()
}

/// The first place that names the check.
fn mention(node: &Node) -> Option<Origin> {
    match &node.data {
        Data::Scalar(scalar) => scalar.text.contains(NAME).then_some(node.origin),
        Data::Map(map) => map.entries.iter().find_map(|entry| {
            let by_key = entry.key.contains(NAME).then_some(entry.key_origin);
            by_key.or_else(|| mention(&entry.value))
        }),
        Data::List(list) => list.items.iter().find_map(mention),
    }
}

/// The first place in which a pipeline runs the check otherwise: in a part that names it, or in the
/// events that start the pipeline. Other jobs may change.
fn first_change(before: &Node, now: &Node) -> Option<Origin> {
    for entry in before.entries() {
        let key = &*entry.key;
        if !GLOBAL.contains(&key) && !mentions(&entry.value) {
            continue;
        }
        let Some(new) = now.get(key) else {
            return Some(now.origin);
        };
        let jobs = entry.value.entries();
        let changed = if key == "jobs" && !jobs.is_empty() {
            let mut jobs = jobs.iter().filter(|job| mentions(&job.value));
            jobs.find_map(|job| match new.get(&job.key) {
                Some(now) => difference(&job.value, now),
                None => Some(new.origin),
            })
        } else if let (Data::List(old), Data::List(items)) = (&entry.value.data, &new.data) {
            let mut parts = old.items.iter().filter(|item| mentions(item));
            parts.find_map(|part| {
                let differences = items.items.iter().map(|now| difference(part, now));
                let mut best = differences.filter(Option::is_none);
                let naming = items.items.iter().find(|now| mentions(now));
                match best.next() {
                    Some(_) => None,
                    None => naming.map_or(Some(new.origin), |now| difference(part, now)),
                }
            })
        } else {
            difference(&entry.value, new)
        };
        if changed.is_some() {
            return changed;
        }
    }
    let added = now
        .entries()
        .iter()
        .filter(|entry| before.get(&entry.key).is_none());
    let mut decisive =
        added.filter(|entry| GLOBAL.contains(&&*entry.key) || mentions(&entry.value));
    decisive.next().map(|entry| entry.key_origin)
}

/// The first place in which two trees differ, versions and harmless keys apart.
fn difference(before: &Node, now: &Node) -> Option<Origin> {
    match (&before.data, &now.data) {
        (Data::Map(old), Data::Map(new)) => {
            let changed = new.entries.iter().find_map(|entry| {
                if HARMLESS.contains(&&*entry.key) {
                    return None;
                }
                match before.get(&entry.key) {
                    Some(old) if VERSIONED.contains(&&*entry.key) => {
                        (!is_other_version(old, &entry.value)).then_some(entry.value.origin)
                    }
                    Some(old) => difference(old, &entry.value),
                    None => Some(entry.value.origin),
                }
            });
            changed.or_else(|| {
                let mut keys = old.entries.iter().map(|entry| &*entry.key);
                let gone = keys.find(|key| !HARMLESS.contains(key) && now.get(key).is_none());
                gone.map(|_| now.origin)
            })
        }
        (Data::List(old), Data::List(new)) => {
            let mut pairs = old.items.iter().zip(&new.items);
            let changed = pairs.find_map(|(old, new)| difference(old, new));
            changed.or_else(|| {
                let added = new.items.get(old.items.len()).map(|item| item.origin);
                let shorter = (new.items.len() < old.items.len()).then_some(now.origin);
                added.or(shorter)
            })
        }
        _ => {
            let unversioned = |node: &'_ Node| {
                let text = node.text().unwrap_or_default();
                text.rsplit_once('@')
                    .map_or(text, |(name, _)| name)
                    .to_string()
            };
            let same = before.same_value(now)
                || before.text().is_some()
                    && now.text().is_some()
                    && unversioned(before) == unversioned(now);
            (!same).then_some(now.origin)
        }
    }
}

/// True if two values differ in their versions at most.
fn is_other_version(before: &Node, now: &Node) -> bool {
    let plain = |node: &Node| {
        let text = node.text()?;
        let is_commit = text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let name = text.split(['@', ':']).next().unwrap_or(text);
        let is_letter = |letter: &char| !letter.is_ascii_digit() && *letter != '.';
        Some(match is_commit {
            true => String::new(),
            false => name
                .trim_start_matches('v')
                .chars()
                .filter(is_letter)
                .collect(),
        })
    };
    before.same_value(now) || plain(before).is_some() && plain(before) == plain(now)
}
