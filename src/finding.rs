//! The findings of a check: one problem with one place to edit, and everything a report needs to
//! know about it.
//!
//! Here: the type, its identity ([`Cause`], [`Identity`]), the one place that turns an origin into
//! a file, a line and a column ([`Location::resolve`]), and the total order of findings. Not here:
//! wording (each rule), merging and suppressions (`check`), formats (`report`).

use std::borrow::Cow;
use std::sync::Arc;

use crate::kustomize::ResourceId;
use crate::source::{Files, SourceFile};
use crate::yaml::Origin;

/// The severity of a finding. `Error` fails the check by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Probably a mistake.
    Warning,
    /// Must not be merged.
    Error,
}

impl Severity {
    /// Every severity, the least first.
    pub const ALL: [Severity; 3] = [Severity::Info, Severity::Warning, Severity::Error];

    /// The word in every format.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// Another place that plays a part, with a label such as "the base sets it here".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// The label.
    pub message: String,
    /// The place.
    pub origin: Origin,
}

/// The subject of a finding, as data. Findings are merged, compared with the base and accepted by a
/// baseline by their cause, so that a reworded message does not make an old finding new.
///
/// Names that differ between overlays of one cause (environment, overlay, app) do not belong here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cause {
    /// Which of the problems that the rule knows: `floating-tag`.
    pub kind: Cow<'static, str>,
    /// The keys, names or values that make it this problem and not another one of its kind.
    pub facts: Vec<String>,
    /// True if the problem stays the same while the text at its place and its severity change: an
    /// image without a digest is the same problem after its version tag moved from 1.4 to 1.5.
    pub standing: bool,
}

impl Cause {
    /// A problem that its kind alone identifies, at its place.
    pub fn new(kind: impl Into<Cow<'static, str>>) -> Cause {
        Cause {
            kind: kind.into(),
            facts: Vec::new(),
            standing: false,
        }
    }

    /// Makes the text at its place and its severity no part of the problem.
    #[must_use]
    pub fn standing(mut self) -> Cause {
        self.standing = true;
        self
    }

    /// Adds a key, name or value.
    #[must_use]
    pub fn with(mut self, fact: impl ToString) -> Cause {
        self.facts.push(fact.to_string());
        self
    }
}

impl<'f> Identity<'f> {
    /// The identity among the findings of one place: one line may be the cause for several objects.
    #[must_use]
    pub fn of_place(self) -> Identity<'f> {
        Identity {
            object: None,
            pointer: None,
            ..self
        }
    }

    /// The identity without what the rule says about the cause.
    #[must_use]
    pub fn whatever_the_cause(self) -> Identity<'f> {
        Identity {
            cause: None,
            ..self
        }
    }
}

/// The overlay that a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OverlayRef {
    /// Folder relative to the repo root.
    pub path: String,
    /// The app.
    pub app: String,
    /// The environment.
    pub environment: Option<String>,
    /// The variant.
    pub variant: Option<String>,
}

/// The description that a policy gives of itself, for reports that describe rules apart from findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleDescription {
    /// The id of the rule.
    pub id: String,
    /// A few words.
    pub title: Option<String>,
    /// A few sentences.
    pub description: Option<String>,
    /// The advice.
    pub help: Option<String>,
    /// An address with more.
    pub link: Option<String>,
}

/// One problem.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Id of the rule: `mutable-tag`, `policy/main/deny`.
    pub rule: String,
    /// After configuration was applied.
    pub severity: Severity,
    /// Its subject, as data.
    pub cause: Cause,
    /// One sentence, lower case, no full stop.
    pub message: String,
    /// The advice.
    pub help: Option<String>,
    /// The place to edit.
    pub origin: Origin,
    /// Other places.
    pub related: Vec<Related>,
    /// The overlay it was found in (the most protected one); `None` when it is about the repo.
    pub overlay: Option<Arc<OverlayRef>>,
    /// Paths of the other overlays with the same cause.
    pub also_in: Vec<String>,
    /// The object.
    pub resource: Option<ResourceId>,
    /// RFC 6901 pointer into the object.
    pub path: Option<String>,
    /// True if only the earlier one of two environments changed: it goes ahead of what is promoted
    /// later.
    pub ahead: bool,
    /// Survives lines moving: 32 hexadecimal digits.
    pub fingerprint: String,
}

/// The identity of a finding among those of its revision: everything but its wording,
/// severity, place and overlay.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity<'f> {
    rule: &'f str,
    cause: Option<&'f Cause>,
    object: Option<ObjectIdentity<'f>>,
    pointer: Option<&'f str>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct ObjectIdentity<'f> {
    api_version: &'f str,
    kind: &'f str,
    namespace: Option<&'f str>,
    /// Without the hash of its content: `settings` for `settings-5h2k9d8m7c`.
    name: &'f str,
}

impl Identity<'_> {
    /// The same about an object of any name.
    pub fn without_name(self) -> Self {
        let object = self.object.map(|object| ObjectIdentity {
            namespace: None,
            name: "",
            ..object
        });
        Identity { object, ..self }
    }
}

