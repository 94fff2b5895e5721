//! Answers from the history about an image: whether an environment ran it, and since when.

use std::collections::HashMap;

use super::Context;
use crate::compare::Words;
use crate::config::Config;
use crate::finding::Severity;
use crate::history::{self, VersionKey};
use crate::repo::Overlay;

impl<'a> Context<'a> {
    /// True if the earlier environment ran a version before, or if the later environment ran it and
    /// now returns to it (only with a base). A version that the same
    /// change brings to the earlier environment does not count. Without a history: false.
    pub fn ran_before(
        &self,
        from: &Overlay,
        to: &Overlay,
        image: &str,
        version: &VersionKey,
    ) -> bool {
        // an overlay that is new ran nothing
        let is_old = self.base.is_some() && self.at_base(to).is_some();
        self.is_proved(from, to, image, version) || is_old && self.ran(to, to, image, version)
    }

    /// Like [`Self::ran_before`], but only for the earlier environment, in any of its variants.
    pub fn is_proved(
        &self,
        from: &Overlay,
        to: &Overlay,
        image: &str,
        version: &VersionKey,
    ) -> bool {
        let ran = |overlay: &Overlay| self.ran(overlay, to, image, version);
        ran(from) || self.siblings(from).any(ran)
    }

    fn ran(&self, overlay: &Overlay, to: &Overlay, image: &str, version: &VersionKey) -> bool {
        // a new app has no past; fall back to the versions that it renders now
        let new = self.at_base(to).is_none();
        let same = self.same_image(overlay, to, image);
        let past = self
            .at_base(overlay)
            .or((self.base.is_none() || new).then_some(overlay));
        self.proofs
            .zip(past)
            .is_some_and(|(proofs, past)| proofs.ran(past, version).iter().any(|name| same(name)))
    }

    /// The commit time at which an overlay first ran an image that another overlay now gets, at the
    /// base revision or earlier. Two names are the same image if `images.mirrors` maps one to the
    /// other, or if they differ only in the word for the environment.
    pub fn first_ran(
        &self,
        overlay: &Overlay,
        to: &Overlay,
        image: &str,
        version: &VersionKey,
    ) -> Option<i64> {
        let same = self.same_image(overlay, to, image);
        let ran = self
            .proofs?
            .since(self.at_base(overlay).unwrap_or(overlay), version);
        ran.into_iter()
            .filter(|(name, _)| same(name))
            .map(|(_, time)| time)
            .min()
    }

    /// True if a name of an image in one overlay means the same as an image of another one.
    pub(in crate::rules) fn same_image<'s>(
        &'s self,
        overlay: &'s Overlay,
        to: &'s Overlay,
        image: &'s str,
    ) -> impl Fn(&str) -> bool + use<'a, 's> {
        let words = (
            Words::of(overlay, &self.repo.environments),
            Words::of(to, &self.repo.environments),
        );
        let config: &'a Config = self.config;
        let wanted = config.upstream(image).into_owned();
        move |name: &str| {
            let name = config.upstream(name);
            *name == wanted
                || words.0.strip(&name) == words.1.strip(&wanted)
                || self.have_own_registries((overlay, &name), (to, image))
        }
    }

    /// True if two environments pull an image from registries of their own: the names have the same
    /// last part, and each environment ran its name at the base revision. Without a base: runs it now.
    fn have_own_registries(&self, one: (&Overlay, &str), other: (&Overlay, &str)) -> bool {
        let ran = |(overlay, name): (&Overlay, &str)| {
            let before = self.at_base(overlay);
            let overlay = before.or(self.base.is_none().then_some(overlay));
            let images = overlay.map(|overlay| history::images(&overlay.rendered, self.repo));
            images.is_some_and(|images| images.contains_key(name))
        };
        last_part(one.1) == last_part(other.1) && ran(one) && ran(other)
    }

    /// Why the history of an overlay is incomplete, such as a shallow clone; `None` if it is
    /// complete.
    pub fn gap(&self, overlay: &Overlay) -> Option<history::Gap> {
        self.proofs?.gap(self.at_base(overlay).unwrap_or(overlay))
    }

    /// True if any overlay of the two environments rendered the digest of an image at the base
    /// revision. All overlays count, because the app, overlay or container may have been renamed.
    pub fn known_at_base(&self, from: &Overlay, to: &Overlay, image: &str, digest: &str) -> bool {
        let mut environments = [from.environment, to.environment].into_iter().flatten();
        environments.any(|environment| {
            let Some(known) = self.against_base.digests.get(environment) else {
                return false;
            };
            let known = known.get_or_init(|| self.digests_at_base(environment));
            known.get(digest).is_some_and(|run| {
                run.iter()
                    .any(|(overlay, name)| self.same_image(overlay, to, image)(name))
            })
        })
    }

    /// The digests that an environment ran at the base revision, each with the overlays that ran it
    /// and the names of the images.
    fn digests_at_base(&self, environment: usize) -> HashMap<String, Vec<(&'a Overlay, String)>> {
        let mut found: HashMap<String, Vec<(&'a Overlay, String)>> = HashMap::new();
        let Some(base) = self.base else { return found };
        for overlay in base
            .overlays
            .iter()
            .filter(|overlay| overlay.environment == Some(environment))
        {
            for (name, versions) in history::images(&overlay.rendered, base) {
                for digest in versions.into_iter().filter_map(|version| version.digest) {
                    found
                        .entry(digest)
                        .or_default()
                        .push((overlay, name.clone()));
                }
            }
        }
        found
    }
}

/// The severity of a version that was not found in a history. `whole` is that of one which is missing
/// in a whole history.
pub(in crate::rules) fn unproved(gap: Option<&history::Gap>, whole: Severity) -> Severity {
    match gap {
        Some(history::Gap::Unrendered(_)) => whole.min(Severity::Warning),
        Some(history::Gap::Clone(_)) | None => whole,
    }
}

/// The last part of the name of an image.
fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}
