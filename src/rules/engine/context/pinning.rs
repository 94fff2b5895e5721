//! Evidence that production pins its images by digest, which decides how much a version tag
//! matters.

use std::collections::{BTreeMap, HashSet};

use super::Context;

/// The number of overlays that are looked at. A few of them show whether a repo pins digests, and a
/// pull request for one app should not have to render all overlays.
const SAMPLE: usize = 50;

/// The images that the protected overlays of a repo pin by digest.
#[derive(Default)]
pub(super) struct Pinning {
    /// True if at least half of the images have a digest.
    usual: bool,
    /// Names of the images that have one.
    pinned: HashSet<String>,
}

impl Pinning {
    /// Looks at the first protected overlays, by path.
    pub(super) fn of(context: &Context) -> Pinning {
        let overlays = context.repo.overlays.iter();
        let protected = overlays.filter(|overlay| context.repo.protected(overlay));
        let mut images: BTreeMap<&str, bool> = BTreeMap::new();
        for overlay in protected.take(SAMPLE) {
            for used in &context.facts(overlay).images {
                let pinned = used.image().digest.is_some();
                if pinned || used.tag_known {
                    *images.entry(&used.name).or_default() |= pinned;
                }
            }
        }
        let pinned = images.iter().filter(|(_, pinned)| **pinned);
        let pinned: HashSet<String> = pinned.map(|(name, _)| name.to_string()).collect();
        Pinning {
            usual: !pinned.is_empty() && pinned.len() * 2 >= images.len(),
            pinned,
        }
    }

    /// True if an image is expected to have a digest: most images have one, or this one has
    /// elsewhere.
    pub(super) fn expects(&self, image: &str) -> bool {
        self.usual || self.pinned.contains(image)
    }
}
