//! # unfollowed-agent
//!
//! ## What
//!
//! An Argo CD Application or ApplicationSet whose objects cannot be determined without a cluster
//! or a server:
//!
//! - It uses a generator such as `clusters`, `scmProvider` or `pullRequest`.
//! - Its Git generator reads another repository.
//! - Its path or another field contains a template that the tool does not understand.
//!
//! A matrix generator with fewer or more than two generators is also reported, because Argo CD
//! refuses it.
//!
//! ## Why
//!
//! The tool does not guess. It does not check the objects that such an Application applies or the
//! settings that it adds to a folder, and you should know that.
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
//! You do not have to change anything. The tool follows `list`, `git`, `matrix` and `merge`
//! generators over this repository. If the clusters are few and known, a `list` generator can
//! replace `clusters`.

use crate::finding::{Cause, Severity};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};

/// The rule.
pub(super) struct UnfollowedAgent;

static METADATA: Metadata = Metadata {
    id: "unfollowed-agent",
    category: Category::Structure,
    level: "info",
    severity: Severity::Info,
    summary: "an Argo CD object that cannot be followed without a cluster",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("unfollowed_agent.rs"),
};

impl Rule for UnfollowedAgent {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        for note in context.repo.notes() {
            let file = context.repo.files.get(note.origin.file);
            let cause = Cause::new("not-followed").with(file.slice(note.origin).trim());
            let draft = Draft::new(Severity::Info, note.origin, cause, note.message.clone());
            sink.report(context, None, draft);
        }
    }
}
