//! # loosened-check
//!
//! ## What
//!
//! A change weakens the check of protected environments. The rule needs a base revision
//! (`--base`). It compares `.gitops-lint.yaml` at the base with the change, and reports:
//!
//! - a rule that is switched off or lowered, or a rule option with which the rule reports less;
//! - an environment that is no longer protected, or that is compared with a different environment;
//! - a changed pair or image mirror, and an overlay of production that is no longer checked;
//! - an added suppression, allowed difference, external object or ignored folder;
//! - a freeze that is removed, shortened or gets a new exemption, and an added break-glass
//!   trailer;
//! - an `evidence` that is removed, reads more files, or has a higher limit;
//! - removed bots, policies, records, schemas, compared kinds and dependencies, and an added
//!   baseline;
//! - a workflow, pipeline or pre-commit configuration that no longer runs gitops-lint, or runs it in
//!   another way; a new version is not reported;
//! - a policy file or data file that is deleted or emptied. If the file is only edited, it is an
//!   info.
//!
//! A suppression comment that the change adds, and that hides an error, is also reported, wherever
//! it is. It is an error if the change itself causes the hidden error in a protected environment.
//!
//! In addition, the change is judged by the configuration of the base. An error about a protected
//! environment that only that configuration reports, such as one of a rule that the change switches
//! off, is reported as an error of its own rule.
//!
//! ## Why
//!
//! A change could otherwise switch off the rule that would find it, two hundred lines further down
//! in the same pull request.
//!
//! For this rule, the level at the base revision counts, and no suppression hides its findings.
//!
//! ## Example
//!
//! ```yaml
//! rules:
//!   mutable-tag: off # added in the pull request that promotes :latest
//! ```
//!
//! ## Fix
//!
//! If the change is intended, explain it to the reviewer; the finding stays. Merge a new exception
//! before the change that needs it. Otherwise restore the old configuration.
//!
//! If reviewers may accept both in one pull request, set `loosened-check: warning` in the
//! configuration. Then the configuration of the change alone counts.

mod allowances;
mod configuration;
mod environments;
mod evidence;
mod freezes;
mod levels;
mod lists;
mod loosening;
mod pipelines;
#[cfg(test)]
mod tests;

use configuration::loosened;
use loosening::Loosening;

use crate::finding::{Cause, Severity};
use crate::rules::{
    Behavior, Category, Context, Draft, Metadata, PolicyChange, PolicyFileChange, Revision, Rule,
    Sink, Suppressed,
};
use crate::yaml::Origin;

/// See the documentation above.
pub(super) struct LoosenedCheck;

static METADATA: Metadata = Metadata {
    id: "loosened-check",
    category: Category::Governance,
    level: "warning; error for a comment that hides a new error of production; needs a base revision",
    severity: Severity::Warning,
    summary: "a change that makes the check of production less strict",
    options: &[],
    behavior: Behavior {
        suppressible: false,
        level_from: Revision::Base,
        ..Metadata::USUAL
    },
    source: include_str!("mod.rs"),
};

impl Rule for LoosenedCheck {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let mut found = left_out(context);
        if let Some((base, changed)) = context.base.zip(context.changed) {
            found.extend(pipelines::loosened(base, context.repo, changed));
        }
        let mut removed_at = None;
        if let Some((before, file)) = &context.base_config {
            let existed = |path: &str| {
                let overlay = context.base.and_then(|base| base.overlays_at(path).next());
                overlay.is_some()
            };
            found.extend(loosened(before, context.config, context.rules(), &existed));
            // no line of the change shows a setting that it removes
            removed_at = Some(Origin::start_of(*file));
        }
        for loosening in found {
            let Some(origin) = loosening.origin.or(removed_at) else {
                continue;
            };
            let draft = Draft::new(
                Severity::Warning,
                origin,
                loosening.cause,
                loosening.message,
            );
            sink.report(context, None, draft.help(HELP));
        }
        for changed in &context.policy_changes {
            sink.report(context, None, policy_changed(changed));
        }
    }
    fn check_suppressions(&self, context: &Context, suppressed: &Suppressed, sink: &mut Sink) {
        for comment in suppressed.comments.iter().filter(|comment| comment.is_new) {
            for rule in comment.rules.iter().filter(|rule| rule.hides_error) {
                let id = rule.id;
                let message =
                    format!("this change adds a comment that suppresses the error `{id}`");
                let cause = Cause::new("accepting-comment").with(id);
                let severity = if rule.in_protected {
                    Severity::Error
                } else {
                    Severity::Warning
                };
                let draft = Draft::new(severity, comment.origin, cause, message);
                let help = "fix the finding, or merge the comment first, in a change of its own";
                sink.report(context, None, draft.help(help));
            }
        }
    }
}

const HELP: &str = "restore it, or explain to the reviewer why it is intended";

/// A change of a policy or of its data. An edit is only an info, because it may make the policy
/// stricter.
fn policy_changed(changed: &PolicyFileChange) -> Draft {
    let path = &changed.path;
    let (severity, kind, message) = match changed.change {
        PolicyChange::Removed => (
            Severity::Warning,
            "removed-policy-file",
            format!("this change deletes {path}, which the policies need"),
        ),
        PolicyChange::Emptied => (
            Severity::Warning,
            "emptied-policy-file",
            format!("this change empties {path}, which the policies need"),
        ),
        PolicyChange::Edited => (
            Severity::Info,
            "edited-policy-file",
            format!("this change edits the policy file {path}"),
        ),
    };
    let draft = Draft::new(
        severity,
        changed.origin,
        Cause::new(kind).with(path),
        message,
    );
    if changed.change == PolicyChange::Edited {
        draft.help("check whether it is less strict now").notice()
    } else {
        draft.help(HELP)
    }
}

/// Protected overlays that are no longer judged as such although their kustomization still exists:
/// another kustomization now builds on it and became the overlay instead, it became a component, or
/// the configuration reads its path differently.
fn left_out(context: &Context) -> Vec<Loosening> {
    let (repo, Some(base)) = (context.repo, context.base) else {
        return Vec::new();
    };
    let protected = base
        .overlays
        .iter()
        .filter(|overlay| base.protected(overlay));
    protected
        .filter_map(|before| {
            let environment = &base.environment(before)?.name;
            let judged = repo
                .overlays_at(&before.path)
                .any(|overlay| repo.protected(overlay));
            // the line that ignores the path, or that no longer protects the environment, is
            // reported by itself
            if judged || !repo.protects(environment) || repo.is_ignored(&before.path) {
                return None;
            }
            let path = &before.path;
            Some(Loosening::at(
                repo.kustomization_origin(path)?,
                Cause::new("overlay-left-out").with(path),
                format!("this change no longer checks {path} as {environment}"),
            ))
        })
        .collect()
}
