//! The parts of a repository that could not be read, as findings. A file that is skipped must not
//! look as if it were not there.

use std::sync::Arc;

use crate::finding::{Cause, Finding};
use crate::rules::{Context, Draft, Sink};
use crate::yaml::Origin;

/// Paths that get a finding of their own.
const LISTED: usize = 200;

/// The findings, once all rules have read what they need.
///
/// A file that another finding names, such as one that a kustomization lists, is not reported again.
pub(super) fn unreadable(context: &Context<'_>, known: &[Finding]) -> Vec<Finding> {
    let rules = context.rules();
    let Some(rule) = rules.for_unreadable_files().map(|rule| rule.metadata()) else {
        return Vec::new();
    };
    let repo = context.repo;
    let mut paths = repo.source.unreadable();
    paths.sort();
    paths.dedup();
    paths.retain(|(path, reason)| {
        let name = path.rsplit('/').next().unwrap_or(path);
        let named = |finding: &Finding| {
            finding.message.contains(name) && finding.message.contains(reason.as_str())
        };
        !known.iter().any(named)
    });
    let more = paths.len().saturating_sub(LISTED);
    let found = paths.into_iter().take(LISTED).enumerate();
    let mut sink = Sink::new(rule.id);
    for (number, (path, reason)) in found {
        let revision = repo.source.revision_of(&path);
        let file = repo.files.add(&path, revision.as_deref(), Arc::from(""));
        let others = if more > 0 && number == 0 {
            format!(" ({more} more paths cannot be read)")
        } else {
            String::new()
        };
        let message = format!("this cannot be read: {reason}{others}");
        let cause = Cause::new("unreadable").with(&path);
        let draft = Draft::new(rule.severity, Origin::start_of(file), cause, message);
        let help = "its content was not checked; give it a name in UTF-8 and permissions to read it, or remove it";
        sink.report(context, None, draft.help(help));
    }
    sink.findings
}
