//! # suspended-resource
//!
//! ## What
//!
//! A protected environment does not run something that the previous environment runs:
//!
//! - a workload with `replicas: 0`;
//! - a CronJob, CronWorkflow, HelmRelease or Flux source with `suspend: true`.
//!
//! It is a warning where the change suspends it (`--base`), and an info where it was suspended
//! before. A workload that a KEDA ScaledObject scales, or whose pods an Argo Rollout takes over
//! (`workloadRef`), may have `replicas: 0`.
//!
//! ## Why
//!
//! Somebody stopped it during an incident, or copied the setting from an environment that is
//! switched off at night. While a release is suspended, nothing that is merged reaches production.
//!
//! ## Example
//!
//! ```yaml
//! # production
//! replicas:
//!   - {name: api, count: 0}
//! ```
//!
//! ## Fix
//!
//! Remove the line. If it is intended, say so in a suppression with a date.

use crate::compare;
use crate::finding::{Cause, Severity};
use crate::kubernetes::references::compatible;
use crate::kubernetes::scaling;
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::{Behavior, Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::Node;

/// See the documentation above.
pub(super) struct SuspendedResource;

static METADATA: Metadata = Metadata {
    id: "suspended-resource",
    category: Category::Guardrails,
    level: "warning; info if it was suspended before the change",
    severity: Severity::Warning,
    summary: "a workload, job or release that production has but does not run",
    options: &[],
    behavior: Behavior {
        also_against_base: true,
        bound_to_version: true,
        ..Metadata::USUAL
    },
    source: include_str!("suspended_resource.rs"),
};

impl Rule for SuspendedResource {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        if !context.repo.protected(to) {
            return;
        }
        let since = context.at_base(to);
        for (before, after) in compare::partners(from, to, &context.repo.environments) {
            let Some(stopped) = Stopped::of(after, to) else {
                continue;
            };
            if Stopped::of(before, from).is_some() {
                continue;
            }
            let (kind, name) = (after.kind(), after.name());
            let (earlier, later) = (context.in_side(from), context.in_side(to));
            let message = match stopped.field {
                "replicas" => {
                    let replicas = scaling::replicas(before).map_or(1, |replicas| replicas.count);
                    let plural = if replicas == 1 { "" } else { "s" };
                    format!(
                        "{kind} `{name}` is scaled to 0 {later}; it has {replicas} replica{plural} {earlier}"
                    )
                }
                _ => format!("{kind} `{name}` is suspended {later} but not {earlier}"),
            };
            let cause = Cause::new("suspended").with(stopped.field);
            let severity = match since {
                Some(since) if !was_stopped(since, after) => Severity::Warning,
                _ => Severity::Info,
            };
            let draft = Draft::new(severity, stopped.value.origin, cause, message)
                .help("remove this line, or suppress the finding with the reason and an end date")
                .on(after, format!("/spec/{}", stopped.field));
            sink.report(context, Some(to), draft);
        }
    }
}

/// True if the object was stopped at the base revision.
fn was_stopped(since: &Overlay, resource: &Resource) -> bool {
    let old = since.same_resource(resource);
    old.is_some_and(|old| Stopped::of(old, since).is_some())
}

/// The field that keeps an object from running.
struct Stopped<'a> {
    field: &'static str,
    value: &'a Node,
}

impl<'a> Stopped<'a> {
    fn of(resource: &'a Resource, overlay: &Overlay) -> Option<Stopped<'a>> {
        let spec = resource.node.get("spec")?;
        if can_be_suspended(resource) {
            let value = spec.get("suspend")?;
            let stopped = Stopped {
                field: "suspend",
                value,
            };
            return (value.as_bool() == Some(true)).then_some(stopped);
        }
        let replicas = scaling::replicas(resource).filter(|replicas| replicas.count == 0)?;
        let is_run_by_others = overlay.rendered.resources.iter().any(|other| {
            compatible(other.namespace(), resource.namespace()) && runs(other, resource)
        });
        (!is_run_by_others).then_some(Stopped {
            field: "replicas",
            value: replicas.written?,
        })
    }
}

fn can_be_suspended(resource: &Resource) -> bool {
    match resource.kind() {
        "CronJob" => resource.group() == "batch",
        "CronWorkflow" => resource.group() == "argoproj.io",
        "HelmRelease" | "GitRepository" | "OCIRepository" | "HelmRepository" | "HelmChart"
        | "Bucket" => resource.group().ends_with(".toolkit.fluxcd.io"),
        _ => false,
    }
}

/// True if an object runs the pods of a workload that has no replicas of its own: a ScaledObject
/// that starts them on demand, a Rollout with `workloadRef`.
fn runs(other: &Resource, workload: &Resource) -> bool {
    let reference = match (other.kind(), other.group()) {
        ("ScaledObject", "keda.sh") => other.node.at(&["spec", "scaleTargetRef"]),
        ("Rollout", "argoproj.io") => other.node.at(&["spec", "workloadRef"]),
        _ => None,
    };
    let Some(reference) = reference else {
        return false;
    };
    let text = |key: &str| reference.get(key).and_then(Node::text);
    text("name") == Some(workload.name()) && text("kind").is_none_or(|kind| kind == workload.kind())
}
