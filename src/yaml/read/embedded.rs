//! YAML inside a scalar of a YAML file: an inline patch, `values: |`.

use std::sync::Arc;

use super::{Dialect, Documents, ReadError, read_as};
use crate::yaml::{By, Data, Kind, Node, Origin, Part, Scalar, Style};

/// Reads a text inside a scalar of a YAML file (an inline patch). Origins point into
/// the host file: to the exact bytes where the scalar is a literal block or a plain/quoted scalar
/// without escapes, otherwise to the whole scalar. In a text that a template printed, they point to
/// the values and templates that its parts came from.
///
/// `host` is the scalar that holds the text; `host_text` is the whole text of its file.
pub fn read_embedded(host: &Node, host_text: &str) -> Result<Documents, ReadError> {
    read_embedded_as(host, host_text, Dialect::Kustomize)
}

/// Reads a text inside a scalar as another program does.
pub fn read_embedded_as(
    host: &Node,
    host_text: &str,
    dialect: Dialect,
) -> Result<Documents, ReadError> {
    let Some(scalar) = host.as_scalar().filter(|scalar| scalar.kind != Kind::Null) else {
        return Ok(Documents::default());
    };
    let spans = SpanMap::new(scalar, host.origin, host_text);
    match read_as(&scalar.text, host.origin.file, dialect) {
        Ok(mut documents) => {
            for document in &mut documents.documents {
                spans.relocate(document);
            }
            for comment in &mut documents.comments {
                *comment = spans.of(*comment);
            }
            for duplicate in &mut documents.duplicate_keys {
                duplicate.first = spans.of(duplicate.first);
                duplicate.second = spans.of(duplicate.second);
            }
            Ok(documents)
        }
        Err(error) => Err(ReadError {
            origin: spans.of(error.origin),
            ..error
        }),
    }
}

/// Maps spans of an embedded text to its host.
enum SpanMap<'s> {
    /// Part by part: the host, and where its parts came from.
    Parts(Origin, &'s [Part]),
    /// At a fixed distance.
    Shifted(Origin),
    /// Line by line: the start of a line in the embedded text, and in the host.
    Lines(Origin, Vec<(usize, usize)>),
    /// Unknown because of escapes or folding: the whole scalar.
    Whole(Origin),
}

impl<'s> SpanMap<'s> {
    fn new(scalar: &'s Scalar, host: Origin, host_text: &str) -> SpanMap<'s> {
        if let Some(parts) = scalar.traced.of(&scalar.text) {
            return SpanMap::Parts(host, parts);
        }
        let Some(written) = host_text.get(host.start as usize..host.end as usize) else {
            return SpanMap::Whole(host);
        };
        let quoted = |quote: char| {
            written
                .strip_prefix(quote)
                .and_then(|rest| rest.strip_suffix(quote))
        };
        match scalar.style {
            Style::Plain if written == &*scalar.text => SpanMap::Shifted(host),
            Style::SingleQuoted if quoted('\'') == Some(&*scalar.text) => {
                SpanMap::Shifted(Origin {
                    start: host.start + 1,
                    ..host
                })
            }
            Style::DoubleQuoted if quoted('"') == Some(&*scalar.text) => SpanMap::Shifted(Origin {
                start: host.start + 1,
                ..host
            }),
            Style::Literal => match lines(&scalar.text, host.start as usize, host_text) {
                Some(lines) => SpanMap::Lines(host, lines),
                None => SpanMap::Whole(host),
            },
            _ => SpanMap::Whole(host),
        }
    }

    fn of(&self, inner: Origin) -> Origin {
        match self {
            SpanMap::Whole(host) => *host,
            SpanMap::Parts(host, parts) => parts_in(parts, inner).next().unwrap_or(*host),
            SpanMap::Shifted(host) => Origin {
                start: host.start + inner.start,
                end: host.start + inner.end,
                ..inner
            },
            SpanMap::Lines(host, lines) => {
                let position = |offset: u32| {
                    let offset = offset as usize;
                    let (in_text, in_host) = lines.get(
                        lines
                            .partition_point(|(start, _)| *start <= offset)
                            .checked_sub(1)?,
                    )?;
                    u32::try_from(in_host + offset - in_text).ok()
                };
                let start = position(inner.start).unwrap_or(host.start);
                Origin {
                    start,
                    end: position(inner.end).unwrap_or(host.end).max(start),
                    ..inner
                }
            }
        }
    }

    /// The place of a value: the last value that went into it, as that of the tag of an image.
    fn of_scalar(&self, inner: Origin) -> Origin {
        let SpanMap::Parts(_, parts) = self else {
            return self.of(inner);
        };
        let written = parts_in(parts, inner).filter(|origin| origin.by == By::Values);
        written.last().unwrap_or_else(|| self.of(inner))
    }

    fn relocate(&self, node: &mut Node) {
        node.origin = match &node.data {
            Data::Scalar(_) => self.of_scalar(node.origin),
            Data::Map(_) | Data::List(_) => self.of(node.origin),
        };
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

/// Where the parts came from that a span of an embedded text touches.
fn parts_in(parts: &[Part], span: Origin) -> impl Iterator<Item = Origin> {
    let span = span.start as usize..span.end.max(span.start + 1) as usize;
    let first = parts.partition_point(|part| part.end <= span.start);
    let mut start = match first.checked_sub(1) {
        Some(before) => parts[before].end,
        None => 0,
    };
    parts[first..].iter().map_while(move |part| {
        let origin = (start < span.end).then(|| part.origin_of(start, span.clone()));
        start = part.end;
        origin
    })
}

/// Pairs the lines of a literal block with the lines of its host: the byte of the text at which each
/// begins, and that of the host. `start`: a byte of the host's line with the first one that is not
/// empty. `None` if they differ.
pub fn lines(text: &str, start: usize, host_text: &str) -> Option<Vec<(usize, usize)>> {
    let content = text.trim_start_matches('\n');
    let mut in_text = text.len() - content.len();
    let mut in_host = host_text
        .get(..start)?
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
    Some(lines)
}
