//! Runs every rule that is on over the overlays, the pairs and the repo. Not here: which overlays a
//! change concerns (`scope`).

use std::collections::HashSet;

use rayon::prelude::*;

use super::accounted::{self, Compared};
use super::apply::{against_base, each, of_pair};
use super::{Context, Suppressed};
use crate::finding::{Finding, Identity, OverlayRef, Severity};
use crate::repo::Overlay;

/// Runs every rule that the configuration does not switch off. The order of the findings does not
/// depend on threads.
pub fn run(context: &Context) -> Vec<Finding> {
    let overlays: Vec<&Overlay> = context.judged().collect();
    let mut findings: Vec<Finding> = overlays
        .par_iter()
        .flat_map_iter(|overlay| of_overlay(context, overlay))
        .collect();
    let pairs: Vec<(&Overlay, &Overlay)> = context.judged_pairs().collect();
    let mut compared: Vec<Compared> = pairs
        .into_par_iter()
        .map(|(from, to)| Compared {
            from,
            to,
            findings: of_pair(context, from, to),
        })
        .collect();
    let explained = accounted::drop_explained_by_version(context, &mut compared);
    findings.extend(compared.into_iter().flat_map(|pair| pair.findings));
    // losses that the pair already reports, or that come with the version which the change brings,
    // are not reported against the base as well
    let told: HashSet<Lost> = findings.iter().chain(&explained).map(lost).collect();
    let since_base: Vec<Finding> = overlays
        .par_iter()
        .filter_map(|overlay| Some((context.altered_at_base(overlay)?, *overlay)))
        .flat_map_iter(|(before, now)| {
            let mut findings = against_base(context, before, now);
            findings.retain(|finding| !told.contains(&lost(finding)));
            accounted::explain_by_predecessor(context, now, &mut findings);
            findings
        })
        .collect();
    findings.extend(since_base);
    findings.extend(each(context, &|rule, sink| rule.check_repo(context, sink)));
    findings
}

/// The findings of the rules in one overlay. If a pipeline may set values that are not known here, nothing
/// is certain enough for an error.
fn of_overlay(context: &Context, overlay: &Overlay) -> Vec<Finding> {
    let mut findings = each(context, &|rule, sink| {
        rule.check_overlay(context, overlay, sink)
    });
    if !findings.is_empty() && context.is_guess(overlay) {
        let errors = findings
            .iter_mut()
            .filter(|one| one.severity == Severity::Error);
        errors.for_each(|finding| finding.severity = Severity::Warning);
    }
    findings
}

/// The findings about the suppressions of a revision.
pub fn check_suppressions(context: &Context, suppressed: &Suppressed<'_>) -> Vec<Finding> {
    each(context, &|rule, sink| {
        rule.check_suppressions(context, suppressed, sink)
    })
}

/// The identity of a loss in either comparison. Its cause may name what it was compared with.
type Lost<'f> = (Option<&'f OverlayRef>, Identity<'f>);

fn lost(finding: &Finding) -> Lost<'_> {
    (
        finding.overlay.as_deref(),
        finding.identity().whatever_the_cause(),
    )
}
