//! # unused-image-override
//!
//! ## What
//!
//! An entry of `images` whose `name` matches no container image of the overlay. kustomize ignores
//! such an entry without a message. An entry in a shared base or component is only reported if no
//! overlay uses it.
//!
//! It is an error. It is only a warning if three or more entries of the list match nothing, because
//! such a list is usually shared by many apps on purpose.
//!
//! ## Why
//!
//! A promotion that edits this entry has no effect: production keeps running the old image.
//!
//! ## Example
//!
//! ```yaml
//! images:
//!   - name: acme/api        # the containers use ghcr.io/acme/api
//!     newTag: v2
//! ```
//!
//! ## Fix
//!
//! Write the full name of the image as it stands in the manifests, without the tag, or remove the
//! entry.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::Severity;
use crate::kustomize::{Identity, Problem, ProblemKind};
use crate::repo::Overlay;
use crate::rules::shared::problems;
use crate::rules::{Category, Context, Metadata, Rule, Sink};
use crate::yaml::FileId;

/// If this many entries of a list match nothing, the list is shared by many apps.
const CENTRAL: usize = 3;

/// The rule.
pub(super) struct UnusedImageOverride;

static METADATA: Metadata = Metadata {
    id: "unused-image-override",
    category: Category::Images,
    level: "error; warning in lists for several apps",
    severity: Severity::Error,
    summary: "an `images` entry that no container uses",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("unused_image_override.rs"),
};

impl Rule for UnusedImageOverride {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        // the entry may be meant for the part that was not rendered
        if !overlay.rendered.complete {
            return;
        }
        let kind = ProblemKind::UnusedImageOverride;
        let problems = overlay.rendered.problems.iter();
        let unused = problems.filter(|problem| problem.kind == kind);
        // the same entry three times is one image
        let mut lists: BTreeMap<FileId, BTreeSet<&str>> = BTreeMap::new();
        for problem in unused {
            if let Some(Identity::UnusedImage(image)) = problem.identity.as_deref() {
                lists.entry(problem.origin.file).or_default().insert(image);
            }
        }
        let severity = |problem: &Problem| {
            let file = problem.origin.file;
            let many = lists
                .get(&file)
                .is_some_and(|images| images.len() >= CENTRAL);
            if many || serves_several_apps(context, file) {
                Severity::Warning
            } else {
                Severity::Error
            }
        };
        problems::report_unless_used_elsewhere(context, overlay, sink, kind, &severity);
    }
}

/// True if overlays of several apps read a list. Its entries may be meant for any of them, or for
/// the next one.
fn serves_several_apps(context: &Context, file: FileId) -> bool {
    let overlays = context.repo.overlays.iter();
    let mut readers = overlays.filter(|overlay| overlay.rendered.files.contains(&file));
    let first = readers.next();
    first.is_some_and(|first| readers.any(|other| other.app != first.app))
}
