//! # mutable-tag
//!
//! ## What
//!
//! An image that is not pinned to a digest. The rule looks at containers, init containers and
//! ephemeral containers of every kind of workload, and at the images in the values that
//! HelmReleases and Argo CD Applications give to charts.
//!
//! The level depends on the tag and on the environment:
//!
//! - A *floating* tag is an error everywhere except in development environments. Floating tags are
//!   `latest`, a missing tag, `main`, `stable`, `pr-12`, and every other tag that contains neither
//!   a version nor a commit.
//! - A version tag is an error in protected environments, and a warning in the environments that
//!   are promoted to them.
//! - In development environments nothing is reported.
//!
//! ## Why
//!
//! A tag can be overwritten. Staging tests one build, and production pulls another under the same
//! name. Even two pods of one Deployment can run different builds after a restart.
//!
//! ## Example
//!
//! ```yaml
//! images:
//!   - name: acme/api
//!     newTag: 1.5.0 # whatever 1.5.0 is on the day of the pull
//! ```
//!
//! ## Fix
//!
//! Add the digest that staging uses:
//!
//! ```yaml
//! images:
//!   - name: acme/api
//!     newTag: 1.5.0
//!     digest: sha256:0d1c…
//! ```
//!
//! If your registry makes tags immutable, lower the level of this rule in the configuration.
//!
//! ## Options
//!
//! - `floating`: further tags that are made to move: `floating: [edge, nightly]`.

use crate::config::{More, RuleOption, TextsOption};
use crate::finding::Severity;
use crate::kubernetes::image::{Image, floating};
use crate::kubernetes::image_use::ImageUse;
use crate::repo::Overlay;
use crate::rules::images::lost_digest;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink, Stage};
use crate::yaml::Origin;

/// The rule.
pub(super) struct MutableTag;

static METADATA: Metadata = Metadata {
    id: "mutable-tag",
    category: Category::Images,
    level: "error in protected environments and for floating tags; warning for version tags before them; off in dev",
    severity: Severity::Error,
    summary: "an image without a digest, so that another build can run under the same name",
    options: &[RuleOption::Texts(&FLOATING)],
    behavior: Metadata::USUAL,
    source: include_str!("mutable_tag.rs"),
};

static FLOATING: TextsOption = TextsOption {
    name: "floating",
    summary: "tags that count as floating besides `latest`, `main` and the like",
    default: &[],
    more: More::Tightens,
};

impl Rule for MutableTag {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        let stage = context.stage(overlay);
        if stage == Stage::Development {
            return;
        }
        let extra = context.config.texts(METADATA.id, &FLOATING);
        // one line may give several containers their image: that is one cause
        let mut causes: Vec<(Origin, Vec<&ImageUse>)> = Vec::new();
        for used in &context.facts(overlay).images {
            let image = used.image();
            // what is no reference at all is another rule's
            let readable = if used.direct {
                Image::parse(&used.text).is_ok()
            } else {
                !used.text.contains(['$', '{', '<'])
            };
            if image.digest.is_some()
                || !used.tag_known
                || !readable
                || lost_digest::is_reported(context, used)
            {
                continue;
            }
            match causes
                .iter_mut()
                .find(|(origin, _)| *origin == used.tag_origin)
            {
                Some((_, all)) => all.push(used),
                None => causes.push((used.tag_origin, vec![used])),
            }
        }
        for (origin, all) in causes {
            let Some(used) = all.first() else { continue };
            let image = used.image();
            let moves = floating(image.tag, &extra);
            let severity = match (stage, moves) {
                (Stage::Protected, _) | (_, true) => Severity::Error,
                (Stage::Proving, false) => Severity::Warning,
                (Stage::None | Stage::Development, false) => continue,
            };
            let environment = context
                .repo
                .environment(overlay)
                .map_or(String::new(), |environment| {
                    format!(" in {}", environment.name)
                });
            let what = if image.name.is_empty() {
                "the image".to_string()
            } else {
                format!("the image `{}`", image.name)
            };
            let why = match (image.tag, moves) {
                (None, _) => "has neither tag nor digest, so it is whatever `latest` is at the time of the pull".to_string(),
                (Some(tag), true) => format!("has the tag `{tag}`, which is made to move, and no digest"),
                (Some(tag), false) => format!("has the tag `{tag}` and no digest, so another build can take its place"),
            };
            let others = match all.len() {
                1 => String::new(),
                number => format!(" (and {} more)", number - 1),
            };
            let message = format!(
                "{} of {}{others}{environment}: {what} {why}",
                used.place,
                used.resource.name()
            );
            let help = if image.digest_as_tag().is_some() {
                "the tag looks like a digest: write it as one, `digest: sha256:…` in place of `newTag`, or behind `@sha256:`"
            } else if used.node.is_some() {
                "pin the digest that was tested, in `images` (`digest: sha256:…`) or behind the tag (`@sha256:…`)"
            } else {
                "pin the digest that was tested, behind the tag (`1.2.3@sha256:…`) or in the chart's value for it"
            };
            let mut draft = Draft::new(severity, origin, message)
                .help(help)
                .on(used.resource, used.pointer.clone());
            if used.name_origin.file != used.tag_origin.file {
                draft = draft.related(used.name_origin, "the image is named here");
            }
            sink.report(context, Some(overlay), draft);
        }
    }
}
