//! From the parser's events to a tree.

use std::ops::Range;

use foldhash::HashMap;
use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StructureStyle, Tag};

use super::error::{Failure, looks_like_template};
use super::keys::{Key, OpenMap};
use super::limits::{AliasBudget, MAX_DEPTH, parser_options};
use super::lines::{Breaks, check_marks, check_separators};
use super::{Dialect, Documents, ReadError, merge, scalar, strict};
use crate::yaml::{By, Entry, FileId, Kind, Node, Origin};

/// Reads a whole text.
pub(super) fn build(text: &str, file: FileId, dialect: Dialect) -> Result<Documents, ReadError> {
    let mut builder = Builder::new(text, file, dialect);
    // a break that the parser does not know is often what leads it astray
    let read = builder.run().map_err(|failure| builder.cause(failure));
    match read {
        Ok(()) => Ok(builder.result),
        Err(Failure { message, span }) => Err(ReadError {
            message,
            origin: builder.origin(span),
            template: looks_like_template(text),
        }),
    }
}

/// A finished node with the numbers that the limits need: its nodes, and how deep they nest.
#[derive(Clone)]
struct Built {
    node: Node,
    size: u64,
    height: usize,
}

impl Built {
    fn leaf(node: Node) -> Built {
        Built {
            node,
            size: 1,
            height: 0,
        }
    }
}

/// A map or list that is still open.
struct Frame {
    start: usize,
    end: usize,
    flow: bool,
    anchor: usize,
    size: u64,
    height: usize,
    /// The position of its first item or entry among those of all open lists or maps.
    first: usize,
    content: Content,
}

enum Content {
    List,
    Map(OpenMap),
}

/// A scalar as the parser reports it.
struct ScalarEvent<'a> {
    text: &'a str,
    style: ScalarStyle,
    /// Zero without an anchor.
    anchor: usize,
    tag: Option<&'a Tag>,
}

struct Builder<'a> {
    text: &'a str,
    file: FileId,
    dialect: Dialect,
    result: Documents,
    stack: Vec<Frame>,
    /// The items of all open lists, the innermost last. A list that ends takes its own, so that it
    /// is allocated once, with the right size.
    items: Vec<Node>,
    /// The same for the entries of open maps.
    entries: Vec<Entry>,
    anchors: HashMap<usize, Built>,
    budget: AliasBudget,
    breaks: Breaks,
    /// True after the first document began.
    begun: bool,
    /// The end of the token before, and true if it is a plain scalar.
    last: (usize, bool),
    /// True if the text has a character that only [`strict`] looks at.
    is_strict: bool,
}

