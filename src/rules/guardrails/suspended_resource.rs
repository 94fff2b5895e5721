//! # suspended-resource
//!
//! ## What
//!
//! A protected environment does not run something that the previous environment runs:
//!
//! - a workload with `replicas: 0`;
//! - a CronJob, CronWorkflow, HelmRelease or Flux source with `suspend: true`;
//! - a paused Deployment, Rollout or KEDA ScaledObject;
//! - an object that its agent leaves as it is: `kustomize.toolkit.fluxcd.io/reconcile: disabled`,
//!   `argocd.argoproj.io/skip-reconcile: "true"`, `argocd.argoproj.io/hook: Skip`.
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
use crate::rules::shared::left_alone;
use crate::rules::{Behavior, Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::{Node, escape_pointer};

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
            let message = match stopped.how {
                How::Scaled => {
                    let replicas = scaling::replicas(before).map_or(1, |replicas| replicas.count);
                    let plural = if replicas == 1 { "" } else { "s" };
                    format!(
                        "{kind} `{name}` is scaled to 0 {later}; it has {replicas} replica{plural} {earlier}"
                    )
                }
                How::Suspended => {
                    format!("{kind} `{name}` is suspended {later} but not {earlier}")
                }
                How::Paused => format!("{kind} `{name}` is paused {later} but not {earlier}"),
                How::LeftAlone => format!(
                    "{kind} `{name}` is left as it is in the cluster {later} but not {earlier}"
                ),
            };
            let cause = Cause::new("suspended").with(stopped.path.last().copied().unwrap_or(""));
            let severity = match since {
                Some(since) if !was_stopped(since, after) => Severity::Warning,
                _ => Severity::Info,
            };
            let draft = Draft::new(severity, stopped.value.origin, cause, message)
                .help("remove this line, or suppress the finding with the reason and an end date")
                .on(after, pointer(&stopped.path));
            sink.report(context, Some(to), draft);
        }
    }
}

/// True if the object was stopped at the base revision.
fn was_stopped(since: &Overlay, resource: &Resource) -> bool {
    let old = since.same_resource(resource);
    old.is_some_and(|old| Stopped::of(old, since).is_some())
}

fn pointer(path: &[&str]) -> String {
    let keys = path.iter().map(|key| format!("/{}", escape_pointer(key)));
    keys.collect()
}

/// The field or annotation that keeps an object from running.
struct Stopped<'a> {
    how: How,
    path: Vec<&'static str>,
    value: &'a Node,
}

#[derive(Clone, Copy)]
enum How {
    /// No pods run.
    Scaled,
    Suspended,
    /// It runs as it is, or with the number of pods that it has, until somebody resumes it.
    Paused,
    /// Its agent does not apply it.
    LeftAlone,
}

/// Annotations of KEDA that pause an autoscaler: the value that does so; any, if it is empty.
const PAUSING: [(&str, &str); 2] = [
    ("autoscaling.keda.sh/paused", "true"),
    ("autoscaling.keda.sh/paused-replicas", ""),
];

impl<'a> Stopped<'a> {
    fn of(resource: &'a Resource, overlay: &Overlay) -> Option<Stopped<'a>> {
        if let Some(stopped) = Stopped::by_annotation(resource) {
            return Some(stopped);
        }
        let switch = match resource.kind() {
            _ if can_be_suspended(resource) => Some(("suspend", How::Suspended)),
            "Deployment" | "Rollout" => Some(("paused", How::Paused)),
            _ => None,
        };
        if let Some((field, how)) = switch {
            let path = vec!["spec", field];
            let value = resource.node.at(&path);
            if let Some(value) = value.filter(|value| value.as_bool() == Some(true)) {
                return Some(Stopped { how, path, value });
            }
        }
        let replicas = scaling::replicas(resource).filter(|replicas| replicas.count == 0)?;
        let is_run_by_others = overlay.rendered.resources.iter().any(|other| {
            compatible(other.namespace(), resource.namespace()) && runs(other, resource)
        });
        (!is_run_by_others).then_some(Stopped {
            how: How::Scaled,
            path: vec!["spec", "replicas"],
            value: replicas.written?,
        })
    }

    fn by_annotation(resource: &'a Resource) -> Option<Stopped<'a>> {
        let path = |name| vec!["metadata", "annotations", name];
        let pauses = |(name, pausing): &(&'static str, &str)| {
            let value = resource.node.at(&path(*name))?;
            let text = value.text()?;
            let pauses = pausing.is_empty() || text.eq_ignore_ascii_case(pausing);
            pauses.then_some((How::Paused, *name, value))
        };
        let left_alone = left_alone::by_annotation(&resource.node);
        let left_alone = left_alone.map(|(name, value)| (How::LeftAlone, name, value));
        let found = left_alone.or_else(|| PAUSING.iter().find_map(pauses));
        found.map(|(how, name, value)| Stopped {
            how,
            path: path(name),
            value,
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
