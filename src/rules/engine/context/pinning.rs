//! Evidence that production pins its images by digest, which decides how much a version tag
//! matters.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Context;
use crate::kubernetes::image_use::ImageUse;

/// The number of overlays that are looked at. A few of them show whether a repo pins digests, and a
/// pull request for one app should not have to render all overlays.
const SAMPLE: usize = 50;

/// The images that the protected overlays of a repo pin by digest.
#[derive(Default)]
pub(super) struct Pinning {
    /// True if nearly all images have a digest.
    usual: bool,
    /// For each owner of images, such as `ghcr.io/acme`, true if at least half of them have one.
    owners: HashMap<String, bool>,
    /// Names of the images that have one.
    pinned: HashSet<String>,
}

/// The share of pinned images from which one of a new owner is expected to be pinned as well, in
/// percent. Many teams pin what they build and leave the images of others at their tags.
const USUAL: usize = 90;

impl Pinning {
    /// Looks at the first protected overlays, by path. What they pinned before the change counts as
    /// well: a change that removes digests is no evidence that nobody uses them.
    pub(super) fn of(context: &Context) -> Pinning {
        let overlays = context.repo.overlays.iter();
        let protected = overlays.filter(|overlay| context.repo.protected(overlay));
        let mut images: BTreeMap<String, bool> = BTreeMap::new();
        let mut note = |used: &ImageUse| {
            let pinned = used.image().digest.is_some();
            if pinned || used.tag_known {
                *images.entry(used.name.clone()).or_default() |= pinned;
            }
        };
        for overlay in protected.take(SAMPLE) {
            context.facts(overlay).images.iter().for_each(&mut note);
            if context.altered_at_base(overlay).is_some() {
                context.images_at_base(overlay).iter().for_each(&mut note);
            }
        }
        let mut shares: HashMap<String, (usize, usize)> = HashMap::new();
        for (name, pinned) in &images {
            let share = shares.entry(owner(name)).or_default();
            share.0 += usize::from(*pinned);
            share.1 += 1;
        }
        let pinned = images.iter().filter(|(_, pinned)| **pinned);
        let pinned: HashSet<String> = pinned.map(|(name, _)| name.to_string()).collect();
        let owners = shares.into_iter();
        Pinning {
            usual: !pinned.is_empty() && pinned.len() * 100 >= images.len() * USUAL,
            owners: owners
                .map(|(owner, (pinned, all))| (owner, pinned > 0 && pinned * 2 >= all))
                .collect(),
            pinned,
        }
    }

    /// True if an image is expected to have a digest: most images of its owner have one, or this one
    /// has elsewhere, or nearly all images have.
    pub(super) fn expects(&self, image: &str) -> bool {
        let of_owner = self.owners.get(&owner(image)).copied();
        self.pinned.contains(image) || of_owner.unwrap_or_default() || self.usual
    }
}

/// The registry and the first folder of an image's name: `ghcr.io/acme` of `ghcr.io/acme/shop/api`.
fn owner(name: &str) -> String {
    let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
    let parts: Vec<&str> = folder.split('/').take(2).collect();
    parts.join("/")
}
