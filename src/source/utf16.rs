//! Positions as editors count them: lines and UTF-16 code units, both from 0.

use super::SourceFile;

/// A position in an editor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EditorPosition {
    /// From 0.
    pub line: usize,
    /// UTF-16 code units since the start of the line.
    pub character: usize,
}

impl SourceFile {
    /// The position of a byte. Bytes past the end are clamped, bytes inside a character round down.
    pub fn editor_position(&self, offset: usize) -> EditorPosition {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let starts = self.line_starts();
        let line = starts.partition_point(|start| *start as usize <= offset);
        let line = line.saturating_sub(1);
        let start = starts.get(line).map_or(0, |start| *start as usize);
        let before = self.text.get(start..offset).unwrap_or_default();
        EditorPosition {
            line,
            character: before.encode_utf16().count(),
        }
    }

    /// The byte at a position. A position behind the end of its line means the end, as the protocol
    /// of editors says.
    pub fn offset_of(&self, position: EditorPosition) -> usize {
        let Some(start) = self.line_starts().get(position.line) else {
            return self.text.len();
        };
        let start = *start as usize;
        let mut units = 0;
        for (at, character) in self.line(position.line + 1).char_indices() {
            if units + character.len_utf16() > position.character {
                return start + at;
            }
            units += character.len_utf16();
        }
        start + self.line(position.line + 1).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Files;
    use std::sync::Arc;

    #[test]
    fn characters_outside_of_the_first_plane_count_twice() {
        let files = Files::default();
        let text = "a: 1\nb: \"ü🦀x\"\r\nc: 2";
        let file = files.get(files.add("f", None, Arc::from(text)));
        let at = |line, character| EditorPosition { line, character };
        let x = text.find('x').unwrap_or_default();
        assert_eq!(file.editor_position(x), at(1, 7));
        assert_eq!(file.offset_of(at(1, 7)), x);
        // inside of the surrogate pair
        assert_eq!(
            file.offset_of(at(1, 6)),
            text.find('🦀').unwrap_or_default()
        );
        assert_eq!(
            file.offset_of(at(1, 99)),
            text.find('\r').unwrap_or_default()
        );
        assert_eq!(file.offset_of(at(9, 0)), text.len());
        assert_eq!(file.editor_position(999), at(2, 4));
    }
}
