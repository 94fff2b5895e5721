//! Settings that a container has in the earlier environment and lacks in the later one. The
//! `removed-…` rules share this logic; it also finds the place to edit.
//!
//! Not here: which fields count (the rules).

use crate::compare;
use crate::finding::{Cause, Severity};
use crate::kubernetes::outline;
use crate::kubernetes::workload::{self, Container};
use crate::kustomize::{Resource, Unrendered};
use crate::repo::Overlay;
use crate::rules::{Context, Draft, Sink};
use crate::wording;
use crate::yaml::{Node, Origin, escape_pointer};

/// A container that both overlays of a pair have, matched by its name and role.
pub(in crate::rules) struct Partners<'a> {
    /// The container in the earlier overlay.
    pub from: Container<'a>,
    /// Its pod spec.
    pub from_pod: &'a Node,
    /// The container in the later overlay.
    pub to: Container<'a>,
    /// Its pod spec.
    pub to_pod: &'a Node,
    /// The object of the later overlay that holds the container, or the release whose values
    /// describe it.
    pub resource: &'a Resource,
    /// The container's name in messages: ``container `api` ``, ``HelmRelease `web` ``.
    pub subject: String,
    /// True if only values of a chart describe the container, so that the chart may have a default
    /// for what they lack.
    pub from_values: bool,
    /// True if `from` is not an earlier environment, but the same overlay at the base revision.
    pub from_base: bool,
}

/// The containers that both overlays of a pair have. Empty unless the later overlay is protected
/// and rendered completely: a setting that seems to be lost may be in the part that was not
/// rendered.
pub(in crate::rules) fn partners<'a>(
    context: &'a Context,
    from: &'a Overlay,
    to: &'a Overlay,
) -> Vec<Partners<'a>> {
    if !context.repo.protected(to) || !to.rendered.complete {
        return Vec::new();
    }
    let from_base = context.is_of_base(from);
    let mut found = Vec::new();
    for (earlier, later) in compare::partners(from, to, &context.repo.environments) {
        for (before, after) in workload::of(earlier).into_iter().zip(workload::of(later)) {
            for container in after.containers {
                let partner = before
                    .containers
                    .iter()
                    .find(|other| other.name == container.name && other.role == container.role);
                if let Some(partner) = partner.filter(|partner| !partner.name.is_empty()) {
                    found.push(Partners {
                        from: partner.clone(),
                        from_pod: before.pod,
                        subject: format!("container `{}`", container.name),
                        to: container,
                        to_pod: after.pod,
                        resource: later,
                        from_values: false,
                        from_base,
                    });
                }
            }
        }
    }
    for (earlier, later) in compare::releases(from, to, &context.repo.environments) {
        found.extend(partners_in_values(earlier, later, from_base));
    }
    found
}

/// The containers that the values of two releases describe.
fn partners_in_values<'a>(
    earlier: &'a Unrendered,
    later: &'a Unrendered,
    from_base: bool,
) -> impl Iterator<Item = Partners<'a>> {
    outlined(earlier, later).filter_map(move |(before, after, _)| {
        let id = &after.original;
        let (before, after) = (workload::of(before).pop()?, workload::of(after).pop()?);
        Some(Partners {
            from: before.containers.into_iter().next()?,
            from_pod: before.pod,
            to: Container {
                pointer: pointer_in_values(later, &id.name),
                ..after.containers.into_iter().next()?
            },
            to_pod: after.pod,
            resource: &later.resource,
            subject: named_in_values(later, &id.name),
            from_values: true,
            from_base,
        })
    })
}

/// The objects that the values of two releases outline. Nothing if values of one are not known.
pub(in crate::rules) fn outlined<'a>(
    earlier: &'a Unrendered,
    later: &'a Unrendered,
) -> impl Iterator<Item = (&'a Resource, &'a Resource, Option<&'a Unrendered>)> {
    let known = earlier.complete && later.complete;
    let outlines = outline::of(later).iter().filter(move |_| known);
    outlines.filter_map(move |after| {
        let id = &after.original;
        let same = |one: &&Resource| one.original.kind == id.kind && one.original.name == id.name;
        let before = outline::of(earlier).iter().find(same)?;
        Some((before, after, Some(later)))
    })
}

/// The name in messages of something that values of a release describe at a path.
pub(in crate::rules) fn named_in_values(release: &Unrendered, path: &str) -> String {
    let resource = &release.resource;
    let object = format!("{} `{}`", resource.kind(), resource.name());
    match path {
        "" => object,
        _ => format!("`{path}` of {object}"),
    }
}

/// The JSON pointer to a path in the values of a release.
pub(in crate::rules) fn pointer_in_values(release: &Unrendered, path: &str) -> String {
    let keys = path.split('.').filter(|key| !key.is_empty());
    keys.fold(release.pointer.clone(), |pointer, key| {
        format!("{pointer}/{}", escape_pointer(key))
    })
}

impl Partners<'_> {
    /// The severity of a loss. A chart may have a default for what its values lack, so that is a
    /// warning at most, unless the values switch it off.
    pub(in crate::rules) fn severity(&self, usual: Severity, is_switched_off: bool) -> Severity {
        if self.from_values && !is_switched_off {
            usual.min(Severity::Warning)
        } else {
            usual
        }
    }
}

