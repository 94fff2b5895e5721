//! Edits of YAML files by byte range. Comments, quotes, order and line ends stay as they are.
//!
//! [`edited`] applies [`Edit`]s to a text and reads the result again: it differs from the original
//! in the edited values only, or there is no result. `layout` finds where to write and in which
//! form, `predict` says what the edited tree must be, `scalar` writes one value, `write` puts files
//! on disk.
//!
//! Not here: which values to edit (`promote`, `rules`).
#![warn(unreachable_pub)]

mod layout;
mod predict;
mod scalar;
pub mod write;

use std::ops::Range;

use crate::yaml::{FileId, Node, Origin, read};

/// The bytes of a key or value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl From<Origin> for Span {
    fn from(origin: Origin) -> Span {
        Span {
            start: origin.start,
            end: origin.end,
        }
    }
}

/// One edit of a file. Spans are those of the text before all edits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Edit {
    /// Gives a scalar another text: `newTag: v1` becomes `newTag: v2`.
    Set {
        /// The scalar.
        value: Span,
        /// Its new text, which stays a string.
        text: String,
    },
    /// Adds a key with a string to a map, behind another key.
    Insert {
        /// The map.
        map: Span,
        /// The key before it.
        after: String,
        /// The new key.
        key: String,
        /// Its value.
        text: String,
    },
    /// Removes a key with its value.
    Remove {
        /// The map.
        map: Span,
        /// The key.
        key: String,
    },
    /// Adds a map of strings to the end of a list.
    Append {
        /// The list.
        list: Span,
        /// The keys and values of the new item.
        entries: Vec<(String, String)>,
    },
    /// Adds a key with a list of one map to a map, at its end.
    AddList {
        /// The map.
        map: Span,
        /// The new key.
        key: String,
        /// The keys and values of the only item.
        entries: Vec<(String, String)>,
    },
    /// Removes an item of a list that has others.
    RemoveItem {
        /// The list.
        list: Span,
        /// The item.
        item: Span,
    },
    /// Replaces bytes of a file that is not YAML: a Markdown table, an env file.
    Replace {
        /// The bytes.
        bytes: Span,
        /// The text in their place.
        text: String,
    },
}

/// Why edits cannot be made. The file stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text cannot be read as YAML, before or after the edits.
    #[error("it is not valid YAML: {0}")]
    Unreadable(String),
    /// Nothing has the span of an edit.
    #[error("the value to edit was not found")]
    NotFound,
    /// Two edits concern the same bytes.
    #[error("two edits concern the same value")]
    Overlapping,
    /// The value cannot be written in the form that the file has there.
    #[error("{0}")]
    Form(&'static str),
    /// The edited text would differ in more than the edited values.
    #[error("the edit would change other values of the file as well")]
    ChangesMore,
}

/// A replacement of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Replacement {
    range: Range<usize>,
    text: String,
}

/// A text with edits. All of it but the edited values is the same, byte by byte.
pub fn edited(text: &str, edits: &[Edit]) -> Result<String, EditError> {
    let documents = parsed_for(text, edits)?;
    checked(text, &documents, edits).map(|(result, _)| result)
}

/// The documents of a text, if edits need them. Edits of bytes do not.
pub fn parsed_for(text: &str, edits: &[Edit]) -> Result<Vec<Node>, EditError> {
    let is_plain = |edit: &Edit| matches!(edit, Edit::Replace { .. });
    if edits.iter().all(is_plain) {
        return Ok(Vec::new());
    }
    read_all(text)
}

/// The bytes that edits replace, each with what takes its place, after the checks of [`edited`].
/// `documents` are those of the text.
pub fn replacements(
    text: &str,
    documents: &[Node],
    edits: &[Edit],
) -> Result<Vec<(Range<usize>, String)>, EditError> {
    let (_, found) = checked(text, documents, edits)?;
    Ok(ranges(found))
}

/// The bytes that edits replace which change the structure of a text, such as another name of a key.
/// The result is read again, but not compared; the caller has to know that it means the same.
pub fn rewriting(text: &str, edits: &[Edit]) -> Result<Vec<(Range<usize>, String)>, EditError> {
    let documents = parsed_for(text, edits)?;
    let found = all_replacements(text, &documents, edits)?;
    read_all(&applied(text, &found)?)?;
    Ok(ranges(found))
}

fn ranges(found: Vec<Replacement>) -> Vec<(Range<usize>, String)> {
    let found = found.into_iter();
    found.map(|one| (one.range, one.text)).collect()
}

fn checked(
    text: &str,
    documents: &[Node],
    edits: &[Edit],
) -> Result<(String, Vec<Replacement>), EditError> {
    let replacements = all_replacements(text, documents, edits)?;
    let result = applied(text, &replacements)?;
    if !documents.is_empty() {
        let expected = predict::documents(text, documents, edits)?;
        let found = read_all(&result)?;
        let same = |(one, other): (&Node, &Node)| one.same_value(other);
        if expected.len() != found.len() || !expected.iter().zip(&found).all(same) {
            return Err(EditError::ChangesMore);
        }
    }
    Ok((result, replacements))
}

fn all_replacements(
    text: &str,
    documents: &[Node],
    edits: &[Edit],
) -> Result<Vec<Replacement>, EditError> {
    let edits = edits.iter();
    edits
        .map(|edit| layout::replacement(text, documents, edit))
        .collect()
}

fn read_all(text: &str) -> Result<Vec<Node>, EditError> {
    match read::read(text, FileId(0)) {
        Ok(documents) if documents.duplicate_keys.is_empty() => Ok(documents.documents),
        Ok(_) => Err(EditError::Unreadable("a key is defined twice".to_string())),
        Err(error) => Err(EditError::Unreadable(error.message)),
    }
}

/// The replacements from the last to the first, so that the offsets before them stay valid.
fn applied(text: &str, replacements: &[Replacement]) -> Result<String, EditError> {
    let mut replacements: Vec<&Replacement> = replacements.iter().collect();
    // edits at one place keep their order: a tag, then a digest behind the same key
    replacements.sort_by_key(|replacement| (replacement.range.start, replacement.range.end));
    let mut result = String::with_capacity(text.len() + 256);
    let mut done = 0;
    for Replacement { range, text: new } in replacements {
        if range.start < done {
            return Err(EditError::Overlapping);
        }
        result.push_str(text.get(done..range.start).ok_or(EditError::NotFound)?);
        result.push_str(new);
        done = range.end;
    }
    result.push_str(text.get(done..).ok_or(EditError::NotFound)?);
    Ok(result)
}

#[cfg(test)]
mod tests;
