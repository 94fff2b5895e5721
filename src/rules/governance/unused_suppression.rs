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

use crate::finding::Severity;
use crate::rules::{Category, Metadata, Rule};

/// The rule. It has no hooks: `check` knows which suppressions matched once all rules have run.
pub(super) struct UnusedSuppression;

pub(crate) static METADATA: Metadata = Metadata {
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
}
