//! # removed-resource
//!
//! ## What
//!
//! A protected environment lacks an object that protects or observes a workload and that the
//! previous environment has: a PodDisruptionBudget, HorizontalPodAutoscaler, NetworkPolicy,
//! ServiceMonitor, PodMonitor, PrometheusRule, ResourceQuota or LimitRange. The name of the
//! environment inside an object's name is ignored.
//!
//! With `--base`, the rule also reports such an object if one change removes it from every
//! environment. It does not report objects that the agent will keep, for example because of
//! `Prune=false`.
//!
//! Each loss is reported once. `resource-deletion` leaves out what this rule reports. If the
//! workload goes away as well, `resource-deletion` reports both.
//!
//! ## Why
//!
//! These objects keep production running during a node upgrade, or alert when it is down. Having
//! them only in staging does not help.
//!
//! ## Example
//!
//! ```yaml
//! # production's patch
//! apiVersion: policy/v1
//! kind: PodDisruptionBudget
//! metadata: {name: api}
//! $patch: delete
//! ```
//!
//! ## Fix
//!
//! Add the object to production, or move it into the base.
//!
//! ## Options
//!
//! None.

use std::collections::HashSet;

use crate::compare;
use crate::config::Level;
use crate::finding::Severity;
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::guardrails::resource_deletion;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::Origin;

/// Objects that guard or watch others.
const KINDS: &[&str] = &[
    "PodDisruptionBudget",
    "HorizontalPodAutoscaler",
    "NetworkPolicy",
    "ServiceMonitor",
    "PodMonitor",
    "PrometheusRule",
    "ResourceQuota",
    "LimitRange",
];

/// See the documentation above.
pub(super) struct RemovedResource;

static METADATA: Metadata = Metadata {
    id: "removed-resource",
    category: Category::Guardrails,
    level: "warning",
    severity: Severity::Warning,
    summary: "a PodDisruptionBudget, autoscaler, NetworkPolicy or the like that staging has, or production had, and production lacks",
    options: &[],
    source: include_str!("removed_resource.rs"),
};

impl Rule for RemovedResource {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        let repo = context.repo;
        let both = from.rendered.complete && to.rendered.complete;
        if !repo.protected(to) || !both || to.rendered.resources.is_empty() {
            return;
        }
        if context.is_of_base(from) {
            for lost in lost_since_base(context, from, to)
                .into_iter()
                .filter(|lost| !told_by_pair(context, to, lost))
            {
                let apart = resource_deletion::in_namespace(from, lost);
                let message = format!(
                    "{} has no {} {}{apart}, while the base revision has",
                    context.side(to),
                    lost.kind(),
                    lost.name()
                );
                let draft = Draft::new(
                    Severity::Warning,
                    resource_deletion::place(context, to, lost),
                    message,
                );
                let kind = lost
                    .node
                    .get("kind")
                    .map_or(lost.node.origin, |kind| kind.origin);
                let mut draft = draft
                    .help("put it back, or say in the pull request that it is meant")
                    .related(kind, "it was here");
                draft.resource = Some(lost.id());
                sink.report(context, Some(to), draft);
            }
            return;
        }
        let name = |overlay| context.side(overlay);
        for change in compare::resources(from, to, &repo.environments) {
            let Some(lost) = change.from.as_ref().filter(|_| change.to.is_none()) else {
                continue;
            };
            if !is_guard(to, lost) {
                continue;
            }
            let kind = lost
                .node
                .get("kind")
                .map_or(lost.node.origin, |kind| kind.origin);
            let deleted = to
                .rendered
                .deleted
                .iter()
                .find(|deleted| deleted.resource.original == lost.original);
            let message = format!(
                "{} has no {} {}, while {} has",
                name(to),
                lost.kind(),
                lost.name(),
                name(from)
            );
            let draft = Draft::new(
                Severity::Warning,
                deleted.map_or(kind, |deleted| deleted.origin),
                message,
            );
            let mut draft = draft.help(format!("add it to {}, or move it into the base", name(to)));
            if deleted.is_some() {
                draft = draft.related(kind, format!("{} has it here", name(from)));
            } else {
                draft = draft.related(to.origin, format!("the overlay of {}", name(to)));
            }
            draft.resource = Some(lost.id());
            sink.report(context, Some(to), draft);
        }
    }
    fn also_against_base(&self) -> bool {
        true
    }
}

/// Whether an object guards or watches others, and nothing that the overlay has now stands in its
/// place.
fn is_guard(overlay: &Overlay, lost: &Resource) -> bool {
    let scales =
        |resource: &Resource| matches!(resource.kind(), "ScaledObject" | "HorizontalPodAutoscaler");
    KINDS.contains(&lost.kind())
        && !(lost.kind() == "HorizontalPodAutoscaler"
            && overlay.rendered.resources.iter().any(scales))
}

/// Whether the environment before has an object that a protected one loses: then the comparison of
/// the two tells it.
fn told_by_pair(context: &Context, overlay: &Overlay, lost: &Resource) -> bool {
    let has = |from: &Overlay| {
        from.rendered
            .resources
            .iter()
            .any(|other| other.original.same_object(&lost.original))
    };
    context
        .judged_pairs()
        .any(|(from, to)| std::ptr::eq(to, overlay) && from.rendered.complete && has(from))
}

/// The guards that an overlay has lost since the base revision, as far as this rule tells of them:
/// not those that went together with what they guarded.
pub(super) fn lost_since_base<'a>(
    context: &Context,
    before: &'a Overlay,
    overlay: &Overlay,
) -> Vec<&'a Resource> {
    if context.level(METADATA.id) == Some(Level::Off) || overlay.rendered.resources.is_empty() {
        return Vec::new();
    }
    let lost = resource_deletion::lost(context, before, overlay);
    let (guards, others): (Vec<&Resource>, Vec<&Resource>) =
        lost.into_iter().partition(|lost| is_guard(overlay, lost));
    let others: HashSet<Origin> = others
        .into_iter()
        .map(|lost| resource_deletion::place(context, overlay, lost))
        .collect();
    let told = |lost: &&Resource| {
        told_by_pair(context, overlay, lost)
            || !others.contains(&resource_deletion::place(context, overlay, lost))
    };
    guards.into_iter().filter(told).collect()
}
