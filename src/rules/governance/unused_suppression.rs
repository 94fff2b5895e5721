//! # unused-suppression
//!
//! ## What
//!
//! A suppression that has no effect: no finding matches it, it lacks a rule or a reason, or no date
//! follows its `until`. This holds for comments (`# gitops-lint: ignore[rule-id] reason`) and for
//! entries of `suppress` in the configuration. Comments that are spelt differently, such as
//! `# gitops-lint: disable[rule-id]`, and comments inside an inline patch are reported as well. A
//! suppression of a rule that is switched off is not reported.
//!
//! ## Why
//!
//! A suppression that outlives its finding hides the next one on the same line.
//!
//! ## Example
//!
//! ```yaml
//! replicas: 1 # gitops-lint: ignore[mutable-tag]
//! ```
//!
//! ## Fix
//!
//! Remove the suppression, or add what it lacks.

use crate::config::Level;
use crate::finding::{Cause, Severity};
use crate::rules::{
    Category, Context, Draft, Flaw, Metadata, Rule, Sink, Suppressed, SuppressingComment,
    SuppressingEntry,
};
use crate::yaml::Origin;

/// See the documentation above.
pub(super) struct UnusedSuppression;

static METADATA: Metadata = Metadata {
    id: "unused-suppression",
    category: Category::Governance,
    level: "warning",
    severity: Severity::Warning,
    summary: "a suppression that matches no finding, or that lacks a rule or a reason",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("unused_suppression.rs"),
};

impl Rule for UnusedSuppression {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_suppressions(&self, context: &Context, suppressed: &Suppressed, sink: &mut Sink) {
        let is_on = |rule: &str| context.config.level(rule) != Some(Level::Off);
        let mut report = |draft: Draft| sink.report(context, None, draft);
        for comment in &suppressed.comments {
            if let Some(flaw) = comment.flaw {
                report(ignored(comment, flaw));
            } else if comment.judged && suppressed.expired(comment.until).is_none() {
                let unused = comment.rules.iter().filter(|rule| !rule.is_used);
                for rule in unused.filter(|rule| is_on(rule.id)) {
                    let what = ("unused-comment", "this suppression");
                    report(unused_by(rule.id, comment.origin, what).help("remove the comment"));
                }
            }
        }
        for one in &suppressed.entries {
            let entry = one.entry;
            let counts = one.judged && suppressed.expired(entry.until).is_none();
            if counts && !one.is_used && is_on(&entry.rule) {
                let what = ("unused-entry", "the suppression");
                report(unused_by(&entry.rule, entry.origin, what).help(help_for(one)));
            }
        }
    }
}

/// A comment that never counts.
fn ignored(comment: &SuppressingComment<'_>, flaw: Flaw) -> Draft {
    let cause = Cause::new("ignored-comment").with(flaw.as_str());
    let message = format!("suppression ignored: {}", flaw.explanation());
    let help = "write `# gitops-lint: ignore[rule-id] reason`, optionally with `until YYYY-MM-DD`";
    Draft::new(Severity::Warning, comment.origin, cause, message).help(help)
}

/// An unused entry may name a folder instead of the files below it.
fn help_for(one: &SuppressingEntry<'_>) -> String {
    let path = one.entry.path.as_ref().filter(|_| one.names_folder);
    match path.map(|glob| glob.as_str().trim_end_matches('/')) {
        Some(path) => format!("`{path}` is a folder: write `{path}/**`, or remove the entry"),
        None => "remove the entry".to_string(),
    }
}

fn unused_by(rule: &str, origin: Origin, (kind, what): (&'static str, &str)) -> Draft {
    let message = format!("{what} of `{rule}` matches no finding");
    Draft::new(
        Severity::Warning,
        origin,
        Cause::new(kind).with(rule),
        message,
    )
}
