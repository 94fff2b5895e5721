//! # overlay-drift
//!
//! ## What
//!
//! A protected environment differs from the previous environment in something that a promotion
//! should carry over unchanged:
//!
//! - in pod templates: containers, commands, arguments, names of variables, ports, probes, volumes
//!   and mounts, security contexts, and the service account;
//! - the ports of Services;
//! - the rules of NetworkPolicies;
//! - the keys of ConfigMaps.
//!
//! Images, and limits, probes, restrictions and variables that production lacks, have rules of
//! their own.
//!
//! Some differences between environments are normal and not reported: replicas, quantities,
//! namespaces, hosts, identifiers, names that contain the name of the environment, generated
//! names, and encrypted values. `gitops-lint diff staging production` shows them with `--all`.
//!
//! ## Why
//!
//! Nobody has tested what production runs. Usually somebody tried an edit in one environment and
//! forgot it there.
//!
//! ## Example
//!
//! ```yaml
//! # production's patch; staging has no such argument
//! args: [--fraud-check=off]
//! ```
//!
//! ## Fix
//!
//! Make both environments equal, or allow the difference under `drift.allow` with a reason.
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
