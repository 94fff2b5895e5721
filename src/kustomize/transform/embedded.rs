//! JSON and YAML in a string, for field paths that lead into them
//! (`data.config\.json.database.host`).
//!
//! Here: reading such a string, and writing it back in its own format: JSON with sorted keys,
//! compact or indented as it was; YAML with keys, quotes and comments as they were. Not here: which
//! strings a path leads into (`path`), what is changed in them.

use std::ops::Range;

use crate::kustomize::hash::go_json;
use crate::yaml::{Data, Entry, FileId, Kind, Node, Scalar, Style, read, scalar, write};

/// Stands for the text of the string in the origins of its values.
const INSIDE: FileId = FileId(u32::MAX);

/// The document that a scalar's text is. Its origins count in that text, not in a file.
pub(super) fn parse(host: &Node) -> Option<Node> {
    parse_with_comments(host).map(|(document, _)| document)
}

pub(super) fn parse_with_comments(host: &Node) -> Option<(Node, Vec<Range<usize>>)> {
    let documents = read::read(&host.as_scalar()?.text, INSIDE).ok()?;
    let comments = documents
        .comments
        .iter()
        .map(|comment| comment.start as usize..comment.end as usize);
    let comments = comments.collect();
    Some((documents.documents.into_iter().next()?, comments))
}

pub(super) fn serialize(
    document: &Node,
    comments: &[Range<usize>],
    before: &str,
) -> Option<String> {
    if !before.trim().starts_with(['{', '[']) {
        let mut writer = Writer {
            before,
            comments,
            out: String::new(),
        };
        writer.block(document, 0);
        writer.comments_before(before.len(), 0);
        return Some(writer.out.trim().to_string());
    }
    if mistyped(document) {
        return None;
    }
    let value = write::to_json(document);
    let mut out = String::new();
    go_json(&value, &mut out);
    Some(if before.contains('\n') && before.contains("  ") {
        indented(&out)
    } else {
        out
    })
}

/// True if some text does not have the type of its value: a word was written into a number.
fn mistyped(node: &Node) -> bool {
    match &node.data {
        Data::Scalar(scalar) => is_mistyped(scalar),
        Data::Map(map) => map.entries.iter().any(|entry| mistyped(&entry.value)),
        Data::List(list) => list.items.iter().any(mistyped),
    }
}

fn is_mistyped(scalar: &Scalar) -> bool {
    let own = scalar::resolve(&scalar.text);
    let fits = own == scalar.kind || (own == Kind::Int && scalar.kind == Kind::Float);
    !fits && !matches!(scalar.kind, Kind::String | Kind::Binary)
}

