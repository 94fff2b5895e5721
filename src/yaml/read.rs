//! Text to tree: documents, spans, comments, duplicate keys, merge keys, aliases with a budget.
//!
//! Not here: reading files (see `source`), the meaning of any key.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};
use granit_parser::{
    Event, Options, Parser, ScalarStyle, ScanError, Span, StructureStyle, Tag, options,
};

use super::{By, Data, Entry, FileId, Kind, Node, Origin, Scalar, Style, scalar};
use crate::source::SourceFile;

/// Maps and lists nested deeper are refused, so that whoever walks a tree may recurse.
pub const MAX_DEPTH: usize = 255;

/// A YAML text: its documents in order and its comments.
#[derive(Debug, Default)]
pub struct Documents {
    /// One entry a document that holds something; comment-only and empty documents are left out.
    pub documents: Vec<Node>,
    /// Every comment of the text, from `#` to the end of its line. [`read_file`] leaves them with
    /// the file instead.
    pub comments: Vec<Origin>,
    /// Keys that stand twice in one mapping: first and second.
    pub duplicate_keys: Vec<DuplicateKey>,
    /// The first line that is a directive (`%YAML 1.2`), where the text starts with one.
    pub directive: Option<Origin>,
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

/// Reads a file, YAML or JSON, and leaves its comments with it for [`super::comments::of`].
pub fn read_file(file: &SourceFile) -> Result<Documents, ReadError> {
    let mut documents = read(&file.text, file.id)?;
    let comments = std::mem::take(&mut documents.comments);
    // a second reading finds the same
    _ = file.comments.set(comments.into_boxed_slice());
    Ok(documents)
}

/// Reads a text of a file, YAML or JSON. `file` names it in every origin.
///
/// A block scalar's span runs from its first to its last printing character, without header and
/// indentation.
pub fn read(text: &str, file: FileId) -> Result<Documents, ReadError> {
    let mut reader = Reader::new(text, file);
    match reader.run() {
        Ok(()) => Ok(reader.result),
        Err(Failure { message, span }) => {
            let origin = reader.origin(span);
            Err(ReadError {
                message,
                origin,
                template: looks_like_template(text),
            })
        }
    }
}

/// Reads a text that stands inside a scalar of a YAML file (an inline patch). Origins point into
/// the host file: to the exact bytes where the scalar is a literal block or a plain/quoted scalar
/// without escapes, otherwise to the whole scalar.
///
/// `host_text` is the whole text of the host's file; `host` the scalar that holds the embedded
/// text.
pub fn read_embedded(host: &Node, host_text: &str) -> Result<Documents, ReadError> {
    let Some(scalar) = host.as_scalar().filter(|scalar| scalar.kind != Kind::Null) else {
        return Ok(Documents::default());
    };
    let places = Places::new(scalar, host.origin, host_text);
    match read(&scalar.text, host.origin.file) {
        Ok(mut documents) => {
            for document in &mut documents.documents {
                places.relocate(document);
            }
            for comment in &mut documents.comments {
                *comment = places.of(*comment);
            }
            for duplicate in &mut documents.duplicate_keys {
                duplicate.first = places.of(duplicate.first);
                duplicate.second = places.of(duplicate.second);
            }
            Ok(documents)
        }
        Err(error) => Err(ReadError {
            origin: places.of(error.origin),
            ..error
        }),
    }
}

fn looks_like_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// Why reading stopped: the message and the bytes.
struct Failure {
    message: String,
    span: Range<usize>,
}

/// A finished node with what the alias budget needs: how many nodes it stands for, and how deep
/// they nest.
#[derive(Clone)]
struct Built {
    node: Node,
    size: u64,
    height: usize,
}

/// A map or list that is still open.
struct Frame {
    start: usize,
    end: usize,
    flow: bool,
    anchor: usize,
    size: u64,
    height: usize,
    /// Where its own begin among the items or entries of all that is open.
    first: usize,
    content: Content,
}

enum Content {
    List,
    Map(OpenMap),
}

#[derive(Default)]
struct OpenMap {
    /// Positions by key, kept from the ninth entry on.
    index: HashMap<Arc<str>, usize>,
    key: Option<Key>,
    /// The place of `<<` and the maps it brings, the most important first.
    merge: Option<(Range<usize>, Vec<Node>)>,
}

enum Key {
    Name(Arc<str>, Range<usize>),
    Merge(Range<usize>),
}

/// From this size on a map is searched by an index.
const INDEXED_FROM: usize = 9;

impl OpenMap {
    /// `entries`: the map's own.
    fn position(&self, key: &str, entries: &[Entry]) -> Option<usize> {
        if entries.len() < INDEXED_FROM {
            entries.iter().position(|entry| &*entry.key == key)
        } else {
            self.index.get(key).copied()
        }
    }
    /// `entries`: the map's own, the new one last.
    fn pushed(&mut self, entries: &[Entry]) {
        match entries {
            [.., last] if entries.len() > INDEXED_FROM => {
                _ = self.index.insert(last.key.clone(), entries.len() - 1)
            }
            _ if entries.len() == INDEXED_FROM => {
                self.index = entries
                    .iter()
                    .enumerate()
                    .map(|(at, entry)| (entry.key.clone(), at))
                    .collect();
            }
            _ => {}
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    file: FileId,
    result: Documents,
    stack: Vec<Frame>,
    /// The items of all lists and the entries of all maps that are open, the innermost last: each
    /// goes into a list of its size.
    items: Vec<Node>,
    entries: Vec<Entry>,
    anchors: HashMap<usize, Built>,
    /// Nodes of this text so far, and how many of them came out of aliases.
    nodes: u64,
    aliased: u64,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, file: FileId) -> Reader<'a> {
        Reader {
            text,
            file,
            result: Documents::default(),
            stack: Vec::new(),
            items: Vec::new(),
            entries: Vec::new(),
            anchors: HashMap::default(),
            nodes: 0,
            aliased: 0,
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
            return Err(Failure {
                message: "the text is larger than 4 GiB".to_string(),
                span: 0..0,
            });
        }
        if self.text.starts_with('%') {
            let end = self.text.find(['\r', '\n']).unwrap_or(self.text.len());
            self.result.directive = Some(self.origin(0..end));
        }
        for event in Parser::new_from_str_with_options(self.text, parser_options()) {
            let (event, span) = event.map_err(|error| self.scan_failure(&error))?;
            self.event(event, &span)?;
        }
        Ok(())
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
        match event {
            Event::DocumentStart(..) => {
                self.anchors.clear();
                Ok(())
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
                let empty = style == ScalarStyle::Plain && bytes.is_empty();
                let bytes = self.scalar_span(style, bytes);
                let text: &str = if empty { "" } else { &text };
                let mut kind = kind(text, style, tag.as_deref()).map_err(|message| Failure {
                    message,
                    span: bytes.clone(),
                })?;
                // kustomize writes a flow collection anew before it decodes it, and quotes a colon
                // there: the time is then a string.
                if kind == Kind::Timestamp
                    && text.contains(':')
                    && self.stack.iter().any(|frame| frame.flow)
                {
                    kind = Kind::String;
                }
                if style == ScalarStyle::DoubleQuoted
                    && let Some(message) = bad_escape(self.text.get(bytes.clone()).unwrap_or(""))
                {
                    return Err(Failure {
                        message: message.to_string(),
                        span: bytes,
                    });
                }
                if self.awaits_key() {
                    // A key may be an anchor too; what an alias brings is then the scalar.
                    let merges = style == ScalarStyle::Plain
                        && text == "<<"
                        && tag
                            .as_deref()
                            .is_none_or(|tag| tag.is_yaml_core_schema_tag("merge"));
                    if anchor != 0 {
                        let node = Node::scalar(
                            make_scalar(text, style, kind),
                            self.origin(bytes.clone()),
                        );
                        self.anchors.insert(
                            anchor,
                            Built {
                                node,
                                size: 1,
                                height: 0,
                            },
                        );
                    }
                    return self.key(text, kind, merges, bytes);
                }
                let mut scalar = make_scalar(text, style, kind);
                if kind == Kind::Null
                    && text.is_empty()
                    && self.stack.iter().any(|frame| frame.flow)
                {
                    scalar.style = Style::SingleQuoted;
                }
                let node = Node::scalar(scalar, self.origin(bytes));
                self.count(1, 0)?;
                let built = Built {
                    node,
                    size: 1,
                    height: 0,
                };
                if anchor != 0 {
                    self.anchors.insert(anchor, built.clone());
                }
                let end = built.node.origin.end as usize;
                self.value(built, end)
            }
            Event::Alias(anchor) => {
                let Some(built) = self.anchors.get(&anchor).cloned() else {
                    return Err(Failure {
                        message: "the anchor's value contains itself".to_string(),
                        span: bytes,
                    });
                };
                if self.stack.len() + built.height > MAX_DEPTH {
                    return Err(too_deep(bytes));
                }
                if self.awaits_key() {
                    return match built.node.as_scalar() {
                        Some(scalar) => self.key(&scalar.text, scalar.kind, false, bytes),
                        None => Err(complex_key(bytes)),
                    };
                }
                self.count(built.size, built.size)
                    .map_err(|message| Failure {
                        span: bytes.clone(),
                        ..message
                    })?;
                self.value(built, bytes.end)
            }
            _ => Ok(()),
        }
    }

