//! Why a text cannot be read, and where.

use std::ops::Range;

use super::limits::MAX_DEPTH;
use crate::yaml::Origin;

/// Text that Go's YAML does not accept.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ReadError {
    /// The problem, in one line, without position.
    pub message: String,
    /// Where.
    pub origin: Origin,
    /// True if the text looks like a template (`{{ … }}`) rather than YAML.
    pub template: bool,
}

/// A [`ReadError`] before its file is known: the message and the bytes.
pub(super) struct Failure {
    pub(super) message: String,
    pub(super) span: Range<usize>,
}

impl Failure {
    pub(super) fn new(message: impl Into<String>, span: Range<usize>) -> Failure {
        Failure {
            message: message.into(),
            span,
        }
    }

    pub(super) fn too_deep(span: Range<usize>) -> Failure {
        Failure::new(
            format!("maps and lists nest deeper than {MAX_DEPTH} levels"),
            span,
        )
    }

    /// `? [a, b]`
    pub(super) fn complex_key(span: Range<usize>) -> Failure {
        Failure::new("a key must be a string, not a map or list", span)
    }

    pub(super) fn bad_merge(span: Range<usize>) -> Failure {
        Failure::new("the merge key `<<` needs a map or a list of maps", span)
    }

    pub(super) fn repeated_merge(span: Range<usize>) -> Failure {
        Failure::new("the map has the merge key `<<` twice", span)
    }
}

pub(super) fn looks_like_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}
