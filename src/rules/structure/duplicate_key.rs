//! # duplicate-key
//!
//! ## What
//!
//! A YAML map contains the same key twice.
//!
//! ## Why
//!
//! Tools disagree about which of the two values counts, and kustomize refuses the file. The value
//! that a reviewer sees may not be the one that is applied.
//!
//! ## Example
//!
//! ```yaml
//! resources:
//!   limits: {memory: 256Mi}
//!   limits: {cpu: 500m}
//! ```
//!
//! ## Fix
//!
//! Remove one of the two keys, or merge their values.

use crate::finding::Severity;
use crate::kustomize::ProblemKind;
use crate::repo::Overlay;
use crate::rules::shared::problems;
use crate::rules::{Category, Context, Metadata, Rule, Sink};

/// The rule.
pub(super) struct DuplicateKey;

static METADATA: Metadata = Metadata {
    id: "duplicate-key",
    category: Category::Structure,
    level: "error",
    severity: Severity::Error,
    summary: "a key that occurs twice in one map",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("duplicate_key.rs"),
};

impl Rule for DuplicateKey {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        problems::report(
            context,
            overlay,
            sink,
            ProblemKind::DuplicateKey,
            Severity::Error,
        );
    }
}
