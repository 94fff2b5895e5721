//! # blocked-disruption
//!
//! ## What
//!
//! A PodDisruptionBudget in a protected environment blocks every eviction. It sets
//! `maxUnavailable: 0`, or its `minAvailable` is not smaller than the number of replicas (or the
//! minimum of the autoscaler).
//!
//! ## Why
//!
//! No node that runs these pods can be drained, so cluster upgrades hang until somebody deletes
//! the budget.
//!
//! ## Example
//!
//! ```yaml
//! kind: PodDisruptionBudget
//! spec:
//!   minAvailable: 2   # and production runs 2 replicas
//! ```
//!
//! ## Fix
//!
//! Set `maxUnavailable: 1`, or run one more replica.

use crate::finding::{Cause, Severity};
use crate::kubernetes::references::compatible;
use crate::kubernetes::scaling::{self, Autoscaler};
use crate::kubernetes::targets;
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::wording;
use crate::yaml::Node;

/// See the documentation above.
pub(super) struct BlockedDisruption;

static METADATA: Metadata = Metadata {
    id: "blocked-disruption",
    category: Category::Guardrails,
    level: "warning in protected environments",
    severity: Severity::Warning,
    summary: "a PodDisruptionBudget that allows no eviction",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("blocked_disruption.rs"),
};

impl Rule for BlockedDisruption {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        if !context.repo.protected(overlay) {
            return;
        }
        let budgets = overlay
            .rendered
            .resources
            .iter()
            .filter(|resource| resource.kind() == "PodDisruptionBudget");
        for budget in budgets {
            let Some(pods) = pods(context, overlay, budget).filter(|pods| *pods > 0) else {
                continue;
            };
            let Some((field, node)) = blocker(budget, pods) else {
                continue;
            };
            let text = node.text().unwrap_or_default();
            let message = format!(
                "PodDisruptionBudget `{}` blocks every eviction (`{field}: {text}`, {})",
                budget.name(),
                wording::count(usize::try_from(pods).unwrap_or(usize::MAX), "replica")
            );
            let cause = Cause::new("no-eviction").with(field);
            let help = match field {
                "maxUnavailable" => "set `maxUnavailable: 1`",
                _ if text.ends_with('%') => "set `maxUnavailable: 1` instead",
                _ => "set `maxUnavailable: 1` instead, or run one more replica",
            };
            let draft = Draft::new(Severity::Warning, node.origin, cause, message).help(help);
            sink.report(
                context,
                Some(overlay),
                draft.on(budget, format!("/spec/{field}")),
            );
        }
    }
}

/// The lowest number of pods that a budget covers; `None` if the overlay does not say.
fn pods(context: &Context, overlay: &Overlay, budget: &Resource) -> Option<i64> {
    let selector = targets::pod_selector(budget)?;
    let resources = &overlay.rendered.resources;
    let mut selected = context
        .facts(overlay)
        .workloads
        .iter()
        .filter(|workload| {
            selector.selects(workload)
                && compatible(workload.resource.namespace(), budget.namespace())
        })
        .peekable();
    selected.peek()?;
    let count = |resource: &Resource| {
        let scaler = resources
            .iter()
            .filter_map(Autoscaler::of)
            .find(|scaler| scaler.scales(resource));
        match scaler {
            Some(scaler) => Some(scaler.minimum),
            None => scaling::replicas(resource).map(|replicas| replicas.count),
        }
    };
    selected.map(|workload| count(workload.resource)).sum()
}

/// The field of a budget that forbids every eviction, given the number of pods.
fn blocker(budget: &Resource, pods: i64) -> Option<(&'static str, &Node)> {
    let spec = budget.node.get("spec")?;
    if let Some(node) = spec.get("maxUnavailable") {
        return (allowed(node, pods)? <= 0).then_some(("maxUnavailable", node));
    }
    let node = spec.get("minAvailable")?;
    (allowed(node, pods)? >= pods).then_some(("minAvailable", node))
}

/// A number of pods as written, `2` or `60%`. The disruption controller rounds shares up.
fn allowed(node: &Node, pods: i64) -> Option<i64> {
    let text = node.text()?;
    match text.strip_suffix('%') {
        None => text.parse().ok(),
        Some(share) => {
            let share: i64 = share.parse().ok()?;
            Some(share.checked_mul(pods)?.checked_add(99)?.div_euclid(100))
        }
    }
}
