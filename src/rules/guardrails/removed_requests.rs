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
//! If a chart is not in the repository, the values of its release are compared instead:
//! `resources`.
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

use crate::finding::Severity;
use crate::repo::Overlay;
use crate::rules::shared::losses::{self, Guard, Partners};
use crate::rules::{Behavior, Category, Context, Metadata, Rule, Sink};
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
    behavior: Behavior {
        also_against_base: true,
        bound_to_version: true,
        ..Metadata::USUAL
    },
    source: include_str!("removed_requests.rs"),
};

static REQUESTS: Guard = Guard {
    key: "requests",
    noun: "request",
    severity: Severity::Warning,
};

impl Rule for RemovedRequests {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        losses::report_lost(context, (from, to), sink, &REQUESTS, lost_requests);
    }
}

fn lost_requests(partners: &Partners) -> Vec<String> {
    let before = partners.from.node.at(&["resources", "requests"]);
    let after = |map: &str, key: &str| partners.to.node.at(&["resources", map, key]);
    // Kubernetes takes the limit as the request where no request is written
    let kept = |key: &str, value: &Node| {
        after("requests", key).is_some_and(|request| !request.is_null())
            || after("limits", key).is_some_and(|limit| limit.same_value(value))
    };
    before
        .map_or(&[][..], Node::entries)
        .iter()
        .filter(|entry| !kept(&entry.key, &entry.value))
        .map(|entry| entry.key.to_string())
        .collect()
}
