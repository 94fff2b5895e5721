//! # remote-base
//!
//! ## What
//!
//! A kustomization refers to a resource, base or component by URL. The tool never fetches it, so
//! the overlay counts as incomplete.
//!
//! A URL that is pinned to neither a commit nor a version tag is an error, because its content can
//! change without a commit to this repository. A pinned URL is a warning.
//!
//! ## Why
//!
//! If the other repository changes, the cluster gets something that no reviewer has seen.
//!
//! ## Example
//!
//! ```yaml
//! resources:
//!   - https://github.com/acme/bases//web?ref=main
//! ```
//!
//! ## Fix
//!
//! Copy the base into this repository and declare the copy under `remotes` in the configuration.
//! An entry for a repository or folder covers everything below it; without `ref` it covers every
//! revision.
//!
//! Otherwise, pin the URL to a commit: `?ref=4f1c2d…`.

use crate::finding::Severity;
use crate::kustomize::ProblemKind;
use crate::repo::Overlay;
use crate::rules::shared::problems;
use crate::rules::{Category, Context, Metadata, Rule, Sink};

/// The rule.
pub(super) struct RemoteBase;

static METADATA: Metadata = Metadata {
    id: "remote-base",
    category: Category::Structure,
    level: "error if it is not pinned, else warning",
    severity: Severity::Error,
    summary: "a base that the agent downloads while it builds",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("remote_base.rs"),
};

impl Rule for RemoteBase {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        problems::report(
            context,
            overlay,
            sink,
            ProblemKind::RemoteUnpinned,
            Severity::Error,
        );
        problems::report(
            context,
            overlay,
            sink,
            ProblemKind::RemotePinned,
            Severity::Warning,
        );
    }
}
