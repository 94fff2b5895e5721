//! # codeowners-invalid
//!
//! ## What
//!
//! CODEOWNERS contains something that the forge ignores. These are errors:
//!
//! - On GitHub: a pattern that contains `!`, a range in brackets or `\\#`; an owner that is an app,
//!   or that is not `@user`, `@organisation/team` or an e-mail address; a file of 3 MB or more.
//! - On GitLab: an owner as above, an unknown role, a section heading that is not closed, or an
//!   approval count that is not a number. GitLab ignores only the owner and not the whole line.
//! - On Forgejo: a pattern that is not a valid regular expression.
//!
//! These are warnings:
//!
//! - A second CODEOWNERS file that is not read because another location takes precedence.
//! - A line without effect because the same pattern follows again further down.
//!
//! A pattern that matches no file is not reported, because it may be meant for future files.
//!
//! ## Why
//!
//! The forge ignores it silently, and the files that it should protect have no owner.
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

use crate::finding::{Cause, Severity};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};

/// See the documentation above.
pub(super) struct CodeownersInvalid;

static METADATA: Metadata = Metadata {
    id: "codeowners-invalid",
    category: Category::Governance,
    level: "error if files lose their owner, else warning",
    severity: Severity::Error,
    summary: "a line of CODEOWNERS that is skipped",
    options: &[],
    behavior: Metadata::USUAL,
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
            let severity = if mistake.kind.loses_owners() {
                Severity::Error
            } else {
                Severity::Warning
            };
            let mut cause = Cause::new(mistake.kind.as_str()).with(&mistake.pattern);
            if let Some(owner) = &mistake.owner {
                cause = cause.with(owner);
            }
            let draft = Draft::new(severity, mistake.origin, cause, mistake.message.clone());
            sink.report(context, None, draft.help(mistake.help.clone()));
        }
    }
}
