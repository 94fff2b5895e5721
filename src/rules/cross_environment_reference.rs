//! # cross-environment-reference
//!
//! ## What
//!
//! An entry of a kustomization of one environment (a base, component, patch or file) that lies in another environment's folder.
//!
//! ## Why
//!
//! An edit that was meant for staging changes production at the same moment, without a promotion; and deleting one environment breaks the other.
//!
//! ## Example
//!
//! ```yaml
//! # apps/api/overlays/production/kustomization.yaml
//! patches:
//!   - path: ../staging/resources.yaml
//! ```
//!
//! ## Fix
//!
//! Move what both need into the base or a component, or copy it.
//!
//! ## Options
//!
//! None.

use super::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::finding::Severity;

/// See the documentation above.
pub struct CrossEnvironmentReference;

const METADATA: Metadata = Metadata {
    id: "cross-environment-reference",
    category: Category::Structure,
    level: "error; warning between unprotected environments",
    severity: Severity::Error,
    summary: "a kustomization that reads a file of another environment",
    options: &[],
    source: include_str!("cross_environment_reference.rs"),
};

impl Rule for CrossEnvironmentReference {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let repo = context.repo;
        for crossing in &repo.crossings {
            let (Some(from), Some(to)) = (repo.environments.get(crossing.from), repo.environments.get(crossing.to)) else { continue };
            let severity = if from.protected || to.protected { Severity::Error } else { Severity::Warning };
            let message = format!("{} reads {} of {}, so a change there is a change here", from.name, crossing.target, to.name);
            let help = "move what both need into the base or a component, or copy it";
            let overlay = repo.overlays.iter().find(|overlay| overlay.path == crossing.folder);
            sink.report(context, overlay, Draft::new(severity, crossing.origin, message).help(help));
        }
    }
}
