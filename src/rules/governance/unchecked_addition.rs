//! # unchecked-addition
//!
//! ## What
//!
//! A change makes an agent bring something into production that this check cannot see: a chart that
//! is not in the repository, or a folder of another repository. The rule needs a base revision.
//!
//! It is an error if the base brings nothing of the kind into production, so that everything there
//! was checked until now. If charts or folders from elsewhere are usual, it is a warning for a source
//! that nothing in the base uses, and nothing is reported for a known source. It is also a warning if
//! something in production now installs another chart, or from another source, than anything at the
//! base. `coverage` lists all of them.
//!
//! ## Why
//!
//! Everything else that this check says about production does not hold for what it cannot see. The
//! easiest way past a check is to deploy from where it does not look.
//!
//! ## Example
//!
//! ```yaml
//! # clusters/production/extra.yaml, added by the pull request
//! kind: HelmRelease
//! spec:
//!   chart:
//!     spec: {chart: extra, sourceRef: {kind: HelmRepository, name: somebody}}
//! ```
//!
//! ## Fix
//!
//! Commit the chart or the output of `helm template`, or keep the folder in this repository. If it is
//! meant to come from elsewhere, suppress the finding on that line with a reason.

use std::collections::BTreeSet;

use crate::finding::{Cause, Severity};
use crate::repo::coverage::{Outside, UnseenKind};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::wording;

/// See the documentation above.
pub(super) struct UncheckedAddition;

static METADATA: Metadata = Metadata {
    id: "unchecked-addition",
    category: Category::Governance,
    level: "error; warning if charts or folders from elsewhere are usual; needs a base revision",
    severity: Severity::Error,
    summary: "a change that brings something into production which cannot be checked",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("unchecked_addition.rs"),
};

impl Rule for UncheckedAddition {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let Some(base) = context.base else { return };
        // a repository that is set up only now has no usual way
        if !base.overlays.iter().any(|overlay| base.protected(overlay)) {
            return;
        }
        let before = base.outside();
        let known: BTreeSet<(&str, Option<usize>)> = before
            .iter()
            .map(|one| (one.name.as_str(), one.environment))
            .collect();
        let sources: BTreeSet<&str> = before
            .iter()
            .flat_map(|one| one.sources.iter().map(String::as_str))
            .collect();
        let usual: BTreeSet<UnseenKind> = before.iter().map(|one| one.kind).collect();
        let charts: BTreeSet<&str> = before
            .iter()
            .flat_map(|one| one.charts.iter().map(String::as_str))
            .collect();
        let now = context.repo.outside();
        for one in now.iter().filter(|one| reaches_production(context, one)) {
            let is_known = |source: &String| sources.contains(source.as_str());
            if known.contains(&(one.name.as_str(), one.environment)) {
                let new = one
                    .charts
                    .iter()
                    .find(|chart| !charts.contains(chart.as_str()));
                let draft = match (one.sources.iter().all(is_known), new) {
                    (false, _) => draft(Severity::Warning, one),
                    (true, Some(chart)) => other_chart(one, chart),
                    (true, None) => continue,
                };
                sink.report(context, None, draft);
                continue;
            }
            match usual.contains(&one.kind) {
                true if one.sources.iter().all(is_known) => {}
                true => sink.report(context, None, draft(Severity::Warning, one)),
                false => sink.report(context, None, draft(Severity::Error, one)),
            }
        }
    }
}

/// True if an object lies in a folder of a protected environment, or an overlay of one reads it.
fn reaches_production(context: &Context, one: &Outside) -> bool {
    let repo = context.repo;
    let environment = one
        .environment
        .and_then(|index| repo.environments.get(index));
    let is_read = || {
        let mut protected = context.judged().filter(|overlay| repo.protected(overlay));
        protected.any(|overlay| overlay.rendered.files.contains(&one.origin.file))
    };
    environment.map_or_else(is_read, |environment| environment.protected)
}

/// Something in production installs a chart that nothing at the base installs.
fn other_chart(one: &Outside, chart: &str) -> Draft {
    let message = format!(
        "{} installs the chart {chart} into production, which nothing uses at the base",
        one.name
    );
    let cause = Cause::new("other-chart").with(&one.name).with(chart);
    Draft::new(Severity::Warning, one.origin, cause, message)
        .help("install it in an earlier environment first, or commit the chart")
}

fn draft(severity: Severity, one: &Outside) -> Draft {
    let sources: Vec<&str> = one.sources.iter().map(String::as_str).collect();
    let from = match sources[..] {
        [] => "elsewhere".to_string(),
        _ => wording::listed(&sources, 2),
    };
    let what = match one.kind {
        UnseenKind::Release => "a chart",
        _ => "objects",
    };
    let message = match severity {
        Severity::Error => format!(
            "{} brings {what} from {from} into production, which cannot be checked; until now everything there was",
            one.name
        ),
        _ => format!(
            "{} brings {what} into production from {from}, which nothing uses at the base",
            one.name
        ),
    };
    let help = match one.kind {
        UnseenKind::Release => "commit the chart, or the output of `helm template`",
        _ => "keep the objects in this repository",
    };
    let cause = Cause::new("unchecked").with(&one.name);
    Draft::new(severity, one.origin, cause, message).help(help)
}
