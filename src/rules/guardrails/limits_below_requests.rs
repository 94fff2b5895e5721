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

use crate::finding::{Cause, Severity};
use crate::kubernetes::quantity;
use crate::kubernetes::workload::Container;
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::{By, Entry, Node, escape_pointer};

/// See the documentation above.
pub(super) struct LimitsBelowRequests;

static METADATA: Metadata = Metadata {
    id: "limits-below-requests",
    category: Category::Guardrails,
    level: "error",
    severity: Severity::Error,
    summary: "a limit that is lower than the request of the same resource",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("limits_below_requests.rs"),
};

impl Rule for LimitsBelowRequests {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        for workload in &context.facts(overlay).workloads {
            for container in &workload.containers {
                let resources = container.node.get("resources");
                let limits = resources.and_then(|resources| resources.get("limits"));
                for limit in limits.map_or(&[][..], Node::entries) {
                    let request = container.node.at(&["resources", "requests", &limit.key]);
                    let Some(request) = request.filter(|request| exceeds(request, &limit.value))
                    else {
                        continue;
                    };
                    let draft = draft(container, limit, request);
                    let path = format!(
                        "{}/resources/limits/{}",
                        container.pointer,
                        escape_pointer(&limit.key)
                    );
                    sink.report(context, Some(overlay), draft.on(workload.resource, path));
                }
            }
        }
    }
}

fn exceeds(request: &Node, limit: &Node) -> bool {
    let quantity = |node: &Node| node.text().and_then(quantity::parse);
    quantity(request)
        .zip(quantity(limit))
        .is_some_and(|(request, limit)| request > limit)
}

fn draft(container: &Container, limit: &Entry, request: &Node) -> Draft {
    // the value that an overlay changed is the one to edit
    let is_changed = |node: &Node| node.replaced.is_some() || node.origin.by != By::Manifest;
    let (edited, other, label) = if is_changed(request) && !is_changed(&limit.value) {
        (request, &limit.value, "the limit")
    } else {
        (&limit.value, request, "the request")
    };
    let resource = if &*limit.key == "cpu" {
        "CPU"
    } else {
        &*limit.key
    };
    let requested = request.text().unwrap_or_default();
    let message = format!(
        "container `{}` has a {resource} limit of {}, below its request of {requested}",
        container.name,
        limit.value.text().unwrap_or_default(),
    );
    let cause = Cause::new("limit-below-request")
        .with(container.name)
        .with(&limit.key)
        .with(requested);
    Draft::new(Severity::Error, edited.origin, cause, message)
        .help(format!(
            "raise the limit to at least {requested}, or lower the request"
        ))
        .related(other.origin, label)
}
