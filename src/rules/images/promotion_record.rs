//! # promotion-record
//!
//! ## What
//!
//! A record of deployed versions names another tag or digest for an app than its overlay renders.
//! Records are `versions.json`, `versions.yaml` or `VERSIONS.md` at the root of the repository,
//! and the files that `records` in the configuration lists.
//!
//! These formats are understood:
//!
//! - JSON and YAML maps by app and environment, in any nesting.
//! - JSON and YAML lists of items with `app` and `environment`.
//! - The output of `gitops-lint status --format json`.
//! - Markdown tables with one row for each app and environment, with one column for each
//!   environment, or below a heading that names the app or the environment.
//!
//! A digest may be shortened to seven or more digits. Entries that match no app and environment of
//! the repository are ignored.
//!
//! ## Why
//!
//! Release calendars, dashboards and the people on call trust the record. If a promotion does not
//! update it, they look at the wrong version.
//!
//! ## Example
//!
//! The record says 1.30.3, while production's overlay says `newTag: 1.30.4`:
//!
//! ```json
//! {"checkout": {"production": {"tag": "1.30.3"}}}
//! ```
//!
//! ## Fix
//!
//! Correct the record, or let the tool write it: `gitops-lint status --write versions.json`.

use crate::finding::{Cause, Severity};
use crate::kubernetes::image::Image;
use crate::kubernetes::image_use::ImageUse;
use crate::repo::Overlay;
use crate::repo::records::{Record, Statement};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};

/// The rule.
pub(super) struct PromotionRecord;

static METADATA: Metadata = Metadata {
    id: "promotion-record",
    category: Category::Images,
    level: "error",
    severity: Severity::Error,
    summary: "a promotion record (`versions.json`, `VERSIONS.md`) that disagrees with the rendered images",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("promotion_record.rs"),
};

impl Rule for PromotionRecord {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        for record in &context.repo.records {
            // where neither the record nor the overlay changed, nothing new can be found
            let unchanged = |record: &Record| {
                context
                    .base
                    .is_some_and(|base| base.records.iter().any(|other| other.file == record.file))
            };
            let judged = |overlay: &Overlay| !unchanged(record) || context.judges(overlay);
            for claim in &record.statements {
                let of_claim = |overlay: &&Overlay| {
                    overlay.app == claim.app
                        && overlay.environment == Some(claim.environment)
                        && (claim.variant.is_none() || overlay.variant == claim.variant)
                };
                for overlay in context
                    .repo
                    .overlays
                    .iter()
                    .filter(of_claim)
                    .filter(|overlay| judged(overlay))
                {
                    self.compare(context, claim, overlay, sink);
                }
            }
        }
    }
}

impl PromotionRecord {
    fn compare(&self, context: &Context, claim: &Statement, overlay: &Overlay, sink: &mut Sink) {
        let all = &context.facts(overlay).images;
        let meant = meant(context, claim, overlay, all);
        let Some(first) = meant.first().filter(|_| {
            !meant
                .iter()
                .any(|used| differing(claim, &used.image()).is_empty())
        }) else {
            return;
        };
        let image = first.image();
        let differing = differing(claim, &image);
        let Some((_, origin)) = differing.first() else {
            return;
        };
        let told: Vec<&str> = differing.iter().map(|(text, _)| text.as_str()).collect();
        let running = running(claim, &image, &told);
        let (app, environment) = (&overlay.app, context.side(overlay));
        let message = format!(
            "`{app}` in {environment} uses {running} of `{}`, but the record says {}",
            first.name,
            told.join(" and ")
        );
        let cause = Cause::new("outdated-record").with(&running);
        let draft = Draft::new(Severity::Error, *origin, cause, message)
            .help("correct the record, or rewrite it with `gitops-lint status --write FILE`")
            .related(first.origin(), format!("{environment} uses this"))
            .on(first.resource, first.pointer.clone());
        sink.report(context, Some(overlay), draft);
    }
}

/// The part of an image that contradicts a claim: its tag or its digest.
fn running(claim: &Statement, image: &Image, told: &[&str]) -> String {
    let only_digest_differs = claim
        .digest
        .as_ref()
        .is_some_and(|(text, _)| told == [text.as_str()]);
    match (image.tag, image.digest) {
        (tag, Some(digest)) if claim.tag.is_none() || tag.is_none() || only_digest_differs => {
            digest.to_string()
        }
        (Some(tag), Some(digest)) if told.len() > 1 => format!("{tag}@{digest}"),
        (Some(tag), _) => tag.to_string(),
        _ => "neither a tag nor a digest".to_string(),
    }
}

/// The containers that a claim is about: those with the image that it names, or else those with the
/// only image of the app, or with the image that has the name of the app.
fn meant<'c, 'a>(
    context: &Context,
    claim: &Statement,
    overlay: &Overlay,
    all: &'c [ImageUse<'a>],
) -> Vec<&'c ImageUse<'a>> {
    if let Some(name) = &claim.image {
        let name = Image::split(name).name;
        let same =
            |used: &&ImageUse| context.config.upstream(&used.name) == context.config.upstream(name);
        let exact: Vec<&ImageUse> = all.iter().filter(same).collect();
        let short = name.rsplit('/').next().unwrap_or(name);
        let named = |used: &&ImageUse| used.short_name() == short;
        return if exact.is_empty() {
            all.iter().filter(named).collect()
        } else {
            exact
        };
    }
    let app = overlay.app.rsplit('/').next().unwrap_or(&overlay.app);
    let own: Vec<&ImageUse> = all.iter().filter(|used| used.short_name() == app).collect();
    // the record does not say which of several images it means, so any of them may match
    if own.is_empty() {
        all.iter().collect()
    } else {
        own
    }
}

/// The tag and digest of a claim that the image does not have, with their places.
fn differing(claim: &Statement, image: &Image) -> Vec<(String, crate::yaml::Origin)> {
    let bare = |tag: &str| tag.trim_start_matches('v').to_string();
    let tag = claim.tag.as_ref().filter(|(tag, _)| {
        image
            .tag
            .map_or(image.digest.is_none(), |own| bare(own) != bare(tag))
    });
    let hex = |digest: &str| {
        digest
            .rsplit(':')
            .next()
            .unwrap_or(digest)
            .trim_end_matches(['…', '.'])
            .to_lowercase()
    };
    let same = |digest: &str| {
        image
            .digest
            .is_some_and(|own| hex(own).starts_with(&hex(digest)))
    };
    let digest = claim.digest.as_ref().filter(|(digest, _)| !same(digest));
    tag.into_iter().chain(digest).cloned().collect()
}
