//! # skipped-environment
//!
//! ## What
//!
//! With `--base`: a digest that a protected environment gets by the change under check, and that the environment before it has not run at the base revision or before: because it comes from an environment further back, or because both get it by the same change. (A digest that is nowhere else is `digest-mismatch`.) A return to a digest that the environment itself ran before is fine.
//!
//! ## Why
//!
//! Staging and production then run the build for the first time at the same moment: nothing was proved.
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
//! Merge the change of staging first, and promote it later.
//!
//! ## Options
//!
//! None.

use super::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::finding::Severity;
use crate::history;
use crate::kubernetes::image_use::ImageUse;
use crate::repo::{Overlay, Repo};

/// See the documentation above.
pub struct SkippedEnvironment;

const METADATA: Metadata = Metadata {
    id: "skipped-environment",
    category: Category::Images,
    level: "error; needs a base revision",
    severity: Severity::Error,
    summary: "a digest that reaches production before the environment before it has run it",
    options: &[],
    source: include_str!("skipped_environment.rs"),
};

impl Rule for SkippedEnvironment {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        if context.base.is_none() || !context.repo.protected(to) {
            return;
        }
        let name = |overlay| context.repo.environment(overlay).map_or("the later environment", |environment| environment.name.as_str());
        if context.at_base(to).is_some_and(|before| before.rendered.is(&to.rendered)) {
            return;
        }
        let at_base = |overlay: &Overlay| context.at_base(overlay).map(|other| history::images(&other.rendered)).unwrap_or_default();
        let (before, now) = (at_base(from), at_base(to));
        let has =
            |images: &history::Images, digest: &str| images.values().flatten().any(|version| version.digest.as_deref() == Some(digest));
        for used in &context.facts(to).images {
            let image = used.image();
            let Some(digest) = image.digest else { continue };
            if has(&now, digest) || has(&before, digest) || context.ran_before(from, to, image.name, digest) {
                continue;
            }
            if let Some((other, used_there)) = passed_by(context, from, to, digest) {
                let message = format!(
                    "{} of {}: {} gets a digest of `{}` that {} runs and {} never ran",
                    used.place,
                    used.resource.name(),
                    name(to),
                    image.name,
                    name(other),
                    name(from)
                );
                let draft = Draft::new(Severity::Error, used.digest_origin, message);
                let draft = draft.help(format!("let {} run it first, and promote it later", name(from)));
                let draft = draft.related(used_there.digest_origin, format!("{} runs it", name(other)));
                sink.report(context, Some(to), draft.on(used.resource, used.pointer.clone()));
                continue;
            }
            let siblings = context.siblings(from).flat_map(|other| &context.facts(other).images);
            let staged = context.facts(from).images.iter().chain(siblings).find(|other| other.image().digest == Some(digest));
            let Some(staged) = staged.filter(|_| !context.known_at_base(from, to, image.name, digest)) else { continue };
            let gap = context.gap(from);
            let message = format!(
                "{} of {}: this digest of `{}` goes to {} and {} in one change, so {} proves nothing",
                used.place,
                used.resource.name(),
                image.name,
                name(from),
                name(to),
                name(from)
            );
            let help = gap.unwrap_or_else(|| format!("merge the change of {} first, and promote it later", name(from)));
            let draft = Draft::new(Severity::Error, used.digest_origin, message).help(help);
            let draft = draft.related(staged.digest_origin, format!("{} gets it here", name(from)));
            sink.report(context, Some(to), draft.on(used.resource, used.pointer.clone()));
        }
    }
}

/// The environment further back that runs a digest which the environment before does not run.
pub(super) fn passed_by<'c, 'a>(
    context: &'c Context<'a>,
    from: &Overlay,
    to: &Overlay,
    digest: &str,
) -> Option<(&'a Overlay, &'c ImageUse<'a>)> {
    let runs = |overlay: &Overlay| context.facts(overlay).images.iter().position(|used| used.image().digest == Some(digest));
    if context.base.is_none() || runs(from).is_some() {
        return None;
    }
    let repo: &'a Repo = context.repo;
    let further =
        repo.overlays.iter().filter(|other| other.app == to.app && other.environment.is_some() && other.environment < from.environment);
    further.into_iter().find_map(|other| Some((other, context.facts(other).images.get(runs(other)?)?)))
}
