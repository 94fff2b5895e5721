//! Answers from the Git history about a promotion: which versions an overlay ran, and since when.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use super::{Branch, Change, End, Images, VersionKey, Walk, images, share_version};
use crate::kustomize::Renderer;
use crate::repo::Overlay;
use crate::source::git::Id;
use crate::yaml::Node;

/// Why a part of the history of an overlay is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gap {
    /// The clone lacks commits or files; the text says which, and how to get them.
    Clone(String),
    /// Earlier commits are not rendered; the text says why. No one can mend that, so a version that is
    /// not found is no proof of a mistake.
    Unrendered(&'static str),
}

impl Gap {
    /// One clause for people, lower case, no full stop.
    pub fn reason(&self) -> &str {
        match self {
            Gap::Clone(reason) => reason,
            Gap::Unrendered(reason) => reason,
        }
    }
}

/// The questions that rules ask about the history. It is the history of the base revision, or of
/// the head if there is no base.
pub trait Proofs: Sync {
    /// Announces the questions, so that one walk through the history answers all of them. Only the
    /// first announcement counts. A question that was not announced is answered from the newest
    /// commit alone.
    fn expect(&self, _wanted: &Wanted<'_>) {}
    /// The image names under which an overlay of the base has rendered a version, each with the
    /// time of the first such commit in seconds since 1970.
    fn since(&self, overlay: &Overlay, version: &VersionKey) -> Vec<(String, i64)>;
    /// The names alone, which can be cheaper to find.
    fn ran(&self, overlay: &Overlay, version: &VersionKey) -> Vec<String> {
        self.since(overlay, version)
            .into_iter()
            .map(|(name, _)| name)
            .collect()
    }
    /// The commit that replaced a version in an overlay, if the overlay ran it under a name that
    /// `fits` accepts.
    fn replaced_by(
        &self,
        _overlay: &Overlay,
        _version: &VersionKey,
        _fits: &dyn Fn(&str) -> bool,
    ) -> Option<Id> {
        None
    }
    /// Why the history of an overlay is incomplete, such as a shallow clone; `None` if it is
    /// complete.
    fn gap(&self, overlay: &Overlay) -> Option<Gap>;
    /// For each overlay of the base, the overlay as it was when it last ran the given images.
    /// `None` if it is not known to have run them.
    fn when_it_ran(&self, wanted: &[(&Overlay, &Images)]) -> Vec<Option<Overlay>> {
        wanted.iter().map(|_| None).collect()
    }
    /// True if a commit changes the rendering of the overlay at a path, against its first parent.
    fn alters(&self, _commit: &Id, _overlay: &str) -> bool {
        true
    }
}

/// The questions of a check: which versions have to be found in the past of which overlays.
#[derive(Default)]
pub struct Wanted<'a> {
    /// True if a rule needs the date since which a digest has been running.
    pub dates: bool,
    /// True if the walk may end early, as [`Walk::bounded`] says: a person waits, and no verdict
    /// depends on it.
    pub bounded: bool,
    /// Overlays (as the base has them) with the versions that may be found in their past.
    pub versions: Vec<(&'a Overlay, BTreeSet<VersionKey>)>,
}

/// The history if there is no Git repository or it cannot be read: nothing is known.
pub struct NoProofs {
    /// Why.
    pub reason: String,
}

impl Proofs for NoProofs {
    fn since(&self, _overlay: &Overlay, _version: &VersionKey) -> Vec<(String, i64)> {
        Vec::new()
    }
    fn gap(&self, _overlay: &Overlay) -> Option<Gap> {
        Some(Gap::Clone(self.reason.clone()))
    }
}

/// The past of a repo in a Git repository. History is walked at most once, and only for the
/// overlays and digests that were announced.
pub struct GitProofs<'r> {
    branch: Branch<'r>,
    expected: OnceLock<Expected>,
    walked: OnceLock<Walked>,
}

/// The announced questions, by index of the overlay.
#[derive(Default)]
struct Expected {
    dates: bool,
    bounded: bool,
    versions: BTreeMap<usize, BTreeSet<VersionKey>>,
}

/// The result of a walk: the names and version keys that each overlay ran, with the time of the
/// first commit.
struct Walked {
    seen: HashMap<usize, Seen>,
    end: End,
    /// The overlays that were not rendered at all earlier commits, and why.
    unrendered: BTreeMap<usize, &'static str>,
}

