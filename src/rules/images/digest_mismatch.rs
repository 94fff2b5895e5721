//! # digest-mismatch
//!
//! ## What
//!
//! A container in a protected environment (such as production) uses an image digest that the
//! previous environment (such as staging) does not use. A digest counts as proved if any variant
//! of the previous environment uses it now, or if Git shows that one used it at the base revision
//! or earlier. Going back to a digest that the environment itself ran before is fine. If the clone
//! is too shallow to look further back, the finding says how to fetch the rest.
//!
//! The rule also reports one tag that stands for two different digests in the two environments.
//! With `--base`, it reports a digest that was proved under another image name, unless
//! `images.mirrors` maps one name to the other.
//!
//! A digest mismatch is an error. If the previous environment pins no digest, nothing can be
//! proved; that is a warning.
//!
//! ## Why
//!
//! Staging tested one build, and production gets another.
//!
//! ## Example
//!
//! ```yaml
//! # staging: digest: sha256:0d1c…
//! images:
//!   - name: ghcr.io/acme/api
//!     digest: sha256:77ab…   # never used in staging
//! ```
//!
//! ## Fix
//!
//! Promote the digest that staging uses, or deploy this digest to staging first.
//!
//! ## Options
//!
//! None.

use crate::compare;
use crate::finding::Severity;
use crate::kubernetes::image_use::ImageUse;
use crate::repo::Overlay;
use crate::rules::images::skipped_environment;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};

/// See the documentation above.
pub struct DigestMismatch;

static METADATA: Metadata = Metadata {
    id: "digest-mismatch",
    category: Category::Images,
    level: "error",
    severity: Severity::Error,
    summary: "a digest in production that the environment before it does not run",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("digest_mismatch.rs"),
};

impl Rule for DigestMismatch {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        // what was rendered of an overlay that needs a chart or a plugin runs all the same
        if !context.repo.protected(to) {
            return;
        }
        let name = |overlay| context.side(overlay);
        let (earlier, later) = (context.facts(from), context.facts(to));
        let partners = compare::partners(from, to, &context.repo.environments);
        for used in &later.images {
            let image = used.image();
            let Some(digest) = image.digest else { continue };
            // the same container first; what was moved is found by its image
            let same_object = |other: &&ImageUse| {
                other.place == used.place
                    && partners.iter().any(|(before, after)| {
                        std::ptr::eq(*after, used.resource) && std::ptr::eq(*before, other.resource)
                    })
            };
            let same_image = |other: &&ImageUse| other.short_name() == used.short_name();
            let before: Vec<&ImageUse> = match earlier.images.iter().find(same_object) {
                Some(other) => vec![other],
                None => earlier.images.iter().filter(same_image).collect(),
            };
            let all: Vec<&ImageUse> = before
                .iter()
                .copied()
                .chain(earlier.images.iter().filter(same_image))
                .collect();
            let siblings = context
                .siblings(from)
                .flat_map(|other| &context.facts(other).images);
            let twin = all
                .iter()
                .copied()
                .chain(siblings)
                .find(|other| other.image().digest == Some(digest));
            if before.is_empty() || context.ran_before(from, to, &used.name, digest) {
                continue;
            }
            if let Some(twin) = twin {
                // the proof is of an image, which is more than its digest; without a change,
                // `image-drift` tells it
                let same = context.same_image(from, to, &used.name)(&twin.name);
                if !same
                    && context.base.is_some()
                    && context
                        .moved_images(to)
                        .iter()
                        .any(|moved| std::ptr::eq(*moved, used))
                {
                    let message = format!(
                        ": {} runs {} of `{}`, and {} proved it as `{}` only",
                        name(to),
                        short(digest),
                        used.name,
                        name(from),
                        twin.name
                    );
                    let draft = Draft::new(Severity::Error, used.digest_origin, message);
                    let draft =
                        draft.help("where one mirrors the other, say so: images: {mirrors: [{from: …, to: …}]} in .gitops-lint.yaml");
                    let draft =
                        draft.related(twin.name_origin, format!("the image of {}", name(from)));
                    sink.report(context, Some(to), draft.of(used));
                }
                continue;
            }
            // a digest of an environment further back has a rule of its own
            if skipped_environment::passed_by(context, from, to, digest).is_some() {
                continue;
            }
            // another image altogether is another rule's
            let Some(other) = before.iter().find(|other| same_image(other)) else {
                continue;
            };
            let theirs = other.image();
            let (severity, message, help) = match theirs.digest {
                None => (
                    Severity::Warning,
                    format!(
                        ": {} pins no digest of `{}`, so nothing proves the {} of {}",
                        name(from),
                        used.name,
                        short(digest),
                        name(to)
                    ),
                    format!("pin the digest in {} as well", name(from)),
                ),
                Some(staged) if theirs.tag.is_some() && theirs.tag == image.tag => (
                    Severity::Error,
                    format!(
                        ": the tag `{}` is {} in {} and {} in {}",
                        image.tag.unwrap_or_default(),
                        short(digest),
                        name(to),
                        short(staged),
                        name(from)
                    ),
                    format!("promote the digest that {} runs", name(from)),
                ),
                Some(staged) => (
                    Severity::Error,
                    format!(
                        ": {} runs {} of `{}`, which {} does not run; it runs {}",
                        name(to),
                        short(digest),
                        used.name,
                        name(from),
                        short(staged)
                    ),
                    format!(
                        "promote the digest that {} runs, or let {} run this one first",
                        name(from),
                        name(from)
                    ),
                ),
            };
            // what is missing from the clone may be the proof
            let (message, help) = match context.gap(from) {
                Some(gap) => (format!("{message}; whether it ever did is not known"), gap),
                None => (message, help),
            };
            let draft = Draft::new(severity, used.digest_origin, message).help(help);
            let draft = draft.related(other.origin(), format!("{} runs this", name(from)));
            sink.report(context, Some(to), draft.of(used));
        }
    }
}

/// A digest as people compare it.
fn short(digest: &str) -> String {
    let (algorithm, hex) = digest.split_once(':').unwrap_or(("", digest));
    let hex: String = hex.chars().take(12).collect();
    format!("{algorithm}:{hex}…")
}
