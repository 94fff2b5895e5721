//! # missing-secret-key
//!
//! ## What
//!
//! A container or volume reads a key that the Secret does not have. The rule only looks at Secrets
//! whose keys are all known from the repository; if an operator or something under `external` may
//! add keys, nothing is reported. References with `optional: true` are not checked.
//!
//! It is an error, or a warning if the overlay cannot be rendered completely.
//!
//! ## Why
//!
//! The pod does not start, although the Secret exists.
//!
//! ## Example
//!
//! ```yaml
//! secretKeyRef: {name: api-db, key: webhook-secret}   # the ExternalSecret only lists url
//! ```
//!
//! ## Fix
//!
//! Add the key to the object that creates the Secret, or correct its name.

use crate::finding::Severity;
use crate::kubernetes::references::Target;
use crate::repo::Overlay;
use crate::rules::shared::availability;
use crate::rules::{Category, Context, Metadata, Rule, Sink};

/// The rule.
pub(super) struct MissingSecretKey;

static METADATA: Metadata = Metadata {
    id: "missing-secret-key",
    category: Category::Configuration,
    level: "error (warning or info when the evidence is weak)",
    severity: Severity::Error,
    summary: "a key that is read from a Secret but does not exist in it",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("missing_secret_key.rs"),
};

impl Rule for MissingSecretKey {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        availability::report_missing_keys(context, overlay, sink, Target::Secret);
    }
}
