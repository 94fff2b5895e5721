//! Which overlay was which at the base revision.

use std::collections::{BTreeSet, HashMap};
use std::sync::OnceLock;

use super::Context;
use crate::compare::ResourceChange;
use crate::kubernetes::image_use::{self, ImageUse};
use crate::repo::{Overlay, Repo, renamed};
use crate::rules::engine::context::unlisted::{self, Unlisted};

/// Results of comparing the repo with the base, each computed once.
pub(super) struct AgainstBase<'a> {
    before: OnceLock<Vec<Option<usize>>>,
    pub(super) digests: Vec<OnceLock<HashMap<String, Vec<(&'a Overlay, String)>>>>,
    pub(super) changes: Vec<OnceLock<Vec<ResourceChange>>>,
    unlisted: Vec<OnceLock<Vec<Unlisted>>>,
}

impl AgainstBase<'_> {
    pub(super) fn new(repo: &Repo, base: Option<&Repo>) -> Self {
        let environments = base.map_or(0, |base| base.environments.len());
        AgainstBase {
            before: OnceLock::new(),
            digests: cells(environments),
            changes: cells(repo.overlays.len()),
            unlisted: cells(repo.overlays.len()),
        }
    }
}

fn cells<T>(count: usize) -> Vec<OnceLock<T>> {
    (0..count).map(|_| OnceLock::new()).collect()
}

impl<'a> Context<'a> {
    /// The overlay as it is at the base revision: the same folder, environment and variant, or the
    /// folder that was renamed.
    pub fn at_base(&self, overlay: &Overlay) -> Option<&'a Overlay> {
        let base: &'a Repo = self.base?;
        match self.index(overlay) {
            Some(index) => base.overlays.get((*self.before().get(index)?)?),
            None => base.overlays.get(base.index(overlay)?),
        }
    }

    /// A protected overlay at the base revision, if the change alters its rendering.
    pub fn altered_at_base(&self, overlay: &Overlay) -> Option<&'a Overlay> {
        let before = self.at_base(overlay);
        let before = before.filter(|_| self.repo.protected(overlay))?;
        (!before.rendered.is(&overlay.rendered)).then_some(before)
    }

    /// The images of an overlay as it is at the base revision.
    pub fn images_at_base(&self, overlay: &Overlay) -> Vec<ImageUse<'a>> {
        let found = self.base.zip(self.at_base(overlay));
        let found = found.map(|(base, before)| {
            image_use::of_all(&before.rendered, &base.files, &base.image_fields)
        });
        found.unwrap_or_default()
    }

    /// True if an overlay may be applied with values that the repo does not have, and the base does
    /// not show either that it can be rendered without them. Its defaults then prove little.
    pub fn is_guess(&self, overlay: &Overlay) -> bool {
        let renders = |before: &Overlay| before.rendered.complete;
        overlay.assumed && !self.at_base(overlay).is_some_and(renders)
    }

    /// The overlay of the head that an overlay of the base revision became; the inverse of
    /// [`Self::at_base`].
    pub fn at_head(&self, overlay: &Overlay) -> Option<&'a Overlay> {
        let base = self.base?;
        let index = base.index(overlay)?;
        let repo: &'a Repo = self.repo;
        repo.overlays.get(
            self.before()
                .iter()
                .position(|before| *before == Some(index))?,
        )
    }

    /// For each overlay of the head, the index of the same overlay at the base revision.
    fn before(&self) -> &[Option<usize>] {
        self.against_base.before.get_or_init(|| {
            self.base.map_or_else(
                || vec![None; self.repo.overlays.len()],
                |base| renamed::before(self.repo, base),
            )
        })
    }

    /// True if an overlay is one of the base revision.
    pub fn is_of_base(&self, overlay: &Overlay) -> bool {
        self.base.is_some_and(|base| base.index(overlay).is_some())
    }

    /// The overlays of the base revision that no longer exist in the head, not even renamed.
    pub fn gone(&self) -> Vec<&'a Overlay> {
        let Some(base) = self.base else {
            return Vec::new();
        };
        let kept: BTreeSet<usize> = self.before().iter().copied().flatten().collect();
        base.overlays
            .iter()
            .enumerate()
            .filter(|(index, _)| !kept.contains(index))
            .map(|(_, overlay)| overlay)
            .collect()
    }

    /// The overlay that `to` was compared with at the base revision, if the change deletes that
    /// overlay, or moves `to` to an environment where it is compared with nothing.
    pub fn proved_by_gone(&self, to: &Overlay) -> Option<&'a Overlay> {
        let (base, before): (&'a Repo, &Overlay) = (self.base?, self.at_base(to)?);
        let from = base.earlier(before)?;
        let alone = || self.repo.earlier(to).is_none();
        (self.at_head(from).is_none() || alone()).then_some(from)
    }

    /// The lists from which the change removed entries that the overlay reads.
    pub(in crate::rules) fn unlisted(&self, overlay: &Overlay) -> &[Unlisted] {
        let cell = self
            .index(overlay)
            .and_then(|index| self.against_base.unlisted.get(index))
            .zip(self.at_base(overlay));
        cell.map_or(&[], |(cell, before)| {
            cell.get_or_init(|| unlisted::collect(self, before, overlay))
        })
    }
}
