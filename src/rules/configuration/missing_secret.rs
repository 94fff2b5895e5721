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
//! - If a pod needs the Secret and other Secrets of the app are in the repository, it is an error. It
//!   is a warning if the environment before needs it and lacks it too: something may make it.
//! - If only other apps keep their Secrets in the repository, it is a warning for a Secret that the
//!   change is the first to need, and an info otherwise.
//! - If the repository holds no Secret of any kind, it is an info: the Secrets are evidently
//!   created elsewhere.
//! - If something evidently makes the Secret, it is an info: several apps need it and none of them
//!   has it; three other Secrets with the same first words are missing for several apps, such as
//!   `signon-token-web` and `signon-token-api`; the agent that applies it in the other environment
//!   reads another repository here; or an object gives its name to a program, such as an argument
//!   `--tls-secret=webhook-cert` of a controller, a script of a Job, a Role that may update it, or a
//!   custom resource whose operator is not known.
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
