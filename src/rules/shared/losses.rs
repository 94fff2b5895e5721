//! What a container of an earlier environment has and its partner in the later one lacks: the logic
//! that the `removed-…` rules share, and the place to edit.
//!
//! Not here: which fields count (the rules).

use crate::compare;
use crate::finding::Severity;
use crate::kubernetes::workload::{self, Container};
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::{Context, Draft, Sink};
use crate::yaml::{Node, Origin};

/// A container that both overlays of a pair have.
pub(in crate::rules) struct Partners<'a> {
    /// The earlier overlay's.
    pub from: Container<'a>,
    /// The pod that it stands in.
    pub from_pod: &'a Node,
    /// The later overlay's.
    pub to: Container<'a>,
    /// The pod that it stands in.
    pub to_pod: &'a Node,
    /// The later overlay's object.
    pub resource: &'a Resource,
    /// Whether the earlier overlay is the same one at the base revision.
    pub from_base: bool,
}

/// The containers that both overlays of a pair have, when the later one is protected and nothing of
/// it is missing.
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
                        to: container,
                        to_pod: after.pod,
                        resource: later,
                        from_base,
                    });
                }
            }
        }
    }
    found
}

/// What took a value away from below a node, if something did: a directive that removed it, or a
/// value that replaced what held it. `path` are keys of maps.
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
    found
}

/// Where to edit: what took the value away, else the earlier environment's value, which never came
/// along. What stands at the base revision only cannot be edited: then it is the container.
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

/// Reports fields below a path that the earlier container has and the later one lacks, one finding
/// a container.
pub(in crate::rules) fn report_lost(
    context: &Context,
    (from, to): (&Overlay, &Overlay),
    sink: &mut Sink,
    severity: Severity,
    path: &[&str],
    lost: impl Fn(&Partners) -> Vec<String>,
) {
    for partners in partners(context, from, to) {
        let keys = lost(&partners);
        let Some(before) = partners.from.node.at(path) else {
            continue;
        };
        let Some(first) = keys.first().and_then(|key| before.get(key)) else {
            continue;
        };
        let [first_key, ..] = &keys[..] else { continue };
        let whole: Vec<&str> = path.iter().copied().chain([first_key.as_str()]).collect();
        let name = |overlay| context.side(overlay);
        let origin = place(&partners, &whole, first);
        let what = path.last().copied().unwrap_or_default();
        let message = format!(
            "container {} has no {} of {} in {}, while {} has",
            partners.to.name,
            what.trim_end_matches('s'),
            keys.join(" and "),
            name(to),
            name(from)
        );
        let help = format!(
            "keep {what} when patching resources, or remove them in {} as well",
            name(from)
        );
        let mut draft = Draft::new(severity, origin, message).help(help);
        draft = draft.on(
            partners.resource,
            format!("{}/{}", partners.to.pointer, path.join("/")),
        );
        if origin != first.origin {
            draft = draft.related(first.origin, format!("{} has it here", name(from)));
        } else if let Some(node) = partners.to.node.get("name") {
            draft = draft.related(node.origin, format!("the container of {}", name(to)));
        }
        sink.report(context, Some(to), draft);
    }
}
