//! # skipped-environment
//!
//! ## What
//!
//! A change gives a protected environment a digest that the previous environment had not run at
//! the base revision or earlier. Either the digest comes from an environment further back, or the
//! same change brings it to both environments. (A digest that no other environment uses is
//! reported by `digest-mismatch`.)
//!
//! Going back to a digest that the environment itself ran before is fine. Deleting the previous
//! environment in the same change does not silence the rule. The rule needs a base revision
//! (`--base`).
//!
//! It is an error. An image that only the protected environment has, such as an additional sidecar
//! or job, is a warning.
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
//!
//! ## Options
//!
//! None.

use crate::finding::Severity;
use crate::history;
use crate::kubernetes::image_use::ImageUse;
use crate::repo::{Overlay, Repo};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};

/// See the documentation above.
pub struct SkippedEnvironment;

static METADATA: Metadata = Metadata {
    id: "skipped-environment",
    category: Category::Images,
    level: "error, an image of production alone warning; needs a base revision",
    severity: Severity::Error,
    summary: "a digest that reaches production before the environment before it has run it",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("skipped_environment.rs"),
};

impl Rule for SkippedEnvironment {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    /// What an environment proved that the change takes away must have been proved before.
    fn check_overlay(&self, context: &Context, to: &Overlay, sink: &mut Sink) {
        let Some(from) = context
            .proved_by_gone(to)
            .filter(|_| context.repo.protected(to))
        else {
            return;
        };
        // what the environment that is next before it has not proved either is told of the two
        let repo = context.repo;
        let next = repo.pairs.iter().find(|pair| {
            repo.overlays
                .get(pair.to)
                .is_some_and(|other| std::ptr::eq(other, to))
        });
        let next = next.and_then(|pair| repo.overlays.get(pair.from));
        let earlier = context.name_of(from);
        for used in context.moved_images(to) {
            let image = used.image();
            let Some(digest) = image
                .digest
                .filter(|digest| !context.ran_before(from, to, &used.name, digest))
            else {
                continue;
            };
            let unproved = |next: &Overlay| !context.ran_before(next, to, &used.name, digest);
            if context.known_at_base(from, to, &used.name, digest) || next.is_some_and(unproved) {
                continue;
            }
            let (done, other) = match context.at_head(from) {
                None => (
                    format!("takes {} away", from.path),
                    format!("take {earlier} away in a change of its own"),
                ),
                Some(_) => (
                    format!("parts it from {}", from.path),
                    format!("part it from {earlier} in a change of its own"),
                ),
            };
            let message = format!(
                ": {} gets a digest of `{}` that {earlier} never ran, in the change that {done}",
                context.side(to),
                used.name
            );
            let draft = Draft::new(Severity::Error, used.digest_origin, message);
            let draft = draft.help(format!("let {earlier} run it first, or {other}"));
            let draft = draft.related(from.origin, format!("{earlier} was here"));
            sink.report(context, Some(to), draft.of(used));
        }
    }

    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        if context.base.is_none() || !context.repo.protected(to) {
            return;
        }
        let name = |overlay| context.side(overlay);
        if context
            .at_base(to)
            .is_some_and(|before| before.rendered.is(&to.rendered))
        {
            return;
        }
        let at_base = |overlay: &Overlay| {
            context
                .at_base(overlay)
                .map(|other| history::images(&other.rendered, &context.repo.files))
                .unwrap_or_default()
        };
        let (before, now) = (at_base(from), at_base(to));
        let has = |images: &history::Images, digest: &str| {
            images
                .values()
                .flatten()
                .any(|version| version.digest.as_deref() == Some(digest))
        };
        for used in &context.facts(to).images {
            let image = used.image();
            let Some(digest) = image.digest else { continue };
            if has(&now, digest)
                || has(&before, digest)
                || context.ran_before(from, to, &used.name, digest)
            {
                continue;
            }
            if let Some((other, used_there)) = passed_by(context, from, to, digest) {
                let gap = context.gap(from);
                let never = if gap.is_some() {
                    "does not run, as far as its past is known"
                } else {
                    "never ran"
                };
                let message = format!(
                    ": {} gets a digest of `{}` that {} runs and {} {never}",
                    name(to),
                    used.name,
                    name(other),
                    name(from)
                );
                let help = gap.unwrap_or_else(|| {
                    format!("let {} run it first, and promote it later", name(from))
                });
                let draft = Draft::new(Severity::Error, used.digest_origin, message).help(help);
                let draft =
                    draft.related(used_there.digest_origin, format!("{} runs it", name(other)));
                sink.report(context, Some(to), draft.of(used));
                continue;
            }
            let siblings = context
                .siblings(from)
                .flat_map(|other| &context.facts(other).images);
            let staged = context
                .facts(from)
                .images
                .iter()
                .chain(siblings)
                .find(|other| other.image().digest == Some(digest));
            if context.known_at_base(from, to, &used.name, digest) {
                continue;
            }
            let Some(staged) = staged else {
                if let Some(draft) = unknown(context, from, to, used) {
                    sink.report(context, Some(to), draft);
                }
                continue;
            };
            let gap = context.gap(from);
            let message = format!(
                ": this digest of `{}` goes to {} and {} in one change, so {} proves nothing",
                used.name,
                name(from),
                name(to),
                name(from)
            );
            let help = gap.unwrap_or_else(|| {
                format!(
                    "merge the change of {} first, and promote it later",
                    name(from)
                )
            });
            let draft = Draft::new(Severity::Error, used.digest_origin, message).help(help);
            let draft = draft.related(staged.digest_origin, format!("{} gets it here", name(from)));
            sink.report(context, Some(to), draft.of(used));
        }
    }
}

/// An image that comes to an overlay which was there before, while the environment before runs
/// neither another build of it nor another image in its place: those are told as a mismatch or a
/// drift. Some are meant for production alone, so it is a warning.
fn unknown(context: &Context, from: &Overlay, to: &Overlay, used: &ImageUse) -> Option<Draft> {
    context.at_base(to).filter(|_| from.rendered.complete)?;
    let place = |other: &ImageUse| {
        other.place == used.place && other.resource.original.name == used.resource.original.name
    };
    let same = |other: &ImageUse| other.short_name() == used.short_name() || place(other);
    if context.facts(from).images.iter().any(same) {
        return None;
    }
    let (earlier, later) = (context.side(from), context.side(to));
    let message = format!(
        ": {later} gets the image `{}`, which {earlier} does not run at all",
        used.name
    );
    let draft = Draft::new(Severity::Warning, used.digest_origin, message);
    Some(
        draft
            .help(format!("let {earlier} run it first, and promote it later"))
            .of(used),
    )
}

/// The environment further back that runs a digest which the environment before does not run.
pub(super) fn passed_by<'c, 'a>(
    context: &'c Context<'a>,
    from: &Overlay,
    to: &Overlay,
    digest: &str,
) -> Option<(&'a Overlay, &'c ImageUse<'a>)> {
    let runs = |overlay: &Overlay| {
        context
            .facts(overlay)
            .images
            .iter()
            .position(|used| used.image().digest == Some(digest))
    };
    if context.base.is_none() || runs(from).is_some() {
        return None;
    }
    let repo: &'a Repo = context.repo;
    let further = repo.overlays.iter().filter(|other| {
        other.app == to.app && other.environment.is_some() && other.environment < from.environment
    });
    further
        .into_iter()
        .find_map(|other| Some((other, context.facts(other).images.get(runs(other)?)?)))
}
