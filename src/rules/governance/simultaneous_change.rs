//! # simultaneous-change
//!
//! ## What
//!
//! A change alters the same value in a protected environment and in an earlier environment, for
//! example by an edit of their common base. The finding names the environments and the first
//! changed line. If the change also updates an image in production, `mixed-promotion` and
//! `ride-along` judge it instead. The rule needs a base revision (`--base`).
//!
//! ## Why
//!
//! Production gets the change in the same minute as staging, so nobody has tried it before. Many
//! teams want this for small changes, but a reviewer should know about it.
//!
//! ## Example
//!
//! ```yaml
//! # apps/api/base/deployment.yaml
//! args: [--pool=500] # staging and production get it at once
//! ```
//!
//! ## Fix
//!
//! Nothing has to be changed. To try a change in staging first, make it in the overlay of staging,
//! and move it into the base later. If every change should go to staging first, set
//! `rules: {simultaneous-change: warning}` in `.gitops-lint.yaml`.

use std::collections::BTreeMap;

use crate::finding::{Cause, Severity};
use crate::repo::Overlay;
use crate::rules::shared::settings::{Setting, changes_settings_only};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::wording;
use crate::yaml::{Node, Origin};

/// See the documentation above.
pub(super) struct SimultaneousChange;

static METADATA: Metadata = Metadata {
    id: "simultaneous-change",
    category: Category::Governance,
    level: "info; needs a base revision",
    severity: Severity::Info,
    summary: "a change that reaches production and an earlier environment at the same time",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("simultaneous_change.rs"),
};

impl Rule for SimultaneousChange {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        if !changes_settings_only(context, from, to) {
            return;
        }
        let mut earlier: BTreeMap<Setting, Vec<Altered>> = BTreeMap::new();
        for (key, altered) in changed(context, from) {
            earlier.entry(key).or_default().push(altered);
        }
        let alike = |(key, altered): &(Setting, Altered)| {
            let there = earlier.get(key).into_iter().flatten();
            there.into_iter().any(|other| altered.is_like(other))
        };
        // one finding for each line, even if it changes several values
        let mut lines: BTreeMap<(u32, u32), (Origin, &str, Vec<Setting>)> = BTreeMap::new();
        for (key, altered) in changed(context, to).filter(alike) {
            let Altered { origin, object, .. } = altered;
            let line = lines.entry((origin.file.0, origin.start));
            let line = line.or_insert_with(|| (origin, object, Vec::new()));
            line.2.push(key);
        }
        for (origin, object, keys) in lines.into_values() {
            let Some(first) = keys.first() else { continue };
            let more = match keys.len() {
                1 => String::new(),
                count => format!(" and {}", wording::count(count - 1, "more value")),
            };
            let message = format!(
                "this change reaches {} and {} at once: {}{more}",
                context.name_of(from),
                context.name_of(to),
                first.shown(object)
            );
            let draft = Draft::new(Severity::Info, origin, Cause::new("at-once"), message);
            let help = format!(
                "to try it in {} first, change it in that overlay instead of the base",
                context.name_of(from)
            );
            sink.report(context, Some(to), draft.help(help));
        }
    }
}

/// The new state of a value, and the line that causes it.
struct Altered<'c> {
    origin: Origin,
    /// The name of the object.
    object: &'c str,
    /// `None` for removed values, and for objects that are added or removed as a whole.
    value: Option<&'c Node>,
}

impl Altered<'_> {
    /// True if both environments get the same: from one line, or by equal edits of two overlays.
    fn is_like(&self, other: &Altered) -> bool {
        let equal = match (self.value, other.value) {
            (Some(one), Some(other)) => one.same_value(other),
            (None, None) => true,
            _ => false,
        };
        self.origin == other.origin || equal
    }
}

/// The values that the change alters in an overlay, apart from images.
fn changed<'c>(
    context: &'c Context,
    overlay: &Overlay,
) -> impl Iterator<Item = (Setting, Altered<'c>)> {
    context.changes(overlay).iter().flat_map(|change| {
        let whole = change.changes.is_empty().then(|| {
            let origin = change.resource().node.origin;
            (
                Setting::of(change.resource(), None),
                Altered {
                    origin,
                    object: change.resource().name(),
                    value: None,
                },
            )
        });
        let values = change
            .changes
            .iter()
            .filter(|value| !value.named_path().ends_with("/image"))
            .map(|value| {
                let altered = Altered {
                    origin: value.origin,
                    object: change.resource().name(),
                    value: value.to.as_ref(),
                };
                (Setting::of(change.resource(), Some(value)), altered)
            });
        whole.into_iter().chain(values)
    })
}
