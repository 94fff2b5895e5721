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
//! - edits that the previous environment has at the base revision, or had when it ran this image;
//! - edits that a rollback restores together with an image that the environment itself ran before;
//! - values that normally differ between environments (replicas, hosts, resource quantities);
//! - differences that `drift.allow` allows;
//! - changes that update no image.
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
//! Deploy the edit to the previous environment first. Then promote it together with an image that
//! ran with it there.

use crate::compare::{self, Change};
use crate::finding::{Cause, Severity};
use crate::history;
use crate::kubernetes::workload;
use crate::kustomize::{Resource, ResourceId};
use crate::repo::Overlay;
use crate::rules::shared::drift::{self, Difference, Sides};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::Origin;

/// See the documentation above.
pub(super) struct RideAlong;

static METADATA: Metadata = Metadata {
    id: "ride-along",
    category: Category::Drift,
    level: "warning; needs a base revision",
    severity: Severity::Warning,
    summary: "an untested edit that reaches production together with a promoted image",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("ride_along.rs"),
};

impl Rule for RideAlong {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        let protected = context.repo.protected(to);
        let before = context.at_base(to).filter(|_| protected);
        let Some((before, staged)) = before.zip(context.at_base(from)) else {
            return;
        };
        if before.rendered.is(&to.rendered) || context.moved_images(to).is_empty() {
            return;
        }
        let mut edits = Edits::of_promotion(context, staged, before, to);
        // an edit is proved by staging at the base, by staging when it ran the image, and by
        // production when it ran the image
        edits.drop_proved(context, staged, to);
        if !edits.is_empty() {
            for proof in when_they_ran(context, [staged, before], to) {
                edits.drop_proved(context, &proof, to);
            }
        }
        let report = Report {
            context,
            from,
            before,
            to,
        };
        for difference in &edits.differences {
            sink.report(context, Some(to), report.changed(difference));
        }
        for (id, new) in &edits.new {
            sink.report(context, Some(to), report.added(id, new));
        }
    }
}

/// The edits that a promotion brings to production besides its images.
struct Edits {
    differences: Vec<Difference>,
    new: Vec<ObjectOfPair>,
}

impl Edits {
    /// The edits that a change makes to production, except to variables whose value already
    /// differed from staging before.
    fn of_promotion(context: &Context, staged: &Overlay, before: &Overlay, to: &Overlay) -> Edits {
        let own = drift::differences_and_values(context, staged, before);
        let is_own = |difference: &Difference| {
            drift::is_value_of_variable(difference) && among(difference, &own)
        };
        let mut differences = drift::differences_and_values(context, before, to);
        differences.retain(|difference| {
            !is_own(difference) && !drift::is_allowed(context, difference, to)
        });
        let mut new = new_objects(context, before, to);
        new.retain(|(_, new)| counts(new));
        Edits { differences, new }
    }

    fn is_empty(&self) -> bool {
        self.differences.is_empty() && self.new.is_empty()
    }

    /// Drops the edits that an overlay ran as well.
    fn drop_proved(&mut self, context: &Context, proof: &Overlay, to: &Overlay) {
        if self.is_empty() {
            return;
        }
        let without_values = drift::differences_of_objects(context, proof, to);
        let with_values = drift::differences_and_values(context, proof, to);
        self.differences.retain(|difference| {
            let unproved = if drift::is_value_of_variable(difference) {
                &with_values
            } else {
                &without_values
            };
            among(difference, unproved)
        });
        let unproved = new_objects(context, proof, to);
        self.new
            .retain(|(id, _)| unproved.iter().any(|(other, _)| other == id));
    }
}

/// The overlays that the findings of a promotion name.
struct Report<'r, 'a> {
    context: &'r Context<'a>,
    from: &'r Overlay,
    before: &'r Overlay,
    to: &'r Overlay,
}

impl Report<'_, '_> {
    fn changed(&self, difference: &Difference) -> Draft {
        let (context, to) = (self.context, self.to);
        let origin = difference.change.origin;
        let is_in_head = to.rendered.files.contains(&origin.file)
            && context.repo.files.get(origin.file).revision.is_none();
        let described = difference.describe(&Sides::of(context, self.before, to));
        let cause = difference
            .facts()
            .into_iter()
            .fold(Cause::new("changed-with-image"), Cause::with);
        let origin = if is_in_head { origin } else { to.origin };
        self.draft(origin, cause, &described)
            .on(&difference.resource, difference.change.path())
    }

    fn added(&self, id: &ResourceId, new: &Resource) -> Draft {
        let later = self.context.side(self.to);
        let kind = new.node.get("kind").unwrap_or(&new.node);
        let described = format!("{} `{}` is new in {later}", id.kind, id.name);
        let cause = Cause::new("added-with-image");
        self.draft(kind.origin, cause, &described).on(new, "")
    }

    fn draft(&self, origin: Origin, cause: Cause, described: &str) -> Draft {
        let earlier = self.context.side(self.from);
        let message = format!("{described}; it comes with a new image but never ran in {earlier}");
        Draft::new(Severity::Warning, origin, cause, message).help(format!(
            "add it to {earlier} first, then promote it together with the image that ran with it"
        ))
    }
}

/// Two overlays of the base, each as it was when it last ran the images that the change promotes.
fn when_they_ran(context: &Context, overlays: [&Overlay; 2], to: &Overlay) -> Vec<Overlay> {
    let Some(proofs) = context.proofs else {
        return Vec::new();
    };
    let moved = context.moved_images(to);
    let mut images = history::images(&to.rendered, context.repo);
    images.retain(|name, _| moved.iter().any(|used| used.name == *name));
    let then = proofs.when_it_ran(&overlays.map(|overlay| (overlay, &images)));
    then.into_iter().flatten().collect()
}

/// An object with its identity as rendered.
type ObjectOfPair = (ResourceId, Resource);

/// The objects that one overlay has and another one lacks.
fn new_objects(context: &Context, from: &Overlay, to: &Overlay) -> Vec<ObjectOfPair> {
    let changes = compare::resources(from, to, context.repo).into_iter();
    changes
        .filter(|change| change.change == Change::Added)
        .filter_map(|change| change.to)
        .map(|new| (new.id(), new))
        .collect()
}

/// True if one of the `others` is at the same value as a difference, inside it, or around it.
fn among(difference: &Difference, others: &[Difference]) -> bool {
    others.iter().any(|other| same_place(difference, other))
}

/// True if a promotion must carry a new object: a workload, or a Service, ConfigMap or
/// NetworkPolicy. Production often has budgets and autoscalers of its own.
fn counts(object: &Resource) -> bool {
    matches!(
        (object.kind(), object.group()),
        ("Service" | "ConfigMap", "") | ("NetworkPolicy", "networking.k8s.io")
    ) || !workload::of(object).is_empty()
}

/// True if one of two differences is within the other.
fn same_place(one: &Difference, other: &Difference) -> bool {
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
