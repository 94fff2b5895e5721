//! # schema-violation
//!
//! ## What
//!
//! The API server rejects an object, or drops one of its fields:
//!
//! - a required field is missing, such as the image of a container;
//! - a value has the wrong type, such as a number in `env[].value`, in a label or in the data of a
//!   ConfigMap. This includes values that only become a number when Flux replaces a variable;
//! - a field is unknown or misspelt;
//! - a name, port or quantity is invalid, or two items of a list have the same name;
//! - a selector does not select the pods of its own workload.
//!
//! The rule knows these kinds: the workloads, Services, Ingresses, NetworkPolicies, autoscalers,
//! disruption budgets, roles, volumes, ConfigMaps and Secrets of Kubernetes, the Kustomization of
//! Flux and the Rollout of Argo. It does not check other kinds, encrypted objects, and values that
//! are only known in the cluster.
//!
//! It is an error. It is a warning for an unknown field that resembles no known field, and for
//! fields of a Flux Kustomization.
//!
//! ## Why
//!
//! The agent fails to apply the object. With Flux and with sync waves, nothing that comes after it
//! is applied either.
//!
//! ## Example
//!
//! ```yaml
//! env:
//!   - name: PORT
//!     value: 8080 # has to be "8080"
//! ```
//!
//! ## Fix
//!
//! Put quotes around the value, correct the name of the field, or add the missing field. If Flux
//! replaces a variable, put the quotes inside the value of the variable, or append text to it.

use crate::finding::{Cause, Severity};
use crate::kubernetes::schema::values::{self, Refusal};
use crate::kubernetes::schema::{Fault, Schema, Violation};
use crate::kustomize::{Resource, ResourceId};
use crate::names::did_you_mean;
use crate::repo::Overlay;
use crate::rules::engine::context::controls::overlay_of;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::By;

/// See the documentation above.
pub(super) struct SchemaViolation;

static METADATA: Metadata = Metadata {
    id: "schema-violation",
    category: Category::Guardrails,
    level: "error; warning for some unknown fields",
    severity: Severity::Error,
    summary: "an object that the API server rejects, or a field that it drops",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("schema_violation.rs"),
};

impl Rule for SchemaViolation {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        for resource in &overlay.rendered.resources {
            let node = &resource.node;
            if node.get("sops").is_some() {
                continue;
            }
            let (version, kind) = (resource.api_version(), resource.kind());
            for violation in Schema::built_in().violations(version, kind, node) {
                // a patch that could not be applied may add the field
                let missing = matches!(violation.fault, Fault::Missing { .. });
                if missing && !overlay.rendered.complete {
                    continue;
                }
                let draft = of_violation(&resource.id(), &resource.original.name, &violation);
                sink.report(context, Some(overlay), draft);
            }
            if overlay.rendered.complete && Schema::built_in().knows(resource) {
                for refusal in values::refused(resource) {
                    sink.report(context, Some(overlay), of_refusal(resource, refusal));
                }
            }
        }
    }
    /// Checks objects that no overlay renders. They may be patches, so missing fields are not
    /// reported.
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        for control in context.controls() {
            if control.overlay.is_some() {
                continue;
            }
            let id = control.id();
            for violation in Schema::built_in().violations(&id.api_version, &id.kind, control.node)
            {
                if matches!(violation.fault, Fault::Missing { .. }) {
                    continue;
                }
                let draft = of_violation(&id, &id.name, &violation);
                sink.report(context, overlay_of(context, control), draft);
            }
        }
    }
}

/// The finding of a violation. `name` is the object's name as first written.
fn of_violation(id: &ResourceId, name: &str, violation: &Violation) -> Draft {
    let object = format!("{} `{}`", id.kind, id.name);
    let field = readable(&violation.pointer);
    let cause = Cause::new("schema").with(&id.kind).with(name);
    let custom = id.group().contains("fluxcd.io");
    let (severity, cause, message, help) = match &violation.fault {
        Fault::WrongType {
            wanted,
            present,
            text,
        } => {
            // the values of a Secret are never shown
            let text = text.filter(|_| id.kind != "Secret");
            let value = text.map_or_else(String::new, |text| format!(" (`{}`)", shown(text)));
            (
                Severity::Error,
                cause.with(&violation.pointer).with(wanted),
                if wanted.starts_with("a quantity") && *present == "text" {
                    format!("{object}: `{field}` is not a valid quantity{value}")
                } else {
                    format!("{object}: `{field}` has to be {wanted}, but it is {present}{value}")
                },
                advice(violation, wanted, present),
            )
        }
        Fault::Missing { field: missing } => (
            Severity::Error,
            cause.with(&violation.pointer).with(missing),
            if field.is_empty() {
                format!("{object} lacks the required field `{missing}`")
            } else {
                format!("{object}: `{field}` lacks the required field `{missing}`")
            },
            format!("add `{missing}`, or correct the patch that makes this entry"),
        ),
        Fault::Unknown { field: key, near } => (
            if near.is_some() && !custom {
                Severity::Error
            } else {
                Severity::Warning
            },
            cause.with(&violation.pointer).with("unknown"),
            format!(
                "{object}: unknown field `{}`",
                if field.is_empty() { key } else { &*field }
            ),
            near.map_or_else(
                || format!("remove `{key}`, or move it to where it belongs"),
                did_you_mean,
            ),
        ),
    };
    let mut draft = Draft::new(severity, violation.origin, cause, message).help(help);
    draft.resource = Some(id.clone());
    draft.path = Some(violation.pointer.clone());
    draft
}

fn advice(violation: &Violation, wanted: &str, present: &str) -> String {
    match (wanted, present) {
        ("text", "a number" | "a boolean") if violation.origin.by == By::Flux => {
            "Flux reads the object again after it has replaced the variable, so quotes around the \
             variable are lost; write the quotes into the variable's value, such as `'\"8080\"'`"
                .to_string()
        }
        ("text", "a number" | "a boolean") => "put quotes around the value".to_string(),
        ("an integer" | "a boolean", "text") => {
            "remove the quotes, or correct the value".to_string()
        }
        _ => format!("write {wanted} here"),
    }
}

/// The finding of a value that the API server refuses.
fn of_refusal(resource: &Resource, refusal: Refusal) -> Draft {
    let object = format!("{} `{}`", resource.kind(), resource.name());
    let field = readable(&refusal.pointer);
    let cause = Cause::new(refusal.kind)
        .with(resource.kind())
        .with(&resource.original.name)
        .with(&refusal.pointer);
    let message = format!("{object}: `{field}` {}", refusal.reason);
    let mut draft = Draft::new(Severity::Error, refusal.node.origin, cause, message)
        .help(refusal.help)
        .on(resource, refusal.pointer);
    if let Some(first) = refusal
        .first
        .filter(|first| first.origin != refusal.node.origin)
    {
        draft = draft.related(first.origin, "the other value");
    }
    draft
}

/// A pointer as people write the path of a field: `spec.containers[0].image`.
fn readable(pointer: &str) -> String {
    let mut path = String::new();
    for token in pointer.split('/').skip(1) {
        if !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit()) {
            path.push_str(&format!("[{token}]"));
            continue;
        }
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(&crate::yaml::unescape_pointer(token));
    }
    path
}

/// A value as a message shows it.
fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(40).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
