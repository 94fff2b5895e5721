//! Finds out from the Git history which of two versions is newer and, if that is asked for, since when
//! the current images have been running. The walk follows only the overlays that leave such a
//! question open, and ends as soon as all are answered.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Key;
use super::present::{Differing, Present, first};
use crate::cli::workspace::{Workspace, warn_of_gaps, warn_of_history};
use crate::history::{Change, Images, Version, Walk};
use crate::source::git::Commit;

#[derive(Default)]
pub(super) struct Past {
    /// The commit since which each image runs; `None` if it is not committed.
    pub(super) since: BTreeMap<Key, Option<Arc<Commit>>>,
    /// The versions that each image went through, newest first.
    versions: BTreeMap<Key, Vec<Version>>,
    /// True if the commits are asked for.
    dates: bool,
}

impl Past {
    /// Walks the history. Without `dates`, only versions that differ are looked for.
    pub(super) fn walk(
        workspace: &Workspace,
        present: &Present,
        overlays: &[usize],
        dates: bool,
    ) -> Past {
        let mut past = Past {
            dates,
            ..Past::default()
        };
        match workspace.branch() {
            Err(error) => warn_of_history(&error.to_string()),
            Ok(branch) => {
                let differing = present.differing();
                let is_asked = |overlay: &usize| {
                    let images = present.of(*overlay);
                    images.is_some_and(|images| past.needs_more(*overlay, images, &differing))
                };
                let asked: Vec<usize> = overlays.iter().copied().filter(is_asked).collect();
                let mut walk = Walk::new(&branch, &asked).bounded();
                let end = walk.run(&mut |change: Change| {
                    let Some(images) = present.of(change.overlay) else {
                        return false;
                    };
                    past.record(&change, images);
                    past.needs_more(change.overlay, images, &differing)
                });
                warn_of_gaps(branch.repo, &walk, &end);
            }
        }
        past
    }

    /// The versions that an image went through, newest first.
    pub(super) fn versions(&self, key: &Key) -> &[Version] {
        self.versions.get(key).map_or(&[], Vec::as_slice)
    }

    fn record(&mut self, change: &Change, images: &Images) {
        for name in images.keys() {
            let (old, new) = (first(&change.before, name), first(&change.after, name));
            if old != new {
                let key = (change.overlay, name.clone());
                let since = self.since.entry(key.clone());
                since.or_insert_with(|| change.commit.clone());
                self.versions.entry(key).or_default().extend(old);
            }
        }
    }

    /// True if older changes of the overlay are still needed.
    fn needs_more(&self, overlay: usize, images: &Images, differing: &[Differing]) -> bool {
        let is_dated = |name: &String| self.since.contains_key(&(overlay, name.clone()));
        (self.dates && !images.keys().all(is_dated))
            || differing.iter().any(|pair| self.is_open(pair, overlay))
    }

    /// True if older commits of an overlay may show which of two versions is newer: the earlier
    /// environment may have run the version of the later one before, or the other way round.
    fn is_open(&self, pair: &Differing, overlay: usize) -> bool {
        let ran =
            |key: &Key, version: &Version| self.versions(key).iter().any(|old| old.same(version));
        let (earlier, later) = (&pair.earlier, &pair.later);
        (overlay == earlier.0.0 || overlay == later.0.0)
            && !ran(&earlier.0, &later.1)
            && (overlay == earlier.0.0 || !ran(&later.0, &earlier.1))
    }
}
