//! `json`, version 1: a stable format of findings for programs. The types in this file define the
//! format, so that the internal types can change freely. Other commands use [`location`] and
//! [`resource`] for their JSON as well.

use std::io::{self, Write};

use serde::Serialize;

use super::url;
use crate::check::Outcome;
use crate::finding::{Located, Location};
use crate::kustomize::ResourceId;

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    tool: Tool,
    summary: Summary,
    overlays: Vec<Overlay<'a>>,
    unseen: Vec<Unseen<'a>>,
    findings: Vec<Finding<'a>>,
}

/// Something that was not judged.
#[derive(Serialize)]
struct Unseen<'a> {
    kind: &'static str,
    name: &'a str,
    location: Place<'a>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Summary {
    overlays: usize,
    apps: usize,
    files: usize,
    errors: usize,
    warnings: usize,
    infos: usize,
    suppressed: usize,
}

#[derive(Serialize)]
struct Overlay<'a> {
    path: &'a str,
    app: &'a str,
    environment: Option<&'a str>,
    variant: Option<&'a str>,
    complete: bool,
}

#[derive(Serialize)]
struct Finding<'a> {
    rule: &'a str,
    severity: &'static str,
    message: &'a str,
    help: Option<&'a str>,
    app: Option<&'a str>,
    environment: Option<&'a str>,
    variant: Option<&'a str>,
    overlay: Option<&'a str>,
    also_in: &'a [String],
    resource: Option<Resource<'a>>,
    path: Option<&'a str>,
    location: Place<'a>,
    related: Vec<Related<'a>>,
    fingerprint: &'a str,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<Fix<'a>>,
}

/// The edit that resolves a finding.
#[derive(Serialize)]
struct Fix<'a> {
    title: &'a str,
    edits: Vec<Edit<'a>>,
}

#[derive(Serialize)]
struct Edit<'a> {
    file: &'a str,
    byte_start: usize,
    byte_end: usize,
    text: &'a str,
}

fn fix(fix: &crate::finding::Fix) -> Fix<'_> {
    let edits = fix.replacements.iter().map(|one| Edit {
        file: &one.file,
        byte_start: one.bytes.start,
        byte_end: one.bytes.end,
        text: &one.text,
    });
    Fix {
        title: &fix.title,
        edits: edits.collect(),
    }
}

/// An object in JSON.
#[derive(Serialize)]
pub struct Resource<'a> {
    #[serde(rename = "apiVersion")]
    api_version: &'a str,
    kind: &'a str,
    namespace: Option<&'a str>,
    name: &'a str,
}

/// A location in JSON.
#[derive(Serialize)]
pub struct Place<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    byte_start: usize,
    byte_end: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<&'a str>,
}

#[derive(Serialize)]
struct Related<'a> {
    message: &'a str,
    location: Place<'a>,
}

/// A location as every command's JSON shows it.
pub fn location(location: &Location) -> Place<'_> {
    Place {
        file: &location.file,
        line: location.line,
        column: location.column,
        end_line: location.end_line,
        end_column: location.end_column,
        byte_start: location.byte_start,
        byte_end: location.byte_end,
        revision: location.revision.as_deref(),
    }
}

/// An object as every command's JSON shows it.
pub fn resource(id: &ResourceId) -> Resource<'_> {
    Resource {
        api_version: &id.api_version,
        kind: &id.kind,
        namespace: id.namespace.as_deref(),
        name: &id.name,
    }
}

fn finding(located: &Located) -> Finding<'_> {
    let finding = &located.finding;
    let overlay = finding.overlay.as_deref();
    let related = finding.related.iter().zip(&located.related);
    Finding {
        rule: &finding.rule,
        severity: finding.severity.as_str(),
        message: &finding.message,
        help: finding.help.as_deref(),
        app: overlay.map(|overlay| overlay.app.as_str()),
        environment: finding.environment(),
        variant: overlay.and_then(|overlay| overlay.variant.as_deref()),
        overlay: finding.overlay_path(),
        also_in: &finding.also_in,
        resource: finding.resource.as_ref().map(resource),
        path: finding.path.as_deref(),
        location: location(&located.location),
        related: related
            .map(|(related, place)| Related {
                message: &related.message,
                location: location(place),
            })
            .collect(),
        fingerprint: &finding.fingerprint,
        url: url(&finding.rule),
        fix: located.fix.as_ref().map(fix),
    }
}

pub(super) fn write(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let counts = &outcome.counts;
    let report = Report {
        version: 1,
        tool: Tool {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
        },
        summary: Summary {
            overlays: outcome.overlays.len(),
            apps: counts.apps,
            files: counts.files,
            errors: counts.errors,
            warnings: counts.warnings,
            infos: counts.infos,
            suppressed: counts.suppressed,
        },
        overlays: outcome
            .overlays
            .iter()
            .map(|checked| Overlay {
                path: &checked.overlay.path,
                app: &checked.overlay.app,
                environment: checked.overlay.environment.as_deref(),
                variant: checked.overlay.variant.as_deref(),
                complete: checked.complete,
            })
            .collect(),
        unseen: outcome
            .unseen
            .iter()
            .map(|(unseen, at)| Unseen {
                kind: unseen.kind.as_str(),
                name: &unseen.name,
                location: location(at),
            })
            .collect(),
        findings: outcome.findings.iter().map(finding).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &report)?;
    writeln!(out)
}
