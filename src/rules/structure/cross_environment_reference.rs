//! # cross-environment-reference
//!
//! ## What
//!
//! One environment depends on files or secrets of another:
//!
//! - A kustomization refers to a base, component, patch or file in the folder of another
//!   environment.
//! - An Application or `helmCharts` reads the values file of another environment, such as
//!   `values-staging.yaml` in production.
//! - An ExternalSecret reads a key whose path names another environment, such as
//!   `shop/staging/api` in production.
//!
//! It is an error if one of the two environments is protected, otherwise a warning.
//!
//! ## Why
//!
//! An edit that was meant for staging also changes production, without a promotion. Deleting one
//! environment breaks the other.
//!
//! ## Example
//!
//! ```yaml
//! # apps/api/overlays/production/kustomization.yaml
//! patches:
//!   - path: ../staging/resources.yaml
//! ```
//!
//! ## Fix
//!
//! Move the shared part into the base or into a component, or copy the file.

use crate::config::Environment;
use crate::finding::{Cause, Severity};
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::Node;

/// The rule.
pub(super) struct CrossEnvironmentReference;

static METADATA: Metadata = Metadata {
    id: "cross-environment-reference",
    category: Category::Structure,
    level: "error; warning between unprotected environments",
    severity: Severity::Error,
    summary: "a kustomization that reads a file of another environment",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("cross_environment_reference.rs"),
};

impl Rule for CrossEnvironmentReference {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        let Some(own) = context.repo.environment(overlay) else {
            return;
        };
        for resource in overlay
            .rendered
            .resources
            .iter()
            .filter(|resource| resource.kind() == "ExternalSecret")
        {
            let data = resource
                .node
                .at(&["spec", "data"])
                .map_or(&[][..], Node::items);
            let from = resource
                .node
                .at(&["spec", "dataFrom"])
                .map_or(&[][..], Node::items);
            let keys = (data.iter().enumerate())
                .map(|(index, item)| {
                    (
                        format!("/spec/data/{index}/remoteRef/key"),
                        item.at(&["remoteRef", "key"]),
                    )
                })
                .chain(from.iter().enumerate().map(|(index, item)| {
                    (
                        format!("/spec/dataFrom/{index}/extract/key"),
                        item.at(&["extract", "key"]),
                    )
                }));
            for (pointer, key) in keys {
                let Some(key) = key else { continue };
                let Some(other) = key
                    .text()
                    .and_then(|text| foreign(text, own, &context.repo.environments))
                else {
                    continue;
                };
                let severity = if own.protected || other.protected {
                    Severity::Error
                } else {
                    Severity::Warning
                };
                let message = format!(
                    "{} reads the secret `{}`, which belongs to {}",
                    own.name,
                    key.text().unwrap_or_default(),
                    other.name
                );
                let cause = Cause::new("secret").with(&other.name);
                let draft = Draft::new(severity, key.origin, cause, message)
                    .help(format!("refer to the secret of {}", own.name));
                sink.report(context, Some(overlay), draft.on(resource, pointer));
            }
        }
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let repo = context.repo;
        for crossing in &repo.crossings {
            let (Some(from), Some(to)) = (
                repo.environments.get(crossing.from),
                repo.environments.get(crossing.to),
            ) else {
                continue;
            };
            let severity = if from.protected || to.protected {
                Severity::Error
            } else {
                Severity::Warning
            };
            let message = format!(
                "{} reads {}, which belongs to {}: every change there also changes {}",
                from.name, crossing.target, to.name, from.name
            );
            let cause = Cause::new("file").with(&crossing.target);
            let help = "move the shared part into the base or a component, or copy the file";
            let overlay = repo.overlays.iter().find(|overlay| {
                let environment = overlay.environment.is_none_or(|own| own == crossing.from);
                overlay.path == crossing.folder && environment
            });
            sink.report(
                context,
                overlay,
                Draft::new(severity, crossing.origin, cause, message).help(help),
            );
        }
    }
}

/// The other environment that a segment of a path in a secret store names.
fn foreign<'e>(
    path: &str,
    own: &Environment,
    environments: &'e [Environment],
) -> Option<&'e Environment> {
    let segments = || path.split(['/', ':']);
    if segments().any(|segment| own.is_called(segment)) {
        return None;
    }
    // the last segment names the secret and may be an ordinary word, such as `test` in
    // `shop/api/test`; the segments before it say where the secret belongs
    environments.iter().find(|other| {
        other.name != own.name
            && segments()
                .rev()
                .skip(1)
                .any(|segment| other.is_called(segment))
    })
}
