//! Environments that lose their protection, and overlays that are compared with something else or
//! are no longer looked at.

use super::loosening::Loosening;
use crate::config::{Config, ConfiguredPair, Environment, LayoutPattern, Mirror};
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
    found.extend(moved(before, now));
    found.extend(capabilities(before, now));
    found.extend(pairs(before, now, existed));
    found.extend(mirrors(before, now));
    found.extend(ignored(before, now));
    found
}

fn unprotected(environment: &Environment, now: &Config) -> Option<Loosening> {
    let name = &environment.name;
    let mut protected = now.environments.iter().filter(|other| other.protected);
    // an environment that got another name may keep the old one as an alias
    let kept = protected.any(|other| other.is_called(name));
    (!kept).then(|| {
        Loosening::removed(
            Cause::new("unprotected-environment").with(name),
            format!("this change no longer protects {name}"),
        )
    })
}

/// Environments that are read from another branch now: a protected one, or the one that it is
/// compared with.
fn moved(before: &Config, now: &Config) -> Vec<Loosening> {
    let matters = |at: usize| {
        let mut near = before.environments.iter().skip(at).take(2);
        near.any(|environment| environment.protected)
    };
    let mut found = Vec::new();
    for (at, old) in before.environments.iter().enumerate() {
        let mut others = now.environments.iter();
        let Some(new) = others
            .find(|new| new.is_called(&old.name))
            .filter(|_| matters(at))
        else {
            continue;
        };
        if old.reference.is_some() && new.reference != old.reference {
            let place = match &new.reference {
                Some(reference) => format!("`{reference}`"),
                None => "folders".to_string(),
            };
            let was = old.reference.as_deref().unwrap_or_default();
            found.push(Loosening::removed(
                Cause::new("moved-environment").with(&old.name),
                format!(
                    "this change reads {} from {place} instead of `{was}`",
                    old.name
                ),
            ));
        }
    }
    found
}

/// Clusters of protected environments that are said to be older, or to lack API versions: other objects
/// are valid there, and charts print other objects.
fn capabilities(before: &Config, now: &Config) -> Vec<Loosening> {
    let minor = |environment: &Environment| {
        let version = environment.kubernetes.as_deref()?;
        version.rsplit('.').next()?.parse::<u32>().ok()
    };
    let newest = |environment: &Environment| minor(environment).unwrap_or(u32::MAX);
    let protected = before.environments.iter().filter(|old| old.protected);
    let found = protected.filter_map(|old| {
        let mut others = now.environments.iter();
        let new = others.find(|new| new.is_called(&old.name))?;
        let has = |version: &&String| new.api_versions.contains(version);
        let lost = old.api_versions.iter().find(|version| !has(version));
        let (what, message) = if newest(new) < newest(old) {
            let version = new.kubernetes.as_deref().unwrap_or_default();
            let message = format!("says that {} has Kubernetes {version}", old.name);
            ("kubernetes", message)
        } else if let Some(lost) = lost {
            let message = format!("says that {} has no API version {lost}", old.name);
            ("apiVersions", message)
        } else {
            return None;
        };
        let cause = Cause::new("other-cluster").with(&old.name).with(what);
        Some(Loosening::removed(cause, format!("this change {message}")))
    });
    found.collect()
}

/// The environment before another one in the order of promotion.
fn previous<'c>(config: &'c Config, name: &str) -> Option<&'c str> {
    let mut environments = config.environments.iter();
    let at = environments.position(|environment| environment.is_called(name))?;
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
    let is_new = |new: &&Mirror| {
        let mut old = before.mirrors.iter();
        !old.any(|old| (&old.from, &old.to) == (&new.from, &new.to))
    };
    let said = now.mirrors.iter().filter(is_new).map(|new| {
        let (from, to) = (&new.from, &new.to);
        Loosening::at(
            new.origin,
            Cause::new("added-mirror").with(from).with(to),
            format!("this change treats images of {to} as images of {from}"),
        )
    });
    said.collect()
}

fn ignored(before: &Config, now: &Config) -> Vec<Loosening> {
    let added = now.layout.iter().filter(|new| {
        let same = |old: &LayoutPattern| old.ignore && old.path == new.path;
        new.ignore && !before.layout.iter().any(same)
    });
    let said = added.map(|new| {
        let path = new.path.as_str();
        Loosening::at(
            new.origin,
            Cause::new("ignored-path").with(path),
            format!("this change ignores {path}"),
        )
    });
    said.collect()
}
