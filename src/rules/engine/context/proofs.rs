//! What the past proves about an image: whether and since when an environment ran it.

use std::collections::HashMap;

use super::Context;
use crate::compare::Words;
use crate::config::Config;
use crate::history;
use crate::repo::Overlay;

impl<'a> Context<'a> {
    /// Whether an environment ran a version before, given by its key: the earlier one of a pair, or,
    /// against a base, the later one itself, which then returns to it. What comes in the same change
    /// has proved nothing. Without a past: no.
    pub fn ran_before(&self, from: &Overlay, to: &Overlay, image: &str, version: &str) -> bool {
        // an overlay that is new ran nothing
        let is_old = self.base.is_some() && self.at_base(to).is_some();
        self.is_proved(from, to, image, version) || is_old && self.ran(to, to, image, version)
    }

    /// The same for the earlier environment of a pair alone, in any of its variants.
    pub fn is_proved(&self, from: &Overlay, to: &Overlay, image: &str, version: &str) -> bool {
        let ran = |overlay: &Overlay| self.ran(overlay, to, image, version);
        ran(from) || self.siblings(from).any(ran)
    }

    fn ran(&self, overlay: &Overlay, to: &Overlay, image: &str, version: &str) -> bool {
        // of an app that is new in both environments nothing else can be asked
        let new = self.at_base(to).is_none();
        let same = self.same_image(overlay, to, image);
        let past = self
            .at_base(overlay)
            .or((self.base.is_none() || new).then_some(overlay));
        self.proofs
            .zip(past)
            .is_some_and(|(proofs, past)| proofs.ran(past, version).iter().any(|name| same(name)))
    }

    /// When an overlay ran what another one gets, for the first time by commit times, at the base
    /// revision or before it. Mirrors that the configuration maps are one image, and so are names
    /// that differ by the environment's word only.
    pub fn first_ran(
        &self,
        overlay: &Overlay,
        to: &Overlay,
        image: &str,
        digest: &str,
    ) -> Option<i64> {
        let same = self.same_image(overlay, to, image);
        let ran = self
            .proofs?
            .since(self.at_base(overlay).unwrap_or(overlay), digest);
        ran.into_iter()
            .filter(|(name, _)| same(name))
            .map(|(_, time)| time)
            .min()
    }

    /// Whether a name of an image in one overlay means the same as an image of another one.
    pub(in crate::rules) fn same_image(
        &self,
        overlay: &Overlay,
        to: &Overlay,
        image: &str,
    ) -> impl Fn(&str) -> bool + use<'a> {
        let words = (
            Words::of(overlay, &self.repo.environments),
            Words::of(to, &self.repo.environments),
        );
        let config: &'a Config = self.config;
        let wanted = config.upstream(image).into_owned();
        move |name: &str| {
            let name = config.upstream(name);
            *name == wanted || words.0.strip(&name) == words.1.strip(&wanted)
        }
    }

    /// Why the past of an overlay is not known as a whole, where it is not.
    pub fn gap(&self, overlay: &Overlay) -> Option<String> {
        self.proofs?.gap(self.at_base(overlay).unwrap_or(overlay))
    }

    /// The same for what is judged against a base as a whole: whether any overlay of two
    /// environments rendered a digest of an image there. An app, an overlay or a container may have
    /// had another name.
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

    /// What the overlays of an environment ran at the base revision, by digest: each overlay with
    /// the names of its images.
    fn digests_at_base(&self, environment: usize) -> HashMap<String, Vec<(&'a Overlay, String)>> {
        let mut found: HashMap<String, Vec<(&'a Overlay, String)>> = HashMap::new();
        let Some(base) = self.base else { return found };
        for overlay in base
            .overlays
            .iter()
            .filter(|overlay| overlay.environment == Some(environment))
        {
            for (name, versions) in history::images(&overlay.rendered, &base.files) {
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
