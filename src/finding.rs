//! What a check says: one problem with one place to edit, and everything a report needs to know about it.
//!
//! Here: the type, its builder, sorting, merging of one cause seen in several overlays, fingerprints.
//! Not here: wording (each rule), formats (`report`).

use crate::kustomize::ResourceId;
use crate::yaml::Origin;

/// How bad a finding is. `Error` fails the check by default.
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

/// One problem.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Id of the rule: `mutable-tag`, `policy/main/deny`.
    pub rule: String,
    /// After configuration was applied.
    pub severity: Severity,
    /// One sentence, lower case, no full stop.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The place to edit.
    pub origin: Origin,
    /// Other places.
    pub related: Vec<Related>,
    /// The app, when the finding belongs to one.
    pub app: Option<String>,
    /// The environment.
    pub environment: Option<String>,
    /// The variant.
    pub variant: Option<String>,
    /// Path of the overlay it was found in (the most protected one).
    pub overlay: Option<String>,
    /// Paths of the other overlays with the same cause.
    pub also_in: Vec<String>,
    /// The object.
    pub resource: Option<ResourceId>,
    /// RFC 6901 pointer into the object.
    pub path: Option<String>,
    /// Survives lines moving: 32 hexadecimal digits.
    pub fingerprint: String,
}
