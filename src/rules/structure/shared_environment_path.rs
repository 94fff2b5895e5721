//! # shared-environment-path
//!
//! ## What
//!
//! A Flux Kustomization or Argo CD Application of one environment applies the folder of another
//! environment.
//!
//! The environment of an agent object is taken from the folder of its file. It can also come from
//! the object's own name, if a sibling exists whose name differs only in the environment
//! (`api-production` beside `api-staging`).
//!
//! It is an error if one of the two environments is protected, otherwise a warning.
//!
//! ## Why
//!
//! A change that was meant for staging is applied to production at the same moment, without a
//! promotion.
//!
//! ## Example
//!
//! ```yaml
//! # clusters/production/apps.yaml
//! spec:
//!   path: ./apps/notifications/overlays/staging
//! ```
//!
//! ## Fix
//!
//! Point the object at the folder of its own environment.

use std::collections::HashSet;

use crate::finding::{Cause, Severity};
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};

/// The rule.
pub(super) struct SharedEnvironmentPath;

static METADATA: Metadata = Metadata {
    id: "shared-environment-path",
    category: Category::Structure,
    level: "error where a protected environment is involved, else warning",
    severity: Severity::Error,
    summary: "an agent of one environment that applies another environment's folder",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("shared_environment_path.rs"),
};

impl Rule for SharedEnvironmentPath {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let repo = context.repo;
        let names: HashSet<&(usize, String)> = repo
            .pointers()
            .iter()
            .filter_map(|pointer| pointer.named.as_ref())
            .collect();
        for pointer in repo.pointers() {
            // a folder that belongs to no environment may be shared on purpose
            let Some(other) = pointer.folder_environment() else {
                continue;
            };
            let by_name = || {
                pointer
                    .named
                    .as_ref()
                    .filter(|(_, rest)| names.contains(&(other, rest.clone())))
                    .map(|(own, _)| *own)
            };
            let Some(own) = pointer.written_in.or_else(by_name) else {
                continue;
            };
            let Some(target) = repo
                .overlays
                .iter()
                .find(|overlay| overlay.path == pointer.folder)
            else {
                continue;
            };
            let (Some(from), Some(to)) = (repo.environments.get(own), repo.environments.get(other))
            else {
                continue;
            };
            if own == other {
                continue;
            }
            let severity = if from.protected || to.protected {
                Severity::Error
            } else {
                Severity::Warning
            };
            let message = format!(
                "{} belongs to {} but applies {}, which belongs to {}",
                pointer.agent.name, from.name, pointer.folder, to.name
            );
            let cause = Cause::new("foreign-folder").with(&pointer.folder);
            let draft = Draft::new(severity, pointer.agent.origin, cause, message);
            let draft = draft
                .help(format!("point it at the folder of {}", from.name))
                .related(target.origin, format!("the folder of {}", to.name));
            // report the finding for the environment of the agent, because that one gets the
            // objects
            let of_agent = |overlay: &&Overlay| overlay.environment == Some(own);
            let concerned = repo
                .overlays
                .iter()
                .filter(of_agent)
                .find(|overlay| overlay.app == target.app);
            sink.report(
                context,
                concerned.or_else(|| repo.overlays.iter().find(of_agent)),
                draft,
            );
        }
    }
}
