//! # rollback
//!
//! ## What
//!
//! A change returns production to versions that it ran before, while the previous environment runs
//! other versions. No other rule reports such a change. The finding names the commit that it
//! undoes. The rule needs a base revision (`--base`).
//!
//! ## Why
//!
//! A rollback has to be easy, so it is allowed. Reviewers should still know that a change is one:
//! for example, the old version may not work with a database that the new version has migrated.
//!
//! ## Example
//!
//! ```yaml
//! images:
//!   - name: acme/api
//!     newTag: 1.4.1 # was 1.5.0; production ran 1.4.1 last week
//! ```
//!
//! ## Fix
//!
//! Nothing has to be changed.

use std::collections::BTreeSet;

use crate::finding::{Cause, Severity};
use crate::history::{self, Version, VersionKey};
use crate::repo::Overlay;
use crate::rules::shared::digests;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::source::git::short;
use crate::wording;
use crate::yaml::Origin;

/// The number of names that one finding lists.
const NAMED: usize = 3;

/// The rule.
pub(super) struct Rollback;

static METADATA: Metadata = Metadata {
    id: "rollback",
    category: Category::Images,
    level: "info; needs a base revision",
    severity: Severity::Info,
    summary: "a change that returns production to what it ran before",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("rollback.rs"),
};

impl Rule for Rollback {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        let (Some(before), Some(proofs)) = (context.at_base(to), context.proofs) else {
            return;
        };
        if !context.repo.protected(to) || context.is_of_base(from) {
            return;
        }
        let moved = moved(context, to);
        let Some(first) = moved.first() else { return };
        let staged = history::images(&from.rendered, context.repo);
        let is_promoted = |one: &Moved| {
            let theirs = staged.get(&one.name);
            theirs.is_some_and(|theirs| theirs.iter().any(|version| version.same(&one.version)))
        };
        // a question about the past walks through the history, so ask only if an image was promoted
        if moved.iter().any(is_promoted) {
            return;
        }
        let undone: Option<Vec<String>> = moved
            .iter()
            .map(|one| {
                let same = context.same_image(to, to, &one.name);
                let key = VersionKey::of(&one.name, &one.version);
                let commit = proofs.replaced_by(before, &key, &same)?;
                Some(short(&commit))
            })
            .collect();
        let Some(undone) = undone else { return };
        let names: Vec<String> = moved
            .iter()
            .map(|one| match &one.version.digest {
                Some(digest) => format!("{}@{}", one.name, digests::short(digest)),
                None => format!("{} {}", one.name, one.version),
            })
            .collect();
        let commits: BTreeSet<&String> = undone.iter().collect();
        let message = format!(
            "this change is a rollback: it returns {} to {}, as before commit {}",
            context.name_of(to),
            wording::listed(&names, NAMED),
            wording::listed(&commits.into_iter().collect::<Vec<_>>(), NAMED)
        );
        let versions = moved
            .iter()
            .map(|one| VersionKey::of(&one.name, &one.version));
        let cause = versions.fold(Cause::new("rollback"), Cause::with);
        let draft = Draft::new(Severity::Info, first.origin, cause, message);
        sink.report(context, Some(to), draft.notice());
    }
}

/// A version that the change gives an overlay.
struct Moved {
    name: String,
    version: Version,
    origin: Origin,
}

fn moved(context: &Context, overlay: &Overlay) -> Vec<Moved> {
    let pinned = context
        .moved_images(overlay)
        .into_iter()
        .filter_map(|used| {
            let image = used.image();
            image.digest.is_some().then(|| Moved {
                name: used.name.clone(),
                version: Version::of(&image),
                origin: used.origin(),
            })
        });
    let others = context
        .moved_versions(overlay)
        .into_iter()
        .map(|one| Moved {
            name: one.name,
            version: one.version,
            origin: one.origin,
        });
    pinned.chain(others).collect()
}
