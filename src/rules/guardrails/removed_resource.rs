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
//! If a chart is not in the repository, the values of its release are compared instead:
//! `podDisruptionBudget`, `autoscaling`, `networkPolicy`, `serviceMonitor` and the like, with
//! `enabled` or `create`.
//!
//! Each loss is reported once: `resource-deletion` leaves out objects that this rule reports. If
//! the same change also deletes the workload, `resource-deletion` reports both instead.
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

use crate::compare;
use crate::finding::{Cause, Severity};
use crate::kubernetes::outline;
use crate::kubernetes::references::compatible;
use crate::kubernetes::scaling::Autoscaler;
use crate::kubernetes::targets;
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::shared::{deletion, losses};
use crate::rules::{Behavior, Category, Claim, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::Origin;

/// See the documentation above.
pub(super) struct RemovedResource;

static METADATA: Metadata = Metadata {
    id: "removed-resource",
    category: Category::Guardrails,
    level: "warning",
    severity: Severity::Warning,
    summary: "production lost a PodDisruptionBudget, autoscaler, NetworkPolicy or a similar guard",
    options: &[],
    behavior: Behavior {
        also_against_base: true,
        bound_to_version: true,
        claims: Some(Claim::LostGuards),
        ..Metadata::USUAL
    },
    source: include_str!("removed_resource.rs"),
};

impl Rule for RemovedResource {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        if context.repo.protected(to) {
            in_values(context, from, to, sink);
        }
        let complete = from.rendered.complete && to.rendered.complete;
        if !context.repo.protected(to) || !complete || to.rendered.resources.is_empty() {
            return;
        }
        if context.is_of_base(from) {
            since_base(context, from, to, sink);
        } else {
            beside_earlier(context, from, to, sink);
        }
    }
}

/// Reports guards that the values of a release no longer ask for.
fn in_values(context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
    for (before, after) in compare::releases(from, to, &context.repo.environments) {
        if !before.complete || !after.complete {
            continue;
        }
        for lost in outline::of(before) {
            let kept = outline::of(after)
                .iter()
                .any(|one| one.kind() == lost.kind());
            if kept || !deletion::is_guard(to, lost) {
                continue;
            }
            let path = &lost.original.name;
            let keys: Vec<&str> = path.split('.').collect();
            let own = after.values.at(&keys);
            let switch = own.map(|own| outline::switch(own).unwrap_or(own).origin);
            let from_base = context.is_of_base(from);
            let origin = switch
                .or_else(|| losses::remover(&after.values, &keys))
                .unwrap_or(if from_base {
                    after.values.origin
                } else {
                    lost.node.origin
                });
            let message = format!(
                "{} has a {} (`{path}`) {} but none {}",
                losses::named_in_values(after, ""),
                lost.kind(),
                context.in_side(from),
                context.in_side(to)
            );
            let cause = Cause::new("guard-in-values").with(path).with(lost.kind());
            let help = losses::advice(context, (from, to), &format!("`{path}`"));
            let mut draft = Draft::new(Severity::Warning, origin, cause, message)
                .help(help)
                .on(&after.resource, losses::pointer_in_values(after, path));
            if origin != lost.node.origin {
                let label = format!("{} sets it here", context.side(from));
                draft = draft.related(lost.node.origin, label);
            }
            sink.report(context, Some(to), draft);
        }
    }
}

/// Reports guards that a protected overlay had at the base revision.
fn since_base(context: &Context, before: &Overlay, overlay: &Overlay, sink: &mut Sink) {
    for lost in deletion::lost_guards(context, before, overlay) {
        if deletion::environment_before_has(context, overlay, lost) {
            continue;
        }
        let message = format!(
            "this change deletes {} from {}",
            deletion::described(before, lost),
            context.name_of(overlay)
        );
        let cause = deletion::cause("deleted-guard", before, &[lost]);
        let origin = deletion::place(context, overlay, lost);
        let mut draft = Draft::new(Severity::Warning, origin, cause, message)
            .help("restore it, or explain in the pull request why it is no longer needed")
            .related(kind_of(lost), "it was here");
        draft.resource = Some(lost.id());
        sink.report(context, Some(overlay), draft);
    }
}

/// Reports guards that the previous environment has and a protected one lacks.
fn beside_earlier(context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
    let (earlier, later) = (context.side(from), context.side(to));
    let changes = compare::resources(from, to, context.repo);
    let only_earlier: Vec<&Resource> = changes
        .iter()
        .filter(|change| change.to.is_none())
        .filter_map(|change| change.from.as_ref())
        .collect();
    for lost in only_earlier.iter().copied() {
        if !deletion::is_guard(to, lost) || guards_nothing_else(context, from, lost, &only_earlier)
        {
            continue;
        }
        let deleted = deletion::deleted_by(to, lost);
        let message = format!(
            "{} `{}` exists in {earlier} but not in {later}",
            lost.kind(),
            lost.name()
        );
        let origin = deleted.unwrap_or_else(|| kind_of(lost));
        let cause = deletion::cause("missing-guard", from, &[lost]);
        let draft = Draft::new(Severity::Warning, origin, cause, message);
        let mut draft = if deleted.is_some() {
            draft
                .help(format!(
                    "keep it in {later}, or delete it from {earlier} first"
                ))
                .related(kind_of(lost), format!("{earlier} has it here"))
        } else {
            draft
                .help(format!("add it to {later}, or move it into the base"))
                .related(to.origin, format!("the overlay of {later}"))
        };
        draft.resource = Some(lost.id());
        sink.report(context, Some(to), draft);
    }
}

/// True if the workloads of a guard only exist in the earlier environment, such as a load generator
/// with its autoscaler.
fn guards_nothing_else(
    context: &Context,
    from: &Overlay,
    guard: &Resource,
    only_earlier: &[&Resource],
) -> bool {
    let scaled = Autoscaler::of(guard);
    let selector = targets::pod_selector(guard);
    let workloads = context.facts(from).workloads.iter();
    let mut watched = workloads
        .filter(|workload| compatible(workload.resource.namespace(), guard.namespace()))
        .filter(|workload| {
            let is_scaled = |scaled: &Autoscaler| scaled.scales(workload.resource);
            scaled.as_ref().is_some_and(is_scaled)
                || selector
                    .as_ref()
                    .is_some_and(|selector| selector.selects(workload))
        })
        .peekable();
    watched.peek().is_some()
        && watched.all(|workload| {
            let original = &workload.resource.original;
            only_earlier.iter().any(|lost| lost.original == *original)
        })
}

/// The place of an object's `kind`.
fn kind_of(resource: &Resource) -> Origin {
    resource.node.get("kind").unwrap_or(&resource.node).origin
}
