//! Policies that admission controllers enforce in a cluster: those of Gatekeeper and Kyverno,
//! and ValidatingAdmissionPolicies.
//!
//! `document` finds them, `cluster` holds those of one cluster, `run` judges the objects of the
//! overlays that belong to it. `request` is what a controller gets to see, and `selector` has the
//! matching that all controllers share.

mod cluster;
mod document;
mod expressions;
mod gatekeeper;
mod kyverno;
mod kyverno_suite;
mod request;
mod run;
mod selector;
mod suite;
mod validating;

pub(super) use document::Document;
pub use document::is_policy_text;
pub use kyverno_suite::run_kyverno_suite;
pub(super) use run::run;
pub use suite::{ReadBeside, run_suite};
