//! From the text of a document to a tree in which every value knows its lines.
//!
//! The text knows which bytes came from which template and value. A scalar that a value went into
//! points at the line of the value that a person would edit; what printed it is at the end of its
//! history. A text such as `{{ repository }}:{{ tag }}` grows with each value, and its history says
//! which value added which part.

use std::ops::Range;
use std::sync::Arc;

use foldhash::HashMap;

use super::secret::SecretValues;
use crate::source::Files;
use crate::template::{Inputs, Piece, Text};
use crate::yaml::read::lines;
use crate::yaml::{By, Data, FileId, Node, Origin, Part, Scalar, Style, Traced};

/// The values of a release by the place where they are written.
pub(super) struct Written<'v> {
    /// Values that replaced others.
    replaced: HashMap<Origin, &'v Node>,
    /// The files of the defaults of charts, which no environment has for itself.
    defaults: Vec<FileId>,
    files: &'v Files,
    secrets: &'v SecretValues,
}

/// The numbers of pieces and inputs that a history remembers.
const LONGEST_HISTORY: usize = 12;

impl<'v> Written<'v> {
    /// Notes the values of a release.
    pub(super) fn new(
        (values, secrets): (&'v Node, &'v SecretValues),
        defaults: Vec<FileId>,
        files: &'v Files,
    ) -> Written<'v> {
        let mut written = Written {
            replaced: HashMap::default(),
            defaults,
            files,
            secrets,
        };
        written.note(values);
        written
    }

    fn note(&mut self, node: &'v Node) {
        if node.replaced.is_some() {
            self.replaced.insert(node.origin, node);
        }
        node.entries()
            .iter()
            .for_each(|entry| self.note(&entry.value));
        node.items().iter().for_each(|item| self.note(item));
    }

    /// Gives every key and value of a document its place. `node` was read from `text`, from its
    /// byte `start` on.
    pub(super) fn place(&self, node: &mut Node, text: &Text, start: usize) {
        let bytes = |origin: Origin| start + origin.start as usize..start + origin.end as usize;
        let span = bytes(node.origin);
        match &mut node.data {
            Data::Scalar(scalar) => {
                scalar.traced = self.traced(scalar, text, &span);
                let scalar = scalar.clone();
                self.place_scalar(node, &scalar, text, span);
            }
            Data::Map(map) => {
                for entry in &mut Arc::make_mut(map).entries {
                    let span = bytes(entry.key_origin);
                    entry.key_origin = self.origin(text, span);
                    self.place(&mut entry.value, text, start);
                }
                node.origin = self.origin(text, span);
            }
            Data::List(list) => {
                for item in &mut Arc::make_mut(list).items {
                    self.place(item, text, start);
                }
                node.origin = self.origin(text, span);
            }
        }
    }

    /// The place of some bytes: the first value in them, else the template.
    pub(super) fn origin(&self, text: &Text, span: Range<usize>) -> Origin {
        let span = span.start..span.end.max(span.start + 1);
        let Some((bytes, piece)) = text.pieces_in(span.clone()).next() else {
            return Origin::start_of(self.defaults.first().copied().unwrap_or(FileId(0)));
        };
        match self.best(&piece.inputs) {
            Some(origin) => origin.with(By::Values),
            None => printed(piece, &bytes, &span),
        }
    }

    /// Where the parts of a text of several lines came from, if they differ.
    fn traced(&self, scalar: &Scalar, text: &Text, span: &Range<usize>) -> Traced {
        let is_block = scalar.style == Style::Literal;
        let lines = is_block.then(|| lines(&scalar.text, span.start, text.as_str()));
        let mut parts: Vec<Part> = Vec::new();
        let mut add = |end: usize, origin: Origin, exact: bool| match parts.last_mut() {
            Some(last) if last.origin == origin && !last.exact => last.end = end,
            _ => parts.push(Part { end, origin, exact }),
        };
        let mut starts = lines.flatten().unwrap_or_default().into_iter().peekable();
        while let Some((start, host)) = starts.next() {
            let end = starts.peek().map_or(scalar.text.len(), |next| next.0);
            // a line includes its line break
            let line = host..host + end.saturating_sub(start);
            for (bytes, piece) in text.pieces_in(line.clone()) {
                let at = bytes.start.max(line.start)..bytes.end.min(line.end);
                let end = start + at.end - line.start;
                match self.best(&piece.inputs) {
                    Some(origin) => add(end, origin.with(By::Values), false),
                    None => add(end, printed(piece, &bytes, &at), piece.literal),
                }
            }
        }
        match parts.len() {
            0 | 1 => Traced::default(),
            _ => Traced::new(&scalar.text, parts),
        }
    }

    fn place_scalar(&self, node: &mut Node, scalar: &Scalar, text: &Text, span: Range<usize>) {
        let span = inside_quotes(scalar, span);
        let pieces: Vec<(Range<usize>, &Piece)> = text.pieces_in(span.clone()).collect();
        let valued = pieces.iter().filter(|(_, piece)| self.has_place(piece));
        let valued: Vec<_> = valued.take(LONGEST_HISTORY).collect();
        let best = valued.iter().rev();
        let best = best.filter_map(|(_, piece)| self.best(&piece.inputs));
        // of values of one rank, the last one: the tag of an image, not its name
        let best = best.reduce(|best, other| match self.rank(other) > self.rank(best) {
            true => other,
            false => best,
        });
        let Some(best) = best else {
            let at = span.start..span.end.max(span.start + 1);
            let first = pieces.first();
            node.origin = first.map_or_else(
                || self.origin(text, span.clone()),
                |(bytes, piece)| printed(piece, bytes, &at),
            );
            return;
        };
        let mut history = self.template(&pieces);
        for (at, (bytes, piece)) in valued.iter().enumerate() {
            let is_last = at + 1 == valued.len();
            let written = match is_last {
                true => scalar.text.to_string(),
                false => {
                    let end = bytes.end.min(span.end);
                    text.as_str()
                        .get(span.start..end)
                        .unwrap_or_default()
                        .to_string()
                }
            };
            let Some(origin) = self.best(&piece.inputs) else {
                continue;
            };
            let before = text.as_str().get(span.start..bytes.start.max(span.start));
            let after = match is_last {
                true => text.as_str().get(bytes.end.min(span.end)..span.end),
                false => Some(""),
            };
            let around = (before.unwrap_or_default(), after.unwrap_or_default());
            let whole = valued.len() == 1 && bytes.start <= span.start && bytes.end >= span.end;
            history = self.replaced(origin, around, whole, history);
            history = Some(step(&written, scalar, whole, origin, history));
        }
        if let Some(history) = history {
            let is_best = history.origin.start == best.start && history.origin.file == best.file;
            node.origin = best.with(By::Values);
            node.replaced = match is_best {
                true => history.replaced,
                false => Some(Arc::new(history)),
            };
        }
        let tells = |(bytes, piece): &(Range<usize>, &Piece)| {
            let bytes = bytes.start.max(span.start)..bytes.end.min(span.end);
            let is_whole = bytes == span;
            let printed = text.as_str().get(bytes).unwrap_or_default();
            self.secrets.told_by(printed, piece.inputs.origins())
                && (is_whole || SecretValues::is_shown(&scalar.text, printed))
        };
        if pieces.iter().any(tells) {
            node.origin = node.origin.with(By::SecretValues);
        }
    }

    /// The values that a value replaced, as steps of a history: the text with the earlier value in it.
    fn replaced(
        &self,
        origin: Origin,
        (before, after): (&str, &str),
        whole: bool,
        mut history: Option<Node>,
    ) -> Option<Node> {
        let found = self.replaced.get(&origin.with(By::Values));
        let chain =
            std::iter::successors(found.and_then(|node| node.replaced.as_deref()), |node| {
                node.replaced.as_deref()
            });
        let chain: Vec<&Node> = chain.take(LONGEST_HISTORY).collect();
        for earlier in chain.into_iter().rev() {
            let data = match earlier.as_scalar() {
                Some(scalar) if !whole => {
                    Data::Scalar(Scalar::string(format!("{before}{}{after}", scalar.text)))
                }
                _ => earlier.data.clone(),
            };
            history = Some(Node {
                data,
                origin: earlier.origin.with(By::Values),
                replaced: history.map(Arc::new),
            });
        }
        history
    }

    /// The template's own text for a scalar, the beginning of its history.
    fn template(&self, pieces: &[(Range<usize>, &Piece)]) -> Option<Node> {
        let first = pieces.iter().find_map(|(_, piece)| piece.printed_by)?;
        let last = pieces
            .iter()
            .rev()
            .find_map(|(_, piece)| piece.printed_by)?;
        let mut origin = first.with(By::Template);
        if last.file == first.file && last.end >= first.end {
            origin.end = last.end;
        }
        let file = self.files.get(origin.file);
        let written = file.text.get(origin.start as usize..origin.end as usize);
        // the pieces of one scalar may come from distant lines of a template
        let written = written
            .unwrap_or_default()
            .lines()
            .next()
            .unwrap_or_default();
        origin.end = origin.start + written.len() as u32;
        Some(Node::string(written, origin))
    }

    fn has_place(&self, piece: &Piece) -> bool {
        !piece.inputs.origins().is_empty()
    }

    /// The place among several that a person would edit.
    fn best(&self, inputs: &Inputs) -> Option<Origin> {
        let origins = inputs.origins().iter().copied();
        origins.reduce(|best, other| match self.rank(other) > self.rank(best) {
            true => other,
            false => best,
        })
    }

    /// Values of an environment come before the defaults of charts.
    fn rank(&self, origin: Origin) -> u8 {
        u8::from(!self.defaults.contains(&origin.file))
    }
}

/// One step of the history of a text: what it was when a value was added.
fn step(
    written: &str,
    scalar: &Scalar,
    whole: bool,
    origin: Origin,
    history: Option<Node>,
) -> Node {
    let data = match whole {
        true => Data::Scalar(scalar.clone()),
        false => Data::Scalar(Scalar::string(written)),
    };
    Node {
        data,
        origin: origin.with(By::Values),
        replaced: history.map(Arc::new),
    }
}

/// The place in the template that printed some bytes of a piece.
fn printed(piece: &Piece, bytes: &Range<usize>, span: &Range<usize>) -> Origin {
    let Some(origin) = piece.printed_by else {
        return Origin::start_of(FileId(0));
    };
    let part = Part {
        end: bytes.end,
        origin: origin.with(By::Template),
        exact: piece.literal,
    };
    part.origin_of(bytes.start, span.clone())
}

/// The bytes of a scalar without its quotes.
fn inside_quotes(scalar: &Scalar, span: Range<usize>) -> Range<usize> {
    let quoted = matches!(scalar.style, Style::SingleQuoted | Style::DoubleQuoted);
    match quoted && span.len() >= 2 {
        true => span.start + 1..span.end - 1,
        false => span,
    }
}