impl<'a> Builder<'a> {
    fn new(text: &'a str, file: FileId, dialect: Dialect) -> Builder<'a> {
        Builder {
            text,
            file,
            dialect,
            result: Documents::default(),
            stack: Vec::new(),
            items: Vec::new(),
            entries: Vec::new(),
            anchors: HashMap::default(),
            budget: AliasBudget::default(),
            breaks: Breaks::of(text),
            begun: false,
            last: (0, false),
            is_strict: text.contains(['\t', '&', '*', '!', '%']),
        }
    }

    fn origin(&self, span: Range<usize>) -> Origin {
        // Offsets fit: `run` refuses longer texts first.
        Origin {
            file: self.file,
            start: span.start as u32,
            end: span.end.max(span.start) as u32,
            by: By::Manifest,
        }
    }

    fn run(&mut self) -> Result<(), Failure> {
        if u32::try_from(self.text.len()).is_err() {
            return Err(Failure::new("the text is larger than 4 GiB", 0..0));
        }
        let start = self.text.len() - self.text.trim_start_matches('\u{feff}').len();
        if self.text[start..].starts_with('%') {
            let end = self.text.find(['\r', '\n']).unwrap_or(self.text.len());
            self.result.directive = Some(self.origin(start..end));
        }
        if self.dialect == Dialect::Kustomize {
            check_separators(self.text)?;
            check_marks(self.text)?;
        }
        strict::check_starts(self.text, self.dialect == Dialect::Kustomize)?;
        for event in Parser::new_from_str_with_options(self.text, parser_options()) {
            let (event, span) = event.map_err(|error| self.scan_failure(&error))?;
            self.event(event, &span)?;
        }
        self.gap(self.text.len())?;
        self.breaks.check(self.text)
    }

    /// Checks what stands between the token before and one that begins at `start`.
    fn gap(&self, start: usize) -> Result<(), Failure> {
        let (end, after_plain) = self.last;
        if !self.is_strict || end >= start {
            return Ok(());
        }
        let gap = strict::Gap {
            text: self.text,
            bytes: end..start,
            in_flow: self.in_flow(),
            after_plain,
        };
        gap.check()
    }

    fn in_flow(&self) -> bool {
        self.stack.last().is_some_and(|frame| frame.flow)
    }

    /// The cause of a failure: a break in front of it, if there is one.
    fn cause(&self, failure: Failure) -> Failure {
        match self.breaks.check(self.text) {
            Err(earlier) if earlier.span.start <= failure.span.start => earlier,
            _ => failure,
        }
    }

    fn scan_failure(&self, error: &ScanError) -> Failure {
        let mut start = error
            .marker()
            .byte_offset()
            .unwrap_or(0)
            .min(self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let width = self.text[start..]
            .chars()
            .next()
            .filter(|c| !matches!(c, '\n' | '\r'))
            .map_or(0, char::len_utf8);
        Failure {
            message: error.info(),
            span: start..start + width,
        }
    }

    fn event(&mut self, event: Event<'_>, span: &Span) -> Result<(), Failure> {
        let bytes = span.byte_range().unwrap_or(0..0);
        if self.is_strict {
            self.strict(&event, &bytes)?;
        }
        match event {
            Event::DocumentStart(explicit, ..) => {
                self.anchors.clear();
                let first = !std::mem::replace(&mut self.begun, true);
                match first || explicit {
                    true => Ok(()),
                    false => Err(Failure::new(NO_SEPARATOR, bytes)),
                }
            }
            Event::Comment(..) => {
                let origin = self.origin(bytes);
                self.result.comments.push(origin);
                Ok(())
            }
            Event::MappingStart(style, anchor, _) => {
                self.open(style, anchor, bytes, Content::Map(OpenMap::default()))
            }
            Event::SequenceStart(style, anchor, _) => {
                self.open(style, anchor, bytes, Content::List)
            }
            Event::MappingEnd | Event::SequenceEnd => self.close(bytes),
            Event::Scalar(text, style, anchor, tag) => {
                // the parser reports `~` for a missing value
                let left_out = style == ScalarStyle::Plain && bytes.is_empty();
                let event = ScalarEvent {
                    text: if left_out { "" } else { &text },
                    style,
                    anchor,
                    tag: tag.as_deref(),
                };
                self.scalar(&event, bytes)
            }
            Event::Alias(anchor) => self.alias(anchor, bytes),
            _ => Ok(()),
        }
    }

    /// Checks the text in front of an event, and remembers where the event ends.
    fn strict(&mut self, event: &Event<'_>, bytes: &Range<usize>) -> Result<(), Failure> {
        let (end, is_plain) = match event {
            Event::DocumentStart(explicit, ..) => {
                strict::check_directives(self.text, self.last.0..bytes.start.max(self.last.0))?;
                // one without `---` has the place of its first token
                if !explicit {
                    return Ok(());
                }
                (bytes.end, false)
            }
            Event::Alias(_) => {
                let written = self.text.get(bytes.clone()).unwrap_or("");
                strict::check_alias(written, bytes)?;
                (bytes.end, false)
            }
            Event::Scalar(_, style, ..)
                if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) =>
            {
                (self.scalar_span(*style, bytes.clone()).end, false)
            }
            Event::Scalar(_, style, ..) => (bytes.end, *style == ScalarStyle::Plain),
            Event::Comment(..) => (bytes.end, false),
            Event::MappingStart(StructureStyle::Flow, ..)
            | Event::SequenceStart(StructureStyle::Flow, ..) => (bytes.end, false),
            Event::MappingEnd | Event::SequenceEnd if self.in_flow() => (bytes.end, false),
            _ => return Ok(()),
        };
        self.gap(bytes.start)?;
        self.last = (self.last.0.max(end), is_plain);
        Ok(())
    }

    fn scalar(&mut self, event: &ScalarEvent<'_>, bytes: Range<usize>) -> Result<(), Failure> {
        let &ScalarEvent {
            text,
            style,
            anchor,
            tag,
        } = event;
        let bytes = self.scalar_span(style, bytes);
        let written = self.text.get(bytes.clone()).unwrap_or("");
        let mut kind = scalar::checked_kind(text, style, tag, written)
            .map_err(|message| Failure::new(message, bytes.clone()))?;
        // Go reads an anchor or `!` without a value as an empty text, which kustomize loses again
        let is_quiet = tag.is_none_or(scalar::is_unspecific) && (anchor != 0 || tag.is_some());
        if self.dialect == Dialect::Json && kind == Kind::Null && text.is_empty() && is_quiet {
            kind = Kind::String;
        }
        let in_flow = self.stack.iter().any(|frame| frame.flow);
        // kustomize prints a flow collection before it decodes it, and quotes texts with a colon:
        // the time in `{at: 2024-01-01T10:00:00Z}` is then a string
        if in_flow && kind == Kind::Timestamp && text.contains(':') {
            kind = Kind::String;
        }
        let plain = style == ScalarStyle::Plain && tag.is_none();
        let (settled, settled_kind) = self.dialect.settle(text, kind, plain);
        kind = settled_kind;
        let is_key = self.awaits_key();
        if style == ScalarStyle::DoubleQuoted {
            self.breaks.accept_quoted(self.text, bytes.clone(), is_key);
        }
        self.check_indentation(style, &bytes)?;
        // a key keeps its style: only a value can be left out
        let scalar = scalar::make(&settled, style, kind, in_flow && !is_key);
        let node = Node::scalar(scalar, self.origin(bytes.clone()));
        let built = Built::leaf(node);
        let behind = self.text.get(bytes.end..).unwrap_or("");
        if in_flow {
            let text = if style == ScalarStyle::Plain {
                written
            } else {
                ""
            };
            strict::check_flow(text, behind, is_key, &bytes)?;
        }
        if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            let before = self.text.get(..bytes.start).unwrap_or("");
            strict::check_block(before, text, &bytes)?;
        }
        if style == ScalarStyle::Plain && in_flow {
            let left_out = text.is_empty() && tag.is_some();
            let joined = [":,", ":[", ":]", ":{", ":}"];
            let joined = joined.iter().any(|start| behind.starts_with(start));
            if is_key && joined || left_out && behind.starts_with(',') {
                return Err(Failure::new(FLOW_COMMA, bytes));
            }
        }
        if is_key && written.contains(['\n', '\r']) {
            return Err(Failure::new("a key must stand on one line", bytes));
        }
        if is_key {
            // `&name key: value`: an alias of a key repeats the scalar
            if anchor != 0 {
                self.anchors.insert(anchor, built);
            }
            return match merge::is_merge_key(text, style, tag) {
                true => self.key(Key::Merge(bytes)),
                false => self.key(Key::name(&settled, kind, bytes, self.dialect)?),
            };
        }
        self.count_node()?;
        if anchor != 0 {
            self.anchors.insert(anchor, built.clone());
        }
        let end = built.node.origin.end as usize;
        self.value(built, end)
    }

