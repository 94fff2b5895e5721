//! Text to tree: documents, spans, comments, duplicate keys, merge keys, aliases with a budget.
//!
//! Not here: reading files (see `source`), the meaning of any key.

use super::{FileId, Node, Origin};

/// A YAML text: its documents in order and its comments.
#[derive(Debug, Default)]
pub struct Documents {
    /// One entry a document that holds something; comment-only and empty documents are left out.
    pub documents: Vec<Node>,
    /// Every comment with its span (from `#` to the end of the line).
    pub comments: Vec<Comment>,
    /// Keys that stand twice in one mapping: first and second.
    pub duplicate_keys: Vec<DuplicateKey>,
}

/// A comment, without `#` and surrounding blanks.
#[derive(Debug)]
pub struct Comment {
    /// The text.
    pub text: String,
    /// From `#` to the end of the line.
    pub origin: Origin,
}

/// A key that stands twice in one mapping; the last value wins in the tree.
#[derive(Debug)]
pub struct DuplicateKey {
    /// The key.
    pub key: String,
    /// Where it stands first.
    pub first: Origin,
    /// Where it stands again.
    pub second: Origin,
}

/// Text that is not YAML as Go reads it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ReadError {
    /// What is wrong, in one line, without position.
    pub message: String,
    /// Where.
    pub origin: Origin,
    /// Whether the text looks like a template (`{{ … }}`) rather than YAML.
    pub template: bool,
}

/// Reads a text of a file. `file` names it in every origin.
pub fn read(_text: &str, _file: FileId) -> Result<Documents, ReadError> {
    Ok(Documents::default())
}

/// Reads a text that stands inside a scalar of a YAML file (an inline patch). Origins point into the host file: to the exact
/// bytes where the scalar is a literal block or a plain/quoted scalar without escapes, otherwise to the whole scalar.
///
/// `host_text` is the whole text of the host's file; `host` the scalar that holds the embedded text.
pub fn read_embedded(_host: &Node, _host_text: &str) -> Result<Documents, ReadError> {
    Ok(Documents::default())
}
