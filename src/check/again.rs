//! The check of a repo that an editor changes while it was checked before: only what the edit
//! concerns is judged, the other findings are those of the earlier check.
//!
//! Not here: which overlays an edit concerns (`rules::scope`).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::base::affects_every_overlay;
use super::run::{inputs, judged_findings, ran, with_levels};
use super::{Judged, Options, Outcome, Request, conclude, run};
use crate::finding::{Finding, OverlayRef};
use crate::repo::Repo;
use crate::rules::scope::EditScope;
use crate::rules::{self, Context, Inputs, RepoFacts, overlay_ref};

/// A check that was made before an edit.
pub struct Earlier<'a> {
    /// The repo before the edit. The edited repo was loaded beside it.
    pub repo: &'a Repo,
    /// The findings of all rules and policies, as [`run_keeping`](super::run_keeping) returns them.
    pub findings: &'a [Finding],
    /// The paths that differ.
    pub changed: &'a BTreeSet<Arc<str>>,
}

/// Judges what an edit concerns. The request must not have a base. Findings about other overlays are
/// taken from the earlier check, and some may be out of date: a new Secret also resolves findings of
/// other apps.
pub fn run_again(request: Request<'_>, earlier: &Earlier<'_>) -> Outcome {
    let config = with_levels(request.config, request.levels);
    let facts = RepoFacts::new(request.repo);
    let before = RepoFacts::new(earlier.repo);
    let everything = affects_every_overlay(earlier.changed, &config);
    let scope = (!everything).then(|| EditScope::new(&facts, &before, &config));
    let Some((head, base)) = scope.and_then(|scope| Some((scope.head?, scope.base?))) else {
        return run(request);
    };
    let context = Context::new(Inputs {
        judged: Some(head),
        ..inputs(&request, Inputs::new(facts, &config, rules::registry()))
    });
    let mut findings = judged_findings(&request, &context, None, None);
    findings.extend(still_valid(earlier, &base, request.repo));
    let mut options = Options {
        selection: &request.selection,
        baseline: request.baseline,
        today: request.now.date(),
        known: None,
        strict: None,
        judged: Judged {
            overlays: None,
            files: None,
        },
    };
    let ran = ran(&request, &context);
    conclude(&context, &mut options, findings, ran)
}

/// The earlier findings about overlays that are not judged again, as far as their places still
/// exist.
fn still_valid(earlier: &Earlier<'_>, judged: &BTreeSet<usize>, edited: &Repo) -> Vec<Finding> {
    let overlays = judged
        .iter()
        .filter_map(|at| earlier.repo.overlays.get(*at));
    let judged: BTreeSet<Arc<OverlayRef>> = overlays
        .map(|overlay| Arc::new(overlay_ref(earlier.repo, overlay)))
        .collect();
    let is_there = |finding: &&Finding| {
        let related = finding.related.iter().map(|related| related.origin);
        let mut places = std::iter::once(finding.origin).chain(related);
        places.all(|origin| {
            let file = edited.files.get(origin.file);
            !earlier.changed.contains(&file.path)
        })
    };
    let is_other = |finding: &&Finding| {
        let overlay = finding.overlay.as_ref();
        overlay.is_none_or(|overlay| !judged.contains(overlay))
    };
    let findings = earlier.findings.iter();
    findings
        .filter(is_other)
        .filter(is_there)
        .cloned()
        .collect()
}
