//! Text to tree: documents, spans, comments, duplicate keys, merge keys, aliases with a budget.
//!
//! Not here: reading files (see `source`), the meaning of any key.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle, Tag};

use super::{By, Data, Entry, FileId, Kind, Node, Origin, Scalar, Style, scalar};

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

/// Values that aliases may add to a document before it counts as an attack, unless the document itself is as large.
const ALIAS_BUDGET: u64 = 400_000;

/// Reads a text of a file. `file` names it in every origin.
pub fn read(text: &str, file: FileId) -> Result<Documents, ReadError> {
    let locate = |start: usize, end: usize| Origin { file, start: start as u32, end: end as u32, by: By::Manifest };
    Reader::new(text, &locate).read()
}

/// Reads a text that stands inside a scalar of a YAML file (an inline patch). Origins point into the host file: to the exact
/// bytes where the scalar is a literal block or a plain/quoted scalar without escapes, otherwise to the whole scalar.
///
/// `host_text` is the whole text of the host's file; `host` the scalar that holds the embedded text.
pub fn read_embedded(host: &Node, host_text: &str) -> Result<Documents, ReadError> {
    let Some(scalar) = host.as_scalar() else { return Ok(Documents::default()) };
    let lines = line_offsets(scalar, host.origin, host_text);
    let locate = |start: usize, end: usize| match &lines {
        Some(lines) => Origin { start: outer_offset(lines, start), end: outer_offset(lines, end), ..host.origin },
        None => host.origin,
    };
    Reader::new(&scalar.text, &locate).read()
}

/// For every line of an embedded text: where it starts there, and where in the host. `None` when the two do not correspond byte for byte.
fn line_offsets(scalar: &Scalar, origin: Origin, host_text: &str) -> Option<Vec<(usize, usize)>> {
    let start = origin.start as usize;
    let raw = host_text.get(start..origin.end as usize)?;
    match scalar.style {
        Style::Plain => (raw == &*scalar.text).then(|| vec![(0, start)]),
        Style::SingleQuoted | Style::DoubleQuoted => {
            let inner = raw.get(1..raw.len().checked_sub(1)?)?;
            (inner == &*scalar.text).then(|| vec![(0, start + 1)])
        }
        Style::Literal => {
            let mut outer = start;
            let mut inner = 0;
            let mut raw_lines = raw.split_inclusive('\n');
            let mut offsets = Vec::new();
            for line in scalar.text.split_inclusive('\n') {
                let content = line.trim_end_matches('\n');
                let raw_line = raw_lines.next().unwrap_or_default();
                let raw_content = raw_line.trim_end_matches('\n').trim_end_matches('\r');
                if !raw_content.ends_with(content) {
                    return None;
                }
                offsets.push((inner, outer + raw_content.len() - content.len()));
                inner += line.len();
                outer += raw_line.len();
            }
            Some(offsets)
        }
        Style::Folded => None,
    }
}

fn outer_offset(lines: &[(usize, usize)], offset: usize) -> u32 {
    let line = lines.partition_point(|(inner, _)| *inner <= offset).saturating_sub(1);
    lines.get(line).map_or(0, |(inner, outer)| (outer + offset - inner) as u32)
}

/// A collection whose end has not been seen.
struct Open {
    anchor: usize,
    start: usize,
    flow: bool,
    content: OpenContent,
}

enum OpenContent {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, index: HashMap<Arc<str>, usize>, key: Option<(Arc<str>, Origin, bool)>, merges: Vec<Node> },
}

/// Above this many keys a mapping is indexed, so that finding duplicates stays linear.
const INDEXED_KEYS: usize = 16;

struct Reader<'t, L: Fn(usize, usize) -> Origin> {
    text: &'t str,
    locate: &'t L,
    open: Vec<Open>,
    /// Finished anchored nodes with the number of values in them.
    anchors: HashMap<usize, (Node, u64)>,
    root: Option<Node>,
    values: u64,
    aliased: u64,
    keys: HashMap<String, Arc<str>>,
    result: Documents,
}

impl<'t, L: Fn(usize, usize) -> Origin> Reader<'t, L> {
    fn new(text: &'t str, locate: &'t L) -> Self {
        Reader {
            text,
            locate,
            open: Vec::new(),
            anchors: HashMap::new(),
            root: None,
            values: 0,
            aliased: 0,
            keys: HashMap::new(),
            result: Documents::default(),
        }
    }

