//! # removed-probe
//!
//! ## What
//!
//! A container in a protected environment lacks a liveness, readiness or startup probe that the
//! same container has in the previous environment.
//!
//! If a chart is not in the repository, the values of its release are compared instead:
//! `livenessProbe`, `readinessProbe` and `startupProbe`.
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

use crate::finding::{Cause, Severity};
use crate::repo::Overlay;
use crate::rules::shared::losses;
use crate::rules::{Behavior, Category, Context, Draft, Metadata, Rule, Sink};

/// See the documentation above.
pub(super) struct RemovedProbe;

static METADATA: Metadata = Metadata {
    id: "removed-probe",
    category: Category::Guardrails,
    level: "warning",
    severity: Severity::Warning,
    summary: "a probe that staging has and production lacks",
    options: &[],
    behavior: Behavior {
        also_against_base: true,
        bound_to_version: true,
        ..Metadata::USUAL
    },
    source: include_str!("removed_probe.rs"),
};

const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];

impl Rule for RemovedProbe {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        for partners in losses::partners(context, from, to) {
            for probe in PROBES {
                let before = partners.from.node.get(probe);
                let kept = partners.to.node.get(probe).is_some();
                let Some(lost) = before.filter(|lost| !kept && !lost.is_null()) else {
                    continue;
                };
                let origin = losses::place(&partners, &[probe], lost);
                let message = format!(
                    "{} has a `{probe}` {} but none {}",
                    partners.subject,
                    context.in_side(from),
                    context.in_side(to)
                );
                let cause = Cause::new("lost-probe").with(partners.to.name).with(probe);
                let mut draft = Draft::new(Severity::Warning, origin, cause, message)
                    .help(losses::advice(context, (from, to), "the probe"))
                    .on(
                        partners.resource,
                        format!("{}/{probe}", partners.to.pointer),
                    );
                if origin != lost.origin {
                    let label = format!("{} sets it here", context.side(from));
                    draft = draft.related(lost.origin, label);
                }
                sink.report(context, Some(to), draft);
            }
        }
    }
}
