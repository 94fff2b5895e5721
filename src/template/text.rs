//! A string whose bytes know where they came from.
//!
//! A [`Text`] without pieces costs no more than a string. Pieces follow each other without gaps.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::bytes;
use super::inputs::Inputs;
use crate::yaml::Origin;

/// A run of bytes with one origin.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Piece {
    /// Offset in the text at which the piece ends. It begins where the one before it ends.
    pub end: usize,
    /// The place that printed it: the literal text of a template, or the action (`{{ … }}`) that
    /// printed a value. `None` until the value is printed.
    pub printed_by: Option<Origin>,
    /// The places of the values that went into it; empty for literal text.
    pub inputs: Inputs,
    /// True if the bytes are those of `printed_by`, one by one, so that a part of the piece is the
    /// same part of the origin.
    pub literal: bool,
}

/// A string and its pieces.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Text {
    text: Arc<str>,
    pieces: Option<Arc<[Piece]>>,
}

impl Default for Text {
    fn default() -> Text {
        Text::from("")
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text {
            text: text.into(),
            pieces: None,
        }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        Text {
            text: text.into(),
            pieces: None,
        }
    }
}

impl From<Arc<str>> for Text {
    fn from(text: Arc<str>) -> Text {
        Text { text, pieces: None }
    }
}

impl Text {
    /// The text of a file or of a part of it: every byte is its own origin.
    pub(crate) fn written(text: Arc<str>, origin: Origin) -> Text {
        let piece = Piece {
            end: text.len(),
            printed_by: Some(origin),
            inputs: Inputs::NONE,
            literal: true,
        };
        Text {
            text,
            pieces: Some(Arc::new([piece])),
        }
    }

    /// The text that stands for bytes, which all came from the same places.
    pub(crate) fn of_bytes(bytes: &[u8], inputs: &Inputs) -> Text {
        let mut text = TextBuilder::new();
        text.push_from(&bytes::to_string(bytes), inputs);
        text.finish()
    }

    /// The bytes that it stands for.
    pub(super) fn bytes(&self) -> Cow<'_, [u8]> {
        bytes::of_string(&self.text)
    }

    /// The text in which parts of a character that stand beside each other are that character.
    pub(super) fn joined(self) -> Text {
        if !bytes::has_strays(&self.text) {
            return self;
        }
        let bytes = self.bytes();
        match bytes.utf8_chunks().all(|chunk| chunk.invalid().is_empty()) {
            true => Text::of_bytes(&bytes, &self.inputs()),
            false => self,
        }
    }

    /// The string.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The string, shared.
    pub(super) fn shared(&self) -> &Arc<str> {
        &self.text
    }

    /// The pieces in order; none if nothing is known.
    pub(crate) fn pieces(&self) -> &[Piece] {
        self.pieces.as_deref().unwrap_or_default()
    }

    /// The pieces that touch a range of bytes, and the bytes of each.
    pub(crate) fn pieces_in(
        &self,
        range: Range<usize>,
    ) -> impl Iterator<Item = (Range<usize>, &Piece)> {
        let pieces = self.pieces();
        let first = pieces.partition_point(|piece| piece.end <= range.start);
        let mut start = match first.checked_sub(1) {
            Some(before) => pieces[before].end,
            None => 0,
        };
        pieces[first..]
            .iter()
            .map(move |piece| {
                let bytes = start..piece.end;
                start = piece.end;
                (bytes, piece)
            })
            .take_while(move |(bytes, _)| bytes.start < range.end)
    }

    /// Everything that went into the text.
    pub(crate) fn inputs(&self) -> Inputs {
        let mut inputs = Inputs::NONE;
        for piece in self.pieces() {
            inputs.extend(&piece.inputs);
        }
        inputs
    }

    /// The text without each `<no value>`, as Helm prints it.
    pub(crate) fn without_no_value(&self) -> Text {
        const MARK: &str = "<no value>";
        if !self.text.contains(MARK) {
            return self.clone();
        }
        let mut rest = TextBuilder::new();
        let mut start = 0;
        for (at, _) in self.text.match_indices(MARK) {
            rest.push_part(self, start..at);
            start = at + MARK.len();
        }
        rest.push_part(self, start..self.text.len());
        rest.finish()
    }

    /// A part of the text by the bytes that it stands for. It may begin and end within characters.
    pub(super) fn cut(&self, range: Range<usize>) -> Text {
        let is_boundary = |at| self.text.is_char_boundary(at);
        let has_strays = bytes::has_strays(&self.text);
        if !has_strays && is_boundary(range.start) && is_boundary(range.end) {
            return self.slice(range);
        }
        let mut out = TextBuilder::new();
        let mut at = 0;
        for (start, c) in self.text.char_indices() {
            let place = start..start + c.len_utf8();
            let whole = self.text.get(place.clone()).unwrap_or_default();
            let bytes = bytes::of_string(whole);
            let first = range.start.clamp(at, at + bytes.len()) - at;
            let last = range.end.clamp(at, at + bytes.len()) - at;
            at += bytes.len();
            match bytes.get(first..last) {
                Some(kept) if kept.len() == bytes.len() => out.push_part(self, place),
                Some(kept) if !kept.is_empty() => {
                    let piece = self.pieces_in(place).next();
                    let (by, inputs) = match piece {
                        Some((_, piece)) => (piece.printed_by, &piece.inputs),
                        None => (None, &Inputs::NONE),
                    };
                    out.push_printed(&bytes::to_string(kept), by, inputs);
                }
                _ => {}
            }
        }
        out.finish()
    }

    /// A part of the text. The range must lie on character boundaries; otherwise the result is
    /// empty.
    pub(crate) fn slice(&self, range: Range<usize>) -> Text {
        if range == (0..self.text.len()) {
            return self.clone();
        }
        let mut part = TextBuilder::new();
        part.push_part(self, range);
        part.finish()
    }
}

