//! Losses that have an explanation, so that they are not reported.
//!
//! - Production runs an older version than staging, and staging had not got the setting yet when it
//!   ran that version. Or production returns to a version and to the settings it had then.
//! - Production removes what staging does not have. That is an info. If both remove it in one change,
//!   it is a warning at most.
//!
//! Not here: what is lost (the rules), the past of an environment (`history`).

use crate::finding::{Finding, Severity};
use crate::history::{Images, images};
use crate::repo::Overlay;
use crate::rules::Context;
use crate::rules::engine::apply::{against_base, of_pair};

/// The findings about two environments of an app.
pub(super) struct Compared<'a> {
    pub(super) from: &'a Overlay,
    pub(super) to: &'a Overlay,
    pub(super) findings: Vec<Finding>,
}

/// Drops the findings that the version which the later environment runs explains. Returns those of
/// them whose version comes with the change.
pub(super) fn drop_explained_by_version(
    context: &Context,
    compared: &mut [Compared],
) -> Vec<Finding> {
    let mut explained = Vec::new();
    let Some(proofs) = context.proofs else {
        return explained;
    };
    let asked: Vec<(usize, Images)> = compared
        .iter()
        .enumerate()
        .filter(|(_, pair)| {
            context.repo.protected(pair.to) && pair.findings.iter().any(|one| is_loss(context, one))
        })
        .filter_map(|(index, pair)| Some((index, only_later(context, pair)?)))
        .collect();
    let mut wanted: Vec<(&Overlay, &Images)> = Vec::new();
    for (index, images) in &asked {
        let pair = &compared[*index];
        for overlay in [pair.from, pair.to] {
            let past = context
                .at_base(overlay)
                .or(context.base.is_none().then_some(overlay));
            wanted.push((past.unwrap_or(overlay), images));
        }
    }
    if wanted.is_empty() {
        return explained;
    }
    let then = proofs.when_it_ran(&wanted);
    for ((index, _), then) in asked.iter().zip(then.chunks(2)) {
        let pair = &mut compared[*index];
        for proof in then.iter().flatten() {
            let standing = of_pair(context, proof, pair.to);
            let dropped = keep_standing(context, &mut pair.findings, &standing);
            if !context.moved_images(pair.to).is_empty() {
                explained.extend(dropped);
            }
        }
    }
    explained
}

/// The images of the later overlay in versions that the earlier one does not run; `None` if there
/// are none.
fn only_later(context: &Context, pair: &Compared) -> Option<Images> {
    let earlier = images(&pair.from.rendered, context.repo);
    let mut later = images(&pair.to.rendered, context.repo);
    later.retain(|name, versions| {
        let others = earlier.get(name);
        others.is_some_and(|others| {
            !versions
                .iter()
                .any(|one| others.iter().any(|other| other.same(one)))
        })
    });
    (!later.is_empty()).then_some(later)
}

/// Drops or weakens what an overlay lost against the base revision if the environment before it
/// lost it earlier, or loses it in the same change.
pub(super) fn explain_by_predecessor(
    context: &Context,
    now: &Overlay,
    findings: &mut Vec<Finding>,
) {
    let is_kept = |finding: &Finding| {
        let resources = &now.rendered.resources;
        finding
            .resource
            .as_ref()
            .is_some_and(|lost| resources.iter().any(|one| one.id() == *lost))
    };
    if !findings.iter().any(is_kept) {
        return;
    }
    let Some(earlier) = context.repo.earlier(now) else {
        return;
    };
    let (mut others, mut explained): (Vec<Finding>, Vec<Finding>) =
        findings.drain(..).partition(|finding| !is_kept(finding));
    if let Some(before) = context.at_base(earlier) {
        let standing = against_base(context, before, now);
        let mut dropped = keep_standing(context, &mut explained, &standing);
        // it stays visible: the earlier environment may never have had it
        for finding in &mut dropped {
            finding.severity = Severity::Info;
        }
        others.append(&mut dropped);
    }
    let together = against_base(context, earlier, now);
    for finding in &mut explained {
        if !together.iter().any(|other| is_about_same(finding, other)) {
            finding.severity = finding.severity.min(Severity::Warning);
        }
    }
    findings.extend(others);
    findings.append(&mut explained);
}

/// True if a finding is about a setting that one environment has and another one lacks.
fn is_loss(context: &Context, finding: &Finding) -> bool {
    let rule = context.rules().find(&finding.rule);
    rule.is_some_and(|rule| rule.metadata().behavior.bound_to_version)
}

/// Drops the findings that another comparison does not have, and returns them. If it has a part of
/// one (one limit of two), the finding stays.
fn keep_standing(
    context: &Context,
    findings: &mut Vec<Finding>,
    standing: &[Finding],
) -> Vec<Finding> {
    let is_exact =
        |one: &Finding, other: &Finding| is_about_same(one, other) && one.cause == other.cause;
    let parts: Vec<&Finding> = standing
        .iter()
        .filter(|other| !findings.iter().any(|one| is_exact(one, other)))
        .collect();
    let stays = |one: &Finding| {
        !is_loss(context, one)
            || standing.iter().any(|other| is_exact(one, other))
            || parts.iter().any(|other| is_about_same(one, other))
    };
    let (kept, dropped) = findings.iter().cloned().partition(stays);
    *findings = kept;
    dropped
}

/// True if two findings are of one rule about one value of one object. The namespace may differ
/// between environments.
fn is_about_same(one: &Finding, other: &Finding) -> bool {
    let object = |finding: &Finding| {
        let id = finding.resource.as_ref()?;
        Some((id.kind.clone(), id.lasting_name().to_string()))
    };
    one.rule == other.rule && one.path == other.path && object(one) == object(other)
}
