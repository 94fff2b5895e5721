//! # skipped-environment
//!
//! ## What
//!
//! A change brings a digest to a protected environment, although the previous environment did not
//! run it at the base revision or earlier. Either the digest comes from an environment before the
//! previous one, such as dev, or the same change brings it to both environments. (`digest-mismatch`
//! reports a digest that no other environment uses.)
//!
//! Going back to a digest that the environment itself ran before is fine. Deleting the previous
//! environment in the same change does not silence the rule. The rule needs a base revision
//! (`--base`).
//!
//! It is an error. An image that the change adds and that only the protected environment has, such as
//! a sidecar or job, is a warning, with a digest or without. So is a digest that the change adds to a
//! tag which both environments already run.
//!
//! A new app that only the protected environment has is a warning too, in a repository where most
//! other apps have the previous environment. It is an error if all of them have it, and there are at
//! least three.
//!
//! ## Why
//!
//! Staging and production would run this build for the first time at the same moment, so staging
//! has proved nothing.
//!
//! ## Example
//!
//! ```yaml
//! # one pull request
//! # staging:    digest: sha256:77ab…
//! # production: digest: sha256:77ab…
//! ```
//!
//! ## Fix
//!
//! Merge the change of staging first, and promote the digest later.

use std::collections::{BTreeSet, HashSet};

use crate::finding::{Cause, Severity};
use crate::history::{self, VersionKey};
use crate::kubernetes::image_use::ImageUse;
use crate::repo::{Overlay, Repo};
use crate::rules::engine::context::proofs::unproved;
use crate::rules::shared::digests;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};

/// The rule.
pub(super) struct SkippedEnvironment;

static METADATA: Metadata = Metadata {
    id: "skipped-environment",
    category: Category::Images,
    level: "error; warning if only production uses the image; needs a base revision",
    severity: Severity::Error,
    summary: "a digest that reaches production without having run in the environment before",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("skipped_environment.rs"),
};

impl Rule for SkippedEnvironment {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    /// If a change removes the previous environment, production must still not get images that it
    /// never ran.
    fn check_overlay(&self, context: &Context, to: &Overlay, sink: &mut Sink) {
        if let Some(draft) = new_app(context, to) {
            sink.report(context, Some(to), draft);
        }
        let Some(from) = context
            .proved_by_gone(to)
            .filter(|_| context.repo.protected(to))
        else {
            return;
        };
        let next = environment_before(context, to);
        for used in context.moved_images(to) {
            let Some(digest) = used.image().digest else {
                continue;
            };
            let ran = |overlay: &Overlay| {
                context.ran_before(overlay, to, &used.name, &VersionKey::of_digest(digest))
            };
            // if the new previous environment has not run the digest either, the finding about that
            // pair is enough
            let is_reported_of_next = next.is_some_and(|next| !ran(next));
            if !ran(from)
                && !context.known_at_base(from, to, &used.name, digest)
                && !is_reported_of_next
            {
                let draft = skipped_by_removal(context, from, to, used);
                sink.report(context, Some(to), draft.of(used));
            }
        }
    }

    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        let unchanged = |overlay: &Overlay| {
            context
                .at_base(overlay)
                .is_some_and(|before| before.rendered.is(&overlay.rendered))
        };
        if context.base.is_none() || !context.repo.protected(to) || unchanged(to) {
            return;
        }
        let at_base = [from, to].map(|overlay| digests_at_base(context, overlay));
        let before = context.at_base(to);
        let known = before.map(|before| history::images(&before.rendered, context.repo));
        for used in &context.facts(to).images {
            let Some(digest) = used.image().digest else {
                let is_known = known
                    .as_ref()
                    .is_none_or(|known| known.contains_key(&used.name));
                if !is_known && comes_alone(context, from, to, used) {
                    let draft = draft(context, from, to, used, Skipped::Alone);
                    sink.report(context, Some(to), draft.of(used));
                }
                continue;
            };
            if at_base.iter().any(|known| known.contains(digest))
                || context.ran_before(from, to, &used.name, &VersionKey::of_digest(digest))
            {
                continue;
            }
            if let Some(skipped) = classify(context, from, to, used, digest) {
                let draft = draft(context, from, to, used, skipped);
                sink.report(context, Some(to), draft.of(used));
            }
        }
    }
}

