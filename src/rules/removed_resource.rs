//! # removed-resource
//!
//! ## What
//!
//! An object that protects or observes a workload is in the environment before and not in the protected one: PodDisruptionBudget, HorizontalPodAutoscaler, NetworkPolicy, ServiceMonitor, PodMonitor, PrometheusRule, ResourceQuota, LimitRange. Names are compared without the environment's word.
//!
//! ## Why
//!
//! What keeps production up during a node upgrade, or tells when it is down, must not exist in staging only.
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

use super::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::compare;
use crate::finding::Severity;
use crate::repo::Overlay;

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
pub struct RemovedResource;

const METADATA: Metadata = Metadata {
    id: "removed-resource",
    category: Category::Guardrails,
    level: "warning",
    severity: Severity::Warning,
    summary: "a PodDisruptionBudget, autoscaler, NetworkPolicy or the like that staging has and production lacks",
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
        let name = |overlay| repo.environment(overlay).map_or("the later environment", |environment| environment.name.as_str());
        let scaled = to.rendered.resources.iter().any(|resource| matches!(resource.kind(), "ScaledObject" | "HorizontalPodAutoscaler"));
        for change in compare::resources(from, to, &repo.environments) {
            let Some(lost) = change.from.as_ref().filter(|_| change.to.is_none()) else { continue };
            if !KINDS.contains(&lost.kind()) || (lost.kind() == "HorizontalPodAutoscaler" && scaled) {
                continue;
            }
            let kind = lost.node.get("kind").map_or(lost.node.origin, |kind| kind.origin);
            let deleted = to.rendered.deleted.iter().find(|deleted| deleted.resource.original == lost.original);
            let message = format!("{} has no {} {}, while {} has", name(to), lost.kind(), lost.name(), name(from));
            let draft = Draft::new(Severity::Warning, deleted.map_or(kind, |deleted| deleted.origin), message);
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
}
