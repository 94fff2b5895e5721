//! # unawaited-dependency
//!
//! ## What
//!
//! A Flux Kustomization waits for another one with `dependsOn`. The other one applies workloads or
//! Helm releases, which need time to become ready, but has neither `wait: true` nor health checks.
//! (Flux always waits for CustomResourceDefinitions.)
//!
//! ## Why
//!
//! Flux considers the dependency ready as soon as its objects are applied. On a new cluster, the
//! API server rejects custom resources until the Helm release has installed their kinds. On an
//! existing cluster, both are updated at the same time.
//!
//! ## Example
//!
//! ```yaml
//! # clusters/production/config.yaml waits for infrastructure
//! spec:
//!   dependsOn: [{name: infrastructure}]
//! # clusters/production/infrastructure.yaml applies a HelmRelease, without `wait: true`
//! ```
//!
//! ## Fix
//!
//! Set `wait: true` in the dependency, or list the objects that have to be ready under
//! `healthChecks`.

use crate::finding::{Cause, Severity};
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::engine::context::applying::applied_by;
use crate::rules::engine::context::controls::{Control, overlay_of};
use crate::rules::engine::context::depends_on::Edge;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::Node;

const GROUP: &str = "kustomize.toolkit.fluxcd.io";
/// Kinds that are not ready as soon as they are applied.
const SLOW: [&str; 5] = [
    "HelmRelease",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "Job",
];

/// See the documentation above.
pub(super) struct UnawaitedDependency;

static METADATA: Metadata = Metadata {
    id: "unawaited-dependency",
    category: Category::Ordering,
    level: "info",
    severity: Severity::Info,
    summary: "a Flux Kustomization that others wait for, but that does not wait for its own objects",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("unawaited_dependency.rs"),
};

impl Rule for UnawaitedDependency {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        for edge in context.waits() {
            let Some(dependency) = edge.to.and_then(|to| context.controls().get(to)) else {
                continue;
            };
            if !dependency.is("Kustomization", GROUP) || is_awaited(dependency) || has_test(edge) {
                continue;
            }
            let Some(slow) = applied_by(context, dependency.node.origin).and_then(slow_object)
            else {
                continue;
            };
            let message = format!(
                "Kustomization `{}` waits for `{}`, which does not wait until its {} `{}` is ready",
                edge.from.name(),
                dependency.name(),
                slow.kind(),
                slow.name()
            );
            let name = dependency.node.at(&["metadata", "name"]);
            let origin = name.map_or(dependency.node.origin, |name| name.origin);
            let cause = Cause::new("unawaited").with(dependency.name());
            let mut draft = Draft::new(Severity::Info, origin, cause, message)
                .help(format!(
                    "set `wait: true` in `{}`, or list the {} under `healthChecks`",
                    dependency.name(),
                    slow.kind()
                ))
                .related(edge.entry.origin, "this entry waits for it");
            draft.resource = Some(dependency.id());
            draft.path = Some("/spec".to_string());
            sink.report(context, overlay_of(context, dependency), draft);
        }
    }
}

/// True if a Kustomization waits for its objects.
fn is_awaited(dependency: &Control) -> bool {
    let spec = |key: &str| dependency.node.at(&["spec", key]);
    let listed = |key: &str| spec(key).is_some_and(|list| !list.items().is_empty());
    // a variable may be `true`
    spec("wait").is_some_and(|wait| wait.as_bool() != Some(false))
        || listed("healthChecks")
        || listed("healthCheckExprs")
}

/// True if the entry has an expression (`readyExpr`) that decides when the dependency is ready.
fn has_test(edge: &Edge) -> bool {
    let entry = edge.path.strip_suffix("/name");
    let entry = entry.and_then(|path| edge.from.node.pointer(path));
    entry.is_some_and(|entry| entry.get("readyExpr").is_some())
}

fn slow_object(overlay: &Overlay) -> Option<&Resource> {
    let resources = &overlay.rendered.resources;
    resources.iter().find(|resource| {
        let suspended = resource
            .node
            .at(&["spec", "suspend"])
            .and_then(Node::as_bool);
        SLOW.contains(&resource.kind()) && suspended != Some(true)
    })
}
