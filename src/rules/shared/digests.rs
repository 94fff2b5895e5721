//! Digests that an image lost or that skipped an environment, and how messages write a digest.
//!
//! Not here: the images of an object (`kubernetes::image_use`), the versions that ran before
//! (`history`).

use crate::kubernetes::image::Image;
use crate::kubernetes::image_use::ImageUse;
use crate::repo::{Overlay, Repo};
use crate::rules::{Claim, Context};
use crate::yaml::Node;

/// The loss of an image's digest.
pub(in crate::rules) struct Lost<'a> {
    /// The value without a digest.
    pub writer: &'a Node,
    /// The value that it replaced.
    pub pinned: &'a Node,
    /// The digest of that value.
    pub digest: &'a str,
}

/// Finds the step at which an image that ends up without a digest lost it. A step that sets another
/// image loses nothing.
pub(in crate::rules) fn lost<'a>(used: &ImageUse<'a>) -> Option<Lost<'a>> {
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

/// True if the missing digest of an image is reported as a lost one.
pub(in crate::rules) fn is_reported_as_lost(context: &Context, used: &ImageUse) -> bool {
    lost(used).is_some() && context.is_claimed(Claim::LostDigests)
}

/// The environment from which a digest skipped the previous one. For example, dev if a digest goes
/// from dev to production without staging.
pub(in crate::rules) fn passed_by<'c, 'a>(
    context: &'c Context<'a>,
    from: &Overlay,
    to: &Overlay,
    digest: &str,
) -> Option<(&'a Overlay, &'c ImageUse<'a>)> {
    let runs = |overlay: &Overlay| {
        let images = &context.facts(overlay).images;
        images
            .iter()
            .position(|used| used.image().digest == Some(digest))
    };
    if context.base.is_none() || runs(from).is_some() {
        return None;
    }
    let repo: &'a Repo = context.repo;
    let mut further = repo.before(from).filter(|other| other.app == to.app);
    further.find_map(|other| Some((other, context.facts(other).images.get(runs(other)?)?)))
}

/// A digest short enough to read: `sha256:0d1c2b3a4f5e…`.
pub(in crate::rules) fn short(digest: &str) -> String {
    match digest.split_once(':') {
        Some((algorithm, hex)) if hex.len() > 12 => {
            format!("{algorithm}:{}…", hex.get(..12).unwrap_or(hex))
        }
        _ => digest.to_string(),
    }
}
