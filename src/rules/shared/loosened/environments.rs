//! Environments that lose their protection, and overlays that are compared with something else or
//! are no longer looked at.

use super::Loosening;
use crate::config::{Config, ConfiguredPair, Environment};
use crate::finding::Cause;

pub(super) fn loosened(
    before: &Config,
    now: &Config,
    existed: &dyn Fn(&str) -> bool,
) -> Vec<Loosening> {
    let mut found = Vec::new();
    let protected = before.environments.iter();
    for environment in protected.filter(|environment| environment.protected) {
        found.extend(unprotected(environment, now).or_else(|| reordered(environment, before, now)));
    }
    found.extend(pairs(before, now, existed));
    found.extend(mirrors(before, now));
    found.extend(ignored(before, now));
    found
}

/// True if an environment has this name, or was renamed and keeps it as an alias.
fn is_called(environment: &Environment, name: &str) -> bool {
    let mut aliases = environment.aliases.iter();
    environment.name == name || aliases.any(|alias| alias.eq_ignore_ascii_case(name))
}

fn unprotected(environment: &Environment, now: &Config) -> Option<Loosening> {
    let name = &environment.name;
    let mut protected = now.environments.iter().filter(|other| other.protected);
    let kept = protected.any(|other| is_called(other, name));
    (!kept).then(|| {
        Loosening::removed(
            Cause::new("unprotected-environment").with(name),
            format!("this change no longer protects {name}"),
        )
    })
}

/// The environment before another one in the order of promotion.
fn previous<'c>(config: &'c Config, name: &str) -> Option<&'c str> {
    let mut environments = config.environments.iter();
    let at = environments.position(|environment| is_called(environment, name))?;
    let previous = config.environments.get(at.checked_sub(1)?);
    previous.map(|environment| environment.name.as_str())
}

/// An environment that is now compared with a different one. Inserting a new environment between
/// the two loosens nothing.
fn reordered(environment: &Environment, before: &Config, now: &Config) -> Option<Loosening> {
    let name = &environment.name;
    let old = previous(before, name)?;
    let new = previous(now, name);
    let is_new = |new: &str| before.environments.iter().all(|other| other.name != new);
    if new.is_some_and(|new| new == old || is_new(new)) {
        return None;
    }
    let compared = new.unwrap_or("no environment");
    Some(Loosening::removed(
        Cause::new("reordered-environment").with(name),
        format!("this change compares {name} with {compared} instead of {old}"),
    ))
}

/// The pair that counts for an overlay: the last one that names it.
fn pair_of<'c>(config: &'c Config, to: &str) -> Option<&'c ConfiguredPair> {
    config.pairs.iter().rev().find(|pair| pair.to == to)
}

fn pairs(before: &Config, now: &Config, existed: &dyn Fn(&str) -> bool) -> Vec<Loosening> {
    let mut found = Vec::new();
    for new in now.pairs.iter().filter(|pair| existed(&pair.to)) {
        if pair_of(before, &new.to).is_none_or(|old| old.from != new.from) {
            found.push(Loosening::at(
                new.origin,
                Cause::new("another-pair").with(&new.to),
                format!("this change compares {} with {}", new.to, new.from),
            ));
        }
    }
    for old in before.pairs.iter().filter(|pair| existed(&pair.from)) {
        if pair_of(now, &old.to).is_none() {
            found.push(Loosening::removed(
                Cause::new("removed-pair").with(&old.to),
                format!(
                    "this change no longer compares {} with {}",
                    old.to, old.from
                ),
            ));
        }
    }
    found
}

fn mirrors(before: &Config, now: &Config) -> Vec<Loosening> {
    let added = now.mirrors.iter();
    let added = added.filter(|mirror| !before.mirrors.contains(mirror));
    added
        .map(|(from, to)| {
            Loosening::removed(
                Cause::new("added-mirror").with(from).with(to),
                format!("this change treats images of {to} as images of {from}"),
            )
        })
        .collect()
}

fn ignored(before: &Config, now: &Config) -> Vec<Loosening> {
    let added = now.layout.iter().filter(|new| {
        let same = |old: &crate::config::LayoutPattern| old.ignore && old.path == new.path;
        new.ignore && !before.layout.iter().any(same)
    });
    added
        .map(|new| {
            Loosening::at(
                new.origin,
                Cause::new("ignored-path").with(&new.path),
                format!("this change ignores {}", new.path),
            )
        })
        .collect()
}
