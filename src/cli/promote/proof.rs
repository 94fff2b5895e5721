//! The proof of a promotion: the earlier environment ran the version at the base revision, and a
//! check of the edited repo finds no new error.

use std::collections::BTreeSet;

use super::{Arguments, Draft, environment_of};
use crate::check::{self, PolicySet, Request, Selection};
use crate::cli::base::{self, Loaded};
use crate::cli::check::{policies, proofs};
use crate::cli::error::Error;
use crate::cli::options::Now;
use crate::cli::workspace::{Workspace, warn_of_overlays};
use crate::finding::{Located, Severity};
use crate::history::{Proofs, Version, VersionKey, Wanted};
use crate::promote::{Move, Promotion, running};
use crate::repo::{Overlay, Repo};
use crate::source::git::short;

/// Refuses versions that the earlier environment did not run at the base, and rollbacks.
pub(super) fn from_history(
    draft: &mut Draft,
    workspace: &Workspace,
    base: &Loaded,
    rollback: bool,
) {
    let before = base.base.compared();
    let proofs = proofs(workspace, Some(base));
    proofs.expect(&wanted(&draft.promotions, before));
    let mut refusals: Vec<(String, String)> = Vec::new();
    let mut since = Vec::new();
    for promotion in &draft.promotions {
        let app = &promotion.to.app;
        let question = Question {
            repo: &workspace.repo,
            before,
            promotion,
            proofs: &*proofs,
        };
        for found in &promotion.moves {
            if let Some(reason) = question.unproved(found, &short(&base.commit.id)) {
                refusals.push((app.clone(), reason));
            } else if let Some(reason) = question.rollback(found).filter(|_| !rollback) {
                refusals.push((app.clone(), reason));
            }
            let key = (app.clone(), found.name.clone(), found.after.to_string());
            since.extend(question.since(found).map(|time| (key, time)));
        }
    }
    // a rollback to a version of long ago may not be noticed
    let overlays = draft.promotions.iter();
    let overlays = overlays.filter_map(|promotion| before.same(promotion.to));
    let gaps: Vec<_> = overlays
        .filter_map(|overlay| Some((&*overlay.path, proofs.gap(overlay)?)))
        .collect();
    warn_of_overlays(gaps.iter().map(|(path, gap)| (*path, gap.reason())));
    drop(proofs);
    draft.since.extend(since);
    for (app, reason) in refusals {
        draft.refuse(&app, vec![reason]);
    }
    draft.settle();
}

/// The versions whose past is asked for: in the earlier environment and in the later one.
fn wanted<'b>(promotions: &[Promotion], before: &'b Repo) -> Wanted<'b> {
    let mut versions = Vec::new();
    for promotion in promotions {
        let of = |name: fn(&Move) -> &String| -> BTreeSet<VersionKey> {
            let moves = promotion.moves.iter();
            moves
                .map(|found| VersionKey::of(name(found), &found.after))
                .collect()
        };
        versions.extend(
            before
                .same(promotion.from)
                .map(|one| (one, of(|found| &found.earlier_name))),
        );
        versions.extend(
            before
                .same(promotion.to)
                .map(|one| (one, of(|found| &found.name))),
        );
    }
    Wanted {
        dates: true,
        bounded: true,
        versions,
    }
}

struct Question<'q> {
    repo: &'q Repo,
    /// The repo at the base.
    before: &'q Repo,
    promotion: &'q Promotion<'q>,
    proofs: &'q dyn Proofs,
}

impl Question<'_> {
    fn runs(&self, overlay: &Overlay, name: &str, version: &Version) -> bool {
        let versions = running(overlay, self.before);
        let is_it = |used: &crate::promote::Running| {
            used.name == name
                && used.version.same(version)
                && (version.digest.is_none() || used.version.digest.is_some())
        };
        versions.iter().any(is_it)
    }

    /// Why the earlier environment did not prove a version.
    fn unproved(&self, found: &Move, base: &str) -> Option<String> {
        let from = self.promotion.from;
        let environment = environment_of(self.repo, from);
        let (name, after) = (&found.name, &found.after);
        match self.before.same(from) {
            None => Some(format!(
                "{environment} did not have {} at {base}",
                from.path
            )),
            Some(old) if self.runs(old, &found.earlier_name, after) => None,
            Some(_) => Some(format!(
                "`{name}`: {environment} did not run {after} at {base}; merge the change of {environment} first"
            )),
        }
    }

    /// Why the promotion would go back to an older version.
    fn rollback(&self, found: &Move) -> Option<String> {
        let to = self.before.same(self.promotion.to)?;
        let key = VersionKey::of(&found.name, &found.after);
        let commit = self
            .proofs
            .replaced_by(to, &key, &|name| name == found.name)?;
        let environment = environment_of(self.repo, to);
        Some(format!(
            "`{}`: {environment} already ran {} until commit {}, so this would be a rollback; add --rollback if it is intended",
            found.name,
            found.after,
            short(&commit)
        ))
    }

    /// The time since which the earlier environment has run a version.
    fn since(&self, found: &Move) -> Option<i64> {
        let from = self.before.same(self.promotion.from)?;
        let key = VersionKey::of(&found.earlier_name, &found.after);
        let times = self.proofs.since(from, &key).into_iter();
        times
            .filter(|(name, _)| *name == found.earlier_name)
            .map(|(_, time)| time)
            .min()
    }
}

/// The new errors of a check of the edited repo, by app. Its warnings are noted in the draft.
pub(super) fn from_rules(
    draft: &mut Draft,
    edited: &Workspace,
    arguments: &Arguments,
) -> Result<Vec<(String, String)>, Error> {
    let base = super::base_of(edited, arguments)?;
    let judge = &arguments.judge;
    let now = Now::or_clock(judge.now.as_ref());
    let policy_options = judge.policy_options(&now);
    let policies = policies(edited, judge, &policy_options)?;
    let proofs = proofs(edited, Some(&base));
    let environments = draft
        .promotions
        .iter()
        .filter_map(|one| edited.repo.environment(one.to));
    let environments: BTreeSet<String> = environments.map(|known| known.name.clone()).collect();
    let outcome = check::run(Request {
        levels: &judge.rules,
        base: Some(&base.base),
        proofs: Some(&*proofs),
        authorship: base::authorship(edited, &base)?,
        policies: Some(PolicySet {
            policies: &policies,
            options: &policy_options,
            log: None,
            named_by_caller: !judge.policies.is_empty(),
        }),
        selection: Selection {
            paths: Vec::new(),
            environments: environments.into_iter().collect(),
            apps: draft.apps().into_iter().map(str::to_string).collect(),
        },
        ..Request::new(&edited.repo, &edited.config, now)
    });
    let mut refusals = Vec::new();
    for located in &outcome.findings {
        let finding = &located.finding;
        let overlay = finding.overlay.as_deref();
        let apps: Vec<String> = match overlay {
            Some(overlay) => vec![overlay.app.clone()],
            None => draft.apps().into_iter().map(str::to_string).collect(),
        };
        for app in apps {
            match finding.severity {
                Severity::Error => refusals.push((app, told(located))),
                Severity::Warning => draft.warnings.push((app, told(located))),
                Severity::Info => {}
            }
        }
    }
    Ok(refusals)
}

/// `mutable-tag: … (apps/api/kustomization.yaml:12)`
fn told(located: &Located) -> String {
    let (finding, place) = (&located.finding, &located.location);
    format!(
        "{}: {} ({}:{})",
        finding.rule,
        finding.message.trim_start_matches([':', ' ']),
        place.file,
        place.line
    )
}
