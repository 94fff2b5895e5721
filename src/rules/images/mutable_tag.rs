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
//! - A version tag in a protected environment is an error if production uses digests: for at least
//!   half of the images of the same owner (`ghcr.io/acme`), for nine in ten of all images, for this
//!   image in some overlay, or for this image in this overlay at the base revision. Otherwise, and in
//!   earlier environments, it is a warning. To decide this, the rule looks at the first 50 protected
//!   overlays, sorted by path.
//! - In a protected environment, an OCI artifact with a floating tag is an error. A chart without a
//!   version, or with a version range, is a warning.
//! - In development environments nothing is reported. Version tags in `gotk-components.yaml` are
//!   never reported, because Flux generates that file.
//!
//! With a base revision, replacing one version tag with another is not a new finding. Replacing a
//! digest with a tag, or a version tag with a floating tag, is.
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

use std::cell::LazyCell;
use std::collections::BTreeSet;

use crate::config::{More, RuleOption, TextsOption};
use crate::finding::{Cause, Severity};
use crate::kubernetes::artifact::{self, Artifact};
use crate::kubernetes::image::{Image, floating};
use crate::kubernetes::image_use::ImageUse;
use crate::repo::Overlay;
use crate::rules::shared::digests;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink, Stage};

/// The rule.
pub(super) struct MutableTag;

static METADATA: Metadata = Metadata {
    id: "mutable-tag",
    category: Category::Images,
    level: "error for floating tags, and for version tags where production pins digests; else warning; off in dev",
    severity: Severity::Error,
    summary: "an image without a digest; another build can run under the same tag",
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
        let extra = METADATA.texts(context.config, &FLOATING);
        if stage == Stage::Protected {
            for artifact in artifact::of(&overlay.rendered) {
                if let Some(draft) = open_artifact(context, overlay, &artifact, &extra) {
                    sink.report(context, Some(overlay), draft);
                }
            }
        }
        let pinned_before = LazyCell::new(|| pinned_at_base(context, overlay));
        let images = context.facts(overlay).images.iter();
        for used in images.filter(|used| is_unpinned(context, used)) {
            let tag = Tag::of(used, &extra);
            let written = used.image().tag;
            if written.is_some_and(|tag| overlay.rendered.is_unknown(tag)) {
                continue;
            }
            if matches!(tag, Tag::Version(_)) && is_generated(context, used) {
                continue;
            }
            let expected = || {
                let place = (used.resource.original.name.clone(), used.place.clone());
                context.expects_digest(&used.name)
                    || pinned_before.names.contains(&used.name)
                    || pinned_before.places.contains(&place)
            };
            if let Some(severity) = severity(stage, &tag, expected) {
                sink.report(
                    context,
                    Some(overlay),
                    draft(context, overlay, used, tag, severity),
                );
            }
        }
    }
}

/// A chart or OCI artifact whose version can resolve to another build later.
fn open_artifact(
    context: &Context,
    overlay: &Overlay,
    artifact: &Artifact,
    extra: &[&str],
) -> Option<Draft> {
    let (name, version) = (&artifact.name, &artifact.version);
    if version.contains(['$', '{']) || artifact.resource.is_none() {
        return None;
    }
    let place = context.name_of(overlay);
    let (severity, kind, message) = if version == "*" {
        let message = format!("{place} pins no version of {name}, so it gets the newest one");
        (Severity::Warning, "any-version", message)
    } else if artifact::is_range(version) {
        let message = format!("{place} uses the version range `{version}` of {name}");
        (Severity::Warning, "version-range", message)
    } else if floating(Some(version), extra) {
        let message = format!("{place} uses the floating tag `{version}` of {name}");
        (Severity::Error, "floating-artifact", message)
    } else {
        return None;
    };
    let draft = Draft::new(
        severity,
        artifact.origin,
        // another range of the same chart is the same problem
        Cause::new(kind).with(name).standing(),
        message,
    )
    .help("set one exact version, or the digest of an OCI artifact");
    Some(match artifact.resource {
        Some(resource) => draft.on(resource, ""),
        None => draft,
    })
}

