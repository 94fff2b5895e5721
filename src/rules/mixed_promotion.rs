//! # mixed-promotion
//!
//! ## What
//!
//! With `--base`: the change under check moves an image of a protected environment and an image of the same app in an environment before it.
//!
//! ## Why
//!
//! What is new in staging and what is promoted to production should be two decisions, each with its own review and its own way back.
//!
//! ## Example
//!
//! ```yaml
//! # one pull request
//! # staging:    newTag: 1.6.0
//! # production: newTag: 1.5.0
//! ```
//!
//! ## Fix
//!
//! Split the change.
//!
//! ## Options
//!
//! None.

use super::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::finding::Severity;
use crate::history;
use crate::repo::Overlay;

/// See the documentation above.
pub struct MixedPromotion;

const METADATA: Metadata = Metadata {
    id: "mixed-promotion",
    category: Category::Images,
    level: "warning; needs a base revision",
    severity: Severity::Warning,
    summary: "one change that moves an image in production and in an earlier environment",
    options: &[],
    source: include_str!("mixed_promotion.rs"),
};

impl Rule for MixedPromotion {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        let Some(base) = context.base.filter(|_| context.repo.protected(to)) else { return };
        let name = |overlay| context.repo.environment(overlay).map_or("the later environment", |environment| environment.name.as_str());
        let moved = |overlay: &Overlay| -> Option<usize> {
            let before = base.same(overlay)?;
            let known = history::images(&before.rendered);
            context.facts(overlay).images.iter().position(|used| {
                let image = used.image();
                let versions = known.get(image.name);
                versions.is_some_and(|versions| {
                    !versions.iter().any(|version| version.tag.as_deref() == image.tag && version.digest.as_deref() == image.digest)
                })
            })
        };
        let (Some(earlier), Some(later)) = (moved(from), moved(to)) else { return };
        let used = |overlay, index: usize| context.facts(overlay).images.get(index);
        let (Some(earlier), Some(later)) = (used(from, earlier), used(to, later)) else { return };
        let message = format!("the change moves an image of {} in {} and in {} at once", to.app, name(from), name(to));
        let draft = Draft::new(Severity::Warning, later.origin(), message).help("split the change");
        let draft = draft.related(earlier.origin(), format!("the image of {}", name(from)));
        sink.report(context, Some(to), draft.on(later.resource, later.pointer.clone()));
    }
}
