//! # unscanned-image
//!
//! ## What
//!
//! An image of a protected environment without a scan for vulnerabilities that is good enough. The
//! rule is off until `evidence` in the configuration names the reports of your scanner. It reports an
//! image that
//!
//! - has no report for its digest, or no digest;
//! - has vulnerabilities that are as serious as `failOn`, or more;
//! - was scanned longer ago than `maxAge`.
//!
//! Of several reports the newest counts. With a base revision, reports at the base count as well. A
//! report that comes with the change is told as information, so that somebody looks at it.
//!
//! These formats are understood, as single documents or one after the other in a file:
//!
//! - `trivy image --format json` and `grype --output json`;
//! - SARIF that names the digest, as Trivy and Grype write it;
//! - in-toto statements with the predicate `vulns` of in-toto or `vuln` of cosign, plain or in an
//!   envelope (DSSE). Signatures are not verified.
//!
//! A file that cannot be read is an error. One that is something else, or names no digest, is told as
//! information.
//!
//! An image that production ran before passes with a warning, so that a rollback is possible.
//!
//! ## Why
//!
//! Staging shows that an image works, not that it is safe to run. A scan of another build, or of last
//! year, says nothing about it.
//!
//! ## Example
//!
//! ```yaml
//! evidence:
//!   paths: ["evidence/**/*.json"]
//!   failOn: high
//!   maxAge: 30d
//! ```
//!
//! ## Fix
//!
//! Scan the image again and commit the report, or promote a version without the vulnerabilities:
//!
//! ```sh
//! trivy image --format json --output evidence/api.json ghcr.io/acme/api@sha256:0d1c…
//! ```

use crate::calendar;
use crate::config::EvidenceSetting;
use crate::evidence::{Reason, Scan, Unused};
use crate::finding::{Cause, Severity};
use crate::history::VersionKey;
use crate::kubernetes::image_use::ImageUse;
use crate::repo::Overlay;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink, Stage};
use crate::wording;

/// The rule.
pub(super) struct UnscannedImage;

static METADATA: Metadata = Metadata {
    id: "unscanned-image",
    category: Category::Images,
    level: "error; off until `evidence` is configured",
    severity: Severity::Error,
    summary: "an image in production without a recent scan, or with serious vulnerabilities",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("unscanned_image.rs"),
};

/// The difference between clocks that is no mistake, in seconds.
const CLOCKS: i64 = 24 * 60 * 60;

impl Rule for UnscannedImage {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        let Some(setting) = &context.config.evidence else {
            return;
        };
        if context.stage(overlay) != Stage::Protected {
            return;
        }
        for used in &context.facts(overlay).images {
            if overlay.rendered.is_unknown(&used.text) {
                continue;
            }
            let digest = used.image().digest;
            let scan = digest.and_then(|digest| context.scan(&digest.to_ascii_lowercase()));
            if let Some(mut draft) = draft(context, setting, used, scan.map(|scan| &**scan)) {
                if ran_before(context, overlay, used) {
                    draft.severity = Severity::Warning;
                }
                sink.report(context, Some(overlay), draft);
            } else if let Some(scan) = scan.filter(|scan| comes_with_the_change(context, scan)) {
                let message = format!(
                    ": the scan of `{}` that lets it pass comes with this change",
                    used.name
                );
                let cause = Cause::new("new-scan").with(&used.name);
                let draft = Draft::new(Severity::Info, scan.origin, cause, message)
                    .help("make sure that your pipeline wrote the report")
                    .related(used.digest_origin, "the image");
                sink.report(context, Some(overlay), draft.of(used));
            }
        }
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        for unused in &context.evidence().unused {
            sink.report(context, None, unusable(unused));
        }
    }
}

