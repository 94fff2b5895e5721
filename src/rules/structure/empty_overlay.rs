//! # empty-overlay
//!
//! ## What
//!
//! The overlay of an environment builds without an error but contains no object.
//!
//! ## Why
//!
//! The agent deletes everything that the environment ran before, or it has never had anything to
//! apply. Typical causes are a base that was commented out and a path that moved.
//!
//! ## Example
//!
//! ```yaml
//! resources: []   # - ../../base
//! ```
//!
//! ## Fix
//!
//! List what the environment should run, or delete the folder.

use crate::finding::{Cause, Severity};
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};

/// The rule.
pub(super) struct EmptyOverlay;

static METADATA: Metadata = Metadata {
    id: "empty-overlay",
    category: Category::Structure,
    level: "warning",
    severity: Severity::Warning,
    summary: "an overlay that renders to no object",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("empty_overlay.rs"),
};

impl Rule for EmptyOverlay {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        if !overlay.rendered.complete
            || !overlay.rendered.resources.is_empty()
            || !overlay.rendered.releases.is_empty()
            || overlay.environment.is_none()
        {
            return;
        }
        let message = format!("the overlay of `{}` renders no objects", overlay.app);
        let help = "add entries to `resources`, or delete the folder";
        let cause = Cause::new("no-objects");
        sink.report(
            context,
            Some(overlay),
            Draft::new(Severity::Warning, overlay.origin, cause, message).help(help),
        );
    }
}