/// By name and version key.
type Seen = BTreeMap<(String, VersionKey), Ran>;

/// When a version ran.
#[derive(Clone, Copy)]
struct Ran {
    /// The time of the first commit with it.
    since: i64,
    /// The commit that last replaced it; `None` for what still runs.
    replaced_by: Option<Id>,
}

/// Records the images that ran at a time, and the commit that replaced them, if any. A walk goes
/// back in time, so the time recorded last for an image is the first time that it ran.
fn note(seen: &mut Seen, images: &Images, time: i64, replaced_by: Option<Id>) {
    for (name, versions) in images {
        let keys = VersionKey::all_of(name, versions);
        for key in keys {
            let first = Ran {
                since: time,
                replaced_by,
            };
            seen.entry((name.clone(), key)).or_insert(first).since = time;
        }
    }
}

impl<'r> GitProofs<'r> {
    /// The past of a branch.
    pub fn new(branch: Branch<'r>) -> GitProofs<'r> {
        GitProofs {
            branch,
            expected: OnceLock::new(),
            walked: OnceLock::new(),
        }
    }

    /// The questions, without those that the newest commit answers.
    fn expected_of(&self, wanted: &Wanted) -> Expected {
        let mut expected = Expected {
            dates: wanted.dates,
            bounded: wanted.bounded,
            ..Expected::default()
        };
        for (overlay, digests) in &wanted.versions {
            let present = images(&overlay.rendered, self.branch.repo);
            let present: BTreeSet<VersionKey> = present
                .iter()
                .flat_map(|(name, versions)| {
                    let keys = VersionKey::all_of(name, versions);
                    keys.collect::<Vec<VersionKey>>()
                })
                .collect();
            let missing: BTreeSet<VersionKey> = digests
                .iter()
                .filter(|digest| wanted.dates || !present.contains(*digest))
                .cloned()
                .collect();
            if let Some(index) = self.index(overlay).filter(|_| !missing.is_empty()) {
                expected.versions.entry(index).or_default().extend(missing);
            }
        }
        expected
    }

    fn expected(&self) -> &Expected {
        self.expected.get_or_init(Expected::default)
    }

    fn index(&self, overlay: &Overlay) -> Option<usize> {
        self.branch.repo.index_of_same(overlay)
    }

    /// The names under which an overlay renders a version.
    fn at_present(&self, overlay: &Overlay, version: &VersionKey) -> Vec<String> {
        images(&overlay.rendered, self.branch.repo)
            .into_iter()
            .filter(|(name, versions)| {
                let mut keys = VersionKey::all_of(name, versions);
                keys.any(|key| key == *version)
            })
            .map(|(name, _)| name)
            .collect()
    }

    fn walked(&self) -> &Walked {
        self.walked.get_or_init(|| {
            let indices: Vec<usize> = self.expected().versions.keys().copied().collect();
            let mut seen: HashMap<usize, Seen> = HashMap::new();
            for index in &indices {
                if let Some(overlay) = self.branch.repo.overlays.get(*index) {
                    let present = images(&overlay.rendered, self.branch.repo);
                    note(
                        seen.entry(*index).or_default(),
                        &present,
                        self.branch.commit.time,
                        None,
                    );
                }
            }
            let mut walk = Walk::new(&self.branch, &indices);
            if self.expected().bounded {
                walk = walk.bounded();
            }
            if !self.expected().dates {
                walk = walk.seeking(&self.expected().versions);
            }
            let end = walk.run(&mut |change| {
                let found = seen.entry(change.overlay).or_default();
                self.note_change(found, &change)
            });
            Walked {
                seen,
                end,
                unrendered: walk.unrendered(),
            }
        })
    }

    /// Records the images before and after a change. Returns true if some versions of the overlay
    /// have not been found yet.
    fn note_change(&self, found: &mut Seen, change: &Change) -> bool {
        let time = change
            .commit
            .as_ref()
            .map_or(self.branch.commit.time, |commit| commit.time);
        note(found, &change.after, time, None);
        // an earlier change of the walk gives these images their real time
        let commit = change.commit.as_ref().map(|commit| commit.id);
        note(found, &change.before, time, commit);
        let expected = self.expected();
        let has = |digest: &VersionKey| found.keys().any(|(_, other)| other == digest);
        expected.dates
            || !expected
                .versions
                .get(&change.overlay)
                .is_some_and(|digests| digests.iter().all(has))
    }

    /// The objects of an overlay at a commit; `None` where it has no kustomization there.
    fn rendered_at(&self, commit: &Id, overlay: &str) -> Option<Vec<Node>> {
        let tree = self
            .branch
            .repository
            .tree(&self.branch.repository.commit(commit).ok()?);
        let renderer = Renderer::new(Arc::new(tree), Arc::default(), self.branch.options());
        renderer.kustomization(overlay)?;
        let rendered = renderer.render(overlay);
        Some(
            rendered
                .resources
                .iter()
                .map(|resource| resource.node.clone())
                .collect(),
        )
    }
}

impl Proofs for GitProofs<'_> {
    fn expect(&self, wanted: &Wanted<'_>) {
        self.expected.get_or_init(|| self.expected_of(wanted));
    }