impl Finding {
    /// A finding about the repo, without help.
    pub fn new(
        rule: &str,
        severity: Severity,
        origin: Origin,
        cause: Cause,
        message: impl Into<String>,
    ) -> Finding {
        Finding {
            rule: rule.to_string(),
            severity,
            cause,
            message: message.into(),
            help: None,
            origin,
            related: Vec::new(),
            overlay: None,
            also_in: Vec::new(),
            resource: None,
            path: None,
            ahead: false,
            fingerprint: String::new(),
        }
    }

    /// The identity that it is compared by.
    pub fn identity(&self) -> Identity<'_> {
        Identity {
            rule: &self.rule,
            cause: Some(&self.cause),
            object: self.resource.as_ref().map(|id| ObjectIdentity {
                api_version: &id.api_version,
                kind: &id.kind,
                namespace: id.namespace.as_deref(),
                name: id.lasting_name(),
            }),
            pointer: self.path.as_deref(),
        }
    }

    /// Path of the overlay it was found in.
    pub fn overlay_path(&self) -> Option<&str> {
        self.overlay.as_deref().map(|overlay| overlay.path.as_str())
    }

    /// Name of the environment it was found in.
    pub fn environment(&self) -> Option<&str> {
        self.overlay.as_deref()?.environment.as_deref()
    }
}

/// A place as people and programs read it. Lines and columns are 1-based, columns count Unicode
/// characters, ends are exclusive.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// Path relative to the repo root.
    pub file: Arc<str>,
    /// First line.
    pub line: usize,
    /// First column.
    pub column: usize,
    /// Line of the end.
    pub end_line: usize,
    /// Column one past the end.
    pub end_column: usize,
    /// First byte.
    pub byte_start: usize,
    /// One past the last byte.
    pub byte_end: usize,
    /// The Git revision, unless it is the head.
    pub revision: Option<Arc<str>>,
}

impl Location {
    /// The place of an origin. Trailing line ends are left out, so that the span of a block ends
    /// where its text ends.
    pub fn resolve(files: &Files, origin: Origin) -> Location {
        let file = files.get(origin.file);
        let floor = |offset: u32| {
            let mut offset = (offset as usize).min(file.text.len());
            while !file.text.is_char_boundary(offset) {
                offset -= 1;
            }
            offset
        };
        let start = floor(origin.start);
        let end = floor(origin.end).max(start);
        let end = start
            + file
                .text
                .get(start..end)
                .map_or(0, |span| span.trim_end_matches(['\n', '\r', ' ']).len());
        let (from, to) = (file.position(start as u32), file.position(end as u32));
        Location {
            file: file.path_in_revision(),
            line: from.line,
            column: from.column,
            end_line: to.line,
            end_column: to.column,
            byte_start: start,
            byte_end: end,
            revision: file.revision.clone(),
        }
    }
}

impl std::fmt::Display for Location {
    /// `FILE:LINE:COLUMN`
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// The edit that resolves a finding which has one right answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// The edit, as an instruction: `remove the entry`.
    pub title: String,
    /// The bytes that it replaces.
    pub replacements: Vec<Replacement>,
    /// True if every overlay renders to the same objects afterwards.
    pub neutral: bool,
}

/// Bytes of a file, and what takes their place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// Path relative to the repo root.
    pub file: Arc<str>,
    /// The bytes.
    pub bytes: std::ops::Range<usize>,
    /// Line and column of the first byte.
    pub from: (usize, usize),
    /// Line and column one past the last byte.
    pub to: (usize, usize),
    /// The text in their place.
    pub text: String,
}

impl Replacement {
    /// Resolves the lines and columns of bytes.
    pub fn new(file: &SourceFile, bytes: std::ops::Range<usize>, text: String) -> Replacement {
        let at = |offset: usize| {
            let position = file.position(offset as u32);
            (position.line, position.column)
        };
        Replacement {
            file: file.path.clone(),
            from: at(bytes.start),
            to: at(bytes.end),
            bytes,
            text,
        }
    }
}

/// A finding with its places resolved, as reports take it.
#[derive(Clone, Debug)]
pub struct Located {
    /// The finding.
    pub finding: Finding,
    /// Where to edit.
    pub location: Location,
    /// The places of [`Finding::related`], in the same order.
    pub related: Vec<Location>,
    /// The edit that resolves it, if that was asked for and there is one.
    pub fix: Option<Fix>,
}

impl Located {
    /// Resolves every place of a finding.
    pub fn new(finding: Finding, files: &Files) -> Located {
        let location = Location::resolve(files, finding.origin);
        let related = finding
            .related
            .iter()
            .map(|related| Location::resolve(files, related.origin))
            .collect();
        Located {
            finding,
            location,
            related,
            fix: None,
        }
    }

    /// The total order of findings: file, line, column, rule, cause, then what tells equal causes
    /// apart. The message comes last, so that a reworded one does not change the order.
    pub fn order(&self, other: &Located) -> std::cmp::Ordering {
        fn key(located: &Located) -> impl Ord + '_ {
            let (place, finding) = (&located.location, &located.finding);
            (
                (
                    &place.file,
                    place.line,
                    place.column,
                    &finding.rule,
                    &finding.cause,
                ),
                (
                    &finding.overlay,
                    &finding.resource,
                    &finding.path,
                    place.byte_end,
                    &place.revision,
                    &finding.message,
                ),
            )
        }
        key(self).cmp(&key(other))
    }
}
