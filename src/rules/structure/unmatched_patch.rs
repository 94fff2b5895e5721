//! # unmatched-patch
//!
//! ## What
//!
//! The `target` of a patch matches no object of the overlay. kustomize ignores such a patch
//! without a message. A patch in a shared base or component is only reported if it matches nothing
//! in every overlay that uses it.
//!
//! ## Why
//!
//! The limit, probe or hostname that the patch should set is missing, and the build still
//! succeeds.
//!
//! ## Example
//!
//! ```yaml
//! patches:
//!   - target: {kind: Deployment, name: apii}
//!     path: limits.yaml
//! ```
//!
//! ## Fix
//!
//! Correct the target, or remove the patch. The name in a target is a regular expression. It must
//! match the whole name that the object has at that step of the build.

use crate::finding::Severity;
use crate::kustomize::ProblemKind;
use crate::repo::Overlay;
use crate::rules::shared::problems;
use crate::rules::{Category, Context, Metadata, Rule, Sink};

/// The rule.
pub(super) struct UnmatchedPatch;

static METADATA: Metadata = Metadata {
    id: "unmatched-patch",
    category: Category::Structure,
    level: "error",
    severity: Severity::Error,
    summary: "a patch whose target selects nothing",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("unmatched_patch.rs"),
};

impl Rule for UnmatchedPatch {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        // the entry may be meant for the part that was not rendered
        if !overlay.rendered.complete || overlay.rendered.resources.is_empty() {
            return;
        }
        problems::report_unless_used_elsewhere(
            context,
            overlay,
            sink,
            ProblemKind::UnmatchedPatch,
            &|_| Severity::Error,
        );
    }
}
