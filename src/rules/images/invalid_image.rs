//! # invalid-image
//!
//! ## What
//!
//! A reference that breaks the grammar of images: an empty one, a digest that is not `sha256:` and
//! 64 hexadecimal digits, a repository with capitals or a scheme, a tag with forbidden characters;
//! or a placeholder that was to be filled in and was not: `:SHA`, `${TAG}`, `<tag>`, `REPLACE_ME`.
//! In dev a placeholder is a warning, where a pipeline may fill it in later. Values of charts are
//! left out: a template may complete them.
//!
//! ## Why
//!
//! The pod stays in `ImagePullBackOff` or is refused; a placeholder that no overlay replaces is
//! found in production first.
//!
//! ## Example
//!
//! ```yaml
//! # base: image: ghcr.io/acme/api:SHA
//! images:
//!   - name: ghcr.io/acme/ap1   # a slip: nothing replaces the placeholder
//!     digest: sha256:…
//! ```
//!
//! ## Fix
//!
//! Write the reference out, or let the `images` entry of the overlay replace the placeholder.
//!
//! ## Options
//!
//! None.

use crate::finding::Severity;
use crate::kubernetes::image::{Image, ImageError};
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink, Stage};

/// See the documentation above.
pub struct InvalidImage;

const METADATA: Metadata = Metadata {
    id: "invalid-image",
    category: Category::Images,
    level: "error",
    severity: Severity::Error,
    summary: "an image reference that no registry can serve, or a placeholder that nothing replaced",
    options: &[],
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
            // what is not rendered as a whole may replace the placeholder
            if placeholder && !overlay.rendered.complete {
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
            let message = format!(
                "{} of {}: `{}` is no image reference: {error}",
                used.place,
                used.resource.name(),
                used.text
            );
            let help = if placeholder {
                "replace it by an images entry of the overlay"
            } else {
                "write it as name:tag@sha256:digest"
            };
            sink.report(
                context,
                Some(overlay),
                Draft::new(severity, origin, message)
                    .help(help)
                    .on(used.resource, used.pointer.clone()),
            );
        }
    }
}
