//! # remote-base
//!
//! ## What
//!
//! A resource, base or component given as a URL. It is never fetched, so the overlay counts as
//! incomplete. A URL without a commit or a version tag is an error: what it brings can change
//! without a commit to this repo.
//!
//! ## Why
//!
//! What the reviewers saw is not what the cluster gets, once the other repository moves.
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
//! Copy the base into the repo and map it with `remotes` in the configuration (a repository or
//! folder brings everything below it, and without `ref` it stands for every revision), or pin it to
//! a commit: `?ref=4f1c2d…`.
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
pub struct RemoteBase;

const METADATA: Metadata = Metadata {
    id: "remote-base",
    category: Category::Structure,
    level: "error unpinned, warning pinned",
    severity: Severity::Error,
    summary: "a base that is fetched from another place when the agent builds",
    options: &[],
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
