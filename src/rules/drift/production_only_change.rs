//! # production-only-change
//!
//! ## What
//!
//! A change gives a protected environment something that the previous environment does not have: a
//! value, or a whole object. The finding names the first value of each object. The rule needs a base
//! revision (`--base`).
//!
//! Replicas and quantities are left out, and so are values that differ only by the name of the
//! environment. `overlay-drift` reports differences that a promotion should not leave, and
//! `ride-along` changes that come with an image.
//!
//! ## Why
//!
//! Some values belong to production alone, such as hosts and accounts. No environment before can
//! prove them, so a reviewer should look at them.
//!
//! ## Example
//!
//! ```yaml
//! # apps/api/overlays/production/config.yaml
//! data: {DATABASE: db-2.example.com}
//! ```
//!
//! ## Fix
//!
//! Nothing has to be changed. If the value is not special to production, set it in staging first, or
//! in the base.

use std::collections::BTreeSet;

use crate::compare::{self, Change, Expectation, ResourceChange, ValueChange, secrets};
use crate::finding::{Cause, Severity};
use crate::repo::Overlay;
use crate::rules::shared::drift;
use crate::rules::shared::listed;
use crate::rules::shared::settings::{Setting, changes_settings_only};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::wording;

/// See the documentation above.
pub(super) struct ProductionOnlyChange;

static METADATA: Metadata = Metadata {
    id: "production-only-change",
    category: Category::Drift,
    level: "info; needs a base revision",
    severity: Severity::Info,
    summary: "a change of production alone, which no environment before can prove",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("production_only_change.rs"),
};

impl Rule for ProductionOnlyChange {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        if !changes_settings_only(context, from, to) {
            return;
        }
        let alone = differences(context, from, to);
        let together: BTreeSet<Setting> = context.changes(from).iter().flat_map(keys).collect();
        for change in context.changes(to) {
            let resource = change.resource();
            let is_alone = |key: &Setting| alone.contains(key) && !together.contains(key);
            let values: Vec<&ValueChange> = change
                .changes
                .iter()
                .filter(|value| is_alone(&Setting::of(resource, Some(value))))
                .collect();
            let object = format!("{} `{}`", resource.kind(), resource.name());
            let (origin, message, path) = match values[..] {
                [] if change.change == Change::Added && is_alone(&Setting::of(resource, None)) => {
                    let message =
                        format!("this change adds {object} to {} alone", context.name_of(to));
                    (resource.node.origin, message, String::new())
                }
                [] => continue,
                [first, ..] => {
                    let path = secrets::named_path(resource, first);
                    let more = match values.len() {
                        1 => String::new(),
                        count => format!(" and {}", wording::count(count - 1, "more value")),
                    };
                    let path = path.trim_start_matches('/');
                    let message = format!(
                        "this change alters `{path}`{more} of {object} in {} alone",
                        context.name_of(to)
                    );
                    (first.origin, message, first.path())
                }
            };
            let help = format!(
                "if it is not special to {}, set it in {} first",
                context.name_of(to),
                context.name_of(from)
            );
            let draft = Draft::new(Severity::Info, origin, Cause::new("alone"), message);
            let draft = listed::at_the_change(context, to, draft.help(help).on(resource, path));
            sink.report(context, Some(to), draft);
        }
    }
}

/// The values in which two environments differ, except those that `overlay-drift` reports, and those
/// that naturally differ.
fn differences(context: &Context, from: &Overlay, to: &Overlay) -> BTreeSet<Setting> {
    let natural = |value: &ValueChange| {
        matches!(
            value.expected,
            Some(
                Expectation::Word
                    | Expectation::GeneratedName
                    | Expectation::Namespace
                    | Expectation::ImageVersion
                    | Expectation::Replicas
                    | Expectation::Quantity
            )
        )
    };
    let reported: BTreeSet<Setting> = drift::differences(context, from, to)
        .iter()
        .map(|difference| Setting::of(&difference.resource, Some(&difference.change)))
        .collect();
    let mut found = BTreeSet::new();
    for change in compare::resources(from, to, context.repo) {
        let resource = change.resource();
        if change.change == Change::Added {
            found.insert(Setting::of(resource, None));
        }
        let values = change.changes.iter().filter(|value| !natural(value));
        found.extend(values.map(|value| Setting::of(resource, Some(value))));
    }
    found.difference(&reported).cloned().collect()
}

fn keys(change: &ResourceChange) -> Vec<Setting> {
    let resource = change.resource();
    let mut found = vec![Setting::of(resource, None)];
    let values = change.changes.iter();
    found.extend(values.map(|value| Setting::of(resource, Some(value))));
    found
}
