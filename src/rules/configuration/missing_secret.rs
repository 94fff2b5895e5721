//! # missing-secret
//!
//! ## What
//!
//! A container, volume, service account, Ingress or the like needs a Secret that nothing in the
//! environment provides. Provided is what the overlay has, what another overlay of the same
//! environment and variant has in the same namespace, what the configuration lists under
//! `external`, and what Kubernetes or an operator makes: ExternalSecret, SealedSecret, Certificate,
//! VaultStaticSecret, OnePasswordItem and their kin. References with `optional: true` are left out.
//! The case is strongest, and always an error, when another environment provides the Secret: it was
//! added there and forgotten here. Where a repo holds no Secret of any kind, they are evidently
//! made elsewhere, and the finding is an info.
//!
//! ## Why
//!
//! The pod does not start: `CreateContainerConfigError`, in production only.
//!
//! ## Example
//!
//! ```yaml
//! env:
//!   - name: DB_URL
//!     valueFrom:
//!       secretKeyRef: {name: api-db, key: url}   # the ExternalSecret api-db is in staging's overlay only
//! ```
//!
//! ## Fix
//!
//! Add the ExternalSecret (or what makes the Secret) to this environment, or declare it under
//! `external`.
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
pub struct MissingSecret;

const METADATA: Metadata = Metadata {
    id: "missing-secret",
    category: Category::Configuration,
    level: "error; weaker where the evidence is",
    severity: Severity::Error,
    summary: "a Secret that something needs and nothing provides",
    options: &[],
    source: include_str!("missing_secret.rs"),
};

impl Rule for MissingSecret {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        availability::report_missing(context, overlay, sink, Target::Secret);
    }
}
