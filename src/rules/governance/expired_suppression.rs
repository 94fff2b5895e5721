//! # expired-suppression
//!
//! ## What
//!
//! A suppression whose `until` date has passed, in a comment or in `suppress` in the configuration.
//! It no longer hides the findings that it names.
//!
//! ## Why
//!
//! The date is when somebody promised to look at the finding again.
//!
//! ## Example
//!
//! ```yaml
//! # gitops-lint: ignore[mutable-tag] the vendor publishes no digests until 2026-01-31
//! image: vendor/agent:3.2
//! ```
//!
//! ## Fix
//!
//! Fix the finding and remove the suppression, or set a later date.

use crate::finding::{Cause, Severity};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink, Suppressed};

/// See the documentation above.
pub(super) struct ExpiredSuppression;

static METADATA: Metadata = Metadata {
    id: "expired-suppression",
    category: Category::Governance,
    level: "warning",
    severity: Severity::Warning,
    summary: "a suppression whose `until` date has passed",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("expired_suppression.rs"),
};

impl Rule for ExpiredSuppression {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_suppressions(&self, context: &Context, suppressed: &Suppressed, sink: &mut Sink) {
        // a comment with a flaw never counted
        let comments = suppressed.comments.iter();
        for comment in comments.filter(|comment| comment.flaw.is_none()) {
            let Some(until) = suppressed.expired(comment.until) else {
                continue;
            };
            let ids: Vec<&str> = comment.rules.iter().map(|rule| rule.id).collect();
            let quoted: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
            let message = format!(
                "this suppression of {} expired on {until}",
                quoted.join(", ")
            );
            let cause = Cause::new("expired-comment").with(ids.join(","));
            let draft = Draft::new(Severity::Warning, comment.origin, cause, message);
            let help = "fix the finding and remove the comment, or set a later date";
            sink.report(context, None, draft.help(help));
        }
        for entry in suppressed.entries.iter().map(|one| one.entry) {
            let Some(until) = suppressed.expired(entry.until) else {
                continue;
            };
            let message = format!("the suppression of `{}` expired on {until}", entry.rule);
            let cause = Cause::new("expired-entry").with(&entry.rule);
            let draft = Draft::new(Severity::Warning, entry.origin, cause, message);
            let help = "fix the findings and remove the entry, or set a later date";
            sink.report(context, None, draft.help(help));
        }
    }
}
