//! # missing-limits
//!
//! ## What
//!
//! A container in a protected environment has no memory limit, and the same container in the
//! previous environment has none either. (If the previous environment has a limit,
//! `removed-limits` reports the difference.)
//!
//! Init containers, custom resources whose operator completes the pod, and namespaces with a
//! LimitRange in the overlay are not checked.
//!
//! ## Why
//!
//! Without a memory limit, only the node stops a leak, and it then evicts other pods.
//!
//! ## Example
//!
//! ```yaml
//! containers:
//!   - name: api        # no resources at all
//!     image: ghcr.io/acme/api@sha256:…
//! ```
//!
//! ## Fix
//!
//! Set `resources.limits.memory` in the base, so that every environment gets it.
//!
//! ## Options
//!
//! - `resources`: which limits every container must have, `[memory]` unless set; `[cpu, memory]`
//!   asks for both.

use crate::finding::Severity;
use crate::kubernetes::workload::Role;
use crate::repo::Overlay;
use crate::rules::shared::losses;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};

/// See the documentation above.
pub(super) struct MissingLimits;

static METADATA: Metadata = Metadata {
    id: "missing-limits",
    category: Category::Guardrails,
    level: "warning in protected environments",
    severity: Severity::Warning,
    summary: "a container of production without a memory limit",
    options: &[(
        "resources",
        "which limits every container must have; [memory] unless set",
    )],
    source: include_str!("missing_limits.rs"),
};

impl Rule for MissingLimits {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        if !context.repo.protected(overlay) || !overlay.rendered.complete {
            return;
        }
        if overlay
            .rendered
            .resources
            .iter()
            .any(|resource| resource.kind() == "LimitRange")
        {
            return;
        }
        let configured = context.option_list("missing-limits", "resources");
        let wanted = if configured.is_empty() {
            vec!["memory"]
        } else {
            configured
        };
        let pair = context
            .index(overlay)
            .and_then(|index| context.repo.pairs.iter().find(|pair| pair.to == index));
        let lost = pair
            .and_then(|pair| context.repo.overlays.get(pair.from))
            .map_or(Vec::new(), |from| losses::partners(context, from, overlay));
        for workload in context
            .facts(overlay)
            .workloads
            .iter()
            .filter(|workload| workload.builtin)
        {
            for container in workload
                .containers
                .iter()
                .filter(|container| container.role == Role::Main)
            {
                let missing: Vec<&str> = wanted
                    .iter()
                    .copied()
                    .filter(|name| container.node.at(&["resources", "limits", name]).is_none())
                    .collect();
                let same = |other: &&losses::Partners| std::ptr::eq(other.to.node, container.node);
                let partner = lost.iter().find(same);
                let told = missing.iter().any(|name| {
                    partner.is_some_and(|partner| {
                        partner
                            .from
                            .node
                            .at(&["resources", "limits", name])
                            .is_some()
                    })
                });
                if missing.is_empty() || told {
                    continue;
                }
                let place = container
                    .node
                    .entry("resources")
                    .map(|entry| entry.key_origin);
                let place = place
                    .or_else(|| container.node.get("name").map(|name| name.origin))
                    .unwrap_or(container.node.origin);
                let message = format!(
                    "container {} has no limit of {}",
                    container.name,
                    missing.join(" and ")
                );
                let draft = Draft::new(Severity::Warning, place, message);
                let draft = draft.help(format!(
                    "set resources.limits.{}",
                    missing.join(" and resources.limits.")
                ));
                sink.report(
                    context,
                    Some(overlay),
                    draft.on(
                        workload.resource,
                        format!("{}/resources/limits", container.pointer),
                    ),
                );
            }
        }
    }
}
