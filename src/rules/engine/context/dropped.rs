//! Folders that a kustomization listed at the base revision and that nothing uses any more: an app
//! that a change takes out of the list of its cluster.

use std::collections::HashMap;

use super::Context;
use crate::repo::{Overlay, Repo};

impl<'a> Context<'a> {
    /// The folder of the kustomization that listed an overlay at the base revision, if now neither
    /// a kustomization nor an agent uses the overlay.
    pub(in crate::rules) fn dropped_from(&self, overlay: &Overlay) -> Option<&'a str> {
        let dropped = self.objects.dropped.get_or_init(|| self.dropped());
        dropped.get(overlay.path.as_str()).copied()
    }

    fn dropped(&self) -> HashMap<&'a str, &'a str> {
        let Some(base) = self.base else {
            return HashMap::new();
        };
        let base: &'a Repo = base;
        let still_listed = self.repo.listed_folders();
        let listed = base.listed_folders().into_iter();
        listed
            .filter(|(folder, _)| {
                !still_listed.contains_key(folder) && self.pointers_at(folder).is_empty()
            })
            .collect()
    }
}
