//! # digest-mismatch
//!
//! ## What
//!
//! A container in a protected environment (such as production) uses an image digest that the
//! previous environment (such as staging) does not use. A digest counts as proved if any variant
//! of the previous environment uses it now, or if Git shows that one used it at the base revision
//! or earlier. Going back to a digest that the environment itself ran before is fine. If the clone
//! is too shallow to look further back, the finding says how to fetch the rest.
//!
//! The rule also reports a tag that has different digests in the two environments. With `--base`,
//! it reports a digest that the previous environment only ran under another image name, unless
//! `images.mirrors` maps one name to the other.
//!
//! A digest mismatch is an error. If the previous environment uses no digest for this image, it is
//! a warning, because nothing can be compared.
//!
//! ## Why
//!
//! Staging tested one build, and production gets another.
//!
//! ## Example
//!
//! ```yaml
//! # staging: digest: sha256:0d1c…
//! images:
//!   - name: ghcr.io/acme/api
//!     digest: sha256:77ab…   # never used in staging
//! ```
//!
//! ## Fix
//!
//! Promote the digest that staging uses, or deploy this digest to staging first.

use crate::compare;
use crate::finding::{Cause, Severity};
use crate::history::VersionKey;
use crate::kubernetes::image_use::ImageUse;
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::engine::context::proofs::unproved;
use crate::rules::shared::digests::{self, short};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};

/// The rule.
pub(super) struct DigestMismatch;

static METADATA: Metadata = Metadata {
    id: "digest-mismatch",
    category: Category::Images,
    level: "error",
    severity: Severity::Error,
    summary: "a digest in production that the previous environment does not run",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("digest_mismatch.rs"),
};

impl Rule for DigestMismatch {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        // images in an overlay that is only rendered in part still run, so they are checked too
        if !context.repo.protected(to) {
            return;
        }
        let comparison = Comparison {
            context,
            from,
            to,
            partners: compare::partners_and_releases(from, to, &context.repo.environments),
        };
        for used in &context.facts(to).images {
            let digest = used.image().digest;
            let mismatch = digest.and_then(|digest| comparison.judge(used, digest));
            if let Some((digest, mismatch)) = digest.zip(mismatch) {
                let draft = comparison.draft(used, digest, &mismatch);
                sink.report(context, Some(to), draft.of(used));
            }
        }
    }
}

/// The images of two environments side by side.
struct Comparison<'c, 'a> {
    context: &'c Context<'a>,
    from: &'c Overlay,
    to: &'c Overlay,
    partners: Vec<(&'c Resource, &'c Resource)>,
}

/// Why the digest of the later environment is not proved. Each variant has the image of the earlier
/// environment.
enum Mismatch<'i> {
    /// The digest ran, but as an image of another name.
    AnotherName(&'i ImageUse<'i>),
    /// The earlier environment pins no digest.
    Unpinned(&'i ImageUse<'i>),
    /// Both run the same tag, with another digest.
    OneTag(&'i ImageUse<'i>, String),
    /// The earlier environment runs another digest.
    AnotherDigest(&'i ImageUse<'i>, String),
}

