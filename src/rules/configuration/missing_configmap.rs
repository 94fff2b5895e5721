//! # missing-configmap
//!
//! ## What
//!
//! A container or volume needs a ConfigMap that nothing in its environment provides.
//!
//! A ConfigMap is provided by the overlay itself, by another overlay of the same environment,
//! variant and namespace, by an entry under `external` in the configuration, or by Kubernetes or
//! an operator. References with `optional: true` are not checked.
//!
//! The level depends on the evidence:
//!
//! - If another environment provides the ConfigMap, or another ConfigMap of the app is in the
//!   repository, it is an error.
//! - If the repository holds no ConfigMap of the app, it is a warning for one that the change is the
//!   first to need, and an info otherwise: something else evidently creates the ConfigMaps.
//! - If several apps need the ConfigMap and none of them has it, or an object gives its name to a
//!   program, such as an argument `--configmap-name=hashring` of a controller, it is an info:
//!   something evidently creates it.
//! - If the overlay cannot be rendered completely, it is a warning if another environment provides
//!   the ConfigMap; otherwise it is not reported.
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
//! Add the ConfigMap, for example with a `configMapGenerator`, or declare it under `external`.

use crate::finding::Severity;
use crate::kubernetes::references::Target;
use crate::repo::Overlay;
use crate::rules::shared::availability;
use crate::rules::{Category, Context, Metadata, Rule, Sink};

/// The rule.
pub(super) struct MissingConfigMap;

static METADATA: Metadata = Metadata {
    id: "missing-configmap",
    category: Category::Configuration,
    level: "error (warning or info when the evidence is weak)",
    severity: Severity::Error,
    summary: "a ConfigMap that something needs and nothing provides",
    options: &[],
    behavior: Metadata::USUAL,
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
