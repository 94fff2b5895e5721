//! # render-error
//!
//! ## What
//!
//! `kustomize build` would refuse the overlay, or a base or component that it uses. Typical causes
//! are a missing file, broken YAML, an unknown field, a patch whose object does not exist, two
//! objects with the same name, or a cycle.
//!
//! The rest of the overlay is still checked.
//!
//! ## Why
//!
//! The agent cannot apply an overlay that does not build. The environment keeps running its old
//! state, and nobody notices when the change is merged.
//!
//! ## Example
//!
//! ```yaml
//! resources:
//!   - deployment.yml   # the file is called deployment.yaml
//! ```
//!
//! ## Fix
//!
//! Correct the line that the finding names. `gitops-lint render OVERLAY` shows the result.

use crate::finding::Severity;
use crate::kustomize::ProblemKind;
use crate::repo::Overlay;
use crate::rules::shared::problems;
use crate::rules::{Category, Context, Metadata, Rule, Sink};

/// The rule.
pub(super) struct RenderError;

static METADATA: Metadata = Metadata {
    id: "render-error",
    category: Category::Structure,
    level: "error",
    severity: Severity::Error,
    summary: "an overlay that cannot be built, or only in part",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("render_error.rs"),
};

impl Rule for RenderError {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        problems::report(context, overlay, sink, ProblemKind::Error, Severity::Error);
        problems::report(context, overlay, sink, ProblemKind::Absent, Severity::Error);
    }
}
