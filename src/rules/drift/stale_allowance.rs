//! # stale-allowance
//!
//! ## What
//!
//! An entry of `drift.allow` in the configuration that matches no difference between any two
//! paired environments.
//!
//! ## Why
//!
//! An allowance that is no longer needed hides the next difference in the same place.
//!
//! ## Example
//!
//! ```yaml
//! drift:
//!   allow:
//!     - {kind: Deployment, name: api, path: /spec/template/spec/nodeSelector, reason: dedicated nodes}
//! ```
//!
//! ## Fix
//!
//! Remove the entry.
//!
//! ## Options
//!
//! None.

use crate::finding::Severity;
use crate::rules::shared::drift;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};

/// See the documentation above.
pub(super) struct StaleAllowance;

static METADATA: Metadata = Metadata {
    id: "stale-allowance",
    category: Category::Drift,
    level: "warning",
    severity: Severity::Warning,
    summary: "an allowed difference that no longer exists",
    options: &[],
    source: include_str!("stale_allowance.rs"),
};

impl Rule for StaleAllowance {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let allowances = &context.config.drift_allow;
        if allowances.is_empty() {
            return;
        }
        let repo = context.repo;
        let mut needed = vec![false; allowances.len()];
        for pair in &repo.pairs {
            let (Some(from), Some(to)) = (repo.overlays.get(pair.from), repo.overlays.get(pair.to))
            else {
                continue;
            };
            if !from.rendered.complete || !to.rendered.complete {
                // what could not be rendered may be what the entry is for
                return;
            }
            for difference in drift::differences(context, from, to) {
                for (index, needed) in needed.iter_mut().enumerate() {
                    *needed |= allowances
                        .get(index)
                        .is_some_and(|allowance| drift::allows(allowance, &difference, to));
                }
            }
        }
        for (allowance, _) in allowances.iter().zip(needed).filter(|(_, needed)| !needed) {
            let message = "no difference between two environments needs this entry any more";
            sink.report(
                context,
                None,
                Draft::new(Severity::Warning, allowance.origin, message).help("remove it"),
            );
        }
    }
}
