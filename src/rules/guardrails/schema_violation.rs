//! # schema-violation
//!
//! ## What
//!
//! The API server rejects an object:
//!
//! - a required field is missing, such as the image of a container;
//! - a value has the wrong type, such as a number in `env[].value`, in a label or in the data of a
//!   ConfigMap. This includes values that only become a number when Flux replaces a variable;
//! - a value is not one of those that are allowed, is too large or too small, or does not match the
//!   pattern of its schema;
//! - a name, label, key, port, host, quantity or cron schedule is invalid, or two items of a list
//!   have the same name;
//! - a selector does not select the pods of its own workload;
//! - a custom resource breaks a rule of its CustomResourceDefinition (`x-kubernetes-validations`), after
//!   the defaults of the schema are filled in. Rules about the value before a change are not checked.
//!
//! The rule knows all kinds of Kubernetes in the version of the environment (`kubernetes` in the
//! configuration; the newest one if it is not set). It checks custom resources by the
//! CustomResourceDefinitions in the repository, and by the schema files in the folders that
//! `schemas` of the configuration names. If the repository has none for a kind, it
//! uses built-in schemas for the resources of Argo CD, Argo Rollouts, Flux, External Secrets,
//! cert-manager, the Prometheus operator, Sealed Secrets, the Gateway API and KEDA. A schema that
//! cannot be read is reported, and checks nothing.
//!
//! The rule does not check encrypted objects, and values that are only known in the cluster.
//!
//! It is an error. It is a warning for a limit of a built-in schema of a custom resource, because
//! the cluster may have another version of it, and for a variable that a container has twice.
//!
//! A missing field is not reported in an object that an agent merges into one of the cluster: with
//! `ServerSideApply=true` of Argo CD, or `ssa: Merge` of Flux, in its annotations.
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
//! Put quotes around the value, correct it, or add the missing field. If Flux replaces a variable,
//! put the quotes inside the value of the variable, or append text to it.

use crate::finding::{Cause, Severity};
use crate::kubernetes::schema::{BrokenSchema, Fault, Refusal, Source, Violation, values};
use crate::kustomize::{Resource, ResourceId};
use crate::names::did_you_mean;
use crate::repo::Overlay;
use crate::rules::engine::context::Contradiction;
use crate::rules::engine::context::controls::overlay_of;
use crate::rules::shared::objects::{readable, shown};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::{By, Node};

/// See the documentation above.
pub(super) struct SchemaViolation;

static METADATA: Metadata = Metadata {
    id: "schema-violation",
    category: Category::Guardrails,
    level: "error; warning for some limits",
    severity: Severity::Error,
    summary: "an object that the API server rejects",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("schema_violation.rs"),
};

impl Rule for SchemaViolation {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        for contradiction in context.contradictions_of(overlay) {
            let Contradiction {
                resource,
                violation,
                source,
            } = contradiction;
            if violation.fault.is_lack() && is_part(resource) {
                continue;
            }
            let name = &resource.original.name;
            if let Some(draft) = of_violation(&resource.id(), name, violation, *source) {
                sink.report(context, Some(overlay), draft);
            }
        }
        for resource in &overlay.rendered.resources {
            for draft in broken(context, resource) {
                sink.report(context, Some(overlay), draft);
            }
        }
        if overlay.rendered.complete {
            let resources = overlay.rendered.resources.iter();
            for resource in resources.filter(|resource| resource.node.get("sops").is_none()) {
                for refusal in values::refused(resource) {
                    sink.report(context, Some(overlay), of_refusal(resource, refusal));
                }
            }
        }
    }
    /// Checks definitions in files, and objects that no overlay renders. They may be patches, so missing fields are not
    /// reported.
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        for (kind, broken) in context.definitions().broken_in_files() {
            sink.report(context, None, of_broken(kind, &broken));
        }
        for control in context.controls() {
            if control.overlay.is_some() {
                continue;
            }
            let (id, overlay) = (control.id(), overlay_of(context, control));
            let found = context.contradictions(overlay, (&id.api_version, &id.kind), control.node);
            for (violation, source) in found
                .iter()
                .flat_map(|(all, source)| all.iter().map(move |one| (one, *source)))
            {
                if violation.fault.is_lack() {
                    continue;
                }
                if let Some(draft) = of_violation(&id, &id.name, violation, source) {
                    sink.report(context, overlay, draft);
                }
            }
        }
    }
}

