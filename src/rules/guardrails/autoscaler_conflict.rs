//! # autoscaler-conflict
//!
//! ## What
//!
//! A workload in a protected environment sets `spec.replicas`, and an autoscaler of the same
//! overlay also manages it.
//!
//! ## Why
//!
//! Git and the autoscaler work against each other. Each sync sets the number of pods back to the
//! number in Git, even during a traffic peak.
//!
//! ## Example
//!
//! ```yaml
//! # a HorizontalPodAutoscaler scales the Deployment api
//! replicas:
//!   - {name: api, count: 3}
//! ```
//!
//! ## Fix
//!
//! Remove `replicas` (use a patch with `replicas: null` if the base sets it), and set the minimum
//! in the autoscaler. If your agent ignores the field, switch the rule off.

use crate::finding::{Cause, Severity};
use crate::kubernetes::references::compatible;
use crate::kubernetes::scaling::{self, Autoscaler};
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};

/// See the documentation above.
pub(super) struct AutoscalerConflict;

static METADATA: Metadata = Metadata {
    id: "autoscaler-conflict",
    category: Category::Guardrails,
    level: "warning in protected environments",
    severity: Severity::Warning,
    summary: "a fixed number of replicas that an autoscaler also manages",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("autoscaler_conflict.rs"),
};

impl Rule for AutoscalerConflict {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        if !context.repo.protected(overlay) {
            return;
        }
        let resources = &overlay.rendered.resources;
        for scaler in resources.iter().filter_map(Autoscaler::of) {
            let scaled = resources.iter().find(|resource| {
                scaler.scales(resource)
                    && compatible(resource.namespace(), scaler.resource.namespace())
            });
            let Some(scaled) = scaled else { continue };
            // `replicas: 0` switches a workload off, and its autoscaler with it
            let fixed = scaling::replicas(scaled)
                .filter(|replicas| replicas.count != 0)
                .and_then(|replicas| replicas.written);
            let Some(written) = fixed else { continue };
            let kind = scaler.resource.kind();
            let message = format!(
                "{} `{}` sets `replicas: {}`, but {kind} `{}` also manages it",
                scaled.kind(),
                scaled.name(),
                written.text().unwrap_or_default(),
                scaler.resource.name()
            );
            let minimum = match kind {
                "ScaledObject" => "minReplicaCount",
                _ => "minReplicas",
            };
            let cause = Cause::new("fixed-replicas").with(kind);
            let draft = Draft::new(Severity::Warning, written.origin, cause, message)
                .help(format!(
                    "remove `replicas`, and set `{minimum}` in the {kind} instead"
                ))
                .related(scaler.resource.node.origin, "the autoscaler");
            sink.report(context, Some(overlay), draft.on(scaled, "/spec/replicas"));
        }
    }
}