/// A new app that only a protected environment has, in a repo that gives the other apps of the
/// environment to an earlier one first.
fn new_app(context: &Context, to: &Overlay) -> Option<Draft> {
    let (repo, base) = (context.repo, context.base?);
    let index = context.index(to)?;
    if !repo.protected(to) || repo.pairs.iter().any(|pair| pair.to == index) {
        return None;
    }
    let apps = base.overlays.iter();
    let known: HashSet<_> = apps.map(|old| (&*old.app, old.environment)).collect();
    let is_known = |overlay: &Overlay| known.contains(&(&*overlay.app, overlay.environment));
    if is_known(to) {
        return None;
    }
    let image = context.facts(to).images.first()?;
    let paired: HashSet<usize> = repo.pairs.iter().map(|pair| pair.to).collect();
    let overlays = repo.overlays.iter().enumerate();
    let others = overlays
        .filter(|(_, other)| other.environment == to.environment && is_known(other))
        .map(|(at, _)| paired.contains(&at));
    let paired: Vec<bool> = others.collect();
    let usual = paired.iter().filter(|paired| **paired).count();
    // most apps, and more than one
    if usual < 2 || usual * 4 < paired.len() * 3 {
        return None;
    }
    let later = context.name_of(to);
    let message = format!(
        ": `{}` is new in {later}, but no earlier environment has it, unlike the other apps of {later} ({usual} of {})",
        to.app,
        paired.len()
    );
    let cause = Cause::new("new-app").with(&to.app);
    let severity = if usual >= 3 && usual == paired.len() {
        Severity::Error
    } else {
        Severity::Warning
    };
    let draft = Draft::new(severity, image.origin(), cause, message);
    let help = "deploy it to the earlier environment first, then promote it";
    Some(draft.help(help).of(image))
}

/// The ways in which a digest reaches the protected environment without having run in the one
/// before it.
enum Skipped<'c> {
    /// From an environment further back.
    PassedBy(&'c Overlay, &'c ImageUse<'c>),
    /// Together with the environment before, in one change.
    Together(&'c ImageUse<'c>),
    /// The environment before does not run the image at all.
    Alone,
}

fn classify<'c>(
    context: &'c Context,
    from: &'c Overlay,
    to: &Overlay,
    used: &ImageUse,
    digest: &str,
) -> Option<Skipped<'c>> {
    if let Some((other, there)) = digests::passed_by(context, from, to, digest) {
        return Some(Skipped::PassedBy(other, there));
    }
    if context.known_at_base(from, to, &used.name, digest) {
        return None;
    }
    let siblings = context
        .siblings(from)
        .flat_map(|other| &context.facts(other).images);
    let mut images = context.facts(from).images.iter().chain(siblings);
    match images.find(|other| other.image().digest == Some(digest)) {
        Some(staged) => Some(Skipped::Together(staged)),
        None => comes_alone(context, from, to, used).then_some(Skipped::Alone),
    }
}

/// True if the change adds an image to an existing overlay and the previous environment does not
/// use the image at all. Another build of it is reported by `digest-mismatch`, and another image in
/// the same container by `image-drift`.
fn comes_alone(context: &Context, from: &Overlay, to: &Overlay, used: &ImageUse) -> bool {
    let same_container = |other: &ImageUse| {
        other.place == used.place && other.resource.original.name == used.resource.original.name
    };
    let same = |other: &ImageUse| other.short_name() == used.short_name() || same_container(other);
    context.at_base(to).is_some()
        && from.rendered.complete
        && !context.facts(from).images.iter().any(same)
}

