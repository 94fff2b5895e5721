//! # production-only-change
//!
//! ## What
//!
//! A change alters a protected environment, and nothing of it was or is in the previous environment:
//! a value that staging does not have, or an object that only production gets. The finding names the
//! first value of each object. The rule needs a base revision (`--base`).
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

use crate::compare::{self, Change, Expectation, ResourceChange, ValueChange};
use crate::finding::{Cause, Severity};
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::shared::drift;
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

/// A value of an object, by names that are the same in every environment.
type Key = (String, String, String);

impl Rule for ProductionOnlyChange {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        let there_before = context.at_base(from).is_some() && context.at_base(to).is_some();
        if !context.repo.protected(to) || context.is_of_base(from) || !there_before {
            return;
        }
        let changes = context.changes(to);
        // changes that come together with an image are judged as part of the promotion
        if changes.is_empty() || !context.moved_images(to).is_empty() {
            return;
        }
        let alone = differences(context, from, to);
        let together: BTreeSet<Key> = context.changes(from).iter().flat_map(keys).collect();
        for change in changes {
            let resource = change.resource();
            let is_alone = |key: &Key| alone.contains(key) && !together.contains(key);
            let values: Vec<&ValueChange> = change
                .changes
                .iter()
                .filter(|value| is_alone(&key(resource, Some(value))))
                .collect();
            let object = format!("{} `{}`", resource.kind(), resource.name());
            let (origin, message, path) = match values[..] {
                [] if change.change == Change::Added && is_alone(&key(resource, None)) => {
                    let message =
                        format!("this change adds {object} to {} alone", context.name_of(to));
                    (resource.node.origin, message, String::new())
                }
                [] => continue,
                [first, ..] => {
                    let path = first.named_path();
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
            sink.report(context, Some(to), draft.help(help).on(resource, path));
        }
    }
}

/// The values in which two environments differ, except those that `overlay-drift` reports, and those
/// that naturally differ.
fn differences(context: &Context, from: &Overlay, to: &Overlay) -> BTreeSet<Key> {
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
    let reported: BTreeSet<Key> = drift::differences(context, from, to)
        .iter()
        .map(|difference| key(&difference.resource, Some(&difference.change)))
        .collect();
    let mut found = BTreeSet::new();
    for change in compare::resources(from, to, &context.repo.environments) {
        let resource = change.resource();
        if change.change == Change::Added {
            found.insert(key(resource, None));
        }
        let values = change.changes.iter().filter(|value| !natural(value));
        found.extend(values.map(|value| key(resource, Some(value))));
    }
    found.difference(&reported).cloned().collect()
}

fn keys(change: &ResourceChange) -> Vec<Key> {
    let resource = change.resource();
    let mut found = vec![key(resource, None)];
    let values = change.changes.iter();
    found.extend(values.map(|value| key(resource, Some(value))));
    found
}

/// `None` for the object as a whole.
fn key(resource: &Resource, value: Option<&ValueChange>) -> Key {
    let original = &resource.original;
    let path = value.map(ValueChange::named_path).unwrap_or_default();
    (original.kind.clone(), original.name.clone(), path)
}
