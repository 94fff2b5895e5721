//! # policy-error
//!
//! ## What
//!
//! A Rego policy that failed while it judged an overlay: a division by zero, conflicting values, a
//! call with arguments of the wrong type.
//!
//! ## Why
//!
//! A policy that fails reports nothing. Without this finding, the objects that it should have
//! judged would look clean.
//!
//! ## Example
//!
//! ```rego
//! deny contains msg if {
//!   input.spec.replicas / input.spec.minReadySeconds > 1 # fails when minReadySeconds is 0
//!   msg := "too many replicas"
//! }
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
