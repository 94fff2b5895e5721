//! # incomplete-checkout
//!
//! ## What
//!
//! Something that an overlay is built from is in Git and not where the check runs: in a submodule
//! that is not checked out, left out by a sparse checkout, a pointer of Git LFS whose content was
//! not fetched. With `--base` also where the base revision's overlay cannot be built for such a
//! reason, so that nothing can be compared with it.
//!
//! ## Why
//!
//! What is not here was not checked, and the agent that has all of it applies it all the same. A
//! check that says nothing would be green without having looked.
//!
//! ## Example
//!
//! ```yaml
//! resources:
//!   - ../../../vendor/platform/base   # vendor is a submodule, and CI does not check out submodules
//! ```
//!
//! ## Fix
//!
//! Let CI check out all that overlays are built from: with actions/checkout `submodules:
//! recursive`, `lfs: true`, a wider `sparse-checkout`, and `fetch-depth: 0` for the commits of
//! submodules before the change. Where that is not possible, suppress the finding at the line that
//! asks for the file, with a reason.
//!
//! ## Options
//!
//! None.

use crate::finding::Severity;
use crate::kustomize::{Problem, ProblemKind};
use crate::repo::Overlay;
use crate::rules::shared::problems;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};

/// The id of the rule: what is not here is not here at the base revision either, and still has to
/// be told.
pub const ID: &str = "incomplete-checkout";

/// See the documentation above.
pub struct IncompleteCheckout;

const METADATA: Metadata = Metadata {
    id: ID,
    category: Category::Structure,
    level: "error",
    severity: Severity::Error,
    summary: "an overlay is built from something that Git has and the clone or work tree has not",
    options: &[],
    source: include_str!("incomplete_checkout.rs"),
};

impl Rule for IncompleteCheckout {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        problems::report(
            context,
            overlay,
            sink,
            ProblemKind::Withheld,
            Severity::Error,
        );
        let told = |problem: &Problem| withheld(overlay).any(|own| own.message == problem.message);
        if let Some(problem) = context
            .at_base(overlay)
            .and_then(|before| withheld(before).find(|problem| !told(problem)))
        {
            report(context, overlay, problem, sink);
        }
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        for overlay in context.gone() {
            if let Some(problem) = withheld(overlay).next() {
                report(context, overlay, problem, sink);
            }
        }
    }
}

fn withheld(overlay: &Overlay) -> impl Iterator<Item = &Problem> {
    overlay
        .rendered
        .problems
        .iter()
        .filter(|problem| problem.kind == ProblemKind::Withheld)
}

/// Tells that there is nothing to compare with.
fn report(context: &Context, overlay: &Overlay, problem: &Problem, sink: &mut Sink) {
    let message = format!(
        "the base revision of {} cannot be built, so what changes is not known: {}",
        overlay.path, problem.message
    );
    let mut draft = Draft::new(Severity::Error, overlay.origin, message)
        .related(problem.origin, "it is read here");
    draft.help = problem.help.clone();
    sink.report(context, Some(overlay), draft);
}
