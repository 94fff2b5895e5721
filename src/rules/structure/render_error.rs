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
//! It is a warning if the overlay's own kustomization is empty and was not emptied by this change:
//! teams keep such files for environments that run nothing yet.
//!
//! ## Why
//!
//! The agent cannot apply an overlay that does not build. After the merge, the environment silently
//! keeps its old state.
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
use crate::kustomize::{Identity, Problem, ProblemKind};
use crate::repo::Overlay;
use crate::rules::shared::problems;
use crate::rules::{Category, Context, Metadata, Rule, Sink};

/// The rule.
pub(super) struct RenderError;

static METADATA: Metadata = Metadata {
    id: "render-error",
    category: Category::Structure,
    level: "error; warning for an overlay that is empty on purpose",
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
        problems::report_by(context, overlay, sink, ProblemKind::Error, &|problem| {
            if is_left_empty(context, overlay, problem) {
                Severity::Warning
            } else {
                Severity::Error
            }
        });
        problems::report(context, overlay, sink, ProblemKind::Absent, Severity::Error);
    }
}

/// True if the problem is that the overlay's own kustomization is empty and was empty before. A
/// file of zero bytes does not count: hardly anybody leaves such a file on purpose.
fn is_left_empty(context: &Context, overlay: &Overlay, problem: &Problem) -> bool {
    let before = context.at_base(overlay);
    let had_objects = before.is_some_and(|before| !before.rendered.resources.is_empty());
    let is_empty = matches!(
        problem.identity.as_deref(),
        Some(Identity::EmptyKustomization)
    );
    let file = context.repo.files.get(problem.origin.file);
    is_empty
        && problem.origin.file == overlay.origin.file
        && !file.text.trim().is_empty()
        && !had_objects
}