impl<'c> Comparison<'c, '_> {
    fn judge(&self, used: &ImageUse, digest: &str) -> Option<Mismatch<'c>> {
        let context = self.context;
        let counterparts = self.counterparts(used);
        let key = VersionKey::of_digest(digest);
        if counterparts.is_empty() || context.ran_before(self.from, self.to, &used.name, &key) {
            return None;
        }
        if let Some(twin) = self.twin(&counterparts, used, digest) {
            return self
                .is_new_name(used, twin)
                .then_some(Mismatch::AnotherName(twin));
        }
        // `skipped-environment` reports a digest that comes from an environment further back
        if digests::passed_by(context, self.from, self.to, digest).is_some() {
            return None;
        }
        // `image-drift` reports a container that runs another image altogether
        let other = counterparts
            .into_iter()
            .find(|other| other.short_name() == used.short_name())?;
        let theirs = other.image();
        Some(match theirs.digest.map(str::to_string) {
            None => Mismatch::Unpinned(other),
            Some(staged) if theirs.tag.is_some() && theirs.tag == used.image().tag => {
                Mismatch::OneTag(other, staged)
            }
            Some(staged) => Mismatch::AnotherDigest(other, staged),
        })
    }

    /// The same container of the earlier environment. If there is none, all containers with the
    /// same image, because the container may have moved to another object.
    fn counterparts(&self, used: &ImageUse) -> Vec<&'c ImageUse<'c>> {
        let images = &self.context.facts(self.from).images;
        let same_container = |other: &&ImageUse| {
            other.place == used.place
                && self.partners.iter().any(|(before, after)| {
                    std::ptr::eq(*after, used.resource) && std::ptr::eq(*before, other.resource)
                })
        };
        match images.iter().find(same_container) {
            Some(other) => vec![other],
            None => images
                .iter()
                .filter(|other| other.short_name() == used.short_name())
                .collect(),
        }
    }

    /// An image of the earlier environment, in any of its variants, with the same digest.
    fn twin(
        &self,
        counterparts: &[&'c ImageUse<'c>],
        used: &ImageUse,
        digest: &str,
    ) -> Option<&'c ImageUse<'c>> {
        let context = self.context;
        let same_image = context
            .facts(self.from)
            .images
            .iter()
            .filter(|other| other.short_name() == used.short_name());
        let siblings = context
            .siblings(self.from)
            .flat_map(|other| &context.facts(other).images);
        let mut all = counterparts
            .iter()
            .copied()
            .chain(same_image)
            .chain(siblings);
        all.find(|other| other.image().digest == Some(digest))
    }

    /// True if the change brings an image to the later environment under a new name. Without a base
    /// revision, `image-drift` reports the different names.
    fn is_new_name(&self, used: &ImageUse, twin: &ImageUse) -> bool {
        let context = self.context;
        let moved = || {
            let moved = context.moved_images(self.to);
            moved.iter().any(|moved| std::ptr::eq(*moved, used))
        };
        context.base.is_some()
            && !context.same_image(self.from, self.to, &used.name)(&twin.name)
            && moved()
    }

    fn draft(&self, used: &ImageUse, digest: &str, mismatch: &Mismatch) -> Draft {
        let (earlier, later) = (self.context.side(self.from), self.context.side(self.to));
        let (name, digest) = (&used.name, short(digest));
        let (kind, message, help) = match mismatch {
            Mismatch::AnotherName(twin) => (
                "another-name",
                format!(
                    ": {later} uses `{name}@{digest}`, which {earlier} used only as `{}`",
                    twin.name
                ),
                "if one mirrors the other, say so in .gitops-lint.yaml: `images: {mirrors: [{from: …, to: …}]}`"
                    .to_string(),
            ),
            Mismatch::Unpinned(_) => (
                "unpinned-before",
                format!(
                    ": {later} uses `{name}@{digest}`, but {earlier} pins no digest of this image, so the digest is unproven"
                ),
                format!("pin the digest in {earlier} as well"),
            ),
            Mismatch::OneTag(_, staged) => (
                "one-tag-two-digests",
                format!(
                    ": tag `{}` of `{name}` is {digest} in {later} and {} in {earlier}",
                    used.image().tag.unwrap_or_default(),
                    short(staged)
                ),
                format!("promote the digest that {earlier} uses"),
            ),
            Mismatch::AnotherDigest(_, staged) => (
                "another-digest",
                format!(
                    ": {later} uses `{name}@{digest}`, {earlier} uses `@{}`",
                    short(staged)
                ),
                format!(
                    "promote the digest that {earlier} uses, or deploy this one to {earlier} first"
                ),
            ),
        };
        let severity = match mismatch {
            Mismatch::Unpinned(_) => Severity::Warning,
            _ => Severity::Error,
        };
        let cause = Cause::new(kind);
        match mismatch {
            Mismatch::AnotherName(twin) => Draft::new(severity, used.digest_origin, cause, message)
                .help(help)
                .related(twin.name_origin, format!("the image in {earlier}")),
            Mismatch::Unpinned(other)
            | Mismatch::OneTag(other, _)
            | Mismatch::AnotherDigest(other, _) => {
                // the proof may be in the part of the history that is not known
                let gap = self.context.gap(self.from);
                let severity = unproved(gap.as_ref(), severity);
                let (message, help) = match gap {
                    Some(gap) => (
                        format!(
                            "{message}; the history in this clone does not show whether {earlier} ever used it"
                        ),
                        gap.reason().to_string(),
                    ),
                    None => (message, help),
                };
                Draft::new(severity, used.digest_origin, cause, message)
                    .help(help)
                    .related(other.origin(), format!("{earlier} uses this"))
            }
        }
    }
}