/// Puts a text together.
#[derive(Debug, Default)]
pub(crate) struct TextBuilder {
    text: String,
    pieces: Vec<Piece>,
    /// True if any piece says something.
    traced: bool,
}

impl TextBuilder {
    /// An empty text.
    pub(crate) fn new() -> TextBuilder {
        TextBuilder::default()
    }

    /// The number of bytes.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// True if there are no bytes.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Adds bytes of which nothing is known.
    pub(crate) fn push_str(&mut self, text: &str) {
        self.push_from(text, &Inputs::NONE);
    }

    /// Adds bytes that were computed from values.
    pub(crate) fn push_from(&mut self, text: &str, inputs: &Inputs) {
        self.text.push_str(text);
        self.add(None, inputs, false);
    }

    /// Adds bytes with the place that printed them.
    pub(super) fn push_printed(&mut self, text: &str, by: Option<Origin>, inputs: &Inputs) {
        self.text.push_str(text);
        self.add(by, inputs, false);
    }

    /// Adds a whole text with its pieces.
    pub(crate) fn push(&mut self, text: &Text) {
        self.push_part(text, 0..text.text.len());
    }

    /// Adds a text that knows nothing of its own as computed from values, any other one with its
    /// pieces.
    pub(crate) fn push_value(&mut self, text: &Text, inputs: &Inputs) {
        match text.pieces {
            None => self.push_from(&text.text, inputs),
            Some(_) => self.push(text),
        }
    }

    /// Adds a part of a text with its pieces.
    pub(crate) fn push_part(&mut self, text: &Text, range: Range<usize>) {
        let Some(part) = text.text.get(range.clone()) else {
            return;
        };
        if text.pieces.is_none() {
            return self.push_str(part);
        }
        for (bytes, piece) in text.pieces_in(range.clone()) {
            let start = bytes.start.max(range.start);
            let end = bytes.end.min(range.end);
            self.text
                .push_str(text.text.get(start..end).unwrap_or_default());
            let printed_by = piece.printed_by.map(|origin| match piece.literal {
                true => Origin {
                    start: origin.start + (start - bytes.start) as u32,
                    end: origin.start + (end - bytes.start) as u32,
                    ..origin
                },
                false => origin,
            });
            self.add(printed_by, &piece.inputs, piece.literal);
        }
    }

    /// Names the action that printed everything from an offset on, where nothing else printed it
    /// before.
    pub(super) fn printed_since(&mut self, start: usize, by: Origin) {
        let first = self.pieces.partition_point(|piece| piece.end <= start);
        for piece in &mut self.pieces[first..] {
            if piece.printed_by.is_none() {
                piece.printed_by = Some(by);
                self.traced = true;
            }
        }
    }

    /// Ends a piece at the end of the text, or extends the last one.
    fn add(&mut self, printed_by: Option<Origin>, inputs: &Inputs, literal: bool) {
        let end = self.text.len();
        let start = self.pieces.last().map_or(0, |piece| piece.end);
        if start == end {
            return;
        }
        self.traced |= printed_by.is_some() || !inputs.is_empty();
        if let Some(last) = self.pieces.last_mut() {
            let continues = match (last.printed_by, printed_by) {
                (None, None) => true,
                (Some(one), Some(next)) if literal => {
                    one.file == next.file && one.by == next.by && one.end == next.start
                }
                (one, next) => one == next,
            };
            if continues && last.literal == literal && last.inputs == *inputs {
                last.end = end;
                if let (true, Some(one), Some(next)) = (literal, &mut last.printed_by, printed_by) {
                    one.end = next.end;
                }
                return;
            }
        }
        self.pieces.push(Piece {
            end,
            printed_by,
            inputs: inputs.clone(),
            literal,
        });
    }

    /// The text.
    pub(crate) fn finish(self) -> Text {
        Text {
            text: self.text.into(),
            pieces: self.traced.then(|| self.pieces.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{By, FileId};

    fn place(start: u32, end: u32) -> Origin {
        Origin {
            file: FileId(0),
            start,
            end,
            by: By::Template,
        }
    }

    #[test]
    fn parts_of_literal_text_keep_their_own_bytes() {
        let text = Text::written("0123456789".into(), place(100, 110));
        let part = text.slice(3..7);
        assert_eq!(part.as_str(), "3456");
        assert_eq!(part.pieces()[0].printed_by, Some(place(103, 107)));
        let mut joined = TextBuilder::new();
        joined.push_part(&text, 0..3);
        joined.push_part(&text, 3..5);
        joined.push_part(&text, 8..9);
        let joined = joined.finish();
        let origins: Vec<_> = joined
            .pieces()
            .iter()
            .map(|piece| piece.printed_by)
            .collect();
        assert_eq!(origins, [Some(place(100, 105)), Some(place(108, 109))]);
    }

    #[test]
    fn pieces_cover_the_text_and_can_be_found() {
        let value = Inputs::one(place(5, 6));
        let mut builder = TextBuilder::new();
        builder.push_str("a: ");
        builder.push_from("xyz", &value);
        builder.push_str("\n");
        builder.printed_since(3, place(50, 60));
        let text = builder.finish();
        let found: Vec<_> = text
            .pieces_in(4..7)
            .map(|(bytes, piece)| (bytes, piece.inputs.origins().len(), piece.printed_by))
            .collect();
        let printed = Some(place(50, 60));
        assert_eq!(found, [(3..6, 1, printed), (6..7, 0, printed)]);
        assert_eq!(text.inputs(), value);
        assert!(Text::from("plain").slice(1..2).pieces().is_empty());
    }
}
