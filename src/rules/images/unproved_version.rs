//! # unproved-version
//!
//! ## What
//!
//! A change gives production a new tag, chart version, OCI artifact or `?ref=` of a remote base
//! that the previous environment has never run: it does not use the version now, and Git shows no
//! use of it at the base revision or earlier. The rule needs a base revision (`--base`).
//!
//! Going back to a version that production itself ran before is fine. So is a version that the same
//! change gives to both environments. `digest-mismatch` checks digests, and `mutable-tag` reports
//! floating tags and version ranges.
//!
//! It is an error if the previous environment ran the version that production had until now: then
//! this repository promotes such versions from one environment to the next. Otherwise it is a
//! warning.
//!
//! ## Why
//!
//! Staging tested one version, and production gets another.
//!
//! ## Example
//!
//! ```yaml
//! # staging has v1.4, and never had v2.0
//! resources:
//!   - https://github.com/acme/bases//api?ref=v2.0
//! ```
//!
//! ## Fix
//!
//! Deploy the version to the previous environment first. Promote it once it has run there.

use crate::finding::{Cause, Severity};
use crate::history::{self, Gap, Version, VersionKey};
use crate::kubernetes::{artifact, image};
use crate::repo::Overlay;
use crate::rules::engine::context::proofs::unproved;
use crate::rules::{Category, Context, Draft, Metadata, MovedVersion, Rule, Sink};
use crate::wording;

/// The rule.
pub(super) struct UnprovedVersion;

static METADATA: Metadata = Metadata {
    id: "unproved-version",
    category: Category::Images,
    level: "error where production's previous version ran in the environment before, else warning; needs a base revision",
    severity: Severity::Error,
    summary: "a tag, chart version or reference in production that the environment before it never ran",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("unproved_version.rs"),
};

impl Rule for UnprovedVersion {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_pair(&self, context: &Context, from: &Overlay, to: &Overlay, sink: &mut Sink) {
        if !context.repo.protected(to) || context.base.is_none() || context.is_of_base(from) {
            return;
        }
        let moved = context.moved_versions(to);
        if moved.is_empty() {
            return;
        }
        let staged = history::images(&from.rendered, context.repo);
        for moved in moved {
            let Some(theirs) = staged.get(&moved.name) else {
                continue;
            };
            let tag = moved.version.tag.as_deref().unwrap_or_default();
            let has = |version: &Version| version.tag == moved.version.tag;
            if is_open(tag)
                || theirs.iter().any(has)
                || context.ran_before(
                    from,
                    to,
                    &moved.name,
                    &VersionKey::of(&moved.name, &moved.version),
                )
            {
                continue;
            }
            let mut before = moved.before.iter();
            let promotes = before.any(|version| {
                context.is_proved(from, to, &moved.name, &VersionKey::of(&moved.name, version))
            });
            let severity = if promotes {
                Severity::Error
            } else {
                Severity::Warning
            };
            let theirs: Vec<String> = theirs.iter().map(Version::to_string).collect();
            let draft = draft(context, (from, to), &moved, &theirs, severity);
            sink.report(context, Some(to), draft);
        }
    }
}

/// True if a version can resolve to another build later: a range or a floating tag.
fn is_open(version: &str) -> bool {
    artifact::is_range(version)
        || version.contains(['$', '{'])
        || image::floating(Some(version), &[])
}

fn draft(
    context: &Context,
    (from, to): (&Overlay, &Overlay),
    moved: &MovedVersion,
    theirs: &[String],
    severity: Severity,
) -> Draft {
    let (earlier, later) = (context.side(from), context.side(to));
    let (name, version) = (shown(&moved.name), &moved.version);
    let message = format!(
        "{later} gets `{version}` of {name}, which {earlier} never ran; {earlier} has `{}`",
        wording::listed(theirs, 3)
    );
    let gap = context.gap(from);
    let severity = unproved(gap.as_ref(), severity);
    let help = match gap {
        Some(Gap::Clone(reason)) => format!("{reason}; this clone does not have the whole history"),
        Some(gap) => format!("check that {earlier} ran it: {}", gap.reason()),
        None => format!("deploy it to {earlier} first, then promote it"),
    };
    let cause = Cause::new("never-ran").with(&moved.name).with(version);
    let mut draft = Draft::new(severity, moved.origin, cause, message).help(help);
    draft.resource = moved.resource.map(|resource| resource.id());
    draft
}

/// A name as messages write it: an image in backticks, anything else with its kind before it.
fn shown(name: &str) -> String {
    if name.contains('`') {
        name.to_string()
    } else {
        format!("`{name}`")
    }
}