    /// Refuses a document that is a block scalar without indentation, as Go does.
    fn check_indentation(&self, style: ScalarStyle, bytes: &Range<usize>) -> Result<(), Failure> {
        let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let before = self.text.get(..bytes.start).unwrap_or("");
        let unindented = !bytes.is_empty() && before.ends_with(['\n', '\r']);
        match is_block && self.stack.is_empty() && unindented {
            true => Err(Failure::new(
                "the text of a block must be indented",
                bytes.clone(),
            )),
            false => Ok(()),
        }
    }

    fn alias(&mut self, anchor: usize, bytes: Range<usize>) -> Result<(), Failure> {
        let Some(built) = self.anchors.get(&anchor).cloned() else {
            return Err(Failure::new("the anchor's value contains itself", bytes));
        };
        if self.stack.len() + built.height > MAX_DEPTH {
            return Err(Failure::too_deep(bytes));
        }
        if self.awaits_key() {
            return match built.node.as_scalar() {
                Some(scalar) => {
                    self.key(Key::name(&scalar.text, scalar.kind, bytes, self.dialect)?)
                }
                None => Err(Failure::complex_key(bytes)),
            };
        }
        if !self.budget.add_alias(built.size) {
            return Err(Failure::new(TOO_MANY_ALIASES, bytes));
        }
        self.value(built, bytes.end)
    }

    fn count_node(&mut self) -> Result<(), Failure> {
        match self.budget.add_node() {
            true => Ok(()),
            false => Err(Failure::new(TOO_MANY_ALIASES, 0..0)),
        }
    }

