//! The answers of the history so far. A walk through thousands of commits takes a second, so an edit is
//! judged by remembered answers first, and by the whole history a moment later.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::history::{Gap, Images, Proofs, VersionKey, Wanted, images};
use crate::repo::{Overlay, Repo};
use crate::source::git::Id;

/// An overlay, whatever the version of the repo.
type Key = (String, Option<usize>, Option<String>, Option<String>);

fn key(overlay: &Overlay) -> Key {
    let (path, environment, variant, release) = overlay.key();
    let owned = |text: Option<&str>| text.map(str::to_string);
    (
        path.to_string(),
        environment,
        owned(variant),
        owned(release),
    )
}

/// The answers about one overlay.
#[derive(Default)]
struct Answers {
    /// The names and times of each version that was asked for.
    since: HashMap<VersionKey, Vec<(String, i64)>>,
    gap: Option<Gap>,
}

/// The answers so far. They hold for one commit.
#[derive(Clone, Default)]
pub(super) struct Past(Arc<Mutex<HashMap<Key, Answers>>>);

impl Past {
    fn with<T>(&self, overlay: &Overlay, use_it: impl FnOnce(&mut Answers) -> T) -> T {
        let mut answers = crate::source::lock(&self.0);
        use_it(answers.entry(key(overlay)).or_default())
    }
}

/// Answers from the history, and remembers them.
pub(super) struct Remembering<'p> {
    pub(super) proofs: &'p dyn Proofs,
    pub(super) past: &'p Past,
}

impl Proofs for Remembering<'_> {
    fn expect(&self, wanted: &Wanted<'_>) {
        self.proofs.expect(wanted);
    }

    fn since(&self, overlay: &Overlay, version: &VersionKey) -> Vec<(String, i64)> {
        let found = self.proofs.since(overlay, version);
        self.past.with(overlay, |answers| {
            answers.since.insert(version.clone(), found.clone())
        });
        found
    }

    fn replaced_by(
        &self,
        overlay: &Overlay,
        version: &VersionKey,
        fits: &dyn Fn(&str) -> bool,
    ) -> Option<Id> {
        self.proofs.replaced_by(overlay, version, fits)
    }

    fn gap(&self, overlay: &Overlay) -> Option<Gap> {
        let gap = self.proofs.gap(overlay);
        self.past
            .with(overlay, |answers| answers.gap.clone_from(&gap));
        gap
    }

    fn when_it_ran(&self, wanted: &[(&Overlay, &Images)]) -> Vec<Option<Overlay>> {
        self.proofs.when_it_ran(wanted)
    }

    fn alters(&self, commit: &Id, overlay: &str) -> bool {
        self.proofs.alters(commit, overlay)
    }
}

/// Answers from memory. What is not remembered counts as unknown, which is not an error.
pub(super) struct Recalling<'p> {
    pub(super) past: &'p Past,
    /// The repo, for what runs now.
    pub(super) repo: &'p Repo,
    /// The overlays about which something was not remembered.
    pub(super) unknown: Mutex<Vec<Key>>,
}

impl Proofs for Recalling<'_> {
    fn since(&self, overlay: &Overlay, version: &VersionKey) -> Vec<(String, i64)> {
        let known = self
            .past
            .with(overlay, |answers| answers.since.get(version).cloned());
        known.unwrap_or_else(|| {
            crate::source::lock(&self.unknown).push(key(overlay));
            let present = images(&overlay.rendered, self.repo).into_iter();
            let runs = present.filter(|(name, versions)| {
                VersionKey::all_of(name, versions).any(|key| key == *version)
            });
            // since when is not known yet
            runs.map(|(name, _)| (name, 0)).collect()
        })
    }

    fn gap(&self, overlay: &Overlay) -> Option<Gap> {
        if crate::source::lock(&self.unknown).contains(&key(overlay)) {
            return Some(Gap::Unrendered("the history is being read"));
        }
        self.past.with(overlay, |answers| answers.gap.clone())
    }
}
