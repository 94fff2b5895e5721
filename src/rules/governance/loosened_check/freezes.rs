//! Freezes that a change removes, alters or opens, and the trailer that lets a commit pass them.

use super::loosening::Loosening;
use crate::config::{Config, Freeze};
use crate::finding::Cause;

pub(super) fn loosened(before: &Config, now: &Config) -> Vec<Loosening> {
    let altered = before.freeze.iter().filter_map(|old| {
        let new = now.freeze.iter().find(|new| new.name == old.name);
        new.map_or_else(|| Some(removed(old)), |new| altered(old, new))
    });
    let mut found: Vec<Loosening> = altered.collect();
    found.extend(opened(before, now));
    found.extend(break_glass(before, now));
    found
}

fn removed(old: &Freeze) -> Loosening {
    Loosening::removed(
        Cause::new("removed-freeze").with(&old.name),
        format!("this change removes the freeze `{}`", old.name),
    )
}

fn altered(old: &Freeze, new: &Freeze) -> Option<Loosening> {
    let name = &new.name;
    fn wider<T: PartialEq>(old: &[T], new: &[T]) -> bool {
        new.iter().any(|one| !old.contains(one))
    }
    let scope = (&new.window, new.allow, &new.environments, &new.apps);
    if (&old.window, old.allow, &old.environments, &old.apps) != scope {
        return Some(Loosening::at(
            new.origin,
            Cause::new("altered-freeze").with(name),
            format!("this change alters the freeze `{name}`"),
        ));
    }
    let exempts = wider(&old.except_authors, &new.except_authors)
        || wider(&old.except_paths, &new.except_paths);
    exempts.then(|| {
        Loosening::at(
            new.origin,
            Cause::new("exempted-from-freeze").with(name),
            format!("this change exempts more from the freeze `{name}`"),
        )
    })
}

/// `allow` windows that are added to existing ones. Each of them loosens the freeze, because a
/// change passes if any of them is open.
fn opened(before: &Config, now: &Config) -> Vec<Loosening> {
    if !before.freeze.iter().any(|old| old.allow) {
        return Vec::new();
    }
    let is_new = |new: &&Freeze| {
        let mut old = before.freeze.iter();
        new.allow && old.all(|old| old.name != new.name)
    };
    let added = now.freeze.iter().filter(is_new);
    added
        .map(|new| {
            Loosening::at(
                new.origin,
                Cause::new("added-window").with(&new.name),
                format!("this change allows changes in the window `{}`", new.name),
            )
        })
        .collect()
}

fn break_glass(before: &Config, now: &Config) -> Option<Loosening> {
    let trailer = now.break_glass.as_ref()?;
    let added = before.break_glass.as_ref() != Some(trailer) && !before.freeze.is_empty();
    added.then(|| {
        Loosening::removed(
            Cause::new("added-trailer").with(trailer),
            format!("this change lets commits with the trailer `{trailer}` pass a freeze"),
        )
    })
}
