//! # removed-requests
//!
//! ## What
//!
//! A container in a protected environment lacks a resource request (`resources.requests`) that the
//! same container has in the previous environment.
//!
//! Kubernetes uses a limit as the request if no request is set. Nothing is reported if the limit
//! equals the lost request; a higher limit is reported, because it becomes a higher request.
//!
//! ## Why
//!
//! Without requests, the scheduler places pods as if they needed nothing, and the autoscaler
//! cannot measure utilisation.
//!
//! ## Example
//!
//! ```yaml
//! # production's patch
//! resources:
//!   requests: null
//! ```
//!
//! ## Fix
//!
//! Keep the request in the patch, or remove it in staging first.
//!
//! ## Options
//!
//! None.

use crate::finding::Severity;
use crate::repo::Overlay;
use crate::rules::shared::losses::{self, Partners};
use crate::rules::{Category, Context, Metadata, Rule, Sink};
use crate::yaml::Node;

/// See the documentation above.
pub(super) struct RemovedRequests;

static METADATA: Metadata = Metadata {
    id: "removed-requests",
    category: Category::Guardrails,
    level: "warning",
    severity: Severity::Warning,
    summary: "a resource request that staging has and production lacks",
    options: &[],
    source: include_str!("removed_requests.rs"),
};

impl Rule for RemovedRequests {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn also_against_base(&self) -> bool {
        true
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        let lost = |partners: &Partners| {
            let keys = partners
                .from
                .node
                .at(&["resources", "requests"])
                .map_or(&[][..], |requests| requests.entries());
            let kept = |key: &str, value: &Node| {
                let limit = partners.to.node.at(&["resources", "limits", key]);
                partners
                    .to
                    .node
                    .at(&["resources", "requests", key])
                    .is_some()
                    || limit.is_some_and(|limit| limit.same_value(value))
            };
            keys.iter()
                .filter(|entry| !kept(&entry.key, &entry.value))
                .map(|entry| entry.key.to_string())
                .collect()
        };
        losses::report_lost(
            context,
            (from, to),
            sink,
            Severity::Warning,
            &["resources", "requests"],
            lost,
        );
    }
}