/// Compact JSON with line breaks and two blanks a level.
fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    let mut letters = json.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(letter) = letters.next() {
        if in_string {
            out.push(letter);
            in_string = escaped || letter != '"';
            escaped = !escaped && letter == '\\';
            continue;
        }
        match letter {
            '{' | '[' => {
                out.push(letter);
                match letters.next_if(|next| matches!(next, '}' | ']')) {
                    Some(close) => out.push(close),
                    None => {
                        depth += 1;
                        line(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(letter);
            }
            ',' => {
                out.push(',');
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => {
                in_string = letter == '"';
                out.push(letter);
            }
        }
    }
    out
}

/// True if a value was written as `{…}` or `[…]`.
fn was_flow(node: &Node, before: &str) -> bool {
    node.origin.file == INSIDE
        && before
            .as_bytes()
            .get(node.origin.start as usize)
            .is_some_and(|first| matches!(first, b'{' | b'['))
}

fn is_leaf(node: &Node, before: &str) -> bool {
    node.as_scalar().is_some()
        || node.as_map().is_some_and(|map| map.entries.is_empty())
        || node.as_list().is_some_and(|list| list.items.is_empty())
        || was_flow(node, before)
}

/// The span in the text of a value, or of the value that it replaced.
fn span(node: &Node) -> Option<Range<usize>> {
    let here = node.origin.file == INSIDE;
    let origin = if here {
        node.origin
    } else {
        node.replaced
            .as_ref()
            .map(|old| old.origin)
            .filter(|old| old.file == INSIDE)?
    };
    Some(origin.start as usize..origin.end as usize)
}

/// Writes YAML in block style, with the comments of the text that it was read from.
struct Writer<'a> {
    before: &'a str,
    /// The comments that are not written yet.
    comments: &'a [Range<usize>],
    out: String,
}

impl Writer<'_> {
    fn line(&mut self, indent: usize) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    /// The column of an offset in the text.
    fn column(&self, offset: usize) -> usize {
        let line = self
            .before
            .get(..offset)
            .unwrap_or_default()
            .rsplit('\n')
            .next()
            .unwrap_or_default();
        line.len()
    }

    /// Writes the comments before an offset, each on a line of its own.
    fn comments_before(&mut self, offset: usize, indent: usize) {
        while let Some((comment, rest)) = self
            .comments
            .split_first()
            .filter(|(comment, _)| comment.start < offset)
        {
            let fresh_line = self.out.trim_end_matches(' ').is_empty()
                || self.out.trim_end_matches(' ').ends_with('\n');
            if !fresh_line {
                self.line(indent);
            }
            // a comment that is indented more than the next line belongs to the block above
            if self.column(comment.start) > self.column(offset) {
                self.out.truncate(self.out.trim_end_matches(' ').len());
                let above = self
                    .out
                    .trim_end_matches('\n')
                    .rsplit('\n')
                    .next()
                    .unwrap_or_default();
                let above = above.len() - above.trim_start_matches(' ').len();
                self.out.extend(std::iter::repeat_n(' ', above));
            }
            let between = |to: usize| self.before.get(comment.end..to).unwrap_or_default();
            self.out.push_str(
                self.before
                    .get(comment.clone())
                    .unwrap_or_default()
                    .trim_end(),
            );
            // groups of comments stay apart
            if rest.first().is_some_and(|next| {
                next.start <= offset && between(next.start).matches('\n').count() > 1
            }) {
                self.out.push('\n');
            }
            self.line(indent);
            self.comments = rest;
        }
    }

    /// Writes the comment at the end of the line of an offset.
    fn comment_after(&mut self, offset: usize) {
        let same_line = |comment: &Range<usize>| {
            comment.start >= offset
                && self
                    .before
                    .get(offset..comment.start)
                    .is_some_and(|between| !between.contains('\n'))
        };
        if let Some((comment, rest)) = self
            .comments
            .split_first()
            .filter(|(comment, _)| same_line(comment))
        {
            self.out.push(' ');
            self.out.push_str(
                self.before
                    .get(comment.clone())
                    .unwrap_or_default()
                    .trim_end(),
            );
            self.comments = rest;
        }
    }

    fn leaf(&mut self, node: &Node, indent: usize) {
        leaf(node, indent, &mut self.out);
        if let Some(span) = span(node) {
            self.comment_after(span.end);
        }
    }

    /// Writes a value, continuing the current line.
    fn block(&mut self, node: &Node, indent: usize) {
        match &node.data {
            _ if is_leaf(node, self.before) => self.leaf(node, indent),
            Data::Map(map) => {
                for (position, entry) in map.entries.iter().enumerate() {
                    if position > 0 {
                        self.line(indent);
                    }
                    self.entry(entry, indent);
                }
            }
            Data::List(list) => {
                for (position, item) in list.items.iter().enumerate() {
                    if position > 0 {
                        self.line(indent);
                    }
                    if let Some(span) = span(item) {
                        self.comments_before(span.start, indent);
                    }
                    self.out.push_str("- ");
                    self.block(item, indent + 2);
                }
            }
            Data::Scalar(_) => {}
        }
    }

    fn entry(&mut self, entry: &Entry, indent: usize) {
        let own = entry.key_origin.file == INSIDE;
        if own {
            self.comments_before(entry.key_origin.start as usize, indent);
        }
        plain_or_quoted(&entry.key, Kind::String, &mut self.out);
        self.out.push(':');
        let value = &entry.value;
        if is_leaf(value, self.before) {
            if !value
                .as_scalar()
                .is_some_and(|scalar| scalar.kind == Kind::Null && scalar.text.is_empty())
            {
                self.out.push(' ');
            }
            return self.leaf(value, indent + 2);
        }
        if own {
            self.comment_after(entry.key_origin.end as usize);
        }
        let inner = if value.as_list().is_some() {
            indent
        } else {
            indent + 2
        };
        self.line(inner);
        self.block(value, inner);
    }
}

/// Writes a scalar, or a map or list in one line.
fn leaf(node: &Node, indent: usize, out: &mut String) {
    let separated = |out: &mut String, position: usize| {
        if position > 0 {
            out.push_str(", ");
        }
    };
    match &node.data {
        Data::Scalar(scalar) => scalar_text(scalar, indent, out),
        Data::Map(map) => {
            out.push('{');
            for (position, entry) in map.entries.iter().enumerate() {
                separated(out, position);
                plain_or_quoted(&entry.key, Kind::String, out);
                out.push_str(": ");
                leaf(&entry.value, indent, out);
            }
            out.push('}');
        }
        Data::List(list) => {
            out.push('[');
            for (position, item) in list.items.iter().enumerate() {
                separated(out, position);
                leaf(item, indent, out);
            }
            out.push(']');
        }
    }
}

fn tag(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::Bool => "bool",
        Kind::Int => "int",
        Kind::Float => "float",
        Kind::String => "str",
        Kind::Timestamp => "timestamp",
        Kind::Binary => "binary",
    }
}

