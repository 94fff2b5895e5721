//! # promotion-order
//!
//! ## What
//!
//! A change promotes an app to a protected environment before another app that it needs. The needed
//! app runs a different image there than in the previous environment, so the two versions were
//! never tested together. The rule needs a base revision (`--base`).
//!
//! An app needs:
//!
//! - the apps that `dependencies` in the configuration lists for it (error);
//! - the apps that its Flux Kustomization waits for with `dependsOn` (error);
//! - the apps whose Argo CD Applications are in the same folder and in an earlier sync wave
//!   (warning, because waves order a single sync and not every new image).
//!
//! ## Why
//!
//! A service that relies on another service's new interface breaks if it is promoted first.
//!
//! ## Example
//!
//! ```yaml
//! # .gitops-lint.yaml
//! dependencies:
//!   - {app: checkout, needs: [payments]}
//! # the pull request promotes checkout; payments 3.8.0 is only in staging
//! ```
//!
//! ## Fix
//!
//! Promote the needed app first, or in the same change.

use crate::finding::{Cause, Severity};
use crate::history;
use crate::repo::agents::Pointer;
use crate::repo::{AgentKind, Overlay};
use crate::rules::engine::context::controls::agents_of;
use crate::rules::shared::apps::{self, Named};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::{Node, Origin};

/// See the documentation above.
pub(super) struct PromotionOrder;

static METADATA: Metadata = Metadata {
    id: "promotion-order",
    category: Category::Ordering,
    level: "error; warning if only sync waves show the dependency; needs a base revision",
    severity: Severity::Error,
    summary: "an app that is promoted before the apps that it needs",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("promotion_order.rs"),
};

/// An overlay that another one needs.
struct Need<'a> {
    overlay: &'a Overlay,
    severity: Severity,
    /// The place that declares it.
    told_by: Origin,
}

impl Rule for PromotionOrder {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        let repo = context.repo;
        if !repo.protected(to) {
            return;
        }
        let Some(used) = context.moved_images(to).first().copied() else {
            return;
        };
        let mut told: Vec<&str> = Vec::new();
        for need in needs(context, to) {
            let live = need.overlay;
            let Some(staged) = repo.earlier(live) else {
                continue;
            };
            if told.contains(&live.app.as_str()) {
                continue;
            }
            let (proved, running) = (
                history::images(&staged.rendered, &repo.files),
                history::images(&live.rendered, &repo.files),
            );
            let behind = proved
                .iter()
                .find(|(name, versions)| running.get(*name).is_some_and(|now| now != *versions));
            let Some((name, versions)) = behind else {
                continue;
            };
            told.push(&live.app);
            let version = versions
                .iter()
                .next()
                .map(ToString::to_string)
                .unwrap_or_default();
            let (earlier, later) = (context.side(from), context.side(to));
            let message = format!(
                "`{}` is promoted before `{}`, which it needs: {earlier} runs `{name}` {version}, {later} does not",
                to.app, live.app
            );
            let cause = Cause::new("promoted-first").with(&live.app).with(name);
            let draft = Draft::new(need.severity, used.origin(), cause, message);
            let draft = draft.help(format!(
                "promote `{}` first, or in the same change",
                live.app
            ));
            let waiting = context
                .facts(live)
                .images
                .iter()
                .find(|other| other.name == *name);
            let draft = match waiting {
                Some(waiting) => draft.related(
                    waiting.origin(),
                    format!("`{}` runs this in {later}", live.app),
                ),
                None => draft,
            };
            let draft = draft.related(need.told_by, format!("`{}` needs `{}`", to.app, live.app));
            sink.report(
                context,
                Some(to),
                draft.on(used.resource, used.pointer.clone()),
            );
        }
    }

    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let named = context.config.dependencies.iter().flat_map(|dependency| {
            let names = std::iter::once(&dependency.app).chain(&dependency.needs);
            names.map(|app| Named {
                entry: "`dependencies`".to_string(),
                origin: dependency.origin,
                app,
            })
        });
        apps::report_unknown(context, named, sink);
    }
}

/// The overlays that an overlay needs in its own environment, according to the configuration,
/// `dependsOn` and sync waves.
fn needs<'a>(context: &Context<'a>, to: &Overlay) -> Vec<Need<'a>> {
    let repo: &'a crate::repo::Repo = context.repo;
    // an app without variants needs every variant of the other
    let beside = |other: &&Overlay| {
        let elsewhere =
            other.variant != to.variant && other.variant.is_some() && to.variant.is_some();
        other.environment == to.environment && other.app != to.app && !elsewhere
    };
    let mut found = Vec::new();
    for dependency in context
        .config
        .dependencies
        .iter()
        .filter(|dependency| dependency.app.matches(&to.app))
    {
        let needed = |overlay: &&Overlay| {
            dependency
                .needs
                .iter()
                .any(|name| name.matches(&overlay.app))
        };
        let overlays = repo.overlays.iter().filter(beside).filter(needed);
        found.extend(overlays.map(|overlay| Need {
            overlay,
            severity: Severity::Error,
            told_by: dependency.origin,
        }));
    }
    let agents = agents_of(context, to);
    let applies = |object: &Node, overlay: &Overlay| {
        agents_of(context, overlay)
            .iter()
            .any(|pointer| pointer.object.origin == object.origin)
    };
    for edge in context.waits().iter().filter(|edge| {
        agents
            .iter()
            .any(|pointer| pointer.object.origin == edge.from.node.origin)
    }) {
        let Some(target) = edge.to.and_then(|to| context.controls().get(to)) else {
            continue;
        };
        let overlays = repo
            .overlays
            .iter()
            .filter(beside)
            .filter(|overlay| applies(target.node, overlay));
        found.extend(overlays.map(|overlay| Need {
            overlay,
            severity: Severity::Error,
            told_by: edge.entry.origin,
        }));
    }
    for pointer in agents {
        let Some((origin, wave)) = wave(pointer) else {
            continue;
        };
        let folder = |pointer: &Pointer| {
            pointer
                .file
                .rsplit_once('/')
                .map(|(folder, _)| folder.to_string())
        };
        let first = |overlay: &&Overlay| {
            let earlier =
                |other: &&Pointer| folder(other) == folder(pointer) && wave_of(other) < wave;
            agents_of(context, overlay)
                .iter()
                .filter(|other| other.agent.kind == AgentKind::ArgoCd)
                .any(earlier)
        };
        let overlays = repo.overlays.iter().filter(beside).filter(first);
        found.extend(overlays.map(|overlay| Need {
            overlay,
            severity: Severity::Warning,
            told_by: origin,
        }));
    }
    found
}

/// The sync wave of an Application, with its place, when it is written.
fn wave(pointer: &Pointer) -> Option<(Origin, i64)> {
    let node = pointer
        .object
        .at(&["metadata", "annotations", "argocd.argoproj.io/sync-wave"])?;
    Some((node.origin, node.text()?.trim().parse().ok()?))
}

fn wave_of(pointer: &Pointer) -> i64 {
    wave(pointer).map_or(0, |(_, wave)| wave)
}
