//! # submodule-change
//!
//! ## What
//!
//! A change adds a submodule or moves it to another commit, and an overlay of a protected
//! environment uses files from it. The rule needs a base revision (`--base`).
//!
//! ## Why
//!
//! One line of the pull request stands for everything in the submodule. Reviewers do not see it,
//! no code owner of this repository is asked, and everybody who can write to the other repository
//! decides what production runs.
//!
//! If the submodule is checked out, all other rules also check the objects that change.
//!
//! ## Example
//!
//! ```text
//! -Subproject commit 6f2a91c0d4
//! +Subproject commit b81e7730aa     # production uses vendor/platform/base
//! ```
//!
//! ## Fix
//!
//! Run `gitops-lint diff` and review what changes in production. Alternatively, copy the files that
//! production needs into this repository.

use crate::finding::{Cause, Severity};
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::source::is_below;
use crate::wording;

/// See the documentation above.
pub(super) struct SubmoduleChange;

static METADATA: Metadata = Metadata {
    id: "submodule-change",
    category: Category::Governance,
    level: "warning; needs a base revision",
    severity: Severity::Warning,
    summary: "the change adds or moves a submodule that a protected environment is built from",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("submodule_change.rs"),
};

impl Rule for SubmoduleChange {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let protected: Vec<&Overlay> = context
            .judged()
            .filter(|overlay| context.repo.protected(overlay))
            .collect();
        for submodule in &context.submodules {
            let inside = |overlay: &Overlay| {
                let mut files = overlay
                    .rendered
                    .files
                    .iter()
                    .map(|file| context.repo.files.get(*file));
                files.any(|file| file.revision.is_none() && is_below(&file.path, &submodule.path))
            };
            let built: Vec<&Overlay> = protected
                .iter()
                .copied()
                .filter(|overlay| inside(overlay))
                .collect();
            let Some(first) = built.first() else { continue };
            let paths: Vec<&str> = built.iter().map(|overlay| overlay.path.as_str()).collect();
            let are = if built.len() == 1 { "is" } else { "are" };
            let done = match (&submodule.before, &submodule.after) {
                (Some(before), Some(after)) => format!(
                    "moves the submodule `{}` from {before} to {after}",
                    submodule.path
                ),
                (_, after) => format!(
                    "adds the submodule `{}` at {}",
                    submodule.path,
                    after.as_deref().unwrap_or("a commit")
                ),
            };
            let message = format!(
                "this change {done}; {} {are} built from its files, which the review does not show",
                wording::listed(&paths, 1)
            );
            let cause = Cause::new("submodule").with(&submodule.path);
            let place = submodule.origin.unwrap_or(first.origin);
            let draft = Draft::new(Severity::Warning, place, cause, message).help(
                "run `gitops-lint diff` to see what it changes in production, or copy the files into this repository",
            );
            let related = submodule.origin.map(|_| first.origin);
            let draft = related.into_iter().fold(draft, |draft, origin| {
                draft.related(origin, "built from files in the submodule")
            });
            sink.report(context, None, draft);
        }
    }
}
