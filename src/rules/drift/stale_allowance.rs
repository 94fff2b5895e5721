//! # stale-allowance
//!
//! ## What
//!
//! An entry of `drift.allow` in the configuration has no effect: it matches no difference between
//! any two compared environments, or its `until` date has passed. An entry that matches nothing is
//! only reported if all compared overlays can be rendered completely.
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

use crate::config::Allowance;
use crate::finding::{Cause, Severity};
use crate::rules::shared::drift;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};

/// See the documentation above.
pub(super) struct StaleAllowance;

static METADATA: Metadata = Metadata {
    id: "stale-allowance",
    category: Category::Drift,
    level: "warning",
    severity: Severity::Warning,
    summary: "an allowed difference that no longer exists, or whose `until` date has passed",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("stale_allowance.rs"),
};

impl Rule for StaleAllowance {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let (expired, valid): (Vec<&Allowance>, Vec<&Allowance>) = context
            .config
            .drift_allow
            .iter()
            .partition(|allowance| drift::is_expired(context, allowance));
        for allowance in expired {
            let until = allowance.until.map(|until| until.to_string());
            let message = format!("this entry expired on {}", until.unwrap_or_default());
            let draft = Draft::new(
                Severity::Warning,
                allowance.origin,
                Cause::new("expired"),
                message,
            );
            let help = "remove it, or move `until` if the difference is still intended";
            sink.report(context, None, draft.help(help));
        }
        for allowance in unneeded(context, valid) {
            let message = "no difference between environments needs this entry";
            let cause = Cause::new("unneeded");
            let draft = Draft::new(Severity::Warning, allowance.origin, cause, message);
            sink.report(context, None, draft.help("remove it"));
        }
    }
}

/// The entries that match no difference in any pair. Empty if an overlay of a pair is not rendered
/// completely, because the difference may be in the missing part.
fn unneeded<'c>(context: &Context, mut allowances: Vec<&'c Allowance>) -> Vec<&'c Allowance> {
    let repo = context.repo;
    for pair in &repo.pairs {
        if allowances.is_empty() {
            break;
        }
        let overlays = repo.overlays.get(pair.from).zip(repo.overlays.get(pair.to));
        let Some((from, to)) = overlays else { continue };
        if !from.rendered.complete || !to.rendered.complete {
            return Vec::new();
        }
        for difference in drift::differences(context, from, to) {
            allowances.retain(|allowance| !drift::allows(allowance, &difference, to));
        }
    }
    allowances
}
