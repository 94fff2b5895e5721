//! # limits-below-requests
//!
//! ## What
//!
//! A container requests more of a resource than its limit allows (`resources.requests` above
//! `resources.limits`). The rule applies to every environment.
//!
//! ## Why
//!
//! The API server rejects the object. The old pods keep running, but the next restart cannot
//! replace them.
//!
//! ## Example
//!
//! ```yaml
//! resources:
//!   requests: {memory: 768Mi}   # raised by production's patch
//!   limits: {memory: 512Mi}     # still the value of the base
//! ```
//!
//! ## Fix
//!
//! Raise the limit together with the request.
//!
//! ## Options
//!
//! None.

use crate::finding::Severity;
use crate::kubernetes::quantity;
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::{By, Node, escape_pointer};

/// See the documentation above.
pub(super) struct LimitsBelowRequests;

static METADATA: Metadata = Metadata {
    id: "limits-below-requests",
    category: Category::Guardrails,
    level: "error",
    severity: Severity::Error,
    summary: "a limit that is lower than the request of the same resource",
    options: &[],
    source: include_str!("limits_below_requests.rs"),
};

impl Rule for LimitsBelowRequests {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        for workload in &context.facts(overlay).workloads {
            for container in &workload.containers {
                let Some(resources) = container.node.get("resources") else {
                    continue;
                };
                for limit in resources.get("limits").map_or(&[][..], Node::entries) {
                    let Some(request) = resources.at(&["requests", &limit.key]) else {
                        continue;
                    };
                    let value = |node: &Node| node.text().and_then(quantity::parse);
                    let (Some(most), Some(least)) = (value(&limit.value), value(request)) else {
                        continue;
                    };
                    if most >= least {
                        continue;
                    }
                    // the value that an overlay changed is the one to edit
                    let changed =
                        |node: &Node| node.replaced.is_some() || node.origin.by != By::Manifest;
                    let request_is_new = changed(request) && !changed(&limit.value);
                    let (place, other) = if request_is_new {
                        (request, &limit.value)
                    } else {
                        (&limit.value, request)
                    };
                    let text = |node: &Node| node.text().unwrap_or_default().to_string();
                    let message = format!(
                        "container {} asks for {} of {} and is limited to {}",
                        container.name,
                        text(request),
                        limit.key,
                        text(&limit.value)
                    );
                    let label = if request_is_new {
                        "the limit"
                    } else {
                        "the request"
                    };
                    let draft = Draft::new(Severity::Error, place.origin, message)
                        .help("raise the limit to at least the request");
                    let draft = draft.related(other.origin, label);
                    let pointer = format!(
                        "{}/resources/limits/{}",
                        container.pointer,
                        escape_pointer(&limit.key)
                    );
                    sink.report(context, Some(overlay), draft.on(workload.resource, pointer));
                }
            }
        }
    }
}
