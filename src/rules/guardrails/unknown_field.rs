//! # unknown-field
//!
//! ## What
//!
//! An object has a field that its kind does not have:
//!
//! - a misspelt field, such as `dependson`;
//! - a field at the wrong place, such as `resources` beside `containers`;
//! - a field that the Kubernetes version of the environment does not have yet, or no longer has.
//!
//! The rule uses the same schemas as `schema-violation`.
//!
//! It is an error. It is a warning for a field that resembles no known field, and for fields of
//! custom resources that only a built-in schema describes. The cluster may have another version of
//! their kind, so their fields are only reported if they are nearly spelt like a known one.
//!
//! ## Why
//!
//! The API server drops the field without an error, or the agent refuses to apply the object. In
//! both cases the setting does not take effect.
//!
//! ## Example
//!
//! ```yaml
//! containers:
//!   - name: api
//!     readinesProbe: # has to be readinessProbe
//!       httpGet: {path: /healthz, port: 8080}
//! ```
//!
//! ## Fix
//!
//! Correct the name of the field, move it to where it belongs, or remove it. If the cluster has the
//! field, set its version as `kubernetes` of the environment, or commit the
//! CustomResourceDefinition.

use std::collections::HashSet;

use crate::finding::{Cause, Severity};
use crate::kubernetes::schema::{Fault, Release, Source, Violation};
use crate::kustomize::ResourceId;
use crate::names::did_you_mean;
use crate::repo::Overlay;
use crate::rules::engine::context::controls::overlay_of;
use crate::rules::shared::objects::readable;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::Origin;

/// See the documentation above.
pub(super) struct UnknownField;

static METADATA: Metadata = Metadata {
    id: "unknown-field",
    category: Category::Guardrails,
    level: "error; warning if the field resembles no known one",
    severity: Severity::Error,
    summary: "a field that its kind does not have, so that the API server drops it",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("unknown_field.rs"),
};

impl Rule for UnknownField {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        let found = context.contradictions_of(overlay);
        if found.is_empty() {
            return;
        }
        let (reported, release) = (misspelt(context), context.release_of(Some(overlay)).0);
        for one in found {
            let name = &one.resource.original.name;
            if reported.contains(&one.violation.origin) {
                continue;
            }
            if let Some(draft) = draft(
                &one.resource.id(),
                name,
                &one.violation,
                (one.source, release),
            ) {
                sink.report(context, Some(overlay), draft);
            }
        }
    }
    /// Checks objects that no overlay renders.
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let reported = misspelt(context);
        for control in context.controls() {
            if control.overlay.is_some() {
                continue;
            }
            let (id, overlay) = (control.id(), overlay_of(context, control));
            let Some((found, source)) =
                context.contradictions(overlay, (&id.api_version, &id.kind), control.node)
            else {
                continue;
            };
            let release = context.release_of(overlay).0;
            for violation in found.iter().filter(|one| !reported.contains(&one.origin)) {
                if let Some(draft) = draft(&id, &id.name, violation, (source, release)) {
                    sink.report(context, overlay, draft);
                }
            }
        }
    }
}

/// The fields that are reported as mistakes of agents' objects.
fn misspelt(context: &Context) -> HashSet<Origin> {
    let mistakes = context.repo.mistakes().iter();
    mistakes.map(|mistake| mistake.origin).collect()
}

/// The finding of a violation, if it is about an unknown field.
fn draft(
    id: &ResourceId,
    name: &str,
    violation: &Violation,
    (source, release): (Source, Release),
) -> Option<Draft> {
    let object = format!("{} `{}`", id.kind, id.name);
    let path = readable(&violation.pointer);
    let (severity, message, help) = match &violation.fault {
        Fault::Unknown { .. } if violation.pointer.is_empty() => return None,
        Fault::Unknown { field, near } => (
            if near.is_some() && source != Source::Embedded {
                Severity::Error
            } else {
                Severity::Warning
            },
            format!(
                "{object}: unknown field `{}`",
                if path.is_empty() {
                    field
                } else {
                    path.as_str()
                }
            ),
            near.as_deref().map_or_else(
                || format!("remove `{field}`, or move it to where it belongs"),
                did_you_mean,
            ),
        ),
        Fault::Unserved {
            field,
            since,
            until,
        } => (
            Severity::Error,
            match (since, until) {
                (Some(since), _) => format!(
                    "{object}: `{path}` needs Kubernetes 1.{since}, but this environment runs {release}"
                ),
                (_, Some(until)) => format!(
                    "{object}: Kubernetes removed `{path}` after 1.{until}, and this environment runs {release}"
                ),
                _ => return None,
            },
            format!("remove `{field}`, or correct `kubernetes` of the environment"),
        ),
        _ => return None,
    };
    let cause = Cause::new("schema")
        .with(&id.kind)
        .with(name)
        .with(&violation.pointer)
        .with("unknown");
    let mut draft = Draft::new(severity, violation.origin, cause, message).help(help);
    draft.resource = Some(id.clone());
    draft.path = Some(violation.pointer.clone());
    Some(draft)
}
