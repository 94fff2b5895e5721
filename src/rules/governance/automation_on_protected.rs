//! # automation-on-protected
//!
//! ## What
//!
//! What writes image versions into a protected environment without a review.
//!
//! - *Flux*: an ImageUpdateAutomation whose `update.path` holds a file with an `$imagepolicy`
//!   marker that a protected environment renders from, its bases included, and that pushes to the
//!   branch which the environment is applied from: `git.push.branch`, else
//!   `git.checkout.ref.branch`, else the branch of its GitRepository; with `push.refspec` alone it
//!   pushes to the checkout's branch as well. A branch of its own means a pull request. Also: one
//!   ImagePolicy of a cluster that moves a protected environment and an earlier one at once; a
//!   marker whose ImagePolicy is not in the repo; a `:digest` marker of a policy that reports no
//!   digest; a policy that takes prereleases or any tag; a marker on `newTag` with a `digest`
//!   beside it that keeps the old image running.
//! - *Argo CD Image Updater*: an Application of a protected environment that its annotations or an
//!   ImageUpdater object select, unless they write to a branch of their own or open pull requests;
//!   an Application of any environment that writes (`write-back-target: kustomization:../../base`)
//!   into what a protected environment renders from; two ImageUpdaters for one Application.
//! - *Renovate*: `automerge` or `automergeType: branch` for a kustomization that a protected
//!   environment renders from (error); one that is not left out by `ignorePaths`, `includePaths` or
//!   a `packageRule` with `enabled: false` (warning; info where presets of other repositories may
//!   do so). The last rule that matches counts. What presets of other repositories say is not known
//!   here, and the help says so.
//!
//! ## Why
//!
//! Production then gets each new build by itself, whatever staging says of it.
//!
//! ## Example
//!
//! ```yaml
//! kind: ImageUpdateAutomation
//! spec:
//!   git: {checkout: {ref: {branch: main}}, push: {branch: main}}
//!   update: {path: ./apps} # holds apps/api/overlays/production, which carries a marker
//! ```
//!
//! ## Fix
//!
//! Narrow the path to what may move by itself, take the marker away, or push to a branch that
//! becomes a pull request.
//!
//! ## Options
//!
//! None.

use crate::finding::Severity;
use crate::rules::shared::automation::{flux, image_updater, renovate};
use crate::rules::{Category, Context, Metadata, Rule, Sink};

/// See the documentation above.
pub(super) struct AutomationOnProtected;

static METADATA: Metadata = Metadata {
    id: "automation-on-protected",
    category: Category::Governance,
    level: "error; warning where a review is left or the evidence is weak",
    severity: Severity::Error,
    summary: "automation that writes image versions into production",
    options: &[],
    source: include_str!("automation_on_protected.rs"),
};

impl Rule for AutomationOnProtected {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        flux::check(context, sink);
        image_updater::check(context, sink);
        renovate::check(context, sink);
    }
}
