//! # ride-along
//!
//! ## What
//!
//! A change promotes an image to a protected environment and also changes something else there
//! that the previous environment has never run. These edits count:
//!
//! - a changed pod template, a variable that had the same value in both environments, the ports of
//!   a Service, the rules of a NetworkPolicy, or the keys of a ConfigMap;
//! - a new workload, Service, NetworkPolicy or ConfigMap.
//!
//! It does not matter whether the edit is in the overlay or in a base. The rule needs a base
//! revision (`--base`).
//!
//! Not reported are:
//!
//! - edits that the previous environment renders at the base revision, or rendered when it ran
//!   this image;
//! - edits that come back with a rollback to an image that the environment itself ran before;
//! - values that normally differ between environments (replicas, hosts, resource quantities);
//! - differences that `drift.allow` allows;
//! - changes that move no image.
//!
//! ## Why
//!
//! The reviewer looks at a digest. The other edit reaches production without having run anywhere
//! before.
//!
//! ## Example
//!
//! ```yaml
//! # apps/api/overlays/production, in the pull request that promotes the image
//! args: ["--cache=off"] # staging has never run with this argument
//! ```
//!
//! ## Fix
//!
//! Bring the edit to the previous environment first. Promote it together with an image that ran
//! with it.
//!
//! ## Options
//!
//! None.

use crate::compare::{self, Change};
use crate::finding::Severity;
use crate::history;
use crate::kubernetes::workload;
use crate::kustomize::{Resource, ResourceId};
use crate::repo::Overlay;
use crate::rules::shared::drift;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};

/// See the documentation above.
pub(super) struct RideAlong;

static METADATA: Metadata = Metadata {
    id: "ride-along",
    category: Category::Drift,
    level: "warning; needs a base revision",
    severity: Severity::Warning,
    summary: "an edit that comes to production with an image and that staging never had",
    options: &[],
    source: include_str!("ride_along.rs"),
};

impl Rule for RideAlong {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        let Some(base) = context.base.filter(|_| context.repo.protected(to)) else {
            return;
        };
        let Some(before) = context
            .at_base(to)
            .filter(|before| !before.rendered.is(&to.rendered))
        else {
            return;
        };
        let Some(staged) = context.at_base(from) else {
            return;
        };
        if context.moved_images(to).is_empty() {
            return;
        }
        let (earlier, later) = (context.side(from), context.side(to));
        let help =
            format!("bring it to {earlier} first, and promote it with the image that ran with it");
        // a variable that had another value in production than in staging is production's own
        let own = drift::differences_and_values(context, staged, before);
        let is_own = |difference: &drift::Difference| {
            drift::is_value_of_variable(difference) && among(difference, &own)
        };
        let mut differences = drift::differences_and_values(context, before, to);
        differences.retain(|difference| {
            !is_own(difference) && drift::allowance(context, difference, to).is_none()
        });
        let mut new = new_objects(context, before, to);
        new.retain(|(_, new)| counts(new));
        // what staging had is no difference to it: at the base, or when it ran the image; nor what
        // production had with the image
        let proofs = std::iter::once(Some(staged.clone()));
        for proof in proofs
            .chain(std::iter::once_with(|| when_they_ran(context, [staged, before], to)).flatten())
            .flatten()
        {
            if differences.is_empty() && new.is_empty() {
                return;
            }
            let unproved = [
                drift::differences(context, &proof, to),
                drift::differences_and_values(context, &proof, to),
            ];
            differences.retain(|difference| {
                among(
                    difference,
                    &unproved[usize::from(drift::is_value_of_variable(difference))],
                )
            });
            let unproved = new_objects(context, &proof, to);
            new.retain(|(id, _)| unproved.iter().any(|(other, _)| other == id));
        }
        for difference in differences {
            let in_head = to.rendered.files.contains(&difference.change.origin.file);
            let in_head = in_head
                && base
                    .files
                    .get(difference.change.origin.file)
                    .revision
                    .is_none();
            let origin = if in_head {
                difference.change.origin
            } else {
                to.origin
            };
            let told = difference.describe("the base revision", later);
            let draft = Draft::new(
                Severity::Warning,
                origin,
                format!("{told}: it comes with an image, and {earlier} has not run it"),
            );
            sink.report(
                context,
                Some(to),
                draft
                    .help(help.clone())
                    .on(&difference.resource, difference.change.path()),
            );
        }
        for (id, new) in new {
            let message = format!(
                "{}/{} is new in {later}: it comes with an image, and {earlier} has not run it",
                id.kind, id.name
            );
            let draft = Draft::new(
                Severity::Warning,
                new.node
                    .get("kind")
                    .map_or(new.node.origin, |kind| kind.origin),
                message,
            );
            sink.report(context, Some(to), draft.help(help.clone()).on(&new, ""));
        }
    }
}

/// The overlays, as the base has them, as they were when they last ran the images that the change
/// brings.
fn when_they_ran(context: &Context, overlays: [&Overlay; 2], to: &Overlay) -> Vec<Option<Overlay>> {
    let Some(proofs) = context.proofs else {
        return Vec::new();
    };
    let moved = context.moved_images(to);
    let mut images = history::images(&to.rendered, &context.repo.files);
    images.retain(|name, _| moved.iter().any(|used| used.name == *name));
    proofs.when_it_ran(&overlays.map(|overlay| (overlay, &images)))
}

/// An object with its identity as rendered.
type ObjectOfPair = (ResourceId, Resource);

/// The objects that one overlay has and another one lacks.
fn new_objects(context: &Context, from: &Overlay, to: &Overlay) -> Vec<ObjectOfPair> {
    let changes = compare::resources(from, to, &context.repo.environments).into_iter();
    changes
        .filter(|change| change.change == Change::Added)
        .filter_map(|change| change.to)
        .map(|new| (new.id(), new))
        .collect()
}

/// Whether a difference lies where another one does, or within it, or around it.
fn among(difference: &drift::Difference, others: &[drift::Difference]) -> bool {
    others.iter().any(|other| same_place(difference, other))
}

/// Whether a new object is one that a promotion carries: what runs, and what it is reached by and
/// configured with. Budgets and autoscalers are often production's own.
fn counts(object: &Resource) -> bool {
    matches!(
        (object.kind(), object.group()),
        ("Service" | "ConfigMap", "") | ("NetworkPolicy", "networking.k8s.io")
    ) || !workload::of(object).is_empty()
}

/// Whether one of two differences lies within the other.
fn same_place(one: &drift::Difference, other: &drift::Difference) -> bool {
    let within = |outer: &str, inner: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let (path, other_path) = (one.change.named_path(), other.change.named_path());
    let (id, other_id) = (&one.resource.original, &other.resource.original);
    id.kind == other_id.kind
        && id.name == other_id.name
        && (within(&path, &other_path) || within(&other_path, &path))
}
