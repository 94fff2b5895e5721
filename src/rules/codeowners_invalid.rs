//! # codeowners-invalid
//!
//! ## What
//!
//! A line of CODEOWNERS that the forge skips: a pattern with `!`, with a range in brackets or with `\\#`, an owner that is neither `@user`, `@organisation/team` nor an e-mail address. Files for GitLab (`.gitlab/CODEOWNERS`, or with sections) may have exclusions with `!` and roles.
//!
//! ## Why
//!
//! The line is skipped without a word, and what it was to protect has no owner.
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

use super::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::finding::Severity;

/// See the documentation above.
pub struct CodeownersInvalid;

const METADATA: Metadata = Metadata {
    id: "codeowners-invalid",
    category: Category::Governance,
    level: "error",
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
        let Some(owners) = &context.repo.owners else { return };
        for mistake in owners.mistakes() {
            let draft = Draft::new(Severity::Error, mistake.origin, format!("this line of CODEOWNERS is skipped: {}", mistake.message));
            sink.report(context, None, draft.help(mistake.help));
        }
    }
}
