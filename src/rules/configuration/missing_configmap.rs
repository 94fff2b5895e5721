//! # missing-configmap
//!
//! ## What
//!
//! A container or volume needs a ConfigMap that nothing in the environment provides. Provided is
//! what the overlay has, what another overlay of the same environment and variant has in the same
//! namespace, what the configuration lists under `external`, and what Kubernetes or an operator
//! makes: ExternalSecret, SealedSecret, Certificate, VaultStaticSecret, OnePasswordItem and their
//! kin. References with `optional: true` are left out.
//!
//! ## Why
//!
//! The pod does not start.
//!
//! ## Example
//!
//! ```yaml
//! envFrom:
//!   - configMapRef: {name: storefront-flags}
//! ```
//!
//! ## Fix
//!
//! Add the ConfigMap (a `configMapGenerator` entry, for example), or declare it under `external`.
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
pub struct MissingConfigMap;

const METADATA: Metadata = Metadata {
    id: "missing-configmap",
    category: Category::Configuration,
    level: "error; weaker where the evidence is",
    severity: Severity::Error,
    summary: "a ConfigMap that something needs and nothing provides",
    options: &[],
    source: include_str!("missing_configmap.rs"),
};

impl Rule for MissingConfigMap {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        availability::report_missing(context, overlay, sink, Target::ConfigMap);
    }
}
