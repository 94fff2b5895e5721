//! # policy-error
//!
//! ## What
//!
//! A policy that cannot be loaded, or that failed while it judged an overlay: a syntax error, an
//! unknown function, two values for one rule, a function that is not available, a loop that takes too
//! long. The other policies are evaluated nevertheless.
//!
//! ## Why
//!
//! A policy that fails reports nothing. Without this finding, the objects that it should have
//! judged would look clean.
//!
//! ## Example
//!
//! ```rego
//! limit := 3 if data.gitops.protected
//! limit := 1 if input.kind == "Deployment" # a second value for a Deployment in production
//! ```
//!
//! ## Fix
//!
//! Correct the policy; `gitops-lint policy test` runs its unit tests.

use crate::finding::Severity;
use crate::rules::{Behavior, Category, Metadata, Rule};

/// The rule. It has no hooks: `policy` reports what fails while it evaluates.
pub(super) struct PolicyError;

static METADATA: Metadata = Metadata {
    id: "policy-error",
    category: Category::Structure,
    level: "error",
    severity: Severity::Error,
    summary: "a policy that fails, so that it checks nothing",
    options: &[],
    behavior: Behavior {
        for_failing_policies: true,
        ..Metadata::USUAL
    },
    source: include_str!("policy_error.rs"),
};

impl Rule for PolicyError {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
}