    fn since(&self, overlay: &Overlay, version: &VersionKey) -> Vec<(String, i64)> {
        let expected = |index: &usize| self.expected().versions.contains_key(index);
        let Some(index) = self.index(overlay).filter(expected) else {
            return self
                .at_present(overlay, version)
                .into_iter()
                .map(|name| (name, self.branch.commit.time))
                .collect();
        };
        let seen = self.walked().seen.get(&index).into_iter().flatten();
        seen.filter(|((_, other), _)| other == version)
            .map(|((name, _), ran)| (name.clone(), ran.since))
            .collect()
    }

    fn ran(&self, overlay: &Overlay, version: &VersionKey) -> Vec<String> {
        let present = self.at_present(overlay, version);
        if !present.is_empty() {
            return present;
        }
        self.since(overlay, version)
            .into_iter()
            .map(|(name, _)| name)
            .collect()
    }

    fn replaced_by(
        &self,
        overlay: &Overlay,
        version: &VersionKey,
        fits: &dyn Fn(&str) -> bool,
    ) -> Option<Id> {
        let asked = |index: &usize| {
            let versions = self.expected().versions.get(index);
            versions.is_some_and(|versions| versions.contains(version))
        };
        let index = self.index(overlay).filter(asked)?;
        let seen = self.walked().seen.get(&index)?;
        let mut seen = seen
            .iter()
            .filter(|((name, key), _)| key == version && fits(name));
        seen.find_map(|(_, ran)| ran.replaced_by)
    }

    fn gap(&self, overlay: &Overlay) -> Option<Gap> {
        let index = self.index(overlay)?;
        self.expected().versions.get(&index)?;
        let walked = self.walked();
        match (&walked.end, walked.unrendered.get(&index)) {
            (End::Truncated(reason), _) => Some(Gap::Clone(reason.clone())),
            (_, reason) => reason.map(|reason| Gap::Unrendered(reason)),
        }
    }

    fn when_it_ran(&self, wanted: &[(&Overlay, &Images)]) -> Vec<Option<Overlay>> {
        let indices: Vec<Option<usize>> = wanted
            .iter()
            .map(|(overlay, _)| self.branch.repo.index(overlay))
            .collect();
        let mut found: Vec<Option<Overlay>> = wanted.iter().map(|_| None).collect();
        let mut tracked: Vec<usize> = indices.iter().copied().flatten().collect();
        tracked.dedup();
        let mut walk = Walk::new(&self.branch, &tracked).keeping_renderings();
        walk.run(&mut |change| {
            let mut open = false;
            for (((overlay, images), index), found) in wanted.iter().zip(&indices).zip(&mut found) {
                if *index != Some(change.overlay) || found.is_some() {
                    continue;
                }
                match &change.rendered {
                    Some(rendered) if share_version(&change.before, images) => {
                        *found = Some(Overlay {
                            rendered: rendered.clone().into(),
                            ..(*overlay).clone()
                        });
                    }
                    _ => open = true,
                }
            }
            open
        });
        found
    }

    fn alters(&self, commit: &Id, overlay: &str) -> bool {
        let parent = self
            .branch
            .repository
            .commit(commit)
            .ok()
            .and_then(|commit| commit.parents.first().copied());
        let before = |parent: &Id| self.rendered_at(parent, overlay);
        match (
            self.rendered_at(commit, overlay),
            parent.as_ref().and_then(before),
        ) {
            (Some(after), Some(before)) => {
                let same = |(one, other): (&Node, &Node)| one.same_value(other);
                after.len() != before.len() || !after.iter().zip(&before).all(same)
            }
            // if the rendering is unknown (a plain folder, a shallow clone), assume a change
            _ => true,
        }
    }
}