/// The tag of an image without a digest.
enum Tag<'u> {
    Missing,
    Floating(&'u str),
    Version(&'u str),
}

impl<'u> Tag<'u> {
    fn of(used: &'u ImageUse, extra: &[&str]) -> Tag<'u> {
        let tag = used.image().tag;
        match tag {
            None => Tag::Missing,
            Some(name) if floating(tag, extra) => Tag::Floating(name),
            Some(name) => Tag::Version(name),
        }
    }
}

/// True if this rule judges an image: a valid reference without a digest that no other rule
/// reports.
fn is_unpinned(context: &Context, used: &ImageUse) -> bool {
    let readable = if used.direct {
        Image::parse(&used.text).is_ok()
    } else {
        !used.text.contains(['$', '{', '<'])
    };
    used.image().digest.is_none()
        && used.tag_known
        && readable
        && !digests::is_reported_as_lost(context, used)
}

fn severity(stage: Stage, tag: &Tag, expected: impl FnOnce() -> bool) -> Option<Severity> {
    match (stage, tag) {
        (_, Tag::Missing | Tag::Floating(_)) => Some(Severity::Error),
        (Stage::Protected, Tag::Version(_)) if expected() => Some(Severity::Error),
        (Stage::Protected | Stage::Proving, Tag::Version(_)) => Some(Severity::Warning),
        (Stage::None | Stage::Development, Tag::Version(_)) => None,
    }
}

/// The images that an overlay pinned at the base revision.
#[derive(Default)]
struct Pinned {
    names: BTreeSet<String>,
    /// The objects and the places in them, whatever the name of the image.
    places: BTreeSet<(String, String)>,
}

fn pinned_at_base(context: &Context, overlay: &Overlay) -> Pinned {
    let mut pinned = Pinned::default();
    for used in context.images_at_base(overlay) {
        if used.image().digest.is_some() {
            let object = used.resource.original.name.clone();
            pinned.places.insert((object, used.place));
            pinned.names.insert(used.name);
        }
    }
    pinned
}

/// True if the image stands in the file that `flux bootstrap` writes and updates itself.
fn is_generated(context: &Context, used: &ImageUse) -> bool {
    let path = &context.repo.files.get(used.tag_origin.file).path;
    path.rsplit('/').next() == Some("gotk-components.yaml")
}

fn draft(
    context: &Context,
    overlay: &Overlay,
    used: &ImageUse,
    tag: Tag,
    severity: Severity,
) -> Draft {
    let place = context
        .repo
        .environment(overlay)
        .map_or(String::new(), |environment| {
            format!(" in {}", environment.name)
        });
    // a chart's value may hold the tag alone, and the chart fills in the name
    let name = Some(used.image().name).filter(|name| !name.is_empty());
    let image = name.map_or("an image".to_string(), |name| format!("`{name}`"));
    let of_image = name.map_or(String::new(), |name| format!(" of `{name}`"));
    let (kind, problem) = match tag {
        Tag::Missing => (
            "no-tag",
            format!("uses {image} without a tag or a digest, which pulls whatever is `latest`"),
        ),
        Tag::Floating(tag) => (
            "floating-tag",
            format!("uses the floating tag `{tag}`{of_image} without a digest"),
        ),
        Tag::Version(tag) => (
            "version-tag",
            format!("uses {image} without a digest; tag `{tag}` can be overwritten"),
        ),
    };
    let cause = match tag {
        // moving on to another version is not a new problem
        Tag::Version(_) => Cause::new(kind).with(used.image().name).standing(),
        Tag::Missing | Tag::Floating(_) => Cause::new(kind),
    };
    let message = format!("{place} {problem}");
    let draft = Draft::new(severity, used.tag_origin, cause, message)
        .help(help(used))
        .of(used);
    if used.name_origin.file == used.tag_origin.file {
        return draft;
    }
    draft.related(used.name_origin, "the image is named here")
}

fn help(used: &ImageUse) -> &'static str {
    if used.image().digest_as_tag().is_some() {
        "the tag looks like a digest: write it as `digest: sha256:…` instead of `newTag`, or after `@sha256:`"
    } else if used.node.is_some() {
        "pin the digest that was tested: add `digest: sha256:…` to the `images` entry, or `@sha256:…` after the tag"
    } else {
        "pin the digest that was tested: add `@sha256:…` after the tag, or set the chart's value for the digest"
    }
}
