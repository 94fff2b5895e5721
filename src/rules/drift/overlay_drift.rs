//! # overlay-drift
//!
//! ## What
//!
//! A difference between a protected environment and the one before it in what a promotion must
//! carry unchanged: the containers of a pod template, their commands, arguments, names of
//! variables, ports, probes, volumes and mounts, the security context, the service account; the
//! ports of Services; the rules of NetworkPolicies; the keys of ConfigMaps. Images, lost limits,
//! probes, restrictions and variables have rules of their own.
//!
//! What environments differ in by nature is expected: replicas, quantities, namespaces, hosts,
//! identifiers, names that follow the environment's word, generated names, encrypted values.
//! `gitops-lint diff` shows everything.
//!
//! ## Why
//!
//! What production runs was then proved nowhere: an edit that was made in staging to try something
//! stayed in one of the two.
//!
//! ## Example
//!
//! ```yaml
//! # production's patch, and staging has no such argument
//! args: [--fraud-check=off]
//! ```
//!
//! ## Fix
//!
//! Make both alike, or allow the difference under `drift.allow` with a reason.
//!
//! ## Options
//!
//! None.

use crate::finding::Severity;
use crate::repo::Overlay;
use crate::rules::shared::drift;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::Origin;

/// See the documentation above.
pub(super) struct OverlayDrift;

static METADATA: Metadata = Metadata {
    id: "overlay-drift",
    category: Category::Drift,
    level: "warning",
    severity: Severity::Warning,
    summary: "a difference between staging and production that a promotion should not carry or lose",
    options: &[],
    source: include_str!("overlay_drift.rs"),
};

impl Rule for OverlayDrift {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        let name = |overlay| context.side(overlay);
        // one finding for each line that brings differences
        let mut causes: Vec<(Origin, Vec<drift::Difference>)> = Vec::new();
        for difference in drift::differences(context, from, to) {
            if drift::allowance(context, &difference, to).is_some() {
                continue;
            }
            match causes
                .iter_mut()
                .find(|(origin, _)| *origin == difference.change.origin)
            {
                Some((_, all)) => all.push(difference),
                None => causes.push((difference.change.origin, vec![difference])),
            }
        }
        for (origin, differences) in causes {
            let Some(first) = differences.first() else {
                continue;
            };
            let mut message = first.describe(name(from), name(to));
            if differences.len() > 1 {
                message.push_str(&format!(
                    "; {} more values differ by the same line",
                    differences.len() - 1
                ));
            }
            let draft = Draft::new(Severity::Warning, origin, message);
            let draft = draft
                .help("make both alike, or allow the difference under drift.allow with a reason");
            let mut draft = draft.on(&first.resource, first.change.path());
            for (side, overlay) in [(&first.change.from, from), (&first.change.to, to)] {
                if let Some(node) = side.as_ref().filter(|node| node.origin != origin) {
                    draft = draft.related(node.origin, format!("in {}", name(overlay)));
                }
            }
            sink.report(context, Some(to), draft);
        }
    }
}
