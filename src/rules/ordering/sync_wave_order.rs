//! # sync-wave-order
//!
//! ## What
//!
//! A workload needs a Secret, ConfigMap, ExternalSecret, ServiceAccount, PersistentVolumeClaim or
//! PriorityClass that is in a later Argo CD sync wave of the same overlay.
//!
//! A hook that needs an object of a later phase is only an info, because it only fails on a new
//! cluster. An example is a PreSync Job that reads a ConfigMap which is applied in the Sync phase.
//!
//! Optional references are not checked. Neither are Namespaces and CustomResourceDefinitions,
//! because Argo CD applies these first anyway.
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
use crate::kubernetes::targets;
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::Node;

const WAVE: &str = "argocd.argoproj.io/sync-wave";
const HOOK: &str = "argocd.argoproj.io/hook";
/// The phases of a sync, in their order.
const PHASES: [&str; 3] = ["PreSync", "Sync", "PostSync"];
/// The phase of an object that is not a hook.
const SYNC: usize = 1;

/// See the documentation above.
pub(super) struct SyncWaveOrder;

static METADATA: Metadata = Metadata {
    id: "sync-wave-order",
    category: Category::Ordering,
    level: "error; info for a hook that needs an object from a later phase",
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
        if !overlay.rendered.resources.iter().any(|resource| {
            [WAVE, HOOK]
                .iter()
                .any(|key| annotation(resource, key).is_some())
        }) {
            return;
        }
        for need in needs(context, overlay) {
            check_need(context, overlay, &need, sink);
        }
    }
}

/// An object without which a workload cannot start, and all objects that provide it.
struct Need<'a> {
    resource: &'a Resource,
    node: &'a Node,
    /// The part of the workload that needs it: ``volume `settings` ``.
    description: String,
    name: &'a str,
    providers: Vec<&'a Resource>,
}

/// The objects of an overlay that its own workloads need.
fn needs<'a>(context: &'a Context, overlay: &'a Overlay) -> Vec<Need<'a>> {
    let facts = context.facts(overlay);
    let mut found = Vec::new();
    for reference in &facts.references {
        let same = |provider: &&Provider| {
            provider.creates && compatible(provider.namespace, reference.resource.namespace())
        };
        let providers = facts.providers_of(reference.target, reference.name);
        found.push(Need {
            resource: reference.resource,
            node: reference.node,
            description: reference.description.clone(),
            name: reference.name,
            providers: providers.filter(same).map(|one| one.resource).collect(),
        });
    }
    let named = facts.workloads.iter().flat_map(targets::named_by_workload);
    for reference in named {
        let same = |resource: &&Resource| {
            resource.kind() == reference.kind
                && resource.name() == reference.name
                && compatible(resource.namespace(), reference.namespace)
        };
        found.push(Need {
            resource: reference.resource,
            node: reference.node,
            description: format!(
                "{} `{}`",
                reference.resource.kind(),
                reference.resource.name()
            ),
            name: reference.name,
            providers: overlay.rendered.resources.iter().filter(same).collect(),
        });
    }
    found
}

fn check_need(context: &Context, overlay: &Overlay, need: &Need, sink: &mut Sink) {
    let Some(needed) = Turn::of(need.resource) else {
        return;
    };
    // one provider that is applied in time is enough
    let late = |provider: &&Resource| Turn::of(provider).is_some_and(|turn| turn > needed);
    if !need.providers.iter().all(|provider| late(&&**provider)) {
        return;
    }
    let Some(provider) = need.providers.first() else {
        return;
    };
    let Some(comes) = Turn::of(provider) else {
        return;
    };
    let place = annotation(provider, WAVE)
        .filter(|_| comes.phase == needed.phase)
        .or_else(|| annotation(provider, HOOK))
        .or_else(|| annotation(need.resource, WAVE))
        .filter(|_| comes.phase == needed.phase)
        .or_else(|| annotation(need.resource, HOOK));
    let origin = place.map_or(provider.node.origin, |node| node.origin);
    let (object, user) = (name(provider), name(need.resource));
    // on an existing cluster, an earlier sync has created the object, so the hook runs
    let (severity, message, help) = if comes.phase == needed.phase {
        (
            Severity::Error,
            format!(
                "{object} is applied in sync wave {}, after {user} in wave {}, which needs it",
                comes.wave, needed.wave
            ),
            format!("give {object} wave {} or an earlier one", needed.wave),
        )
    } else {
        (
            Severity::Info,
            format!(
                "{user} runs in the phase {} and needs {object}, which is applied later, in {}",
                PHASES[needed.phase], PHASES[comes.phase]
            ),
            format!(
                "make {object} a hook of the phase {} as well, with an earlier sync wave",
                PHASES[needed.phase]
            ),
        )
    };
    let cause = Cause::new("later-wave")
        .with(need.resource.kind())
        .with(&need.resource.original.name)
        .with(need.name);
    let draft = Draft::new(severity, origin, cause, message)
        .help(help)
        .related(need.node.origin, format!("{} needs it", need.description));
    sink.report(
        context,
        Some(overlay),
        draft.on(provider, "/metadata/annotations"),
    );
}

fn name(resource: &Resource) -> String {
    format!("{} `{}`", resource.kind(), resource.name())
}

/// When Argo CD applies an object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    /// An index into `PHASES`.
    phase: usize,
    wave: i64,
}

impl Turn {
    /// `None` for a hook of another phase, of several phases or of Helm, and where the wave is not
    /// a number.
    fn of(resource: &Resource) -> Option<Turn> {
        if annotation(resource, "helm.sh/hook").is_some() {
            return None;
        }
        let phase = match annotation(resource, HOOK) {
            None => SYNC,
            Some(hook) => {
                let hook = hook.text()?;
                PHASES.iter().position(|phase| *phase == hook.trim())?
            }
        };
        let wave = match annotation(resource, WAVE) {
            None => 0,
            Some(node) => node.text()?.trim().parse().ok()?,
        };
        Some(Turn { phase, wave })
    }
}

fn annotation<'r>(resource: &'r Resource, name: &str) -> Option<&'r Node> {
    resource.node.at(&["metadata", "annotations", name])
}