    /// Go's defence against alias bombs: the more a document holds, the smaller the share that
    /// aliases may bring.
    fn count(&mut self, nodes: u64, aliased: u64) -> Result<(), Failure> {
        self.nodes += nodes;
        self.aliased += aliased;
        let allowed = match self.nodes {
            ..=400_000 => 0.99,
            4_000_000.. => 0.10,
            nodes => 0.99 - 0.89 * (nodes - 400_000) as f64 / 3_600_000.0,
        };
        if self.aliased > 100
            && self.nodes > 1000
            && self.aliased as f64 / self.nodes as f64 > allowed
        {
            return Err(Failure {
                message: "the document holds too many aliases for its size".to_string(),
                span: 0..0,
            });
        }
        Ok(())
    }

    /// The exact place of a scalar; the parser puts an empty one before the indicator that ends it,
    /// and a block's end at the next token.
    fn scalar_span(&self, style: ScalarStyle, bytes: Range<usize>) -> Range<usize> {
        match style {
            ScalarStyle::Plain if bytes.is_empty() => {
                let at = bytes.start.min(self.text.len());
                let indicator = self.text.as_bytes().get(at);
                match self.stack.last().map(|frame| &frame.content) {
                    Some(Content::Map(OpenMap {
                        key: Some(Key::Name(_, key) | Key::Merge(key)),
                        ..
                    })) => {
                        let between = self.text.get(key.end..at).unwrap_or("");
                        if indicator == Some(&b':') {
                            at + 1..at + 1
                        } else if between.trim().is_empty() {
                            key.end..key.end
                        } else {
                            at..at
                        }
                    }
                    _ => {
                        let before = self
                            .text
                            .get(..at)
                            .unwrap_or("")
                            .trim_end_matches([' ', '\t']);
                        let at = if before.ends_with('-') {
                            before.len()
                        } else {
                            at
                        };
                        at..at
                    }
                }
            }
            ScalarStyle::Literal | ScalarStyle::Folded => {
                // the parser's end falls short where the block ends the file: the block goes on as
                // far as its indentation does
                let rest = self.text.get(bytes.start..).unwrap_or("");
                let line = self
                    .text
                    .get(..bytes.start)
                    .map_or(0, |before| before.rfind('\n').map_or(0, |at| at + 1));
                let indent = bytes.start - line;
                let inside = |line: &str| {
                    line.trim().is_empty()
                        || line.bytes().take_while(|byte| *byte == b' ').count() >= indent
                };
                let mut lines = rest.split_inclusive('\n');
                let first = lines.next().map_or(0, str::len);
                let length = first
                    + lines
                        .take_while(|line| indent > 0 && inside(line))
                        .map(str::len)
                        .sum::<usize>();
                let content = rest
                    .get(..length.max(bytes.len()))
                    .unwrap_or(rest)
                    .trim_end();
                bytes.start..bytes.start + content.len()
            }
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
            return Err(complex_key(bytes));
        }
        if self.stack.len() >= MAX_DEPTH {
            return Err(too_deep(bytes));
        }
        self.count(1, 0)?;
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
                if let Some((_, merged)) = map.merge.take() {
                    for entry in merged.iter().flat_map(Node::entries) {
                        if map
                            .position(&entry.key, &self.entries[frame.first..])
                            .is_none()
                        {
                            self.entries.push(entry.clone());
                            map.pushed(&self.entries[frame.first..]);
                        }
                    }
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

    fn key(
        &mut self,
        text: &str,
        kind: Kind,
        merges: bool,
        bytes: Range<usize>,
    ) -> Result<(), Failure> {
        let Some(Frame {
            content: Content::Map(map),
            end,
            ..
        }) = self.stack.last_mut()
        else {
            return Ok(());
        };
        *end = bytes.end;
        map.key = Some(if merges {
            if map.merge.is_some() {
                return Err(Failure {
                    message: "the merge key `<<` stands twice in one map".to_string(),
                    span: bytes,
                });
            }
            Key::Merge(bytes)
        } else {
            let what = match kind {
                Kind::String => "",
                Kind::Null => "null",
                Kind::Bool => "a boolean",
                Kind::Int | Kind::Float => "a number",
                Kind::Timestamp => "a date",
                Kind::Binary => "binary data",
            };
            if !what.is_empty() {
                let message = format!(
                    "the key `{}` is {what}, not a string; quote it",
                    text.escape_debug()
                );
                return Err(Failure {
                    message,
                    span: bytes,
                });
            }
            Key::Name(intern(text), bytes)
        });
        Ok(())
    }

    /// Puts a finished value where the innermost open map or list, or the document, wants it.
    fn value(&mut self, built: Built, end: usize) -> Result<(), Failure> {
        let file = self.file;
        let Some(frame) = self.stack.last_mut() else {
            if !built.node.is_null() {
                self.result.documents.push(built.node);
            }
            return Ok(());
        };
        frame.end = frame.end.max(end);
        frame.size += built.size;
        frame.height = frame.height.max(built.height);
        let map = match &mut frame.content {
            Content::List => {
                self.items.push(built.node);
                return Ok(());
            }
            Content::Map(map) => map,
        };
        let entries = &mut self.entries;
        match map.key.take() {
            None => {}
            Some(Key::Merge(bytes)) => {
                map.merge = Some((
                    bytes.clone(),
                    merge_sources(built.node).ok_or_else(|| bad_merge(bytes))?,
                ))
            }
            Some(Key::Name(key, bytes)) => {
                let key_origin = Origin {
                    file,
                    start: bytes.start as u32,
                    end: bytes.end as u32,
                    by: By::Manifest,
                };
                match map.position(&key, &entries[frame.first..]) {
                    None => {
                        entries.push(Entry {
                            key,
                            key_origin,
                            value: built.node,
                        });
                        map.pushed(&entries[frame.first..]);
                    }
                    Some(at) => {
                        let entry = &mut entries[frame.first + at];
                        let first = entry.key_origin;
                        entry.key_origin = key_origin;
                        entry.value = built.node;
                        self.result.duplicate_keys.push(DuplicateKey {
                            key: key.to_string(),
                            first,
                            second: key_origin,
                        });
                    }
                }
            }
        }
        Ok(())
    }
}

fn parser_options() -> Options {
    options! {
        strict_indentation: false,
        block_scalar_eof_without_line_feed: true,
        max_buffered_comment_events: usize::MAX,
    }
}

fn too_deep(span: Range<usize>) -> Failure {
    Failure {
        message: format!("maps and lists nest deeper than {MAX_DEPTH} levels"),
        span,
    }
}

fn complex_key(span: Range<usize>) -> Failure {
    Failure {
        message: "a map or list stands where a key must be, which is a string".to_string(),
        span,
    }
}

fn bad_merge(span: Range<usize>) -> Failure {
    Failure {
        message: "the merge key `<<` needs a map or a list of maps".to_string(),
        span,
    }
}

/// What is wrong with the escapes of a quoted text: JSON knows `\/` and `\ud800` to `\udfff`, and
/// Go's YAML refuses them.
fn bad_escape(written: &str) -> Option<&'static str> {
    let mut rest = written;
    while let Some(at) = rest.find('\\') {
        match &rest.as_bytes()[at + 1..] {
            [
                b'u',
                b'd' | b'D',
                b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F',
                ..,
            ] => {
                return Some(
                    "an escape names half a surrogate pair; write the character itself or use \\U",
                );
            }
            [b'/', ..] => {
                return Some("Go's YAML does not know the escape \\/; write the slash itself");
            }
            _ => {}
        }
        let skipped = rest[at + 1..].chars().next().map_or(0, char::len_utf8);
        rest = &rest[at + 1 + skipped..];
    }
    None
}

/// The maps that a `<<` brings.
fn merge_sources(value: Node) -> Option<Vec<Node>> {
    match &value.data {
        Data::Map(_) => Some(vec![value]),
        Data::List(list) if list.items.iter().all(|item| item.as_map().is_some()) => {
            Some(list.items.clone())
        }
        _ => None,
    }
}

fn make_scalar(text: &str, style: ScalarStyle, kind: Kind) -> Scalar {
    let style = match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::SingleQuoted,
        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    };
    Scalar {
        text: intern(text),
        style,
        kind,
    }
}

/// The type of a scalar, by its tag if it has one that Go knows, otherwise by style and text.
fn kind(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Kind, String> {
    let Some(tag) = tag.filter(|tag| !(tag.handle().is_empty() && tag.suffix() == "!")) else {
        return Ok(if style == ScalarStyle::Plain {
            scalar::resolve(text)
        } else {
            Kind::String
        });
    };
    let Some(name) = tag.suffix_in_namespace("tag:yaml.org,2002:") else {
        return Ok(Kind::String);
    };
    let found = scalar::resolve(text);
    let fits = match &*name {
        "str" => return Ok(Kind::String),
        "binary" => {
            return if scalar::binary(text).is_some() {
                Ok(Kind::Binary)
            } else {
                Err("`!!binary` data must be base64".to_string())
            };
        }
        "null" => found == Kind::Null,
        "bool" => found == Kind::Bool,
        "int" => found == Kind::Int,
        "float" if found == Kind::Int => return Ok(Kind::Float),
        "float" => found == Kind::Float,
        "timestamp" => found == Kind::Timestamp,
        _ => return Ok(Kind::String),
    };
    if fits {
        Ok(found)
    } else {
        Err(format!(
            "`{}` is no value for the tag `!!{name}`",
            text.escape_debug()
        ))
    }
}

/// One copy of a short string for all trees that this thread reads; bounded, so that hostile files
/// cannot fill the memory.
fn intern(text: &str) -> Arc<str> {
    const LONGEST: usize = 40;
    const MOST: usize = 8192;
    thread_local! {
        static STRINGS: RefCell<HashSet<Arc<str>>> = RefCell::default();
    }
    if text.len() > LONGEST {
        return text.into();
    }
    STRINGS.with_borrow_mut(|strings| match strings.get(text) {
        Some(known) => known.clone(),
        None => {
            let new: Arc<str> = text.into();
            if strings.len() < MOST {
                strings.insert(new.clone());
            }
            new
        }
    })
}

/// Where the bytes of an embedded text stand in its host.
enum Places {
    /// At a fixed distance.
    Shifted(Origin),
    /// Line by line: where a line starts in the embedded text, and where in the host.
    Lines(Origin, Vec<(usize, usize)>),
    /// Nobody knows (escapes, folding): the whole scalar.
    Whole(Origin),
}

impl Places {
    fn new(scalar: &Scalar, host: Origin, host_text: &str) -> Places {
        let Some(written) = host_text.get(host.start as usize..host.end as usize) else {
            return Places::Whole(host);
        };
        let quoted = |quote: char| {
            written
                .strip_prefix(quote)
                .and_then(|rest| rest.strip_suffix(quote))
        };
        match scalar.style {
            Style::Plain if written == &*scalar.text => Places::Shifted(host),
            Style::SingleQuoted if quoted('\'') == Some(&*scalar.text) => Places::Shifted(Origin {
                start: host.start + 1,
                ..host
            }),
            Style::DoubleQuoted if quoted('"') == Some(&*scalar.text) => Places::Shifted(Origin {
                start: host.start + 1,
                ..host
            }),
            Style::Literal => {
                Places::lines(&scalar.text, host, host_text).unwrap_or(Places::Whole(host))
            }
            _ => Places::Whole(host),
        }
    }

    /// Pairs the lines of a literal block with the lines that hold them; `None` when they do not
    /// match after all.
    fn lines(text: &str, host: Origin, host_text: &str) -> Option<Places> {
        let content = text.trim_start_matches('\n');
        let mut in_text = text.len() - content.len();
        let first = host.start as usize;
        let mut in_host = host_text
            .get(..first)?
            .rfind(['\n', '\r'])
            .map_or(0, |at| at + 1);
        let mut lines = Vec::new();
        for line in content.split('\n') {
            let rest = host_text.get(in_host..)?;
            let width = rest.find(['\n', '\r']).unwrap_or(rest.len());
            let host_line = &rest[..width];
            if line.is_empty() {
                lines.push((in_text, in_host + width));
            } else {
                let indent = host_line.len().checked_sub(line.len())?;
                if host_line.get(indent..)? != line {
                    return None;
                }
                lines.push((in_text, in_host + indent));
            }
            in_text += line.len() + 1;
            in_host += width
                + if rest[width..].starts_with("\r\n") {
                    2
                } else {
                    usize::from(width < rest.len())
                };
        }
        Some(Places::Lines(host, lines))
    }

    fn of(&self, inner: Origin) -> Origin {
        match self {
            Places::Whole(host) => *host,
            Places::Shifted(host) => Origin {
                start: host.start + inner.start,
                end: host.start + inner.end,
                ..inner
            },
            Places::Lines(host, lines) => {
                let place = |offset: u32| {
                    let offset = offset as usize;
                    let (in_text, in_host) = lines.get(
                        lines
                            .partition_point(|(start, _)| *start <= offset)
                            .checked_sub(1)?,
                    )?;
                    u32::try_from(in_host + offset - in_text).ok()
                };
                let start = place(inner.start).unwrap_or(host.start);
                Origin {
                    start,
                    end: place(inner.end).unwrap_or(host.end).max(start),
                    ..inner
                }
            }
        }
    }

    fn relocate(&self, node: &mut Node) {
        node.origin = self.of(node.origin);
        match &mut node.data {
            Data::Scalar(_) => {}
            Data::Map(map) => {
                for entry in &mut Arc::make_mut(map).entries {
                    entry.key_origin = self.of(entry.key_origin);
                    self.relocate(&mut entry.value);
                }
            }
            Data::List(list) => {
                for item in &mut Arc::make_mut(list).items {
                    self.relocate(item);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: FileId = FileId(7);

    fn one(text: &str) -> Node {
        let mut documents = read(text, FILE).unwrap().documents;
        assert_eq!(documents.len(), 1);
        documents.remove(0)
    }

    fn written<'a>(text: &'a str, node: &Node) -> &'a str {
        &text[node.origin.start as usize..node.origin.end as usize]
    }

    #[test]
    fn spans_are_bytes_of_the_original_text() {
        let text = "\u{feff}# ü\r\nä: \"q\"\r\nlist:\r\n- 'x'\r\n-   {a: 1, b: }\r\nempty:   # none\r\nblock: |\r\n\r\n  one\r\n  two\r\n\r\nlast: yes\r\n";
        let documents = read(text, FILE).unwrap();
        let root = &documents.documents[0];
        assert_eq!(written(text, root.get("ä").unwrap()), "\"q\"");
        let key = root.entry("ä").unwrap().key_origin;
        assert_eq!(&text[key.start as usize..key.end as usize], "ä");
        assert_eq!(written(text, root.pointer("/list/0").unwrap()), "'x'");
        assert_eq!(
            written(text, root.pointer("/list/1").unwrap()),
            "{a: 1, b: }"
        );
        assert_eq!(
            written(text, root.get("list").unwrap()),
            "'x'\r\n-   {a: 1, b: }"
        );
        let empty = root.get("empty").unwrap();
        assert!(empty.is_null());
        assert_eq!(empty.origin.start, empty.origin.end);
        assert!(text[..empty.origin.start as usize].ends_with("empty:"));
        assert!(text[..root.pointer("/list/1/b").unwrap().origin.start as usize].ends_with("b:"));
        let block = root.get("block").unwrap();
        assert_eq!(block.as_str(), Some("\none\ntwo\n"));
        assert_eq!(written(text, block), "one\r\n  two");
        assert_eq!(root.get("last").and_then(Node::as_str), Some("yes"));
        assert_eq!(root.origin.end as usize, text.len() - 2);
        let comments: Vec<&str> = documents
            .comments
            .iter()
            .map(|comment| &text[comment.start as usize..comment.end as usize])
            .collect();
        assert_eq!(comments, ["# ü", "# none"]);
    }

    #[test]
    fn empty_values_stand_behind_their_colon_or_dash() {
        for (text, pointer, before) in [
            ("a:\n", "/a", "a:"),
            ("a :\nb: 1\n", "/a", "a :"),
            ("a:\n  b:\n  # c\n  d: 1\n", "/a/b", "a:\n  b:"),
            ("- \n- x\n", "/0", "-"),
            ("? a\n? b\n", "/a", "? a"),
            ("{a, b: 1}", "/a", "{a"),
            ("a: !!null\n", "/a", "a: !!null"),
        ] {
            let node = one(text);
            let value = node.pointer(pointer).unwrap();
            assert!(value.is_null(), "{text}");
            assert_eq!(&text[..value.origin.start as usize], before, "{text:?}");
            assert_eq!(value.origin.start, value.origin.end);
        }
    }

    #[test]
    fn documents_that_hold_nothing_are_left_out() {
        let text = "# only\n---\n---\n# comment\n---\na: 1\n---\n~\n...\n---\n[]\n";
        let documents = read(text, FILE).unwrap();
        assert_eq!(documents.documents.len(), 2);
        assert_eq!(documents.comments.len(), 2);
        assert!(read("", FILE).unwrap().documents.is_empty());
    }

    #[test]
    fn the_last_of_two_equal_keys_wins_and_both_are_reported() {
        let text = "a: 1\nb: 2\na: 3\n";
        let documents = read(text, FILE).unwrap();
        assert_eq!(
            documents.documents[0].get("a").and_then(Node::as_int),
            Some(3)
        );
        assert_eq!(documents.documents[0].entries().len(), 2);
        let duplicate = &documents.duplicate_keys[0];
        assert_eq!(
            (
                duplicate.key.as_str(),
                duplicate.first.start,
                duplicate.second.start
            ),
            ("a", 0, 10)
        );
    }

    #[test]
    fn merge_keys_bring_what_is_missing() {
        let text = "one: &one {a: 1, b: 1}\ntwo: &two {b: 2, c: 2}\nthree:\n  <<: [*one, *two]\n  a: 3\nfour:\n  b: 4\n  <<: *one\nfive: {\"<<\": text}\n";
        let node = one(text);
        let values = |name: &str| -> Vec<(String, i64)> {
            let entries = node.get(name).unwrap().entries().iter();
            let mut values: Vec<_> = entries
                .map(|e| (e.key.to_string(), e.value.as_int().unwrap()))
                .collect();
            values.sort();
            values
        };
        let pairs = |pairs: &[(&str, i64)]| -> Vec<(String, i64)> {
            pairs.iter().map(|(k, v)| (k.to_string(), *v)).collect()
        };
        assert_eq!(values("three"), pairs(&[("a", 3), ("b", 1), ("c", 2)]));
        assert_eq!(values("four"), pairs(&[("a", 1), ("b", 4)]));
        assert_eq!(written(text, node.pointer("/three/c").unwrap()), "2");
        assert!(node.pointer("/three/c").unwrap().origin.start < 46);
        assert_eq!(
            node.pointer("/five/<<").and_then(Node::as_str),
            Some("text")
        );
        for bad in [
            "<<: 1\n",
            "a: &a [1]\nb:\n  <<: *a\n",
            "a: &a {}\nb:\n  <<: *a\n  <<: *a\n",
        ] {
            assert!(read(bad, FILE).is_err(), "{bad}");
        }
    }

    #[test]
    fn aliases_are_expanded_and_keep_the_anchors_place() {
        let text = "a: &x\n  k: v\nb: *x\nc: [*x]\n";
        let node = one(text);
        assert_eq!(node.pointer("/c/0/k").and_then(Node::as_str), Some("v"));
        assert_eq!(
            node.pointer("/b/k").unwrap().origin,
            node.pointer("/a/k").unwrap().origin
        );
        assert!(read("a: &x [*x]\n", FILE).is_err());
        assert!(read("a: *x\n", FILE).is_err());
        assert!(read("a: &x 1\n---\nb: *x\n", FILE).is_err());
    }

    #[test]
    fn keys_must_be_strings() {
        for (text, start) in [
            ("8080: x\n", 0),
            ("a:\n  true: x\n", 5),
            ("~: x\n", 0),
            ("1.5: x\n", 0),
            ("2024-01-01: x\n", 0),
            ("? [a]\n: x\n", 2),
            ("? {a: b}\n: x\n", 2),
        ] {
            let error = read(text, FILE).unwrap_err();
            assert_eq!(error.origin.start, start, "{text}");
            assert!(error.message.contains("string"), "{}", error.message);
            assert!(!error.template);
        }
        for text in [
            "yes: x\n",
            "\"8080\": x\n",
            "!!str 8080: x\n",
            "on: x\n",
            "a: &k key\n*k : x\n",
        ] {
            assert!(read(text, FILE).is_ok(), "{text}");
        }
    }

    #[test]
    fn templates_are_told_from_mistakes() {
        for text in [
            "a: {{ .Values.x }}\n",
            "{{- if x }}\na: b\n{{- end }}\n",
            "{% if x %}\na: b\n",
        ] {
            assert!(read(text, FILE).unwrap_err().template, "{text}");
        }
        assert!(!read("a: [\n", FILE).unwrap_err().template);
        assert_eq!(
            one("a: \"{{ x }}\"\n").get("a").and_then(Node::as_str),
            Some("{{ x }}")
        );
    }

    #[test]
    fn tags_decide_types() {
        let node = one(
            "a: !!str 1\nb: !!float 1\nc: !custom 1\nd: !!binary aGk=\ne: ! 1\nf: !!str\ng: !!int \"3\"\nh: !x {i: 1}\n",
        );
        let kind = |name: &str| {
            node.get(name)
                .and_then(Node::as_scalar)
                .map(|scalar| scalar.kind)
        };
        assert_eq!(kind("a"), Some(Kind::String));
        assert_eq!(kind("b"), Some(Kind::Float));
        assert_eq!(kind("c"), Some(Kind::String));
        assert_eq!(kind("d"), Some(Kind::Binary));
        assert_eq!(kind("e"), Some(Kind::Int));
        assert_eq!(kind("f"), Some(Kind::String));
        assert_eq!(kind("g"), Some(Kind::Int));
        assert_eq!(node.pointer("/h/i").and_then(Node::as_int), Some(1));
        assert!(read("a: !!int x\n", FILE).is_err());
        assert!(read("a: !!binary '*'\n", FILE).is_err());
        assert!(read("a: \"\\ud83d\\ude00\"\n", FILE).is_err());
        assert!(read("a: \"\\\\ud83d\"\n", FILE).is_ok());
        assert!(read("a: \"b\\/c\"\n", FILE).is_err());
        assert!(read("a: \"b\\\\/c\"\n", FILE).is_ok());
    }

    #[test]
    fn json_with_tabs_is_read() {
        let text = "{\n\t\"a\": [1,\n\t\t2.5],\n\t\"b/c\": \"\\u00e9\",\n\t\"d\": null\n}\n";
        let node = one(text);
        assert_eq!(node.pointer("/a/0").and_then(Node::as_int), Some(1));
        assert_eq!(node.get("b/c").and_then(Node::as_str), Some("é"));
        assert!(node.get("d").unwrap().is_null());
        assert_eq!(written(text, &node), text.trim_end());
    }

    #[test]
    fn embedded_texts_point_into_the_host() {
        let literal =
            "patch: |-\r\n\r\n  - op: add\r\n    path: /a\r\n\r\n    value: \"ä\"\r\nrest: 1\r\n";
        let quoted = "patch: '[{\"op\": \"add\", \"value\": 12}]'\n";
        let plain = "patch: {a: 1}\nx:\n- {y: op add}\n";
        let indented = "patch: |2\n    a:\n      b: 1\n  c: 2\n";
        let host = one(literal);
        let inner = read_embedded(host.get("patch").unwrap(), literal).unwrap();
        assert_eq!(
            written(literal, inner.documents[0].pointer("/0/path").unwrap()),
            "/a"
        );
        assert_eq!(
            written(literal, inner.documents[0].pointer("/0/value").unwrap()),
            "\"ä\""
        );
        assert!(written(literal, &inner.documents[0]).starts_with("- op: add"));
        assert!(written(literal, &inner.documents[0]).ends_with("value: \"ä\""));
        let host = one(quoted);
        let inner = read_embedded(host.get("patch").unwrap(), quoted).unwrap();
        assert_eq!(
            written(quoted, inner.documents[0].pointer("/0/value").unwrap()),
            "12"
        );
        let host = one(plain);
        let inner = read_embedded(host.pointer("/x/0/y").unwrap(), plain).unwrap();
        assert_eq!(written(plain, &inner.documents[0]), "op add");
        let host = one(indented);
        let error = read_embedded(host.get("patch").unwrap(), indented).unwrap_err();
        assert!(error.origin.start >= host.get("patch").unwrap().origin.start);
        for opaque in [
            "patch: \"a: \\\"1\\\"\"\n",
            "patch: >\n  a: 1\n\n  b: 2\n",
            "patch: 'a: ''1'''\n",
        ] {
            let host = one(opaque);
            let value = host.get("patch").unwrap();
            let inner = read_embedded(value, opaque).unwrap();
            assert_eq!(
                inner.documents[0].get("a").unwrap().origin,
                value.origin,
                "{opaque}"
            );
        }
    }

    #[test]
    fn hostile_input_ends_in_an_error_soon() {
        let start = std::time::Instant::now();
        for text in [
            "[".repeat(100_000),
            "- ".repeat(100_000),
            "{a: ".repeat(100_000),
            "? ".repeat(100_000),
        ] {
            assert!(read(&text, FILE).is_err());
        }
        let mixed = format!("{}{}{}", "- ".repeat(200), "[".repeat(100), "]".repeat(100));
        assert!(read(&mixed, FILE).is_err());
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_string();
        let mut merges = "a0: &a0 {k0: 1}\n".to_string();
        let mut deep = "a0: &a0 [x]\n".to_string();
        for level in 1..60 {
            let before = level - 1;
            let ten = vec![format!("*a{before}"); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{ten}]\n"));
            merges.push_str(&format!(
                "a{level}: &a{level}\n  <<: [{ten}]\n  k{level}: *a{before}\n"
            ));
            deep.push_str(&format!(
                "a{level}: &a{level} {}*a{before}{}\n",
                "[".repeat(10),
                "]".repeat(10)
            ));
        }
        for text in [bomb, merges, deep] {
            assert!(read(&text, FILE).is_err());
        }
        let keys: String = (0..100_000).map(|n| format!("k{n}: {n}\n")).collect();
        let documents = read(&format!("{keys}{keys}"), FILE).unwrap();
        assert_eq!(documents.documents[0].entries().len(), 100_000);
        assert_eq!(documents.duplicate_keys.len(), 100_000);
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    }
}
