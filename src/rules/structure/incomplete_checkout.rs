//! # incomplete-checkout
//!
//! ## What
//!
//! An overlay needs a file that is in Git but not in this checkout: the file is in a submodule
//! that is not checked out, a sparse checkout leaves it out, or it is a Git LFS pointer whose
//! content was not fetched. With `--base`, the rule also reports an overlay of the base revision
//! that cannot be built for one of these reasons, because nothing can then be compared with it.
//!
//! ## Why
//!
//! The agent has the whole repository and applies these files, but this check cannot see them.
//! Without this finding, the check would pass although it skipped them.
//!
//! ## Example
//!
//! ```yaml
//! resources:
//!   - ../../../vendor/platform/base   # vendor is a submodule that CI does not check out
//! ```
//!
//! ## Fix
//!
//! Let CI check out everything that overlays are built from. With actions/checkout, set
//! `submodules: recursive`, `lfs: true`, a wider `sparse-checkout`, and `fetch-depth: 0` for
//! earlier commits of submodules.
//!
//! If that is not possible, suppress the finding, with a reason, at the line that refers to the
//! file.

use crate::finding::{Cause, Severity};
use crate::kustomize::{Identity, Problem, ProblemKind};
use crate::repo::Overlay;
use crate::rules::shared::problems;
use crate::rules::{Behavior, Category, Context, Draft, Metadata, Rule, Sink};

/// The rule.
pub(super) struct IncompleteCheckout;

static METADATA: Metadata = Metadata {
    id: "incomplete-checkout",
    category: Category::Structure,
    level: "error",
    severity: Severity::Error,
    summary: "an overlay needs a file that is missing from this clone or checkout",
    options: &[],
    behavior: Behavior {
        fact_of_checkout: true,
        ..Metadata::USUAL
    },
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
        let told =
            |problem: &Problem| withheld(overlay).any(|own| own.identity == problem.identity);
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

/// Reports that the overlay cannot be compared with the base revision.
fn report(context: &Context, overlay: &Overlay, problem: &Problem, sink: &mut Sink) {
    let message = format!(
        "{} cannot be rendered at the base revision, so its changes are unknown: {}",
        overlay.path, problem.message
    );
    let cause = match problem.identity.as_deref() {
        Some(Identity::Withheld(path)) => Cause::new("base-incomplete").with(path),
        _ => Cause::new("base-incomplete"),
    };
    let mut draft = Draft::new(Severity::Error, overlay.origin, cause, message)
        .related(problem.origin, "it is read here");
    draft.help = problem.help.clone();
    sink.report(context, Some(overlay), draft);
}