    fn error(&self, message: impl Into<String>, origin: Origin) -> ReadError {
        ReadError { message: message.into(), origin, template: self.text.contains("{{") }
    }

    fn origin(&self, span: &Span) -> Origin {
        let range = span.byte_range().unwrap_or(0..0);
        (self.locate)(range.start, range.end)
    }

    fn read(mut self) -> Result<Documents, ReadError> {
        let options = granit_parser::options! { block_scalar_eof_without_line_feed: true, max_buffered_comment_events: 1_000_000 };
        for event in Parser::new_from_str_with_options(self.text, options) {
            let (event, span) = event.map_err(|error| {
                let at = error.marker().byte_offset().unwrap_or(0).min(self.text.len());
                self.error(error.info().replace('\n', " "), (self.locate)(at, at))
            })?;
            match event {
                Event::Comment(text, _) => {
                    let comment = Comment { text: text.trim().to_string(), origin: self.origin(&span) };
                    self.result.comments.push(comment);
                }
                Event::Scalar(text, style, anchor, tag) => {
                    let origin = self.origin(&span);
                    let node = Node::scalar(scalar_of(&text, style, tag.as_deref(), origin), origin);
                    self.values += 1;
                    if anchor > 0 {
                        self.anchors.insert(anchor, (node.clone(), 1));
                    }
                    self.put(node, origin)?;
                }
                Event::SequenceStart(style, anchor, _) => {
                    self.start(&span, style, anchor, OpenContent::List(Vec::new()))?;
                }
                Event::MappingStart(style, anchor, _) => {
                    let content = OpenContent::Map { entries: Vec::new(), index: HashMap::new(), key: None, merges: Vec::new() };
                    self.start(&span, style, anchor, content)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.end(&span)?,
                Event::Alias(id) => {
                    let origin = self.origin(&span);
                    let Some((node, size)) = self.anchors.get(&id).cloned() else {
                        return Err(self.error("an anchor contains itself", origin));
                    };
                    self.aliased += size;
                    if self.aliased > ALIAS_BUDGET && self.aliased > 10 * self.values {
                        return Err(self.error("excessive use of aliases", origin));
                    }
                    self.put(node, origin)?;
                }
                Event::DocumentEnd => {
                    self.anchors.clear();
                    if let Some(root) = self.root.take().filter(|root| !root.is_null()) {
                        self.result.documents.push(root);
                    }
                }
                Event::UnresolvedAlias(name) => return Err(self.error(format!("unknown anchor `{name}`"), self.origin(&span))),
                _ => {}
            }
        }
        Ok(self.result)
    }

    fn start(&mut self, span: &Span, style: StructureStyle, anchor: usize, content: OpenContent) -> Result<(), ReadError> {
        if let Some(Open { content: OpenContent::Map { key: None, .. }, .. }) = self.open.last() {
            return Err(self.error("a key that is no string", self.origin(span)));
        }
        self.values += 1;
        let start = span.byte_range().map_or(0, |range| range.start);
        self.open.push(Open { anchor, start, flow: style == StructureStyle::Flow, content });
        Ok(())
    }

    fn end(&mut self, span: &Span) -> Result<(), ReadError> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let here = span.byte_range().unwrap_or(open.start..open.start);
        let start = (self.locate)(open.start, open.start);
        let close = |last: Option<u32>| {
            let end = if open.flow { (self.locate)(here.start, here.end).end } else { last.unwrap_or(start.end) };
            Origin { end: end.max(start.start), ..start }
        };
        let node = match open.content {
            OpenContent::List(items) => {
                let end = items.iter().map(|item| item.origin.end).max();
                let origin = close(end);
                Node::list(items, origin)
            }
            OpenContent::Map { mut entries, merges, .. } => {
                let end = entries.iter().map(|entry| entry.value.origin.end.max(entry.key_origin.end)).max();
                let origin = close(end);
                for merge in &merges {
                    merge_into(&mut entries, merge);
                }
                Node::map(entries, origin)
            }
        };
        if open.anchor > 0 {
            let size = count(&node, ALIAS_BUDGET + 1);
            self.anchors.insert(open.anchor, (node.clone(), size));
        }
        let origin = node.origin;
        self.put(node, origin)
    }

