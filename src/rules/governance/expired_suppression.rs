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

use crate::finding::Severity;
use crate::rules::{Category, Metadata, Rule};

/// The rule. It has no hooks: `check` judges the suppressions once all rules have run.
pub(super) struct ExpiredSuppression;

pub(crate) static METADATA: Metadata = Metadata {
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
}
