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
use crate::rules::engine::context::applying::agents_of;
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
                history::images(&staged.rendered, repo),
                history::images(&live.rendered, repo),
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
    let mut found = by_configuration(context, to);
    let agents = agents_of(context, to);
    found.extend(by_depends_on(context, to, agents));
    found.extend(
        agents
            .iter()
            .flat_map(|pointer| by_wave(context, to, pointer)),
    );
    found
}

/// The overlays of other apps in the environment of an overlay. An app without variants needs every
/// variant of the other.
fn beside<'a>(context: &Context<'a>, to: &Overlay) -> impl Iterator<Item = &'a Overlay> {
    let repo: &'a crate::repo::Repo = context.repo;
    repo.overlays.iter().filter(|other| {
        let elsewhere =
            other.variant != to.variant && other.variant.is_some() && to.variant.is_some();
        other.environment == to.environment && other.app != to.app && !elsewhere
    })
}

/// The needs that the configuration lists under `dependencies`.
fn by_configuration<'a>(context: &Context<'a>, to: &Overlay) -> Vec<Need<'a>> {
    let mut found = Vec::new();
    let dependencies = context.config.dependencies.iter();
    for dependency in dependencies.filter(|dependency| dependency.app.matches(&to.app)) {
        let is_needed = |overlay: &&Overlay| {
            let mut names = dependency.needs.iter();
            names.any(|name| name.matches(&overlay.app))
        };
        let overlays = beside(context, to).filter(is_needed);
        found.extend(overlays.map(|overlay| Need {
            overlay,
            severity: Severity::Error,
            told_by: dependency.origin,
        }));
    }
    found
}

/// The needs that Flux objects list under `dependsOn`.
fn by_depends_on<'a>(context: &Context<'a>, to: &Overlay, agents: &[&Pointer]) -> Vec<Need<'a>> {
    let is_of = |pointers: &[&Pointer], object: &Node| {
        let mut pointers = pointers.iter();
        pointers.any(|pointer| pointer.object.origin == object.origin)
    };
    let mut found = Vec::new();
    let edges = context.waits().iter();
    for edge in edges.filter(|edge| is_of(agents, edge.from.node)) {
        let Some(target) = edge.to.and_then(|to| context.controls().get(to)) else {
            continue;
        };
        let overlays =
            beside(context, to).filter(|overlay| is_of(agents_of(context, overlay), target.node));
        found.extend(overlays.map(|overlay| Need {
            overlay,
            severity: Severity::Error,
            told_by: edge.entry.origin,
        }));
    }
    found
}

/// The Applications of earlier sync waves in the folder of an Application.
fn by_wave<'a>(context: &Context<'a>, to: &Overlay, pointer: &Pointer) -> Vec<Need<'a>> {
    let Some((origin, wave)) = wave(pointer) else {
        return Vec::new();
    };
    let folder = |pointer: &Pointer| {
        let parts = pointer.file.rsplit_once('/');
        parts.map(|(folder, _)| folder.to_string())
    };
    let own = folder(pointer);
    let is_earlier = |other: &&Pointer| {
        other.agent.kind == AgentKind::ArgoCd && folder(other) == own && wave_of(other) < wave
    };
    let overlays =
        beside(context, to).filter(|overlay| agents_of(context, overlay).iter().any(is_earlier));
    let needs = overlays.map(|overlay| Need {
        overlay,
        severity: Severity::Warning,
        told_by: origin,
    });
    needs.collect()
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
