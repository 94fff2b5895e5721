//! # missing-configmap-key
//!
//! ## What
//!
//! A container or volume reads a key from a ConfigMap whose providers are all known from the repo,
//! and none of them has the key. Provided is what the overlay has, what another overlay of the same
//! environment and variant has in the same namespace, what the configuration lists under
//! `external`, and what Kubernetes or an operator makes: ExternalSecret, SealedSecret, Certificate,
//! VaultStaticSecret, OnePasswordItem and their kin. References with `optional: true` are left out.
//!
//! ## Why
//!
//! The pod does not start, although the ConfigMap is there.
//!
//! ## Example
//!
//! ```yaml
//! configMapKeyRef: {name: settings, key: log-level}   # the generator has LOG_LEVEL
//! ```
//!
//! ## Fix
//!
//! Add the key, or correct the name.
//!
//! ## Options
//!
//! None.

use crate::finding::Severity;
use crate::kubernetes::references::Target;
use crate::repo::Overlay;
use crate::rules::shared::availability;
use crate::rules::{Category, Context, Metadata, Rule, Sink};

/// See the documentation above.
pub struct MissingConfigMapKey;

const METADATA: Metadata = Metadata {
    id: "missing-configmap-key",
    category: Category::Configuration,
    level: "error; weaker where the evidence is",
    severity: Severity::Error,
    summary: "a key that something reads from a ConfigMap that has no such key",
    options: &[],
    source: include_str!("missing_configmap_key.rs"),
};

impl Rule for MissingConfigMapKey {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        availability::report_missing_keys(context, overlay, sink, Target::ConfigMap);
    }
}
