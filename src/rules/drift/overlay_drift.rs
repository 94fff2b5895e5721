//! # overlay-drift
//!
//! ## What
//!
//! A protected environment differs from the previous environment in something that a promotion
//! should carry over unchanged:
//!
//! - in pod templates: containers, commands, arguments, names of variables, ports, probes, volumes
//!   and mounts, security contexts, and the service account;
//! - the ports of Services;
//! - the rules of NetworkPolicies;
//! - the keys of ConfigMaps;
//! - for releases whose chart is not in the repository: switches in their values (`enabled`, `create`),
//!   commands and arguments. These are `info`, because only the chart knows their effect.
//!
//! Other rules compare images and report limits, probes, security settings and variables that
//! production lacks.
//!
//! Some differences between environments are normal and not reported: replicas, quantities,
//! namespaces, hosts, identifiers, names that contain the name of the environment, generated
//! names, and encrypted values. `gitops-lint diff staging production` shows them with `--all`.
//!
//! ## Why
//!
//! Nobody has tested the configuration that production runs. Usually somebody tried an edit in one
//! environment and forgot to remove or promote it.
//!
//! ## Example
//!
//! ```yaml
//! # production's patch; staging has no such argument
//! args: [--fraud-check=off]
//! ```
//!
//! ## Fix
//!
//! Make both environments equal, or allow the difference under `drift.allow` with a reason.

use crate::config::CONFIG_FILE;
use crate::finding::{Cause, Severity};
use crate::repo::Overlay;
use crate::rules::shared::drift::{self, Difference, Sides};
use crate::rules::{Behavior, Category, Context, Draft, Metadata, Rule, Sink};
use crate::wording;
use crate::yaml::Origin;

/// See the documentation above.
pub(super) struct OverlayDrift;

static METADATA: Metadata = Metadata {
    id: "overlay-drift",
    category: Category::Drift,
    level: "warning",
    severity: Severity::Warning,
    summary: "a configuration difference between staging and production, such as an argument",
    options: &[],
    behavior: Behavior {
        bound_to_version: true,
        ..Metadata::USUAL
    },
    source: include_str!("overlay_drift.rs"),
};

impl Rule for OverlayDrift {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        let sides = Sides::of(context, from, to);
        for (origin, differences) in by_line(context, from, to) {
            let Some(first) = differences.first() else {
                continue;
            };
            let mut message = first.describe(&sides);
            let more = differences.len() - 1;
            if more > 0 {
                let count = wording::count(more, "more difference");
                message.push_str(&format!("; the same line causes {count}"));
            }
            let cause = differences
                .iter()
                .flat_map(Difference::facts)
                .fold(Cause::new("difference"), Cause::with);
            let severity = match differences.iter().all(Difference::is_of_chart) {
                true => Severity::Info,
                false => Severity::Warning,
            };
            let mut draft = Draft::new(severity, origin, cause, message)
                .help(format!(
                    "make both the same, or allow the difference under `drift.allow` in {CONFIG_FILE} with a reason"
                ))
                .on(&first.resource, first.change.path());
            for (side, overlay) in [(&first.change.from, from), (&first.change.to, to)] {
                if let Some(node) = side.as_ref().filter(|node| node.origin != origin) {
                    let label = format!("the value {}", context.in_side(overlay));
                    draft = draft.related(node.origin, label);
                }
            }
            sink.report(context, Some(to), draft);
        }
    }
}

/// The differences that the configuration does not allow, grouped by the line that causes them.
fn by_line(context: &Context, from: &Overlay, to: &Overlay) -> Vec<(Origin, Vec<Difference>)> {
    let mut lines: Vec<(Origin, Vec<Difference>)> = Vec::new();
    for difference in drift::differences(context, from, to) {
        if drift::is_allowed(context, &difference, to) {
            continue;
        }
        let origin = difference.change.origin;
        match lines.iter_mut().find(|(line, _)| *line == origin) {
            Some((_, all)) => all.push(difference),
            None => lines.push((origin, vec![difference])),
        }
    }
    lines
}
