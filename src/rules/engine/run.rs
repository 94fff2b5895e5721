//! Runs every rule that is on over the overlays, the pairs and the repo. Not here: which overlays a
//! change concerns (`scope`).

use std::collections::HashSet;

use rayon::prelude::*;

use super::{Context, Rule, Sink, all};
use crate::finding::Finding;
use crate::repo::Overlay;

/// The findings of every rule that is not switched off.
fn each(context: &Context, check: &dyn Fn(&dyn Rule, &mut Sink)) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in all().iter().filter(|rule| context.is_on(**rule)) {
        let mut sink = Sink::new(rule.metadata().id);
        check(*rule, &mut sink);
        findings.append(&mut sink.findings);
    }
    findings
}

/// The findings of the rules that compare two environments of an app.
pub fn of_pair(context: &Context, from: &Overlay, to: &Overlay) -> Vec<Finding> {
    let mut findings = each(context, &|rule, sink| {
        rule.check_pair(context, from, to, sink)
    });
    if !findings.is_empty() && context.is_unchanged(to) {
        findings.iter_mut().for_each(|finding| finding.ahead = true);
    }
    findings
}

/// Runs every rule that the configuration does not switch off. The order of the findings does not
/// depend on threads.
pub fn run(context: &Context) -> Vec<Finding> {
    let repo = context.repo;
    let overlays: Vec<&Overlay> = context.judged().collect();
    let mut findings: Vec<Finding> = overlays
        .par_iter()
        .flat_map_iter(|overlay| {
            each(context, &|rule, sink| {
                rule.check_overlay(context, overlay, sink)
            })
        })
        .collect();
    let pairs: Vec<(&Overlay, &Overlay)> = context.judged_pairs().collect();
    findings.par_extend(
        pairs
            .into_par_iter()
            .flat_map_iter(|(from, to)| of_pair(context, from, to)),
    );
    // a loss that the comparison with staging already reports is not reported again against the
    // base
    let told: HashSet<Lost> = findings.iter().map(lost).collect();
    let against_base: Vec<Finding> = overlays
        .par_iter()
        .filter_map(|overlay| {
            Some((
                context
                    .at_base(overlay)
                    .filter(|_| repo.protected(overlay))?,
                *overlay,
            ))
        })
        .filter(|(before, now)| !before.rendered.is(&now.rendered))
        .flat_map_iter(|(before, now)| {
            each(context, &|rule, sink| {
                if rule.metadata().behavior.also_against_base {
                    rule.check_pair(context, before, now, sink);
                }
            })
        })
        .filter(|finding| !told.contains(&lost(finding)))
        .collect();
    drop(told);
    findings.extend(against_base);
    findings.extend(each(context, &|rule, sink| rule.check_repo(context, sink)));
    findings
}

/// The identity of a loss in either comparison: rule, overlay, object, value.
type Lost = (
    String,
    Option<String>,
    Option<crate::kustomize::ResourceId>,
    Option<String>,
);

fn lost(finding: &Finding) -> Lost {
    (
        finding.rule.clone(),
        finding.overlay_path().map(str::to_string),
        finding.resource.clone(),
        finding.path.clone(),
    )
}
