//! # unfollowed-agent
//!
//! ## What
//!
//! An Argo CD Application or ApplicationSet that cannot be followed to what it applies without a
//! cluster or a server: generators such as `clusters`, `scmProvider` or `pullRequest`, a Git
//! generator over another repository, a path or field with a template that is not understood. A
//! matrix of more or less than two generators is told as well: Argo CD refuses it.
//!
//! ## Why
//!
//! Nothing is guessed: what such an object applies, or adds to a folder, is not looked at. Better
//! that you know.
//!
//! ## Example
//!
//! ```yaml
//! kind: ApplicationSet
//! spec:
//!   generators:
//!     - clusters: {}
//! ```
//!
//! ## Fix
//!
//! None is needed. Generators of the kinds `list`, `git`, `matrix` and `merge` over this repository
//! are followed; where the clusters are few and known, a `list` says as much as `clusters`.
//!
//! ## Options
//!
//! None.

use crate::finding::Severity;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};

/// See the documentation above.
pub struct UnfollowedAgent;

const METADATA: Metadata = Metadata {
    id: "unfollowed-agent",
    category: Category::Structure,
    level: "info",
    severity: Severity::Info,
    summary: "an Argo CD object that cannot be followed without a cluster",
    options: &[],
    source: include_str!("unfollowed_agent.rs"),
};

impl Rule for UnfollowedAgent {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        for note in &context.repo.notes {
            sink.report(
                context,
                None,
                Draft::new(Severity::Info, note.origin, note.message.clone()),
            );
        }
    }
}
