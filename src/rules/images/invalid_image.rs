//! # invalid-image
//!
//! ## What
//!
//! An image reference that cannot work. It is one of these:
//!
//! - The reference breaks the grammar of image names: it is empty, its digest is not `sha256:`
//!   followed by 64 hexadecimal digits, its repository contains capital letters or a scheme, or
//!   its tag contains forbidden characters.
//! - The reference contains a placeholder that nothing replaced: `:SHA`, `${TAG}`, `<tag>`,
//!   `REPLACE_ME`.
//!
//! Both are errors. In development environments a placeholder is a warning, because a pipeline may
//! fill it in later. Values that go into Helm charts are not checked for this, because a template
//! may complete them.
//!
//! ## Why
//!
//! The pod stays in `ImagePullBackOff`, or the API server rejects it. A placeholder that every
//! other environment replaces is often noticed in production first.
//!
//! ## Example
//!
//! ```yaml
//! # base: image: ghcr.io/acme/api:SHA
//! images:
//!   - name: ghcr.io/acme/ap1   # misspelt, so nothing replaces the placeholder
//!     digest: sha256:…
//! ```
//!
//! ## Fix
//!
//! Write the full image reference, or correct the overlay's `images` entry so that it replaces the
//! placeholder.

use crate::finding::{Cause, Severity};
use crate::kubernetes::image::{Image, ImageError};
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink, Stage};

/// The rule.
pub(super) struct InvalidImage;

static METADATA: Metadata = Metadata {
    id: "invalid-image",
    category: Category::Images,
    level: "error",
    severity: Severity::Error,
    summary: "an image reference that no registry can serve, or a placeholder that nothing replaced",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("invalid_image.rs"),
};

impl Rule for InvalidImage {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        for used in context
            .facts(overlay)
            .images
            .iter()
            .filter(|used| used.direct)
        {
            let Err(error) = Image::parse(&used.text) else {
                continue;
            };
            let placeholder = matches!(error, ImageError::Placeholder(_));
            // the part of the overlay that was not rendered may replace the placeholder, or the agent
            // fills in what only the cluster knows
            let rendered = &overlay.rendered;
            if placeholder && (!rendered.complete || rendered.is_unknown(&used.text)) {
                continue;
            }
            let severity = match context.stage(overlay) {
                Stage::Development if placeholder => Severity::Warning,
                _ => Severity::Error,
            };
            let origin = match &error {
                ImageError::Digest { .. } => used.digest_origin,
                ImageError::Tag(_) => used.tag_origin,
                ImageError::Placeholder(word) if used.image().tag == Some(word.as_str()) => {
                    used.tag_origin
                }
                _ => used.name_origin,
            };
            let message = format!(": invalid image reference `{}`: {error}", used.text);
            let help = if placeholder {
                "replace it with an `images` entry in the overlay"
            } else {
                "write it as `name:tag@sha256:digest`"
            };
            let cause = Cause::new(kind(&error)).with(&used.text);
            let draft = Draft::new(severity, origin, cause, message).help(help);
            sink.report(context, Some(overlay), draft.of(used));
        }
    }
}

fn kind(error: &ImageError) -> &'static str {
    match error {
        ImageError::Empty => "empty",
        ImageError::Placeholder(_) => "placeholder",
        ImageError::Name(_) => "name",
        ImageError::Tag(_) => "tag",
        ImageError::Digest { .. } => "digest",
    }
}
