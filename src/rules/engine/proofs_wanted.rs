//! The questions of a check about the history: did the environment before run each digest of a
//! protected environment, and each version that the change brings there?

use std::collections::BTreeSet;

use crate::history::{VersionKey, Wanted};
use crate::kubernetes::image_use::ImageUse;
use crate::repo::{Overlay, Repo};
use crate::rules::Context;

/// The digests of protected overlays, with the overlays in whose past they may be found.
pub fn proofs_wanted<'a>(context: &Context<'a>) -> Wanted<'a> {
    let mut wanted = Wanted {
        dates: context.rules().needs_dates(context.config),
        ..Wanted::default()
    };
    let gone = context
        .judged()
        .filter_map(|to| Some((context.proved_by_gone(to)?, to)));
    for (from, to) in context
        .judged_pairs()
        .chain(gone)
        .filter(|(_, to)| context.repo.protected(to))
    {
        let mut earlier = vec![from];
        earlier.extend(context.siblings(from));
        // with a base, production may also return to a version that it ran itself
        earlier.extend(context.base.map(|_| to));
        want(&mut wanted, context, &context.facts(to).images, &earlier);
        let moved: BTreeSet<VersionKey> = context
            .moved_versions(to)
            .iter()
            .flat_map(|moved| {
                let versions = moved.before.iter().chain([&moved.version]);
                versions.map(|version| VersionKey::of(&moved.name, version))
            })
            .collect();
        want_keys(&mut wanted, context, &moved, &earlier);
        if context.moved_images(to).is_empty() {
            continue;
        }
        // a rollback is judged per overlay, so the earlier environments of the app are asked too
        let repo: &'a Repo = context.repo;
        for overlay in repo.before(to) {
            want(
                &mut wanted,
                context,
                context.moved_images(overlay),
                &[overlay],
            );
        }
    }
    wanted
}

fn want<'a, 'i>(
    wanted: &mut Wanted<'a>,
    context: &Context<'a>,
    images: impl IntoIterator<Item = &'i ImageUse<'a>>,
    overlays: &[&'a Overlay],
) where
    'a: 'i,
{
    let digests: BTreeSet<VersionKey> = images
        .into_iter()
        .filter_map(|used| used.image().digest.map(VersionKey::of_digest))
        .collect();
    want_keys(wanted, context, &digests, overlays);
}

fn want_keys<'a>(
    wanted: &mut Wanted<'a>,
    context: &Context<'a>,
    keys: &BTreeSet<VersionKey>,
    overlays: &[&'a Overlay],
) {
    for overlay in overlays.iter().filter(|_| !keys.is_empty()) {
        let before = context.at_base(overlay).unwrap_or(overlay);
        wanted.versions.push((before, keys.clone()));
    }
}