fn scalar_text(scalar: &Scalar, indent: usize, out: &mut String) {
    match scalar.style {
        _ if is_mistyped(scalar) => {
            out.push_str(format!("!!{} {}", tag(scalar.kind), scalar.text).trim_end())
        }
        Style::Literal | Style::Folded if scalar.text.is_empty() => out.push_str("\"\""),
        Style::SingleQuoted => out.push_str(&format!("'{}'", scalar.text.replace('\'', "''"))),
        Style::DoubleQuoted => double_quoted(&scalar.text, out),
        Style::Literal | Style::Folded => {
            out.push_str(if scalar.text.ends_with('\n') {
                "|"
            } else {
                "|-"
            });
            for line in scalar.text.lines() {
                out.push('\n');
                if !line.is_empty() {
                    out.extend(std::iter::repeat_n(' ', indent));
                    out.push_str(line);
                }
            }
        }
        Style::Plain => plain_or_quoted(&scalar.text, scalar.kind, out),
    }
}

/// Plain if that reads back as the same text and type, otherwise in quotes.
fn plain_or_quoted(text: &str, kind: Kind, out: &mut String) {
    let line = format!("[{text}, x]");
    let back = read::read(&line, INSIDE).ok();
    let back = back
        .as_ref()
        .and_then(|documents| documents.documents.first())
        .map(Node::items);
    let same = matches!(back, Some([item, _]) if item.as_scalar().is_some_and(|scalar| {
        &*scalar.text == text && scalar.kind == kind && scalar.style == Style::Plain
    }));
    if same || (text.is_empty() && kind == Kind::Null) {
        out.push_str(text);
    } else if scalar::resolve(text) != kind || text.contains(|letter: char| letter.is_control()) {
        double_quoted(text, out);
    } else {
        out.push_str(&format!("'{}'", text.replace('\'', "''")));
    }
}

fn double_quoted(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control.is_control() => out.push_str(&format!("\\x{:02X}", control as u32)),
            other => out.push(other),
        }
    }
    out.push('"');
}
