//! # stale-copy
//!
//! ## What
//!
//! A change alters the values or the version of a chart, but not the committed output of `helm
//! template` that the configuration names for it under `charts`. The rule needs a base revision
//! (`--base`).
//!
//! ## Why
//!
//! The check sees the copy, and the cluster gets what Helm makes of the new values. Everything that
//! the check says about the chart is about the old values.
//!
//! ## Example
//!
//! ```yaml
//! helmCharts:
//!   - name: web
//!     valuesInline: {replicas: 5} # was 3; vendor/web.yaml still has 3
//! ```
//!
//! ## Fix
//!
//! Run `helm template` with the new values, and commit the output with the change.

use crate::finding::{Cause, Severity};
use crate::kustomize::ChartCopy;
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::source::is_below;
use crate::yaml::{Node, Origin};

/// See the documentation above.
pub(super) struct StaleCopy;

static METADATA: Metadata = Metadata {
    id: "stale-copy",
    category: Category::Structure,
    level: "warning; needs a base revision",
    severity: Severity::Warning,
    summary: "new values of a chart whose committed output stays as it was",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("stale_copy.rs"),
};

impl Rule for StaleCopy {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        let copies = &overlay.rendered.copies;
        let Some(before) = context.at_base(overlay).filter(|_| !copies.is_empty()) else {
            return;
        };
        let touched = context.touched(overlay);
        for copy in copies {
            if touched.iter().any(|path| is_below(path, &copy.output)) {
                continue;
            }
            let mut old = before.rendered.copies.iter();
            let Some(old) = old.find(|old| old.output == copy.output) else {
                continue;
            };
            let values = copy.values.iter().find(|path| touched.contains(*path));
            let entry = changed(&old.chart, &copy.chart);
            let (origin, what) = match (entry, values) {
                (Some(origin), _) => (origin, "the entry of the chart".to_string()),
                (None, Some(path)) => (copy.chart.origin, format!("the values in {path}")),
                (None, None) => continue,
            };
            sink.report(context, Some(overlay), draft(copy, origin, &what));
        }
    }
}

fn draft(copy: &ChartCopy, origin: Origin, what: &str) -> Draft {
    let output = &copy.output;
    let message = format!("this change alters {what}, but its output in {output} stays as it was");
    let cause = Cause::new("stale-copy").with(output);
    Draft::new(Severity::Warning, origin, cause, message)
        .help(format!("run `helm template` again, and commit {output}"))
}

/// The first part of an entry that differs from the base.
fn changed(old: &Node, new: &Node) -> Option<Origin> {
    if old.same_value(new) {
        return None;
    }
    let entries = new.entries().iter();
    let mut parts = entries.filter_map(|entry| match old.get(&entry.key) {
        Some(value) => changed(value, &entry.value),
        None => Some(entry.value.origin),
    });
    Some(parts.next().unwrap_or(new.origin))
}
