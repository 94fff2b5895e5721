//! # remote-base
//!
//! ## What
//!
//! A kustomization refers to a resource, base or component by URL. The tool never fetches it, so
//! the overlay counts as incomplete.
//!
//! A URL that is pinned to neither a commit nor a version tag is an error, because its content can
//! change without a commit to this repository. If it leads into this repository itself, it is a
//! warning. So is a pinned URL, unless a change brings the first one into production: until then,
//! everything there was checked.
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
use crate::kustomize::{Identity, Problem, ProblemKind};
use crate::repo::{Overlay, Repo};
use crate::rules::shared::problems;
use crate::rules::{Category, Context, Metadata, Rule, Sink};

/// The rule.
pub(super) struct RemoteBase;

static METADATA: Metadata = Metadata {
    id: "remote-base",
    category: Category::Structure,
    level: "error if it is not pinned or the first one in production, else warning",
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
        problems::report_by(
            context,
            overlay,
            sink,
            ProblemKind::RemoteUnpinned,
            &|problem| {
                if is_own(context, problem) {
                    Severity::Warning
                } else {
                    Severity::Error
                }
            },
        );
        let kinds = [ProblemKind::RemotePinned, ProblemKind::RemoteUnpinned];
        let is_first =
            problems::is_first_in_production(context, overlay, &kinds, Repo::uses_remotes);
        let pinned = if is_first {
            Severity::Error
        } else {
            Severity::Warning
        };
        problems::report(context, overlay, sink, ProblemKind::RemotePinned, pinned);
    }
}

/// True if a URL leads into this repository, whose branches have the same reviewers.
fn is_own(context: &Context, problem: &Problem) -> bool {
    let Some(Identity::Remote(url)) = problem.identity.as_deref() else {
        return false;
    };
    context.repo.leads_here(url)
}
