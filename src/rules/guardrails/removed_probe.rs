//! # removed-probe
//!
//! ## What
//!
//! A container in a protected environment lacks a liveness, readiness or startup probe that the
//! same container has in the previous environment.
//!
//! ## Why
//!
//! Without a readiness probe, traffic reaches pods that cannot answer yet. Without a liveness
//! probe, a hung process is never restarted.
//!
//! ## Example
//!
//! ```yaml
//! # production's patch
//! - op: remove
//!   path: /spec/template/spec/containers/0/livenessProbe
//! ```
//!
//! ## Fix
//!
//! Keep the probe and adjust its numbers, or remove it in staging first.
//!
//! ## Options
//!
//! None.

use crate::finding::Severity;
use crate::repo::Overlay;
use crate::rules::shared::losses;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};

/// See the documentation above.
pub(super) struct RemovedProbe;

static METADATA: Metadata = Metadata {
    id: "removed-probe",
    category: Category::Guardrails,
    level: "warning",
    severity: Severity::Warning,
    summary: "a probe that staging has and production lacks",
    options: &[],
    source: include_str!("removed_probe.rs"),
};

impl Rule for RemovedProbe {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn also_against_base(&self) -> bool {
        true
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        let name = |overlay| context.side(overlay);
        for partners in losses::partners(context, from, to) {
            for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
                let lost = partners
                    .from
                    .node
                    .get(probe)
                    .filter(|_| partners.to.node.get(probe).is_none());
                let Some(lost) = lost.filter(|lost| !lost.is_null()) else {
                    continue;
                };
                let origin = losses::place(&partners, &[probe], lost);
                let message = format!(
                    "container {} has no {probe} in {}, while {} has",
                    partners.to.name,
                    name(to),
                    name(from)
                );
                let draft = Draft::new(Severity::Warning, origin, message);
                let draft = draft.help(format!(
                    "keep the probe and change its numbers, or remove it in {} first",
                    name(from)
                ));
                let mut draft = draft.on(
                    partners.resource,
                    format!("{}/{probe}", partners.to.pointer),
                );
                if origin != lost.origin {
                    draft = draft.related(lost.origin, format!("{} has it here", name(from)));
                }
                sink.report(context, Some(to), draft);
            }
        }
    }
}
