//! # lost-digest
//!
//! ## What
//!
//! An overlay drops the digest that its base pinned, or changes the tag but keeps the old digest.
//! A `newTag` without a `digest` does the former: kustomize then removes the digest of the base.
//!
//! It is an error; in development environments, which follow tags on purpose, it is an info.
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
//!
//! ## Options
//!
//! None.

use crate::config::Level;
use crate::finding::Severity;
use crate::kubernetes::image::Image;
use crate::kubernetes::image_use::{self, ImageUse};
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink, Stage};
use crate::yaml::{By, Node, Origin, read};

/// The rule.
pub(super) struct LostDigest;

static METADATA: Metadata = Metadata {
    id: "lost-digest",
    category: Category::Images,
    level: "error; info in dev",
    severity: Severity::Error,
    summary: "a digest that the base pinned and `newTag` drops, or a tag that moved while its digest stayed",
    options: &[],
    behavior: Metadata::USUAL,
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
            .filter(|before| !before.rendered.is(&overlay.rendered));
        let before = before
            .map(|before| image_use::of_all(&before.rendered.resources, &context.repo.files))
            .unwrap_or_default();
        for used in &context.facts(overlay).images {
            let image = used.image();
            if let Some(lost) = lost(used) {
                let what = if lost.writer.origin.by == By::Images {
                    "this entry of `images`"
                } else {
                    "this line"
                };
                let digest = short(lost.digest);
                let message = match image.tag {
                    Some(tag) => {
                        format!(
                            ": {what} sets `{}` to the tag `{tag}` alone, which drops the digest `{digest}` that was pinned",
                            used.name
                        )
                    }
                    None => format!(
                        ": {what} drops the digest `{digest}` that `{}` was pinned to",
                        used.name
                    ),
                };
                let help = match image.digest_as_tag() {
                    Some(digest) => {
                        format!("the tag looks like a digest: write it as one, `digest: sha256:{}…`", &digest.get(..12).unwrap_or(digest))
                    }
                    None => "write the digest beside the tag: `newTag` and `digest` in one entry, or `name:tag@sha256:…`".to_string(),
                };
                let draft = Draft::new(severity, lost.writer.origin, message)
                    .help(help)
                    .related(lost.pinned.origin, "the digest is pinned here")
                    .of(used);
                sink.report(context, Some(overlay), draft);
                continue;
            }
            let (Some(tag), Some(digest)) = (image.tag, image.digest) else {
                continue;
            };
            if let Some(marker) = marker_without_digest(context, used) {
                let message = format!(
                    ": Flux moves the tag of `{}` and not the digest beside it, so `{}` keeps running under every new tag",
                    used.name,
                    short(digest)
                );
                let draft = Draft::new(severity, marker, message)
                    .help("give the digest a marker of its own (`:digest`), or remove it")
                    .related(used.digest_origin, "this digest has no marker")
                    .of(used);
                sink.report(context, Some(overlay), draft);
            }
            let same = |other: &&ImageUse| {
                other.resource.original == used.resource.original && other.place == used.place
            };
            let Some(old) = before.iter().find(same).filter(|old| old.name == used.name) else {
                continue;
            };
            let old = old.image();
            if let Some(old_tag) = old
                .tag
                .filter(|old_tag| *old_tag != tag && old.digest == Some(digest))
            {
                let message = format!(
                    ": the tag of `{}` moves from `{old_tag}` to `{tag}` while the digest stays `{}`, so the old image keeps running",
                    used.name,
                    short(digest)
                );
                let draft = Draft::new(severity, used.digest_origin, message)
                    .help("write the digest of the new tag, or take the tag back")
                    .of(used);
                sink.report(context, Some(overlay), draft);
            }
        }
    }
}

/// How an image lost its digest.
pub(super) struct Lost<'a> {
    /// The value that has none.
    writer: &'a Node,
    /// The value before it.
    pinned: &'a Node,
    /// The digest that it had.
    digest: &'a str,
}

/// Whether this rule is on and reports an image.
pub(super) fn is_reported(context: &Context, used: &ImageUse) -> bool {
    context.level(METADATA.id) != Some(Level::Off) && lost(used).is_some()
}

/// Finds the step at which an image that ends up without digest lost it. A step that puts another
/// image in place loses nothing.
fn lost<'a>(used: &ImageUse<'a>) -> Option<Lost<'a>> {
    let mut writer = used.node?;
    loop {
        let present = Image::split(writer.text()?);
        let before = writer.replaced.as_deref()?;
        let earlier = Image::split(before.text()?);
        if present.digest.is_some() {
            return None;
        }
        if let Some(digest) = earlier.digest {
            return (earlier.short_name() == present.short_name()).then_some(Lost {
                writer,
                pinned: before,
                digest,
            });
        }
        writer = before;
    }
}

/// The `newTag` that Flux moves by a marker while the `digest` of the same entry has none.
fn marker_without_digest(context: &Context, used: &ImageUse) -> Option<Origin> {
    let origin = used.digest_origin;
    let file = context.repo.files.get(origin.file);
    if origin.by != By::Images || !file.text.contains("$imagepolicy") {
        return None;
    }
    let marked = |origin: Origin| {
        let line = file.line(file.position(origin.start).line);
        line.contains("$imagepolicy")
    };
    let documents = read::read(&file.text, origin.file).ok()?;
    let entries = documents
        .documents
        .iter()
        .filter_map(|document| document.get("images"))
        .flat_map(Node::items);
    let mut entries = entries.filter(|entry| {
        entry
            .get("digest")
            .is_some_and(|digest| digest.origin.start == origin.start)
    });
    let entry = entries.next()?;
    let (tag, digest) = (entry.get("newTag")?, entry.get("digest")?);
    (marked(tag.origin) && !marked(digest.origin)).then_some(tag.origin)
}

/// A digest short enough to read.
pub(super) fn short(digest: &str) -> String {
    match digest.split_once(':') {
        Some((algorithm, hex)) if hex.len() > 12 => {
            format!("{algorithm}:{}…", hex.get(..12).unwrap_or(hex))
        }
        _ => digest.to_string(),
    }
}
