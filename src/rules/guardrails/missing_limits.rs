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
//! Without a memory limit, a leak grows until the node runs out of memory and evicts other pods.
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

use crate::config::{More, RuleOption, TextsOption};
use crate::finding::{Cause, Severity};
use crate::kubernetes::workload::{Container, Role};
use crate::repo::Overlay;
use crate::rules::shared::losses::{self, Partners};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::wording;

/// See the documentation above.
pub(super) struct MissingLimits;

static METADATA: Metadata = Metadata {
    id: "missing-limits",
    category: Category::Guardrails,
    level: "warning in protected environments",
    severity: Severity::Warning,
    summary: "a container of production without a memory limit",
    options: &[RuleOption::Texts(&RESOURCES)],
    behavior: Metadata::USUAL,
    source: include_str!("missing_limits.rs"),
};

static RESOURCES: TextsOption = TextsOption {
    name: "resources",
    summary: "resources for which every container must have a limit; `[cpu, memory]` asks for both",
    default: &["memory"],
    more: More::Tightens,
};

impl Rule for MissingLimits {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        let resources = &overlay.rendered.resources;
        let has_defaults = resources
            .iter()
            .any(|resource| resource.kind() == "LimitRange");
        if !context.repo.protected(overlay) || !overlay.rendered.complete || has_defaults {
            return;
        }
        let wanted = METADATA.texts(context.config, &RESOURCES);
        let partners = partners(context, overlay);
        let workloads = context.facts(overlay).workloads.iter();
        for workload in workloads.filter(|workload| workload.builtin) {
            for container in &workload.containers {
                let missing = missing(container, &wanted);
                let reported_as_lost = partners
                    .iter()
                    .filter(|partners| std::ptr::eq(partners.to.node, container.node))
                    .any(|partners| missing.iter().any(|name| has_limit(&partners.from, name)));
                if container.role == Role::Main && !missing.is_empty() && !reported_as_lost {
                    let draft = draft(container, &missing);
                    let path = format!("{}/resources/limits", container.pointer);
                    sink.report(context, Some(overlay), draft.on(workload.resource, path));
                }
            }
        }
    }
}

/// The containers that the previous environment also has. A limit that they have there and lack
/// here is reported by `removed-limits`, not by this rule.
fn partners<'a>(context: &'a Context, overlay: &'a Overlay) -> Vec<Partners<'a>> {
    let from = context.repo.earlier(overlay);
    from.map_or(Vec::new(), |from| losses::partners(context, from, overlay))
}

fn has_limit(container: &Container, name: &str) -> bool {
    container.node.at(&["resources", "limits", name]).is_some()
}

fn missing<'w>(container: &Container, wanted: &[&'w str]) -> Vec<&'w str> {
    let wanted = wanted.iter().copied();
    wanted.filter(|name| !has_limit(container, name)).collect()
}

fn draft(container: &Container, missing: &[&str]) -> Draft {
    let resources = container
        .node
        .entry("resources")
        .map(|entry| entry.key_origin);
    let name = || container.node.get("name").map(|name| name.origin);
    let origin = resources.or_else(name).unwrap_or(container.node.origin);
    let message = format!(
        "container `{}` has no {} limit",
        container.name,
        missing.join(" or ").replace("cpu", "CPU")
    );
    let keys: Vec<String> = missing
        .iter()
        .map(|name| format!("`resources.limits.{name}`"))
        .collect();
    let cause = missing.iter().fold(
        Cause::new("no-limit").with(container.name),
        |cause, name| cause.with(name),
    );
    Draft::new(Severity::Warning, origin, cause, message)
        .help(format!("set {}", wording::list(&keys)))
}
