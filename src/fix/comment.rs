//! Removes suppression comments that have no effect.

use super::Answer;
use crate::edit::{Edit, Span};
use crate::source::SourceFile;
use crate::yaml::Origin;

/// The removal of a comment that names one rule, with its line if nothing else is on it.
pub(super) fn removed(file: &SourceFile, origin: Origin) -> Option<Answer> {
    let text = &*file.text;
    let (start, end) = (origin.start as usize, origin.end as usize);
    let comment = text.get(start..end)?;
    // other rules of the comment may still be needed
    if !comment.starts_with('#') || comment.contains(',') || comment.contains('\n') {
        return None;
    }
    let line_start = text.get(..start)?.rfind('\n').map_or(0, |at| at + 1);
    let before = text.get(line_start..start)?;
    let rest = text.get(end..)?;
    let line_end = rest.find('\n').map_or(text.len(), |at| end + at + 1);
    let is_alone = before.trim_start_matches('\u{feff}').trim().is_empty();
    let (start, end) = if is_alone {
        (line_start, line_end)
    } else {
        (line_start + before.trim_end().len(), end)
    };
    let edit = Edit::Replace {
        bytes: Span {
            start: start as u32,
            end: end as u32,
        },
        text: String::new(),
    };
    Some(Answer::new("remove the comment", &file.path, edit))
}
