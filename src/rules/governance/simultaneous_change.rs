//! # simultaneous-change
//!
//! ## What
//!
//! A change alters the same value in a protected environment and in an earlier environment, for
//! example by an edit of their common base. The finding names the environments and the first
//! changed line. If the change also updates an image in production, `mixed-promotion` and
//! `ride-along` judge it instead. An overlay may have no counterpart in an earlier environment, for
//! example because the app has another name there. The rule then reports the changed lines that it
//! shares with any overlay of an earlier environment, including images. The rule needs a base
//! revision (`--base`).
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

use std::collections::{BTreeMap, HashMap};

use crate::finding::{Cause, Severity};
use crate::repo::Overlay;
use crate::rules::shared::settings::{Setting, changes_settings_only};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::wording;
use crate::yaml::{FileId, Node, Origin};

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
        for (key, altered) in changed(context, from).filter(is_no_image) {
            earlier.entry(key).or_default().push(altered);
        }
        let alike = |(key, altered): &(Setting, Altered)| {
            let there = earlier.get(key).into_iter().flatten();
            there.into_iter().any(|other| altered.is_like(other))
        };
        let mut lines = Lines::default();
        for (key, altered) in changed(context, to).filter(is_no_image).filter(alike) {
            lines.add(from, key, &altered);
        }
        lines.report(context, to, sink);
    }
    /// An overlay without a predecessor, such as that of an app with other names in staging, shares
    /// lines of a base with overlays of earlier environments.
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let repo = context.repo;
        let is_ordered = |overlay: &Overlay| !repo.is_unordered(overlay);
        let affected = || {
            let judged = context.judged();
            judged.filter(|one| context.at_base(one).is_some() && is_ordered(one))
        };
        let mut alone = affected()
            .filter(|one| repo.protected(one) && repo.earlier(one).is_none())
            .peekable();
        if alone.peek().is_none() {
            return;
        }
        let mut earlier: HashMap<(FileId, u32), &Overlay> = HashMap::default();
        for overlay in affected().filter(|one| one.environment.is_some() && !repo.protected(one)) {
            for (_, Altered { origin, .. }) in changed(context, overlay) {
                earlier
                    .entry((origin.file, origin.start))
                    .or_insert(overlay);
            }
        }
        for to in alone {
            let mut lines = Lines::default();
            for (key, altered) in changed(context, to) {
                let place = (altered.origin.file, altered.origin.start);
                let from = earlier.get(&place);
                if let Some(from) = from.filter(|from| from.environment < to.environment) {
                    lines.add(from, key, &altered);
                }
            }
            lines.report(context, to, sink);
        }
    }
}

/// Changed lines that an overlay shares with earlier ones, and the values that they change: one
/// finding for each line.
#[derive(Default)]
struct Lines<'c>(BTreeMap<(u32, u32), Line<'c>>);

struct Line<'c> {
    origin: Origin,
    /// An earlier overlay that the line reaches.
    from: &'c Overlay,
    /// The name of the first object.
    object: &'c str,
    settings: Vec<Setting>,
}

impl<'c> Lines<'c> {
    fn add(&mut self, from: &'c Overlay, setting: Setting, altered: &Altered<'c>) {
        let Altered { origin, object, .. } = *altered;
        let line = self.0.entry((origin.file.0, origin.start));
        let line = line.or_insert_with(|| Line {
            origin,
            from,
            object,
            settings: Vec::new(),
        });
        line.settings.push(setting);
    }

    fn report(self, context: &Context, to: &Overlay, sink: &mut Sink) {
        for line in self.0.into_values() {
            let Some(first) = line.settings.first() else {
                continue;
            };
            let more = match line.settings.len() {
                1 => String::new(),
                count => format!(" and {}", wording::count(count - 1, "more value")),
            };
            let from = context.name_of(line.from);
            let message = format!(
                "this change reaches {from} and {} at once: {}{more}",
                context.name_of(to),
                first.shown(line.object)
            );
            let draft = Draft::new(Severity::Info, line.origin, Cause::new("at-once"), message);
            let help =
                format!("to try it in {from} first, change it in that overlay instead of the base");
            sink.report(context, Some(to), draft.help(help));
        }
    }
}

/// Images are judged where an overlay has a predecessor.
fn is_no_image((setting, _): &(Setting, Altered)) -> bool {
    !setting.is_image()
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

/// The values that the change alters in an overlay.
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
        let values = change.changes.iter().map(|value| {
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
