//! # production-only-change
//!
//! ## What
//!
//! A change gives a protected environment something that the previous environment does not have: a
//! value, or a whole object. The finding names the first value of each object. If no earlier
//! environment has the app, or the overlay is new, one finding names the first objects. The rule
//! needs a base revision (`--base`).
//!
//! Values that differ only by the name of the environment are left out, and so are images and
//! versions, which other rules judge. `overlay-drift` reports differences that a promotion should not
//! leave, and `ride-along` changes that come with an image.
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
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::shared::drift;
use crate::rules::shared::listed;
use crate::rules::shared::settings::Setting;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::wording;
use crate::yaml::Origin;

/// The number of objects that one finding names.
const NAMED: usize = 3;

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
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        if context.base.is_none() || !context.repo.protected(overlay) {
            return;
        }
        let earlier = context.repo.earlier(overlay);
        let is_new = |overlay: &Overlay| context.at_base(overlay).is_none();
        if earlier.is_none_or(|earlier| is_new(earlier) && is_new(overlay)) {
            let draft = without_earlier(context, overlay);
            if let Some(draft) = draft {
                sink.report(context, Some(overlay), draft);
            }
        }
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        let was_there = context.at_base(from).is_some();
        if !context.repo.protected(to) || context.is_of_base(from) || !was_there {
            return;
        }
        let alone = differences(context, from, to);
        let together: BTreeSet<Setting> = context.changes(from).iter().flat_map(keys).collect();
        // what comes together with an image is judged as part of the promotion
        let is_promotion = !context.moved_images(to).is_empty();
        for change in context.changes(to) {
            let resource = change.resource();
            let object = Setting::of(resource, None);
            let is_only_here = alone.contains(&object);
            if is_promotion && !is_only_here {
                continue;
            }
            let is_alone =
                |key: &Setting| (is_only_here || alone.contains(key)) && !together.contains(key);
            let values = change.changes.iter();
            let values: Vec<&ValueChange> = values
                .filter(|value| is_setting(value, resource))
                .filter(|value| is_alone(&Setting::of(resource, Some(value))))
                .collect();
            let is_added = change.change == Change::Added && is_alone(&object);
            if let Some(draft) = of_object(context, (from, to), resource, &values, is_added) {
                sink.report(context, Some(to), draft);
            }
        }
    }
}

/// What a change does to one object of an environment alone.
fn of_object(
    context: &Context,
    (from, to): (&Overlay, &Overlay),
    resource: &Resource,
    values: &[&ValueChange],
    is_added: bool,
) -> Option<Draft> {
    let name = context.name_of(to);
    let object = format!("{} `{}`", resource.kind(), resource.name());
    let (origin, message, path) = match values {
        [] if is_added => {
            let message = format!("this change adds {object} to {name} alone");
            (resource.node.origin, message, String::new())
        }
        [] => return None,
        [first, ..] => {
            let path = secrets::named_path(resource, first);
            let more = match values.len() {
                1 => String::new(),
                count => format!(" and {}", wording::count(count - 1, "more value")),
            };
            let path = path.trim_start_matches('/');
            let message = format!("this change alters `{path}`{more} of {object} in {name} alone");
            (first.origin, message, first.path())
        }
    };
    let help = format!(
        "if it is not special to {name}, set it in {} first",
        context.name_of(from)
    );
    let draft = Draft::new(Severity::Info, origin, Cause::new("alone"), message);
    let draft = draft.help(help).on(resource, path);
    Some(listed::at_the_change(context, to, draft))
}

/// What a change does to an overlay that no earlier environment has, or had before.
fn without_earlier(context: &Context, overlay: &Overlay) -> Option<Draft> {
    let is_new = context.at_base(overlay).is_none();
    let changes = context.changes(overlay).iter();
    let changes = changes.filter_map(|change| {
        let resource = change.resource();
        let mut values = change.changes.iter();
        let value = values.find(|value| is_setting(value, resource));
        let origin = match (value, change.change) {
            (Some(value), _) => value.origin,
            (None, Change::Changed) => return None,
            (None, _) => resource.node.origin,
        };
        Some((resource, origin))
    });
    let changes: Vec<(&Resource, Origin)> = changes.collect();
    let (first, others) = changes.split_first()?;
    let objects: Vec<String> = changes
        .iter()
        .map(|(resource, _)| format!("{} `{}`", resource.kind(), resource.name()))
        .collect();
    let (name, objects) = (context.name_of(overlay), wording::listed(&objects, NAMED));
    let message = match is_new {
        true => format!("this change brings `{}` to {name}: {objects}", overlay.app),
        false => format!(
            "this change alters {objects} in {name}, and no earlier environment has `{}`",
            overlay.app
        ),
    };
    let cause = Cause::new(if is_new { "new-overlay" } else { "no-earlier" });
    let draft = Draft::new(Severity::Info, first.1, cause, message)
        .help("look at each object: nothing before this environment can prove it");
    let others = others.iter().take(NAMED - 1);
    let draft = others.fold(draft, |draft, (resource, origin)| {
        let object = format!("{} `{}`", resource.kind(), resource.name());
        draft.related(*origin, object)
    });
    Some(listed::at_the_change(context, overlay, draft))
}

/// True for a value that is no image, version or generated name: other rules judge those.
fn is_setting(value: &ValueChange, resource: &Resource) -> bool {
    let is_generated = matches!(
        value.expected,
        Some(Expectation::GeneratedName | Expectation::ImageVersion)
    );
    !is_generated && !Setting::of(resource, Some(value)).is_image()
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