/// True if an agent merges an object into one that something else made, so that it may be incomplete.
fn is_part(resource: &Resource) -> bool {
    let marks = [
        ("argocd.argoproj.io/sync-options", "ServerSideApply=true"),
        ("kustomize.toolkit.fluxcd.io/ssa", "Merge"),
    ];
    marks.into_iter().any(|(name, mark)| {
        let value = resource.node.at(&["metadata", "annotations", name]);
        let mut words = value.and_then(Node::text).unwrap_or_default().split(',');
        words.any(|word| word.trim().eq_ignore_ascii_case(mark))
    })
}

/// A message of a rule, in one line of limited length.
fn sentence(message: &str) -> String {
    let words: Vec<&str> = message.split_whitespace().collect();
    words.join(" ").chars().take(300).collect()
}

/// The findings about schemas of a CustomResourceDefinition that cannot be read.
fn broken(context: &Context, resource: &Resource) -> Vec<Draft> {
    let Some(definition) = context.definitions().at(&resource.node) else {
        return Vec::new();
    };
    let kind = resource.node.at(&["spec", "names", "kind"]);
    let kind = kind.and_then(Node::text).unwrap_or_default();
    let drafts = definition.broken().map(|one| of_broken(kind, &one));
    drafts.map(|draft| draft.on(resource, "")).collect()
}

/// The finding about a schema that cannot be read.
fn of_broken(kind: &str, broken: &BrokenSchema) -> Draft {
    let message = format!(
        "the schema of {kind} version `{}` {}",
        broken.version, broken.reason
    );
    let cause = Cause::new("broken-schema").with(kind).with(broken.version);
    Draft::new(Severity::Error, broken.origin, cause, message)
        .help("correct the schema; until then, no object of this kind is checked")
}

/// The finding of a violation. `name` is the object's name as first written. Unknown fields are
/// findings of another rule.
fn of_violation(
    id: &ResourceId,
    name: &str,
    violation: &Violation,
    source: Source,
) -> Option<Draft> {
    let object = format!("{} `{}`", id.kind, id.name);
    let field = readable(&violation.pointer);
    let cause = Cause::new("schema").with(&id.kind).with(name);
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
        Fault::Refused { kind, reason } => (
            if source == Source::Embedded {
                Severity::Warning
            } else {
                Severity::Error
            },
            cause.with(&violation.pointer).with(kind),
            if field.is_empty() {
                format!("{object} {reason}")
            } else {
                format!("{object}: `{field}` {reason}")
            },
            "use a value that the schema of this kind allows".to_string(),
        ),
        Fault::Rule { message } => (
            Severity::Error,
            cause.with(&violation.pointer).with("rule").with(message),
            if field.is_empty() {
                format!("{object}: {}", sentence(message))
            } else {
                format!("{object}: `{field}`: {}", sentence(message))
            },
            "use a value that the rules of this kind allow".to_string(),
        ),
        Fault::Duplicate { key, .. } => (
            if source == Source::BuiltIn {
                Severity::Warning
            } else {
                Severity::Error
            },
            cause.with(&violation.pointer).with("duplicate").with(key),
            format!("{object}: `{field}` has `{}` twice", shown(key)),
            "remove one of the two; Flux refuses the object, and other agents use the last one"
                .to_string(),
        ),
        // without `apiVersion`, the kind itself is not known
        Fault::Unknown { field: key, near } if violation.pointer.is_empty() => (
            Severity::Error,
            cause.with("unknown"),
            format!("{object} lacks the required field `apiVersion`, and has `{key}`"),
            near.as_deref().map_or_else(String::new, did_you_mean),
        ),
        Fault::Unknown { .. } | Fault::Unserved { .. } => return None,
    };
    let mut draft = Draft::new(severity, violation.origin, cause, message).help(help);
    if let Fault::Duplicate { first, .. } = &violation.fault {
        draft = draft.related(*first, "the other one");
    }
    draft.resource = Some(id.clone());
    draft.path = Some(violation.pointer.clone());
    Some(draft)
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
