//! # automation-on-protected
//!
//! ## What
//!
//! Automation writes image versions into a protected environment without a review. The rule knows
//! Flux, Argo CD Image Updater and Renovate.
//!
//! *Flux.* An ImageUpdateAutomation is an error if both of these are true:
//!
//! - Its `update.path` contains a file with an `$imagepolicy` marker, and a protected environment
//!   renders from this file (bases included).
//! - It pushes to the branch from which the environment is applied. The branch is
//!   `git.push.branch`, or else `git.checkout.ref.branch`, or else the branch of the GitRepository.
//!   With only `push.refspec`, Flux also pushes to the checkout branch.
//!
//! A separate branch is fine, because it becomes a pull request. If the branch cannot be
//! determined, it is a warning.
//!
//! These are also reported for Flux:
//!
//! - One ImagePolicy updates a protected environment and an earlier one at the same time. This is
//!   an error if an automation updates the marker, otherwise a warning.
//! - A marker names an ImagePolicy that is not in the repository, a `:digest` marker has a policy
//!   that reports no digest, or a policy accepts prereleases or any tag. These are warnings.
//!
//! *Argo CD Image Updater.* It is an error if annotations or an ImageUpdater object select an
//! Application of a protected environment, unless the updates go to a separate branch or open pull
//! requests. An Application of any environment is reported if it writes into files from which a
//! protected environment renders (`write-back-target: kustomization:../../base`). It is a warning
//! if two ImageUpdaters update the same Application.
//!
//! *Renovate.* It is an error if Renovate uses `automerge` or `automergeType: branch` for a
//! kustomization that a protected environment renders from. It is a warning if Renovate may update
//! such a file at all, because no `ignorePaths`, `includePaths` or `packageRule` with
//! `enabled: false` excludes it. If several `packageRules` match, the last one counts. gitops-lint
//! cannot read presets of other repositories; if one of them may exclude the file, it is an info.
//!
//! ## Why
//!
//! Production receives every new build automatically, whether or not it works in staging.
//!
//! ## Example
//!
//! ```yaml
//! kind: ImageUpdateAutomation
//! spec:
//!   git: {checkout: {ref: {branch: main}}, push: {branch: main}}
//!   update: {path: ./apps} # includes apps/api/overlays/production, which has a marker
//! ```
//!
//! ## Fix
//!
//! Limit the path to the environments that may be updated automatically, remove the marker, or
//! push to a branch that becomes a pull request.

mod flux;
mod image_updater;
mod kargo;
mod renovate;
mod selector;

use crate::finding::Severity;
use crate::rules::{Category, Context, Metadata, Rule, Sink};

/// See the documentation above.
pub(super) struct AutomationOnProtected;

static METADATA: Metadata = Metadata {
    id: "automation-on-protected",
    category: Category::Governance,
    level: "error; warning if a review is still needed or the evidence is weak",
    severity: Severity::Error,
    summary: "automation that writes image versions into production",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("mod.rs"),
};

impl Rule for AutomationOnProtected {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        flux::check(context, sink);
        kargo::check(context, sink);
        image_updater::check(context, sink);
        renovate::check(context, sink);
    }
}