/// Why the scan of an image is not good enough, if it is not.
fn draft(
    context: &Context,
    setting: &EvidenceSetting,
    used: &ImageUse,
    scan: Option<&Scan>,
) -> Option<Draft> {
    let name = &used.name;
    let error = |origin, cause, message| Draft::new(Severity::Error, origin, cause, message);
    if used.image().digest.is_none() {
        let message = format!(": no scan can prove `{name}`, because it has no digest");
        let draft = error(used.tag_origin, Cause::new("no-digest"), message);
        return Some(
            draft
                .help("add the digest, and commit the report of its scan")
                .of(used),
        );
    }
    let Some(scan) = scan else {
        let message = format!(": there is no scan of this digest of `{name}`");
        let draft = error(used.digest_origin, Cause::new("no-scan"), message);
        let help = "scan the image, and commit the report where `evidence` finds it";
        return Some(draft.help(help).of(used));
    };
    let (cause, message) =
        serious(setting, name, scan).or_else(|| outdated(context, setting, name, scan))?;
    let help = match &*cause.kind {
        "serious" => {
            "promote a version without them, or have the scanner leave out what is accepted"
        }
        _ => "scan the image again, and commit the report",
    };
    let draft = error(used.digest_origin, cause, message)
        .help(help)
        .related(scan.origin, format!("the report of {}", scan.scanner));
    Some(draft.of(used))
}

/// The vulnerabilities that are too serious.
fn serious(setting: &EvidenceSetting, name: &str, scan: &Scan) -> Option<(Cause, String)> {
    let serious = scan.found.iter();
    let serious = serious.filter(|one| one.severity >= setting.fail_on);
    let ids: Vec<&str> = serious.map(|one| one.id.as_str()).collect();
    if ids.is_empty() {
        return None;
    }
    let limit = setting.fail_on.as_str();
    let number = wording::count(ids.len(), "vulnerability");
    let shown = wording::listed(&ids, 3);
    let message = format!(": `{name}` has {number} of severity {limit} or above: {shown}");
    Some((Cause::new("serious").with(limit), message))
}

/// The age of a scan that is too old, or has a date that cannot be.
fn outdated(
    context: &Context,
    setting: &EvidenceSetting,
    name: &str,
    scan: &Scan,
) -> Option<(Cause, String)> {
    let (most, now) = (setting.max_age?, context.now.as_ref()?);
    let Some(time) = scan.time else {
        let message = format!(": the scan of `{name}` has no date, and `maxAge` is configured");
        return Some((Cause::new("undated"), message));
    };
    let age = now.timestamp().as_second() - time.as_second();
    if age < -CLOCKS {
        let message = format!(": the scan of `{name}` has a date in the future");
        return Some((Cause::new("future"), message));
    }
    (age > most).then(|| {
        let (age, most) = (calendar::spoken(age), calendar::spoken(most));
        let message = format!(": the scan of `{name}` is {age} old, but `maxAge` is {most}");
        (Cause::new("outdated"), message)
    })
}

/// True if the change brings an image back that the overlay ran before.
fn ran_before(context: &Context, overlay: &Overlay, used: &ImageUse) -> bool {
    let moved = context.moved_images(overlay);
    let is_moved = moved.iter().any(|moved| std::ptr::eq(*moved, used));
    let digest = used.image().digest.filter(|_| is_moved);
    digest.is_some_and(|digest| {
        let version = VersionKey::of_digest(digest);
        context.ran_before(overlay, overlay, &used.name, &version)
    })
}

fn comes_with_the_change(context: &Context, scan: &Scan) -> bool {
    let changed = context.changed;
    changed.is_some_and(|changed| changed.contains(&*scan.path))
}

/// A file that holds no scan that can be used.
fn unusable(unused: &Unused) -> Draft {
    let path = &unused.path;
    let (severity, kind, message, help) = match &unused.reason {
        Reason::Unreadable(why) => (
            Severity::Error,
            "unreadable",
            format!("the report `{path}` cannot be read: {why}"),
            "write it again, or correct `evidence.paths`",
        ),
        Reason::UnknownFormat => (
            Severity::Info,
            "unknown-format",
            format!("`{path}` is no report of a known format"),
            "write it as JSON with Trivy or Grype, as SARIF, or as an in-toto statement",
        ),
        Reason::NoDigest => (
            Severity::Info,
            "names-no-digest",
            format!("the report `{path}` names no digest, so it counts for no image"),
            "scan the image by its digest: NAME@sha256:…",
        ),
    };
    Draft::new(severity, unused.origin, Cause::new(kind), message).help(help)
}
