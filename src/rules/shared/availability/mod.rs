//! Decides whether a needed Secret or ConfigMap exists. The four `missing-…` rules share this
//! logic.
//!
//! An object counts as provided in any of these cases:
//!
//! - The overlay has it.
//! - Another overlay that may be applied to the same cluster has it: one with the same environment
//!   or none, the same variant or none, and a namespace that can be the same.
//! - The configuration declares it under `external`.
//! - Kubernetes, an operator or a Helm release in the environment creates it.
//!
//! `missing` reports objects, `keys` reports keys of objects, and `need` answers who provides an
//! object. Not here: which kinds of objects provide others (`kubernetes::references`,
//! `kubernetes::operators`).

mod keys;
mod missing;
mod need;

pub(in crate::rules) use keys::report_missing_keys;
pub(in crate::rules) use missing::report_missing;
pub(in crate::rules) use need::{declared, lands_together};
