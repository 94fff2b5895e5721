//! Applies the rules that are on to one overlay or to one pair of overlays.

use super::{Context, Rule, Sink};
use crate::finding::Finding;
use crate::repo::Overlay;

/// The findings of every rule that is not switched off.
pub(super) fn each(context: &Context, check: &dyn Fn(&dyn Rule, &mut Sink)) -> Vec<Finding> {
    let mut findings = Vec::new();
    let rules = context.rules().all().iter();
    for rule in rules.filter(|rule| context.is_on(**rule)) {
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

/// The findings of the rules that also compare a protected overlay with its base revision.
pub(super) fn against_base(context: &Context, before: &Overlay, now: &Overlay) -> Vec<Finding> {
    each(context, &|rule, sink| {
        if rule.metadata().behavior.also_against_base {
            rule.check_pair(context, before, now, sink);
        }
    })
}
