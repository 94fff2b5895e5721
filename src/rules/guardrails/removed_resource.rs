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

use crate::compare;
use crate::finding::Severity;
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::shared::deletion;
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

/// Reports guards that only the environment before a protected one has.
fn beside_earlier(context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
    let (earlier, later) = (context.side(from), context.side(to));
    for change in compare::resources(from, to, &context.repo.environments) {
        let only_earlier = change.from.as_ref().filter(|_| change.to.is_none());
        let Some(lost) = only_earlier.filter(|lost| deletion::is_guard(to, lost)) else {
            continue;
        };
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

/// The place of an object's `kind`.
fn kind_of(resource: &Resource) -> Origin {
    resource.node.get("kind").unwrap_or(&resource.node).origin
}