/// The place that removed a value below a node: a directive such as `limits: null` or
/// `$patch: delete`, or a value that replaced the map around it. `path` is the list of map keys
/// that lead to the value.
pub(in crate::rules) fn remover(node: &Node, path: &[&str]) -> Option<Origin> {
    let mut here = node;
    let mut found = None;
    for (depth, key) in path.iter().enumerate() {
        let rest = path.get(depth..)?;
        if here
            .replaced
            .as_ref()
            .is_some_and(|old| old.at(rest).is_some())
        {
            found = Some(here.origin);
        }
        if let Some(removed) = here.as_map().and_then(|map| {
            map.removed
                .iter()
                .rev()
                .find(|removed| &*removed.key == *key)
        }) {
            return Some(removed.origin);
        }
        match here.get(key) {
            Some(next) => here = next,
            None => return found,
        }
    }
    // Kubernetes treats null as missing
    if here.is_null() {
        return Some(here.origin);
    }
    found
}

/// The place to edit: the line that removed the value, or else the value in the earlier
/// environment, which was never promoted. A value at the base revision cannot be edited, so there
/// it is the container.
pub(in crate::rules) fn place(partners: &Partners, path: &[&str], lost: &Node) -> Origin {
    let container = || {
        partners
            .to
            .node
            .get("name")
            .map_or(partners.to.node.origin, |name| name.origin)
    };
    remover(partners.to.node, path).unwrap_or_else(|| {
        if partners.from_base {
            container()
        } else {
            lost.origin
        }
    })
}

/// A map of a container's `resources` that production must not lose.
pub(in crate::rules) struct Guard {
    /// Its key in `resources`: `limits`.
    pub key: &'static str,
    /// The word for one entry in messages: `limit`.
    pub noun: &'static str,
    /// The severity of a loss.
    pub severity: Severity,
}

/// Reports entries of a guard that the earlier container has and the later one lacks, in one
/// finding for each container.
pub(in crate::rules) fn report_lost(
    context: &Context,
    (from, to): (&Overlay, &Overlay),
    sink: &mut Sink,
    guard: &Guard,
    lost: impl Fn(&Partners) -> Vec<String>,
) {
    for partners in partners(context, from, to) {
        let names = lost(&partners);
        let before = partners.from.node.at(&["resources", guard.key]);
        let (Some(before), Some(first_name)) = (before, names.first()) else {
            continue;
        };
        let Some(first) = before.get(first_name) else {
            continue;
        };
        let origin = place(&partners, &["resources", guard.key, first_name], first);
        let message = format!(
            "{} has {} {} but none {}",
            partners.subject,
            named(&names, guard.noun),
            context.in_side(from),
            context.in_side(to)
        );
        let cause = names.iter().fold(
            Cause::new(format!("lost-{}", guard.key)).with(partners.to.name),
            |cause, name| cause.with(name),
        );
        let severity = partners.severity(guard.severity, false);
        let mut draft = Draft::new(severity, origin, cause, message)
            .help(advice(
                context,
                (from, to),
                &format!("`resources.{}`", guard.key),
            ))
            .on(
                partners.resource,
                format!("{}/resources/{}", partners.to.pointer, guard.key),
            );
        if origin != first.origin {
            draft = draft.related(first.origin, format!("{} sets it here", context.side(from)));
        } else if let Some(node) = partners.to.node.get("name") {
            let what = if partners.from_values {
                "the values"
            } else {
                "the container"
            };
            let label = format!("{what} in {}", context.side(to));
            draft = draft.related(node.origin, label);
        }
        sink.report(context, Some(to), draft);
    }
}

/// The help for a lost setting. The help never suggests to edit the base revision.
pub(in crate::rules) fn advice(
    context: &Context,
    (from, to): (&Overlay, &Overlay),
    lost: &str,
) -> String {
    if context.is_of_base(from) {
        format!("restore {lost}, or explain in the pull request why the removal is intended")
    } else {
        let (earlier, later) = (context.side(from), context.side(to));
        format!("set {lost} in {later} as in {earlier}, or remove it from {earlier} first")
    }
}

/// `a memory limit`, `CPU and memory limits`.
pub(in crate::rules) fn named(resources: &[impl AsRef<str>], noun: &str) -> String {
    let names: Vec<&str> = resources
        .iter()
        .map(|name| match name.as_ref() {
            "cpu" => "CPU",
            other => other,
        })
        .collect();
    match names[..] {
        [one] => {
            let article = if one.starts_with(['a', 'e', 'i', 'o']) {
                "an"
            } else {
                "a"
            };
            format!("{article} {one} {noun}")
        }
        _ => format!("{} {noun}s", wording::list(&names)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_named_as_people_name_them() {
        assert_eq!(named(&["cpu"], "limit"), "a CPU limit");
        assert_eq!(
            named(&["ephemeral-storage"], "request"),
            "an ephemeral-storage request"
        );
        assert_eq!(named(&["cpu", "memory"], "limit"), "CPU and memory limits");
    }
}
