//! # sync-wave-order
//!
//! ## What
//!
//! A workload needs a Secret, ConfigMap, ExternalSecret or ServiceAccount that is in a later Argo
//! CD sync wave of the same overlay.
//!
//! Hooks and optional references are not checked. Neither are Namespaces and
//! CustomResourceDefinitions, because Argo CD applies these first anyway.
//!
//! ## Why
//!
//! Argo CD waits until a wave is healthy before it starts the next one. The pods wait for an
//! object whose wave never starts.
//!
//! ## Example
//!
//! ```yaml
//! # ExternalSecret
//! annotations: {argocd.argoproj.io/sync-wave: "1"}
//! # the Deployment that mounts it has no annotation, so it is in wave 0
//! ```
//!
//! ## Fix
//!
//! Put the needed object into the same wave or an earlier one.

use crate::finding::{Cause, Severity};
use crate::kubernetes::references::{Provider, compatible};
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::Node;

const WAVE: &str = "argocd.argoproj.io/sync-wave";
const HOOK: &str = "argocd.argoproj.io/hook";

/// See the documentation above.
pub(super) struct SyncWaveOrder;

static METADATA: Metadata = Metadata {
    id: "sync-wave-order",
    category: Category::Ordering,
    level: "error",
    severity: Severity::Error,
    summary: "an object that comes in an earlier sync wave than something it needs",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("sync_wave_order.rs"),
};

impl Rule for SyncWaveOrder {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        if !overlay
            .rendered
            .resources
            .iter()
            .any(|resource| annotation(resource, WAVE).is_some())
        {
            return;
        }
        let facts = context.facts(overlay);
        for reference in &facts.references {
            let Some(needs) = wave(reference.resource) else {
                continue;
            };
            let same = |provider: &&Provider| {
                provider.creates && compatible(provider.namespace, reference.resource.namespace())
            };
            let providers: Vec<&Provider> = facts
                .providers_of(reference.target, reference.name)
                .filter(same)
                .collect();
            // one provider that is applied in time is enough
            let late: Vec<(&Provider, i64)> = providers
                .iter()
                .filter_map(|provider| Some((*provider, wave(provider.resource)?)))
                .filter(|(_, wave)| *wave > needs)
                .collect();
            if late.is_empty() || late.len() < providers.len() {
                continue;
            }
            let Some((provider, comes)) = late.first() else {
                continue;
            };
            let place = annotation(provider.resource, WAVE)
                .or_else(|| annotation(reference.resource, WAVE));
            let origin = place.map_or(provider.resource.node.origin, |node| node.origin);
            let message = format!(
                "{} `{}` is applied in sync wave {comes}, after {} `{}` in wave {needs}, which needs it",
                provider.resource.kind(),
                provider.resource.name(),
                reference.resource.kind(),
                reference.resource.name()
            );
            let cause = Cause::new("later-wave")
                .with(reference.resource.kind())
                .with(&reference.resource.original.name)
                .with(reference.name);
            let draft = Draft::new(Severity::Error, origin, cause, message).help(format!(
                "give {} `{}` wave {needs} or an earlier one",
                provider.resource.kind(),
                provider.resource.name()
            ));
            let draft = draft.related(
                reference.node.origin,
                format!("{} needs it", reference.description),
            );
            sink.report(
                context,
                Some(overlay),
                draft.on(provider.resource, "/metadata/annotations"),
            );
        }
    }
}

fn annotation<'r>(resource: &'r Resource, name: &str) -> Option<&'r Node> {
    resource.node.at(&["metadata", "annotations", name])
}

/// The wave of an object: 0 without annotation, none for a hook or where the annotation is no
/// number.
fn wave(resource: &Resource) -> Option<i64> {
    if annotation(resource, HOOK).is_some() {
        return None;
    }
    match annotation(resource, WAVE) {
        None => Some(0),
        Some(node) => node.text()?.trim().parse().ok(),
    }
}
