//! The lines of files that a report shows around its places: places of one file that are near to
//! each other share a window, and long lines are cut.

use super::push_printable;
use super::{count, printable};
use crate::finding::{Located, Location};
use crate::source::Files;
use crate::wording::short_digests;
use crate::yaml::FileId;

/// Characters kept before a label in a line that is cut.
const LEAD: usize = 40;

/// A place to draw.
pub(super) struct Mark<'a> {
    pub(super) file: FileId,
    pub(super) location: &'a Location,
    pub(super) text: Option<String>,
}

impl<'a> Mark<'a> {
    /// The places of a finding.
    pub(super) fn all(located: &'a Located) -> Vec<Mark<'a>> {
        let related = located.finding.related.iter().zip(&located.related);
        let related = related
            .map(|(related, location)| (related.message.as_str(), related.origin.file, location));
        marks((located.finding.origin.file, &located.location), related)
    }
}

/// Keeps the first places. The last of them says how many there are besides.
pub(super) fn cut(marks: &mut Vec<Mark>, most: usize) {
    let more = marks.len().saturating_sub(most);
    marks.truncate(most);
    if let Some(last) = marks.last_mut().filter(|_| more > 0) {
        let text = last.text.take().unwrap_or_default();
        last.text = Some(format!("{text} (and {})", count(more, "more place")));
    }
}

/// Lines of a file, with the places in them.
pub(super) struct Window<'a> {
    pub(super) file: FileId,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) marks: Vec<Mark<'a>>,
}

/// The windows of places, in the order of the first place of each. Places of one file share a window
/// if their context touches.
pub(super) fn windows<'a>(
    mut marks: Vec<Mark<'a>>,
    files: &Files,
    context: usize,
) -> Vec<Window<'a>> {
    let mut windows = Vec::new();
    while let Some(first) = marks.first() {
        let (file, mut from, mut to) = (first.file, first.location.line, first.location.line);
        let mut together: Vec<Mark> = Vec::new();
        loop {
            let near = |mark: &Mark| {
                mark.file == file
                    && mark.location.line + 2 * context + 1 >= from
                    && mark.location.line <= to + 2 * context + 1
            };
            let Some(index) = marks.iter().position(near) else {
                break;
            };
            let mark = marks.remove(index);
            (from, to) = (from.min(mark.location.line), to.max(mark.location.line));
            together.push(mark);
        }
        let text = files.get(file);
        // an editor does not show an empty line after the last line end
        let last = text.line_starts().len() - usize::from(text.text.ends_with(['\n', '\r']));
        windows.push(Window {
            file,
            from: from.saturating_sub(context).max(1),
            to: (to + context).min(last).max(to),
            marks: together,
        });
    }
    windows
}

/// The primary place and the others, each place once.
pub(super) fn marks<'a>(
    primary: (FileId, &'a Location),
    related: impl Iterator<Item = (&'a str, FileId, &'a Location)>,
) -> Vec<Mark<'a>> {
    let mut marks = vec![Mark {
        file: primary.0,
        location: primary.1,
        text: None,
    }];
    for (text, file, location) in related {
        let text = printable(&short_digests(text)).into_owned();
        match marks
            .iter_mut()
            .find(|mark| mark.file == file && mark.location == location)
        {
            Some(mark) => match &mut mark.text {
                Some(known) if *known == text => {}
                Some(known) => *known = format!("{known}; {text}"),
                None => mark.text = Some(text),
            },
            None => marks.push(Mark {
                file,
                location,
                text: Some(text),
            }),
        }
    }
    marks
}

/// A shown line, and the offsets of its characters.
pub(super) struct Shown {
    /// The first column that is shown.
    first: usize,
    /// Byte offset in the window of each shown character, and of the end.
    offsets: Vec<usize>,
}

impl Shown {
    /// Appends a line to the window. It is cut around a column if it is longer than `most`
    /// characters, or if the column has no room for its label.
    pub(super) fn new(
        line: &str,
        (column, has_room): (usize, bool),
        most: usize,
        text: &mut String,
    ) -> Shown {
        let length = line.chars().count();
        let skipped = if length <= most && has_room {
            0
        } else {
            (column - 1).saturating_sub(LEAD.min(most / 3)).min(length)
        };
        if skipped > 0 {
            text.push('…');
        }
        let mut offsets = Vec::new();
        let mut characters = line.chars().skip(skipped);
        for character in characters.by_ref().take(most) {
            offsets.push(text.len());
            if character == '\t' {
                text.push(' ')
            } else {
                push_printable(text, character)
            }
        }
        offsets.push(text.len());
        if characters.next().is_some() {
            text.push('…');
        }
        Shown {
            first: skipped + 1,
            offsets,
        }
    }

    /// The bytes that a place marks: of a span of several lines only the first line, for a point
    /// the whole line.
    pub(super) fn marked(&self, place: &Location) -> (usize, usize) {
        let is_within = place.end_line == place.line && place.end_column > place.column;
        let end = if is_within {
            place.end_column
        } else {
            usize::MAX
        };
        (self.offset(place.column), self.offset(end))
    }

    fn offset(&self, column: usize) -> usize {
        let last = self.offsets.len() - 1;
        self.offsets[column.saturating_sub(self.first).min(last)]
    }
}
