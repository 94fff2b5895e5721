//! # mixed-promotion
//!
//! ## What
//!
//! One change updates an image in a protected environment and an image of the same app in an
//! earlier environment. Rolling both back to images that they ran before is not reported. The rule
//! needs a base revision (`--base`).
//!
//! ## Why
//!
//! Trying something new in staging and promoting something to production are two decisions. Each
//! needs its own review, and each must be revertable without the other.
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
//! Split the change into two pull requests.

use crate::finding::{Cause, Severity};
use crate::history::VersionKey;
use crate::kubernetes::image_use::ImageUse;
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};

/// The rule.
pub(super) struct MixedPromotion;

static METADATA: Metadata = Metadata {
    id: "mixed-promotion",
    category: Category::Images,
    level: "warning; needs a base revision",
    severity: Severity::Warning,
    summary: "one change that updates an image in production and in an earlier environment",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("mixed_promotion.rs"),
};

impl Rule for MixedPromotion {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, to: &Overlay, sink: &mut Sink) {
        let repo = context.repo;
        if context.base.is_none() || !repo.protected(to) {
            return;
        }
        let Some(later) = context.moved_images(to).first().copied() else {
            return;
        };
        // compare with the nearest earlier environment
        let before = repo.before(to).filter(|from| !repo.protected(from));
        let mut before: Vec<&Overlay> = before.collect();
        before.sort_by_key(|from| std::cmp::Reverse(from.environment));
        let moved = before.iter().find_map(|from| {
            let used = context.moved_images(from).first().copied()?;
            Some((context.side(from), used))
        });
        let Some((name, earlier)) = moved else {
            return;
        };
        let returns = |overlay: &Overlay| {
            let ran = |used: &&ImageUse| {
                used.image().digest.is_some_and(|digest| {
                    let digest = VersionKey::of_digest(digest);
                    let ran = context.first_ran(overlay, overlay, &used.name, &digest);
                    ran.is_some()
                })
            };
            context.moved_images(overlay).iter().all(ran)
        };
        if returns(to) && before.iter().all(|from| returns(from)) {
            return;
        }
        let message = format!(
            "one change moves images of `{}` in both {name} and {}",
            to.app,
            context.side(to)
        );
        let cause = Cause::new("moved-together");
        let draft = Draft::new(Severity::Warning, later.origin(), cause, message);
        let draft = if earlier.origin() == later.origin() {
            draft.help("this line sets the image of both: set it in each overlay instead")
        } else {
            draft
                .help(format!("split the change: merge {name} first"))
                .related(earlier.origin(), format!("the image in {name}"))
        };
        sink.report(
            context,
            Some(to),
            draft.on(later.resource, later.pointer.clone()),
        );
    }
}
