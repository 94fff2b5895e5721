//! # deprecated-api
//!
//! ## What
//!
//! The cluster still serves the API version of an object, but a later version of Kubernetes removes
//! it. The same holds for a version that a CustomResourceDefinition in the repository marks as
//! deprecated.
//!
//! It is a warning if the next version of Kubernetes removes the API, and info otherwise.
//!
//! ## Why
//!
//! After the upgrade of the cluster, the agent can no longer apply the object.
//!
//! ## Example
//!
//! ```yaml
//! apiVersion: flowcontrol.apiserver.k8s.io/v1beta3 # removed in 1.32; use v1
//! kind: FlowSchema
//! ```
//!
//! ## Fix
//!
//! Use the API version in the message before the cluster is upgraded.

use crate::finding::{Cause, Severity};
use crate::kubernetes::schema::{self, Api, Definition, Release};
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};

/// See the documentation above.
pub(super) struct DeprecatedApi;

static METADATA: Metadata = Metadata {
    id: "deprecated-api",
    category: Category::Guardrails,
    level: "info; warning if the next version of Kubernetes removes the API",
    severity: Severity::Warning,
    summary: "an API version that a later version of Kubernetes removes",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("deprecated_api.rs"),
};

impl Rule for DeprecatedApi {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        let (release, _) = context.release_of(Some(overlay));
        for resource in &overlay.rendered.resources {
            let key = (resource.group(), resource.kind());
            let definitions = context.definitions_of(Some(overlay), key);
            let draft = if definitions.is_empty() {
                of_kubernetes(resource, release)
            } else {
                of_definitions(resource, &definitions)
            };
            if let Some(draft) = draft {
                sink.report(context, Some(overlay), draft);
            }
        }
    }
}

fn of_kubernetes(resource: &Resource, release: Release) -> Option<Draft> {
    let (version, kind) = (resource.api_version(), resource.kind());
    let Api::Deprecated(life) = schema::api(version, kind, release) else {
        return None;
    };
    let object = format!("{kind} `{}` uses `{version}`", resource.name());
    let (severity, message) = match life.removed {
        Some(removed) if removed <= release.0 + 1 => (
            Severity::Warning,
            format!("{object}, which Kubernetes 1.{removed} removes"),
        ),
        Some(removed) => (
            Severity::Info,
            format!("{object}, which is deprecated; Kubernetes 1.{removed} removes it"),
        ),
        None => (
            Severity::Info,
            format!(
                "{object}, which is deprecated since Kubernetes 1.{}",
                life.deprecated
            ),
        ),
    };
    let draft = draft(resource, severity, message);
    Some(match life.replacement {
        Some(replacement) => draft.help(format!("use `{replacement}`")),
        None => draft,
    })
}

fn of_definitions(resource: &Resource, definitions: &[&Definition]) -> Option<Draft> {
    let name = resource.id().version().to_string();
    let deprecates = |definition: &&&Definition| {
        let version = definition.version(&name);
        version.is_some_and(|version| version.is_served && version.is_deprecated)
    };
    let first = definitions.iter().find(deprecates)?;
    let message = format!(
        "{} `{}` uses version `{name}`, which its CustomResourceDefinition marks as deprecated",
        resource.kind(),
        resource.name(),
    );
    let draft = draft(resource, Severity::Info, message);
    Some(draft.related(first.origin, "the definition"))
}

fn draft(resource: &Resource, severity: Severity, message: String) -> Draft {
    let node = resource.node.get("apiVersion").unwrap_or(&resource.node);
    let cause = Cause::new("deprecated-api")
        .with(resource.kind())
        .with(resource.api_version())
        .with(&resource.original.name);
    Draft::new(severity, node.origin, cause, message).on(resource, "/apiVersion")
}
