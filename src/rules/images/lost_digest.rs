//! # lost-digest
//!
//! ## What
//!
//! An overlay drops the digest that its base pinned, or it changes the tag but keeps the old
//! digest. The first happens with `newTag` and no `digest`: kustomize then removes the digest of
//! the base. The second also happens later if Flux updates `newTag` by a marker and the `digest` in
//! the same entry has no marker.
//!
//! It is an error. In development environments, which follow tags on purpose, it is an info. A
//! change to an image whose digest was already dropped at the base revision is a warning.
//!
//! ## Why
//!
//! Without the digest, production pulls whatever the tag points at on that day. With a new tag
//! beside an old digest, the digest wins: the old image keeps running under the name of the new
//! tag.
//!
//! ## Example
//!
//! ```yaml
//! # base: image: acme/api:1.4.0@sha256:0d1c…
//! images:
//!   - name: acme/api
//!     newTag: 1.5.0
//! ```
//!
//! ## Fix
//!
//! Write `newTag` and `digest` together, and always change both.

use crate::finding::{Cause, Severity};
use crate::kubernetes::image_use::ImageUse;
use crate::repo::Overlay;
use crate::rules::shared::digests::{self, Lost, short};
use crate::rules::shared::flux_markers;
use crate::rules::{Behavior, Category, Claim, Context, Draft, Metadata, Rule, Sink, Stage};
use crate::yaml::By;

/// The rule.
pub(super) struct LostDigest;

static METADATA: Metadata = Metadata {
    id: "lost-digest",
    category: Category::Images,
    level: "error; warning if the base revision dropped it too; info in dev",
    severity: Severity::Error,
    summary: "a digest that the base pinned and `newTag` drops, or a tag that moved while its digest stayed",
    options: &[],
    behavior: Behavior {
        claims: Some(Claim::LostDigests),
        ..Metadata::USUAL
    },
    source: include_str!("lost_digest.rs"),
};

impl Rule for LostDigest {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        let severity = if context.stage(overlay) == Stage::Development {
            Severity::Info
        } else {
            Severity::Error
        };
        let before = context
            .at_base(overlay)
            .filter(|before| !before.rendered.is(&overlay.rendered))
            .map(|_| context.images_at_base(overlay))
            .unwrap_or_default();
        for used in &context.facts(overlay).images {
            let drafts = match digests::lost(used) {
                Some(lost) => {
                    let severity = if was_dropped(used, &before) {
                        severity.min(Severity::Warning)
                    } else {
                        severity
                    };
                    vec![dropped(used, &lost, severity)]
                }
                None => [
                    marker_without_digest(context, used, severity),
                    stale_digest(used, &before, severity),
                ]
                .into_iter()
                .flatten()
                .collect(),
            };
            for draft in drafts {
                sink.report(context, Some(overlay), draft.of(used));
            }
        }
    }
}

/// `newTag` alone in an overlay whose base pins `name:tag@sha256:…`.
fn dropped(used: &ImageUse, lost: &Lost, severity: Severity) -> Draft {
    let image = used.image();
    let line = if lost.writer.origin.by == By::Images {
        "this `images` entry"
    } else {
        "this line"
    };
    let (name, digest) = (&used.name, short(lost.digest));
    let message = match image.tag {
        Some(tag) => format!(
            ": {line} sets `{name}` to tag `{tag}` without a digest and drops the pinned digest `{digest}`"
        ),
        None => format!(": {line} drops the digest `{digest}` to which `{name}` was pinned"),
    };
    let help = match image.digest_as_tag() {
        Some(digest) => format!(
            "the tag looks like a digest: write `digest: sha256:{}…` instead of `newTag`",
            digest.get(..12).unwrap_or(digest)
        ),
        None => "write the digest beside the tag: `newTag` and `digest` in one entry, or `name:tag@sha256:…`"
            .to_string(),
    };
    let cause = Cause::new("dropped-digest");
    Draft::new(severity, lost.writer.origin, cause, message)
        .help(help)
        .related(lost.pinned.origin, "the digest is pinned here")
}

/// A tag that Flux updates by a marker while the digest in the same `images` entry has no marker.
fn marker_without_digest(context: &Context, used: &ImageUse, severity: Severity) -> Option<Draft> {
    let digest = used.image().tag.and(used.image().digest)?;
    let marker = flux_markers::tag_beside(context.repo, used.digest_origin)?;
    let message = format!(
        ": Flux updates the tag of `{}` but not the digest beside it, so `{}` keeps running under every new tag",
        used.name,
        short(digest)
    );
    let cause = Cause::new("marker-without-digest");
    let draft = Draft::new(severity, marker, cause, message)
        .help("give the digest a marker of its own (`:digest`), or remove the digest")
        .related(used.digest_origin, "this digest has no marker");
    Some(draft)
}

/// The same image in the same container before.
fn earlier<'b>(used: &ImageUse, before: &'b [ImageUse<'b>]) -> Option<&'b ImageUse<'b>> {
    before.iter().find(|other| {
        other.resource.original == used.resource.original
            && other.place == used.place
            && other.name == used.name
    })
}

/// True if the digest was dropped before, too, so that the change loses nothing.
fn was_dropped(used: &ImageUse, before: &[ImageUse]) -> bool {
    earlier(used, before).is_some_and(|old| digests::lost(old).is_some())
}

/// A change that moves the tag of an image and keeps its digest.
fn stale_digest(used: &ImageUse, before: &[ImageUse], severity: Severity) -> Option<Draft> {
    let (tag, digest) = (used.image().tag?, used.image().digest?);
    let old = earlier(used, before)?.image();
    let old_tag = old
        .tag
        .filter(|old_tag| *old_tag != tag && old.digest == Some(digest))?;
    let message = format!(
        ": the tag of `{}` changes from `{old_tag}` to `{tag}` but the digest stays `{}`, so the old image keeps running",
        used.name,
        short(digest)
    );
    let cause = Cause::new("stale-digest").with(tag);
    let draft = Draft::new(severity, used.digest_origin, cause, message);
    Some(draft.help("write the digest of the new tag, or restore the old tag"))
}
