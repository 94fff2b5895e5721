//! # removed-api
//!
//! ## What
//!
//! The Kubernetes version of the environment does not serve the API version of an object:
//!
//! - Kubernetes removed it, such as `batch/v1beta1` of a CronJob in 1.25;
//! - a later version of Kubernetes introduces it;
//! - no version of Kubernetes has it, such as `apps/v2`;
//! - the CustomResourceDefinition in the repository does not have it, or does not serve it.
//!
//! The version is `kubernetes` of the environment in the configuration. If it is not set, the
//! newest version counts.
//!
//! It is an error. It is a warning if the version of the environment is not set and clusters that
//! still serve the API may be in use.
//!
//! ## Why
//!
//! The agent fails to apply the object.
//!
//! ## Example
//!
//! ```yaml
//! apiVersion: policy/v1beta1 # removed in 1.25; use policy/v1
//! kind: PodDisruptionBudget
//! ```
//!
//! ## Fix
//!
//! Use the API version in the message. Fields may have changed as well; `schema-violation` and
//! `unknown-field` report them afterwards.

use crate::finding::{Cause, Severity};
use crate::kubernetes::schema::{self, Api, Definition, Release};
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};

/// See the documentation above.
pub(super) struct RemovedApi;

/// Clusters this many minor versions behind the newest one are still in use.
const IN_USE: u8 = 7;

static METADATA: Metadata = Metadata {
    id: "removed-api",
    category: Category::Guardrails,
    level: "error; warning if the version of the cluster is not configured and may serve it",
    severity: Severity::Error,
    summary: "an API version that the cluster does not serve",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("removed_api.rs"),
};

impl Rule for RemovedApi {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        let cluster = context.release_of(Some(overlay));
        // an object without a version lacks a field, about which schema-violation tells
        let resources = overlay.rendered.resources.iter();
        for resource in resources.filter(|resource| !resource.api_version().is_empty()) {
            let definitions =
                context.definitions_of(Some(overlay), (resource.group(), resource.kind()));
            let draft = if definitions.is_empty() {
                of_kubernetes(resource, cluster)
            } else {
                of_definitions(resource, &definitions)
            };
            if let Some(draft) = draft {
                sink.report(context, Some(overlay), draft);
            }
        }
    }
}

/// The finding about an API of Kubernetes.
fn of_kubernetes(resource: &Resource, (release, is_set): (Release, bool)) -> Option<Draft> {
    let (version, kind) = (resource.api_version(), resource.kind());
    let object = format!("{kind} `{}`", resource.name());
    let certain = |removed: u8| is_set || removed + IN_USE <= release.0;
    let (severity, message, help) = match schema::api(version, kind, release) {
        Api::Removed(life) => {
            let removed = life.removed?;
            (
                if certain(removed) {
                    Severity::Error
                } else {
                    Severity::Warning
                },
                format!("{object} uses `{version}`, which Kubernetes 1.{removed} removed"),
                match life.replacement {
                    Some(replacement) => format!("use `apiVersion: {replacement}`"),
                    None => format!("remove the object; {kind} has no replacement"),
                },
            )
        }
        Api::Later(first) => (
            Severity::Error,
            format!(
                "{object} uses `{version}`, which needs Kubernetes {first}, but this environment runs {release}"
            ),
            "use an older API version, or correct `kubernetes` of the environment".to_string(),
        ),
        Api::Unknown(known) => (
            Severity::Error,
            format!("{object} uses `{version}`, which no version of Kubernetes serves"),
            format!("use `apiVersion: {known}`"),
        ),
        Api::Served | Api::Deprecated(_) => return None,
    };
    Some(draft(resource, (severity, message)).help(help))
}

/// The finding about a custom resource, of whose definitions none serves its version.
fn of_definitions(resource: &Resource, definitions: &[&Definition]) -> Option<Draft> {
    let name = resource.id().version().to_string();
    let serves = |definition: &&Definition| {
        let version = definition.version(&name);
        // a definition without versions is one that cannot be read
        definition.versions.is_empty()
            || definition.is_partial
            || version.is_some_and(|version| version.is_served)
    };
    let first = definitions.first()?;
    if definitions.iter().any(serves) {
        return None;
    }
    let served = first.versions.iter().filter(|version| version.is_served);
    let served: Vec<String> = served
        .map(|version| format!("`{}`", version.name))
        .collect();
    let message = format!(
        "{} `{}` uses version `{name}`, which its CustomResourceDefinition does not serve",
        resource.kind(),
        resource.name(),
    );
    let help = if served.is_empty() {
        "serve the version in the definition".to_string()
    } else {
        format!("use {}", served.join(" or "))
    };
    let draft = draft(resource, (Severity::Error, message)).help(help);
    Some(draft.related(first.origin, "the definition"))
}

fn draft(resource: &Resource, (severity, message): (Severity, String)) -> Draft {
    let node = resource.node.get("apiVersion").unwrap_or(&resource.node);
    let cause = Cause::new("removed-api")
        .with(resource.kind())
        .with(resource.api_version())
        .with(&resource.original.name);
    Draft::new(severity, node.origin, cause, message).on(resource, "/apiVersion")
}