    /// Puts a finished node into the open collection, or makes it the document. `place` is where it stands (an alias stands
    /// elsewhere than its content).
    fn put(&mut self, node: Node, place: Origin) -> Result<(), ReadError> {
        let Some(mut open) = self.open.pop() else {
            self.root = Some(node);
            return Ok(());
        };
        let outcome = match &mut open.content {
            OpenContent::List(items) => {
                items.push(node);
                Ok(())
            }
            OpenContent::Map { entries, index, key, merges } => match key.take() {
                None => self.key(&node, place).map(|found| *key = Some(found)),
                Some((_, _, true)) => self.merge(node, place).map(|found| merges.extend(found)),
                Some((name, key_origin, false)) => {
                    let present = if entries.len() < INDEXED_KEYS {
                        entries.iter().position(|entry| entry.key == name)
                    } else {
                        if index.is_empty() {
                            index.extend(entries.iter().enumerate().map(|(at, entry)| (entry.key.clone(), at)));
                        }
                        index.get(&name).copied()
                    };
                    match present.and_then(|at| entries.get_mut(at)) {
                        Some(entry) => {
                            self.result.duplicate_keys.push(DuplicateKey {
                                key: name.to_string(),
                                first: entry.key_origin,
                                second: key_origin,
                            });
                            *entry = Entry { key: name, key_origin, value: node };
                        }
                        None => {
                            if entries.len() >= INDEXED_KEYS {
                                index.insert(name.clone(), entries.len());
                            }
                            entries.push(Entry { key: name, key_origin, value: node });
                        }
                    }
                    Ok(())
                }
            },
        };
        self.open.push(open);
        outcome
    }

    /// A node as key: text, place, and whether it is the merge key `<<`.
    fn key(&mut self, node: &Node, place: Origin) -> Result<(Arc<str>, Origin, bool), ReadError> {
        match node.as_scalar() {
            Some(scalar) if matches!(scalar.kind, Kind::String | Kind::Timestamp | Kind::Binary) => {
                let merge = scalar.style == Style::Plain && &*scalar.text == "<<";
                let text = match self.keys.get(&*scalar.text) {
                    Some(known) => known.clone(),
                    None => {
                        self.keys.insert(scalar.text.to_string(), scalar.text.clone());
                        scalar.text.clone()
                    }
                };
                Ok((text, place, merge))
            }
            Some(scalar) => {
                let shown = if scalar.text.is_empty() { "null" } else { &scalar.text };
                Err(self.error(format!("the key `{shown}` is no string; quote it"), place))
            }
            None => Err(self.error("a key that is no string", place)),
        }
    }

    /// The maps that a merge key brings in, the most important first.
    fn merge(&self, node: Node, place: Origin) -> Result<Vec<Node>, ReadError> {
        match &node.data {
            Data::Map(_) => Ok(vec![node]),
            Data::List(list) if list.items.iter().all(|item| item.as_map().is_some()) => Ok(list.items.clone()),
            _ => Err(self.error("a merge key needs a mapping or a list of mappings", place)),
        }
    }
}

/// Adds what a merge key brings in and the mapping does not say itself.
fn merge_into(entries: &mut Vec<Entry>, merge: &Node) {
    let present: std::collections::HashSet<Arc<str>> = entries.iter().map(|entry| entry.key.clone()).collect();
    entries.extend(merge.entries().iter().filter(|entry| !present.contains(&entry.key)).cloned());
}

/// The number of values in a tree, at most `limit`.
fn count(node: &Node, limit: u64) -> u64 {
    let mut total = 0;
    let mut stack = vec![node];
    while let Some(node) = stack.pop() {
        total += 1;
        if total >= limit {
            return limit;
        }
        stack.extend(node.items());
        stack.extend(node.entries().iter().map(|entry| &entry.value));
    }
    total
}

