//! # depends-on-missing
//!
//! ## What
//!
//! The `dependsOn` of a Flux Kustomization or HelmRelease names an object that is not in the
//! repository, or only in another environment. A Kustomization can only wait for Kustomizations,
//! and a HelmRelease only for HelmReleases. Objects under `external` in the configuration are not
//! reported.
//!
//! It is an error. It is a warning if the cluster also applies other repositories, which may
//! contain the object.
//!
//! ## Why
//!
//! Flux waits forever. It never applies the object, and no later update reaches the cluster.
//!
//! ## Example
//!
//! ```yaml
//! # clusters/production/checkout.yaml
//! spec:
//!   dependsOn:
//!     - name: notification-service # was renamed to notifications
//! ```
//!
//! ## Fix
//!
//! Correct the name or the namespace, or remove the entry.
//!
//! ## Options
//!
//! None.

use crate::finding::Severity;
use crate::names::nearest;
use crate::rules::shared::availability::matches;
use crate::rules::shared::depends_on::{Edge, overlay_of};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::Node;

/// See the documentation above.
pub(super) struct DependsOnMissing;

static METADATA: Metadata = Metadata {
    id: "depends-on-missing",
    category: Category::Ordering,
    level: "error; warning where other repositories are applied as well",
    severity: Severity::Error,
    summary: "a Flux object that waits for one which does not exist",
    options: &[],
    source: include_str!("depends_on_missing.rs"),
};

impl Rule for DependsOnMissing {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        for edge in context
            .waits()
            .iter()
            .filter(|edge| edge.to.is_none() && !is_external(context, edge))
        {
            let kind = edge.from.text(&["kind"]).unwrap_or_default();
            let place = edge
                .namespace
                .map(|namespace| format!(" in namespace {namespace}"))
                .unwrap_or_default();
            let overlay = overlay_of(context, &edge.from);
            let others = || {
                context
                    .controls()
                    .iter()
                    .filter(|other| other.name() == edge.name)
            };
            let same_kind = others().find(|other| other.text(&["kind"]) == Some(kind));
            let environment = |control: &crate::rules::shared::controls::Control| {
                control
                    .environment
                    .and_then(|index| context.repo.environments.get(index))
                    .map(|environment| environment.name.clone())
            };
            let message = match same_kind.map(|other| (other, environment(other))) {
                Some((_, Some(there)))
                    if same_kind.is_some_and(|other| !other.reaches(edge.from.environment)) =>
                {
                    let here =
                        environment(&edge.from).unwrap_or_else(|| "this environment".to_string());
                    format!(
                        "{} waits for {kind} {}{place}, which {there} has and {here} has not",
                        edge.from.name(),
                        edge.name
                    )
                }
                _ => format!(
                    "{} waits for {kind} {}{place}, which does not exist",
                    edge.from.name(),
                    edge.name
                ),
            };
            let draft = Draft::new(
                if foreign(context, edge) {
                    Severity::Warning
                } else {
                    Severity::Error
                },
                edge.entry.origin,
                message,
            );
            let beside = context.controls().iter().filter(|other| {
                other.text(&["kind"]) == Some(kind) && other.reaches(edge.from.environment)
            });
            let names: Vec<&str> = beside
                .map(|other| other.name())
                .filter(|name| *name != edge.from.name())
                .collect();
            let other_kind = others().find(|other| {
                matches!(other.text(&["kind"]), Some("Kustomization" | "HelmRelease"))
            });
            let help = match (same_kind, other_kind, nearest(edge.name, &names)) {
                (Some(other), _, _) if other.reaches(edge.from.environment) => {
                    format!(
                        "it is in namespace {}: name the namespace",
                        other.namespace().unwrap_or_default()
                    )
                }
                (None, Some(other), _) => format!(
                    "there is a {} of this name, but a {kind} waits for objects of its own kind only",
                    other.text(&["kind"]).unwrap_or_default()
                ),
                (_, _, Some(meant)) => format!("did you mean `{meant}`?"),
                _ => format!(
                    "correct the name, remove the entry, or declare the {kind} under `external`"
                ),
            };
            let mut draft = draft.help(help);
            draft.resource = Some(edge.from.id());
            draft.path = Some(edge.path.clone());
            sink.report(context, overlay, draft);
        }
    }
}

/// Whether the configuration says that it exists elsewhere.
fn is_external(context: &Context, edge: &Edge) -> bool {
    let here = edge
        .from
        .environment
        .and_then(|index| context.repo.environments.get(index))
        .map(|environment| environment.name.as_str());
    context.config.external.iter().any(|external| {
        Some(external.kind.as_str()) == edge.from.text(&["kind"])
            && matches(&external.name, edge.name)
            && (external.namespace.is_none()
                || edge.namespace.is_none()
                || external.namespace.as_deref() == edge.namespace)
            && (external.environments.is_empty()
                || here.is_some_and(|here| external.environments.iter().any(|name| name == here)))
    })
}

/// Whether something applies objects here that are not in this repo: a source that is no
/// GitRepository, or one with another URL than the object's own.
fn foreign(context: &Context, edge: &Edge) -> bool {
    let source = |control: &crate::rules::shared::controls::Control| {
        let text = |key: &str| {
            control
                .node
                .at(&["spec", "sourceRef", key])
                .and_then(Node::text)
                .unwrap_or_default()
                .to_string()
        };
        (text("kind"), text("name"))
    };
    let own = source(&edge.from);
    let kustomizations = context
        .controls()
        .iter()
        .filter(|control| control.is("Kustomization", "kustomize.toolkit.fluxcd.io"));
    edge.from.is("Kustomization", "kustomize.toolkit.fluxcd.io")
        && kustomizations
            .filter(|other| other.reaches(edge.from.environment))
            .any(|other| source(other) != own)
}
