//! The images that run now, and which image of the environment before each is compared with.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::Key;
use crate::history::{Images, Version, images};
use crate::repo::{Overlay, Repo};

/// The images of the overlays that were asked for.
pub(super) struct Present<'r> {
    pub(super) repo: &'r Repo,
    images: BTreeMap<usize, Images>,
    /// For each overlay the one of the environment before.
    before: BTreeMap<usize, usize>,
}

/// An image that two environments run in different versions.
pub(super) struct Differing {
    pub(super) earlier: (Key, Version),
    pub(super) later: (Key, Version),
}

impl<'r> Present<'r> {
    pub(super) fn read(repo: &'r Repo, overlays: &[usize]) -> Present<'r> {
        let rendered = overlays.par_iter().filter_map(|index| {
            let overlay = repo.overlays.get(*index)?;
            Some((*index, images(&overlay.rendered, repo)))
        });
        let images = rendered.collect::<Vec<_>>().into_iter().collect();
        let pairs = repo.pairs.iter();
        let before = pairs.map(|pair| (pair.to, pair.from)).collect();
        Present {
            repo,
            images,
            before,
        }
    }

    /// The images of an overlay.
    pub(super) fn of(&self, overlay: usize) -> Option<&Images> {
        self.images.get(&overlay)
    }

    /// The overlays with images.
    pub(super) fn overlays(&self) -> impl Iterator<Item = &'r Overlay> {
        let repo = self.repo;
        self.images
            .keys()
            .filter_map(|index| repo.overlays.get(*index))
    }

    /// Every version of every image.
    pub(super) fn all(&self) -> impl Iterator<Item = (Key, &'r Overlay, &Version)> {
        self.images.iter().flat_map(move |(index, images)| {
            let overlay = self.repo.overlays.get(*index);
            let versions = images
                .iter()
                .flat_map(|(name, versions)| versions.iter().map(move |version| (name, version)));
            versions.filter_map(move |(name, version)| {
                Some(((*index, name.clone()), overlay?, version))
            })
        })
    }

    /// The same image in the environment before. Mirrors differ in the registry, so the last part
    /// of the name is enough.
    pub(super) fn earlier(&self, key: &Key) -> Option<(Key, Version)> {
        let from = *self.before.get(&key.0)?;
        let names = self.images.get(&from)?;
        let last = |name: &str| name.rsplit('/').next().unwrap_or(name).to_string();
        let found = names
            .keys()
            .find(|other| **other == key.1)
            .or_else(|| names.keys().find(|other| last(other) == last(&key.1)))?;
        Some(((from, found.clone()), first(names, found)?))
    }

    /// The images that the environment before runs in another version.
    pub(super) fn differing(&self) -> Vec<Differing> {
        let images = self
            .images
            .iter()
            .flat_map(|(index, images)| images.keys().map(move |name| (*index, name, images)));
        images
            .filter_map(|(index, name, images)| {
                let key = (index, name.clone());
                let version = first(images, name)?;
                let (other, earlier) = self.earlier(&key)?;
                (!earlier.same(&version)).then_some(Differing {
                    earlier: (other, earlier),
                    later: (key, version),
                })
            })
            .collect()
    }
}

/// The version of an image; the first one if an overlay runs several.
pub(super) fn first(images: &Images, name: &str) -> Option<Version> {
    images.get(name)?.first().cloned()
}
