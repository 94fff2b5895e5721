//! # render-error
//!
//! ## What
//!
//! Something in an overlay, or in a base or component that it builds upon, that `kustomize build`
//! refuses: a missing file, broken YAML, an unknown field, a patch without its object, two objects
//! of one name, a cycle.
//!
//! ## Why
//!
//! The agent cannot apply an overlay that does not build: the environment keeps running what it ran
//! before, and nobody is told by the merge. What else the overlay holds is still checked.
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
//! Correct the line that the finding names. `gitops-lint render OVERLAY` shows what comes out.
//!
//! ## Options
//!
//! None.

use crate::finding::Severity;
use crate::kustomize::ProblemKind;
use crate::repo::Overlay;
use crate::rules::shared::problems;
use crate::rules::{Category, Context, Metadata, Rule, Sink};

/// See the documentation above.
pub struct RenderError;

const METADATA: Metadata = Metadata {
    id: "render-error",
    category: Category::Structure,
    level: "error",
    severity: Severity::Error,
    summary: "an overlay that cannot be built, or only in part",
    options: &[],
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
