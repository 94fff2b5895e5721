//! Findings about objects that a change only lists: no line of the object is new, but the entry that
//! brings it in is.
//!
//! Only for rules about the change itself. Other findings may exist at the base, and are recognised by
//! their place.

use crate::repo::Overlay;
use crate::rules::{Context, Draft};

/// The draft at the entry of a kustomization that the change adds, if that brings the object into an
/// overlay; else as it is.
pub(in crate::rules) fn at_the_change(context: &Context, overlay: &Overlay, draft: Draft) -> Draft {
    let subject = draft.origin;
    match context.newly_listed(overlay, subject.file) {
        Some(entry) => Draft {
            origin: entry,
            ..draft
        }
        .related(subject, "it is about this place"),
        None => draft,
    }
}
