//! # missing-secret
//!
//! ## What
//!
//! A container, volume, service account, Ingress or similar object needs a Secret that nothing in
//! its environment provides.
//!
//! A Secret is provided by the overlay itself, by another overlay of the same environment, variant
//! and namespace, by an entry under `external` in the configuration, or by Kubernetes or an
//! operator (ExternalSecret, SealedSecret, Certificate, VaultStaticSecret, OnePasswordItem and
//! others). References with `optional: true` are not checked.
//!
//! The level depends on the evidence:
//!
//! - If another environment provides the Secret, it is an error: it was added there and forgotten
//!   here.
//! - If a pod needs the Secret and other Secrets of the app are in the repository, it is an error.
//! - If at least three other Secrets with the same first words are missing for several apps and none
//!   is provided, such as `signon-token-web` and `signon-token-api`, something outside of the
//!   repository evidently makes them: it is a warning.
//! - If a pod needs the Secret and only other apps keep their Secrets in the repository, it is a
//!   warning.
//! - If the repository holds no Secret of any kind, it is an info: the Secrets are evidently
//!   created elsewhere.
//! - Registry credentials and TLS certificates are often created by hand, so for these it is an
//!   info, or nothing is reported if the app keeps no Secret in the repository.
//! - If the overlay cannot be rendered completely, it is a warning if another environment provides
//!   the Secret; otherwise it is not reported.
//!
//! ## Why
//!
//! The pod does not start (`CreateContainerConfigError`), and only in production.
//!
//! ## Example
//!
//! ```yaml
//! env:
//!   - name: DB_URL
//!     valueFrom:
//!       secretKeyRef: {name: api-db, key: url}   # only staging has the ExternalSecret api-db
//! ```
//!
//! ## Fix
//!
//! Add the ExternalSecret, or whatever creates the Secret, to this environment. If it is created
//! outside of the repository, declare it under `external`.

use crate::finding::Severity;
use crate::kubernetes::references::Target;
use crate::repo::Overlay;
use crate::rules::shared::availability;
use crate::rules::{Category, Context, Metadata, Rule, Sink};

/// The rule.
pub(super) struct MissingSecret;

static METADATA: Metadata = Metadata {
    id: "missing-secret",
    category: Category::Configuration,
    level: "error (warning or info when the evidence is weak)",
    severity: Severity::Error,
    summary: "a Secret that something needs and nothing provides",
    options: &[],
    behavior: Metadata::USUAL,
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
