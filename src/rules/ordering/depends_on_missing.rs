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

use crate::config::CONFIG_FILE;
use crate::finding::{Cause, Severity};
use crate::names::{did_you_mean, nearest};
use crate::rules::engine::context::controls::Control;
use crate::rules::engine::context::controls::overlay_of;
use crate::rules::engine::context::depends_on::Edge;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::Node;

/// See the documentation above.
pub(super) struct DependsOnMissing;

static METADATA: Metadata = Metadata {
    id: "depends-on-missing",
    category: Category::Ordering,
    level: "error; warning if the cluster also applies other repositories",
    severity: Severity::Error,
    summary: "a Flux object that waits for an object that does not exist",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("depends_on_missing.rs"),
};

impl Rule for DependsOnMissing {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let missing = context.waits().iter().filter(|edge| edge.to.is_none());
        let reported = |edge: &&Edge| !is_external(context, edge) && !stands_in_file(context, edge);
        for edge in missing.filter(reported) {
            let severity = if foreign(context, edge) {
                Severity::Warning
            } else {
                Severity::Error
            };
            let kind = edge.from.text(&["kind"]).unwrap_or_default();
            let cause = edge.namespace.into_iter().fold(
                Cause::new("missing-dependency").with(kind).with(edge.name),
                Cause::with,
            );
            let message = message(context, edge, kind);
            let mut draft = Draft::new(severity, edge.entry.origin, cause, message)
                .help(advice(context, edge, kind));
            draft.resource = Some(edge.from.id());
            draft.path = Some(edge.path.clone());
            sink.report(context, overlay_of(context, &edge.from), draft);
        }
    }
}

/// The objects of the name that something waits for, of any kind.
fn of_name<'c, 'a>(
    context: &'c Context<'a>,
    edge: &'c Edge,
) -> impl Iterator<Item = &'c Control<'a>> {
    let controls = context.controls().iter();
    controls.filter(|other| other.name() == edge.name)
}

fn message(context: &Context, edge: &Edge, kind: &str) -> String {
    let namespace = edge
        .namespace
        .map(|namespace| format!(" in namespace `{namespace}`"))
        .unwrap_or_default();
    let waits = format!(
        "{kind} `{}` waits for {kind} `{}`{namespace}",
        edge.from.name(),
        edge.name
    );
    let environment = |control: &Control| {
        let index = control.environment?;
        let environment = context.repo.environments.get(index)?;
        Some(environment.name.as_str())
    };
    let same_kind = of_name(context, edge).find(|other| other.text(&["kind"]) == Some(kind));
    let elsewhere = same_kind.filter(|other| !other.reaches(edge.from.environment));
    match (elsewhere.and_then(environment), environment(&edge.from)) {
        (Some(there), Some(here)) => {
            format!("{waits}, which exists in {there} but not in {here}")
        }
        _ => format!("{waits}, which does not exist"),
    }
}

fn advice(context: &Context, edge: &Edge, kind: &str) -> String {
    let same_kind = of_name(context, edge).find(|other| other.text(&["kind"]) == Some(kind));
    let other_kind = of_name(context, edge)
        .find(|other| matches!(other.text(&["kind"]), Some("Kustomization" | "HelmRelease")));
    let names: Vec<&str> = context
        .controls()
        .iter()
        .filter(|other| other.text(&["kind"]) == Some(kind) && other.reaches(edge.from.environment))
        .map(Control::name)
        .filter(|name| *name != edge.from.name())
        .collect();
    match (same_kind, other_kind, nearest(edge.name, &names)) {
        (Some(other), _, _) if other.reaches(edge.from.environment) => format!(
            "add `namespace: {}` to the entry: that is where it is",
            other.namespace().unwrap_or_default()
        ),
        (None, Some(other), _) => format!(
            "a {} has this name, but a {kind} can only wait for another {kind}",
            other.text(&["kind"]).unwrap_or_default()
        ),
        (_, _, Some(meant)) => did_you_mean(meant),
        _ => format!(
            "correct the name, remove the entry, or declare the {kind} under `external` in {CONFIG_FILE}"
        ),
    }
}

/// True if the configuration declares the missing object as external.
fn is_external(context: &Context, edge: &Edge) -> bool {
    let index = edge.from.environment;
    let environment = index.and_then(|index| context.repo.environments.get(index));
    let kind = edge.from.text(&["kind"]).unwrap_or_default();
    let mut entries = context.config.external.iter();
    entries.any(|external| external.covers(kind, edge.name, edge.namespace, environment))
}

/// True if a file has the missing object although the overlays that render it give it another
/// namespace or name: the folder may be applied by itself, as a base beside a variant of it.
fn stands_in_file(context: &Context, edge: &Edge) -> bool {
    context.repo.controls().iter().any(|control| {
        let control = Control {
            node: &control.node,
            overlay: None,
            environment: control.environment,
        };
        control.text(&["kind"]) == edge.from.text(&["kind"])
            && control.name() == edge.name
            && (edge.namespace.is_none() || control.namespace() == edge.namespace)
            && control.reaches(edge.from.environment)
    })
}

/// True if a Kustomization in the same place reads another source. That repository may contain the
/// missing object.
fn foreign(context: &Context, edge: &Edge) -> bool {
    let source = |control: &Control| {
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
