//! # autoscaler-conflict
//!
//! ## What
//!
//! A workload in a protected environment sets `spec.replicas`, and an autoscaler of the same
//! overlay also manages it.
//!
//! ## Why
//!
//! Git and the autoscaler work against each other. Each sync sets the number of pods back to the
//! number in Git, even during a traffic peak.
//!
//! ## Example
//!
//! ```yaml
//! # a HorizontalPodAutoscaler scales the Deployment api
//! replicas:
//!   - {name: api, count: 3}
//! ```
//!
//! ## Fix
//!
//! Remove `replicas` (use a patch with `replicas: null` if the base sets it), and set the minimum
//! in the autoscaler.
//!
//! An Application of Argo CD that lists `/spec/replicas` under `ignoreDifferences` hides the
//! difference, but each sync still writes the number. Nothing is reported if it also has the sync
//! option `RespectIgnoreDifferences=true`.

use crate::finding::{Cause, Severity};
use crate::kubernetes::references::compatible;
use crate::kubernetes::scaling::{self, Autoscaler};
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::engine::context::applying::agents_of;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::Node;

/// See the documentation above.
pub(super) struct AutoscalerConflict;

static METADATA: Metadata = Metadata {
    id: "autoscaler-conflict",
    category: Category::Guardrails,
    level: "warning in protected environments",
    severity: Severity::Warning,
    summary: "a fixed number of replicas that an autoscaler also manages",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("autoscaler_conflict.rs"),
};

impl Rule for AutoscalerConflict {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        if !context.repo.protected(overlay) {
            return;
        }
        let resources = &overlay.rendered.resources;
        for scaler in resources.iter().filter_map(Autoscaler::of) {
            let scaled = resources.iter().find(|resource| {
                scaler.scales(resource)
                    && compatible(resource.namespace(), scaler.resource.namespace())
            });
            let Some(scaled) = scaled else { continue };
            // `replicas: 0` switches a workload off, and its autoscaler with it
            let fixed = scaling::replicas(scaled)
                .filter(|replicas| replicas.count != 0)
                .and_then(|replicas| replicas.written);
            let Some(written) = fixed else { continue };
            let ignored = Ignored::of(context, overlay, scaled);
            if matches!(ignored, Ignored::AlsoBySyncs) {
                continue;
            }
            let kind = scaler.resource.kind();
            let message = format!(
                "{} `{}` sets `replicas: {}`, but {kind} `{}` also manages it",
                scaled.kind(),
                scaled.name(),
                written.text().unwrap_or_default(),
                scaler.resource.name()
            );
            let minimum = match kind {
                "ScaledObject" => "minReplicaCount",
                _ => "minReplicas",
            };
            let cause = Cause::new("fixed-replicas").with(kind);
            let draft = Draft::new(Severity::Warning, written.origin, cause, message)
                .related(scaler.resource.node.origin, "the autoscaler");
            let draft = match ignored {
                Ignored::InViewsOnly(entry) => draft
                    .related(entry.origin, "the difference is ignored here, but syncs still write the number")
                    .help("remove `replicas`, or add the sync option `RespectIgnoreDifferences=true` to the Application"),
                _ => draft.help(format!(
                    "remove `replicas`, and set `{minimum}` in the {kind} instead"
                )),
            };
            sink.report(context, Some(overlay), draft.on(scaled, "/spec/replicas"));
        }
    }
}

/// What the Applications of an overlay do with the number of replicas of a workload.
enum Ignored<'a> {
    /// They treat it like any other field.
    Not,
    /// They do not show the difference, at this entry of `ignoreDifferences`, but set the number.
    InViewsOnly(&'a Node),
    /// They leave the number as it is.
    AlsoBySyncs,
}

impl<'a> Ignored<'a> {
    fn of(context: &Context<'a>, overlay: &Overlay, scaled: &Resource) -> Ignored<'a> {
        let mut specs = agents_of(context, overlay)
            .iter()
            .filter_map(|pointer| pointer.object.get("spec"));
        let found = specs.find_map(|spec| {
            let mut entries = spec.get("ignoreDifferences")?.items().iter();
            let entry = entries.find(|entry| covers(entry, scaled))?;
            Some((spec, entry))
        });
        let Some((spec, entry)) = found else {
            return Ignored::Not;
        };
        let options = spec.at(&["syncPolicy", "syncOptions"]);
        let mut options = options.map_or(&[][..], Node::items).iter();
        let respects = |option: &Node| option.text() == Some("RespectIgnoreDifferences=true");
        if options.any(respects) {
            Ignored::AlsoBySyncs
        } else {
            Ignored::InViewsOnly(entry)
        }
    }
}

/// True if an entry of `ignoreDifferences` covers the number of replicas of a workload.
fn covers(entry: &Node, scaled: &Resource) -> bool {
    let fits = |key: &str, own: &str| {
        let text = entry.get(key).and_then(Node::text).unwrap_or_default();
        text.is_empty() || text == "*" || text == own
    };
    let has = |key: &str, field: &str| {
        let items = entry.get(key).map_or(&[][..], Node::items);
        items.iter().any(|item| item.text() == Some(field))
    };
    fits("group", scaled.group())
        && fits("kind", scaled.kind())
        && fits("name", scaled.name())
        && (has("jsonPointers", "/spec/replicas") || has("jqPathExpressions", ".spec.replicas"))
}
