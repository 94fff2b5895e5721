//! # codeowners-invalid
//!
//! ## What
//!
//! - A line of CODEOWNERS that the forge skips: on GitHub a pattern with `!`, with a range in
//!   brackets or with `\\#`, an owner that is neither `@user`, `@organisation/team` nor an e-mail
//!   address, or that is an app. On GitLab, which skips the owner and not the line, also a role
//!   that does not exist, a heading without end or with no number of approvals. On Forgejo a
//!   pattern that is no regular expression.
//! - A file of 3 MB or more, which GitHub ignores.
//! - As a warning: a second CODEOWNERS that is not read because another place comes first, and a
//!   line that never counts because the same pattern stands below it again.
//!
//! A pattern that matches no file is not reported: it may wait for one.
//!
//! ## Why
//!
//! It is skipped without a word, and what it was to protect has no owner.
//!
//! ## Example
//!
//! ```text
//! /apps/*/overlays/production/ acme/platform
//! ```
//!
//! ## Fix
//!
//! Write `@acme/platform`.
//!
//! ## Options
//!
//! None.

use crate::finding::Severity;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};

/// See the documentation above.
pub(super) struct CodeownersInvalid;

static METADATA: Metadata = Metadata {
    id: "codeowners-invalid",
    category: Category::Governance,
    level: "error; warning for what is only of no use",
    severity: Severity::Error,
    summary: "a line of CODEOWNERS that is skipped",
    options: &[],
    source: include_str!("codeowners_invalid.rs"),
};

impl Rule for CodeownersInvalid {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let Some(owners) = &context.repo.owners else {
            return;
        };
        for mistake in owners.mistakes() {
            let severity = if mistake.harmful {
                Severity::Error
            } else {
                Severity::Warning
            };
            let draft = Draft::new(severity, mistake.origin, mistake.message.clone());
            sink.report(context, None, draft.help(mistake.help.clone()));
        }
    }
}
