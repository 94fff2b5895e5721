//! # promotion-order
//!
//! ## What
//!
//! With `--base` and `dependencies` in the configuration: an app gets another image in a protected environment, while an app that it needs runs something else there than in the environment before. With it the app was proved; in the protected environment it would meet a version that it never ran with.
//!
//! ## Why
//!
//! A service that needs another's new interface breaks when it comes first.
//!
//! ## Example
//!
//! ```yaml
//! # .gitops-lint.yaml
//! dependencies:
//!   - {app: checkout, needs: [payments]}
//! # the pull request promotes checkout; payments 3.8.0 still waits in staging
//! ```
//!
//! ## Fix
//!
//! Promote what is needed first, or in the same change.
//!
//! ## Options
//!
//! None.

use super::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::finding::Severity;
use crate::history;
use crate::repo::Overlay;

/// See the documentation above.
pub struct PromotionOrder;

const METADATA: Metadata = Metadata {
    id: "promotion-order",
    category: Category::Ordering,
    level: "error; needs a base revision and `dependencies`",
    severity: Severity::Error,
    summary: "an app that is promoted before what it needs",
    options: &[],
    source: include_str!("promotion_order.rs"),
};

impl Rule for PromotionOrder {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        let repo = context.repo;
        let needs: Vec<&String> = context.config.dependencies.iter().filter(|one| one.app == to.app).flat_map(|one| &one.needs).collect();
        if needs.is_empty() || !repo.protected(to) {
            return;
        }
        let Some(used) = context.moved_images(to).first().copied() else { return };
        let sides = repo.pairs.iter().filter_map(|pair| Some((repo.overlays.get(pair.from)?, repo.overlays.get(pair.to)?)));
        let mut told: Vec<&String> = Vec::new();
        for (staged, live) in sides.filter(|(_, live)| needs.contains(&&live.app) && live.environment == to.environment) {
            // an app without variants needs every variant of the other
            let elsewhere = live.variant != to.variant && live.variant.is_some() && to.variant.is_some();
            if elsewhere || told.contains(&&live.app) {
                continue;
            }
            let (proved, running) = (history::images(&staged.rendered), history::images(&live.rendered));
            let behind = proved.iter().find(|(name, versions)| running.get(*name).is_some_and(|now| now != *versions));
            let Some((name, versions)) = behind else { continue };
            told.push(&live.app);
            let version = versions.iter().next().map(ToString::to_string).unwrap_or_default();
            let (earlier, later) = (context.side(from), context.side(to));
            let message = format!(
                "{} is promoted before {}, which it needs: {later} does not run `{name}` {version} yet, as {earlier} does",
                to.app, live.app
            );
            let draft = Draft::new(Severity::Error, used.origin(), message);
            let draft = draft.help(format!("promote {} first, or in the same change", live.app));
            let waiting = context.facts(live).images.iter().find(|other| other.image().name == name.as_str());
            let draft = match waiting {
                Some(waiting) => draft.related(waiting.origin(), format!("{} runs this in {later}", live.app)),
                None => draft,
            };
            sink.report(context, Some(to), draft.on(used.resource, used.pointer.clone()));
        }
    }
}
