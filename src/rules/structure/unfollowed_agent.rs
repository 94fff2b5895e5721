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
//! - It reads a branch, tag or commit that this clone does not have, or a range of versions. The
//!   files under check are judged instead. For a protected environment, this is a warning.
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
//! If the finding names a `git fetch`, run it before the check (with actions/checkout, set
//! `fetch-depth: 0`). Otherwise you do not have to change anything. The tool follows `list`, `git`, `matrix` and `merge`
//! generators over this repository. If the clusters are few and known, a `list` generator can
//! replace `clusters`.

use crate::finding::{Cause, Severity};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::Origin;

/// The rule.
pub(super) struct UnfollowedAgent;

static METADATA: Metadata = Metadata {
    id: "unfollowed-agent",
    category: Category::Structure,
    level: "info; warning if the clone lacks what a protected environment reads",
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
            let severity = match note.lacks_revision && is_protected(context, note.origin) {
                true => Severity::Warning,
                false => Severity::Info,
            };
            let draft = Draft::new(severity, note.origin, cause, note.message.clone());
            sink.report(context, None, draft);
        }
    }
}

/// True if an agent's object with a place in it applies a protected environment.
fn is_protected(context: &Context, place: Origin) -> bool {
    let overlays = context.repo.overlays.iter();
    let agents = overlays.filter_map(|overlay| Some((overlay, context.repo.pointer(overlay)?)));
    let mut found = agents.filter(|(_, pointer)| {
        let object = pointer.object.origin;
        object.file == place.file && object.start <= place.start && place.end <= object.end
    });
    found.any(|(overlay, _)| {
        let environment = context.repo.environment(overlay);
        environment.is_some_and(|environment| environment.protected)
    })
}