fn scalar_of(text: &str, style: ScalarStyle, tag: Option<&Tag>, origin: Origin) -> Scalar {
    let style = match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::SingleQuoted,
        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    };
    // the parser gives `~` with an empty span for a value that is not there
    let text = if style == Style::Plain && origin.start == origin.end { "" } else { text };
    let kind = match tag.map(|tag| tag.to_string()) {
        None if style == Style::Plain => scalar::resolve(text),
        None => Kind::String,
        Some(tag) => match tag.rsplit(['!', ':']).next().unwrap_or_default() {
            "binary" => Kind::Binary,
            "null" => Kind::Null,
            "int" | "float" | "bool" | "timestamp" => scalar::resolve(text),
            _ => Kind::String,
        },
    };
    Scalar { text: text.into(), style, kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: FileId = FileId(0);

    fn one(text: &str) -> Node {
        read(text, FILE).unwrap().documents.remove(0)
    }

    fn slice(text: &str, origin: Origin) -> &str {
        &text[origin.start as usize..origin.end as usize]
    }

    #[test]
    fn spans_are_the_text_of_the_value() {
        let text = "\u{feff}# head\r\na: 1\r\nb:\r\n- \"x y\"\r\n- {c: d}\r\ne: |\r\n  one\r\n  two\r\nf:\r\ng: ü # tail\r\n";
        let node = one(text);
        assert_eq!(slice(text, node.pointer("/a").unwrap().origin), "1");
        assert_eq!(slice(text, node.pointer("/b/0").unwrap().origin), "\"x y\"");
        assert_eq!(slice(text, node.pointer("/b/1").unwrap().origin), "{c: d}");
        assert_eq!(slice(text, node.pointer("/b/1/c").unwrap().origin), "d");
        assert_eq!(slice(text, node.entry("g").unwrap().key_origin), "g");
        assert_eq!(slice(text, node.pointer("/g").unwrap().origin), "ü");
        assert_eq!(node.pointer("/e").unwrap().as_str(), Some("one\ntwo\n"));
        assert!(node.pointer("/f").unwrap().is_null());
        assert!(slice(text, node.origin).starts_with("a: 1"));
        assert!(slice(text, node.origin).ends_with('ü'));
        assert_eq!(read(text, FILE).unwrap().comments.iter().map(|c| c.text.as_str()).collect::<Vec<_>>(), ["head", "tail"]);
    }

    #[test]
    fn duplicate_keys_are_reported_and_the_last_wins() {
        let documents = read("a: 1\nb: 2\na: 3\n", FILE).unwrap();
        assert_eq!(documents.duplicate_keys.len(), 1);
        assert_eq!(documents.documents[0].get("a").unwrap().text(), Some("3"));
        let many: String = (0..40).map(|n| format!("k{n}: 1\n")).collect::<String>() + "k39: 2\n";
        assert_eq!(read(&many, FILE).unwrap().duplicate_keys.len(), 1);
    }

    #[test]
    fn merge_keys_and_aliases() {
        let text = "base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\nsame: *b\n";
        let node = one(text);
        assert_eq!(node.at(&["use", "x"]).unwrap().text(), Some("1"));
        assert_eq!(node.at(&["use", "y"]).unwrap().text(), Some("3"));
        assert_eq!(node.at(&["same", "y"]).unwrap().text(), Some("2"));
        assert!(node.at(&["use"]).unwrap().get("<<").is_none());
    }

    #[test]
    fn refuses_what_go_refuses() {
        for text in ["1: a", "true: a", "? [a]\n: b", "a: *nope", "a: &x [*x]", "a: b: c", "<<: 3"] {
            assert!(read(text, FILE).is_err(), "{text}");
        }
        assert!(read("a: {{ .Values.x }}\n  b", FILE).unwrap_err().template);
    }

    #[test]
    fn alias_bombs_and_deep_nesting_are_refused_quickly() {
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_string();
        for level in 1..10 {
            let of = format!("*a{}", level - 1);
            bomb += &format!("a{level}: &a{level} [{}]\n", vec![of; 10].join(","));
        }
        assert!(read(&bomb, FILE).is_err());
        assert!(read(&"[".repeat(100_000), FILE).is_err());
        assert!(read(&"- ".repeat(100_000), FILE).is_err());
    }

    #[test]
    fn only_documents_that_hold_something() {
        assert_eq!(read("# c\n---\n---\na: 1\n---\n# x\n", FILE).unwrap().documents.len(), 1);
    }

    #[test]
    fn embedded_text_keeps_the_place_in_the_host() {
        for text in [
            "p: |-\n  spec:\n    replicas: 3\n\n    x: y\nq: 1\n",
            "p: '{spec: {replicas: 3, x: y}}'\n",
            "p: \"{spec: {replicas: 3, x: y}}\"\n",
        ] {
            let host = one(text);
            let patch = read_embedded(host.get("p").unwrap(), text).unwrap().documents.remove(0);
            assert_eq!(slice(text, patch.at(&["spec", "replicas"]).unwrap().origin), "3");
            assert_eq!(slice(text, patch.at(&["spec", "x"]).unwrap().origin), "y");
        }
        let text = "p: >-\n  {a:\n  b}\n";
        let host = one(text);
        let patch = read_embedded(host.get("p").unwrap(), text).unwrap().documents.remove(0);
        assert_eq!(patch.get("a").unwrap().origin, host.get("p").unwrap().origin);
    }
}