fn draft(
    context: &Context,
    from: &Overlay,
    to: &Overlay,
    used: &ImageUse,
    skipped: Skipped,
) -> Draft {
    let (earlier, later) = (context.side(from), context.side(to));
    let name = &used.name;
    let first = format!("deploy it to {earlier} first, then promote it");
    let gap = context.gap(from);
    let reason = gap.as_ref().map(|gap| gap.reason().to_string());
    let weaker = |severity| unproved(gap.as_ref(), severity);
    match skipped {
        Skipped::PassedBy(other, there) => {
            let further = context.side(other);
            let never = if gap.is_some() {
                "does not use, as far as the history in this clone shows"
            } else {
                "never used"
            };
            let message = format!(
                ": {later} gets a digest of `{name}` that {further} uses and {earlier} {never}"
            );
            let cause = Cause::new("passed-by");
            let severity = weaker(Severity::Error);
            Draft::new(severity, used.digest_origin, cause, message)
                .help(reason.unwrap_or(first))
                .related(there.digest_origin, format!("{further} uses it"))
        }
        Skipped::Together(staged) => {
            let message = format!(
                ": one change gives {earlier} and {later} this digest of `{name}`, so {earlier} has not proved it"
            );
            let cause = Cause::new("together");
            let severity = if only_pins(context, to, used) {
                Severity::Warning
            } else {
                Severity::Error
            };
            Draft::new(severity, used.digest_origin, cause, message)
                .help(reason.unwrap_or(format!(
                    "merge the change of {earlier} first, then promote it"
                )))
                .related(staged.digest_origin, format!("{earlier} gets it here"))
        }
        // some images are meant for production alone, so this is a warning
        Skipped::Alone => {
            let message =
                format!(": {later} gets the image `{name}`, which {earlier} does not use at all");
            let cause = Cause::new("alone").with(name);
            Draft::new(Severity::Warning, used.digest_origin, cause, message).help(first)
        }
    }
}

/// True if the overlay ran the same tag without a digest before, so that the change only pins it.
fn only_pins(context: &Context, to: &Overlay, used: &ImageUse) -> bool {
    let Some(before) = context.at_base(to) else {
        return false;
    };
    let images = history::images(&before.rendered, context.repo);
    let versions = images.get(&used.name);
    versions.is_some_and(|versions| {
        versions
            .iter()
            .any(|old| old.digest.is_none() && old.tag.as_deref() == used.image().tag)
    })
}

fn skipped_by_removal(context: &Context, from: &Overlay, to: &Overlay, used: &ImageUse) -> Draft {
    let (earlier, later) = (context.name_of(from), context.side(to));
    let (done, separately) = match context.at_head(from) {
        None => (
            format!("this change removes {}", from.path),
            format!("remove {earlier} in a separate change"),
        ),
        Some(_) => (
            format!("this change points {later} away from {}", from.path),
            format!("point {later} elsewhere in a separate change"),
        ),
    };
    let message = format!(
        ": {later} gets a digest of `{}` that {earlier} never used, and {done}",
        used.name
    );
    let cause = Cause::new("environment-removed");
    Draft::new(Severity::Error, used.digest_origin, cause, message)
        .help(format!("deploy it to {earlier} first, or {separately}"))
        .related(from.origin, format!("{earlier} at the base revision"))
}

/// The overlay that one is compared with.
fn environment_before<'a>(context: &Context<'a>, to: &Overlay) -> Option<&'a Overlay> {
    let repo: &'a Repo = context.repo;
    repo.earlier(to)
}

/// Every digest that an overlay ran at the base revision.
fn digests_at_base(context: &Context, overlay: &Overlay) -> BTreeSet<String> {
    let images = context
        .at_base(overlay)
        .map(|other| history::images(&other.rendered, context.repo))
        .unwrap_or_default();
    images
        .into_values()
        .flatten()
        .filter_map(|version| version.digest)
        .collect()
}