    fn scalar_span(&self, style: ScalarStyle, bytes: Range<usize>) -> Range<usize> {
        match style {
            ScalarStyle::Plain if bytes.is_empty() => {
                let key = self.stack.last().and_then(|frame| match &frame.content {
                    Content::Map(map) => map.key.as_ref(),
                    Content::List => None,
                });
                scalar::empty_span(self.text, bytes.start, key.map(Key::span))
            }
            ScalarStyle::Literal | ScalarStyle::Folded => scalar::block_span(self.text, bytes),
            _ => bytes,
        }
    }

    fn open(
        &mut self,
        style: StructureStyle,
        anchor: usize,
        bytes: Range<usize>,
        content: Content,
    ) -> Result<(), Failure> {
        if self.awaits_key() {
            return Err(Failure::complex_key(bytes));
        }
        if self.stack.len() >= MAX_DEPTH {
            return Err(Failure::too_deep(bytes));
        }
        self.count_node()?;
        let flow = matches!(style, StructureStyle::Flow);
        let first = if matches!(content, Content::List) {
            self.items.len()
        } else {
            self.entries.len()
        };
        self.stack.push(Frame {
            start: bytes.start,
            end: bytes.end,
            flow,
            anchor,
            size: 1,
            height: 0,
            first,
            content,
        });
        Ok(())
    }

    fn close(&mut self, bytes: Range<usize>) -> Result<(), Failure> {
        let Some(frame) = self.stack.pop() else {
            return Ok(());
        };
        let end = if frame.flow { bytes.end } else { frame.end };
        let origin = self.origin(frame.start..end);
        let node = match frame.content {
            Content::List => Node::list(self.items.drain(frame.first..).collect(), origin),
            Content::Map(mut map) => {
                let merged = map.merge.take().unwrap_or_default();
                for entry in merged.iter().flat_map(Node::entries) {
                    map.insert_missing(&mut self.entries, frame.first, entry);
                }
                Node::map(self.entries.drain(frame.first..).collect(), origin)
            }
        };
        let built = Built {
            node,
            size: frame.size,
            height: frame.height + 1,
        };
        if frame.anchor != 0 {
            self.anchors.insert(frame.anchor, built.clone());
        }
        self.value(built, end)
    }

    fn awaits_key(&self) -> bool {
        matches!(
            self.stack.last(),
            Some(Frame {
                content: Content::Map(OpenMap { key: None, .. }),
                ..
            })
        )
    }

    fn key(&mut self, key: Key) -> Result<(), Failure> {
        let Some(Frame {
            content: Content::Map(map),
            end,
            ..
        }) = self.stack.last_mut()
        else {
            return Ok(());
        };
        *end = key.span().end;
        match key {
            Key::Merge(span) if map.merge.is_some() => Err(Failure::repeated_merge(span)),
            key => {
                map.key = Some(key);
                Ok(())
            }
        }
    }

    /// Adds a finished value to the innermost open map or list, or to the documents.
    fn value(&mut self, built: Built, end: usize) -> Result<(), Failure> {
        let Some(frame) = self.stack.last_mut() else {
            if !built.node.is_null() {
                self.result.documents.push(built.node);
            }
            return Ok(());
        };
        frame.end = frame.end.max(end);
        frame.size += built.size;
        frame.height = frame.height.max(built.height);
        let Content::Map(map) = &mut frame.content else {
            self.items.push(built.node);
            return Ok(());
        };
        match map.key.take() {
            None => {}
            Some(Key::Merge(span)) => {
                let sources = merge::sources(built.node);
                let sources = sources.ok_or_else(|| Failure::bad_merge(span))?;
                match self.dialect.merges_in_order() {
                    true => map.merge_here(&mut self.entries, frame.first, &sources),
                    false => map.merge = Some(sources),
                }
            }
            Some(Key::Name(key, span)) => {
                let entry = Entry {
                    key,
                    key_origin: Origin {
                        file: self.file,
                        start: span.start as u32,
                        end: span.end as u32,
                        by: By::Manifest,
                    },
                    value: built.node,
                };
                let duplicate = map.insert(&mut self.entries, frame.first, entry);
                self.result.duplicate_keys.extend(duplicate);
            }
        }
        Ok(())
    }
}

const FLOW_COMMA: &str =
    "Go's YAML takes a comma directly behind a colon or tag for a part of it; put a blank between";
const NO_SEPARATOR: &str = "another document must begin with a line of `---`";
const TOO_MANY_ALIASES: &str = "the document holds too many aliases for its size";
