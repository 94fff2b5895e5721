//! # removed-limits
//!
//! ## What
//!
//! A container in a protected environment lacks a limit (`resources.limits`) that the same
//! container has in the previous environment.
//!
//! If a chart is not in the repository, the values of its release are compared instead:
//! `resources`. There, a setting
//! that is only missing is a warning, because the chart may have a default.
//!
//! ## Why
//!
//! Without a limit, one leaking pod can take down its whole node. Staging tested the container
//! with the limit.
//!
//! ## Example
//!
//! ```yaml
//! # production's patch replaces all of resources
//! resources:
//!   $patch: replace
//!   requests: {cpu: 500m}
//! ```
//!
//! ## Fix
//!
//! Keep the limit in the patch. If you want to remove it, remove it in staging first, so that the
//! container is tested without it.

use crate::finding::Severity;
use crate::repo::Overlay;
use crate::rules::shared::losses::{self, Guard, Partners};
use crate::rules::{Behavior, Category, Context, Metadata, Rule, Sink};
use crate::yaml::Node;

/// See the documentation above.
pub(super) struct RemovedLimits;

static METADATA: Metadata = Metadata {
    id: "removed-limits",
    category: Category::Guardrails,
    level: "error",
    severity: Severity::Error,
    summary: "a resource limit that staging has and production lacks",
    options: &[],
    behavior: Behavior {
        also_against_base: true,
        bound_to_version: true,
        ..Metadata::USUAL
    },
    source: include_str!("removed_limits.rs"),
};

static LIMITS: Guard = Guard {
    key: "limits",
    noun: "limit",
    severity: Severity::Error,
};

impl Rule for RemovedLimits {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        losses::report_lost(context, (from, to), sink, &LIMITS, lost_limits);
    }
}

fn lost_limits(partners: &Partners) -> Vec<String> {
    let before = partners.from.node.at(&["resources", "limits"]);
    let kept = |key: &str| {
        let limit = partners.to.node.at(&["resources", "limits", key]);
        limit.is_some_and(|limit| !limit.is_null())
    };
    before
        .map_or(&[][..], Node::entries)
        .iter()
        .map(|entry| entry.key.to_string())
        .filter(|key| !kept(key))
        .collect()
}
