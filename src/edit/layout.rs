//! Finds the bytes that an edit replaces, in block and flow style, in YAML and JSON.

use super::scalar::{double_quoted, style_of, written};
use super::{Edit, EditError, Replacement, Span};
use crate::yaml::{Entry, Node, Origin, Style};

/// The bytes that an edit replaces, and the text that takes their place.
pub(super) fn replacement(
    text: &str,
    documents: &[Node],
    edit: &Edit,
) -> Result<Replacement, EditError> {
    let file = File { text, documents };
    match edit {
        Edit::Set { value, text } => file.set(*value, text),
        Edit::Insert {
            map,
            after,
            key,
            text,
        } => file.insert(*map, after, key, text),
        Edit::Remove { map, key } => file.remove(*map, key),
        Edit::Append { list, entries } => file.append(*list, entries),
        Edit::AddList { map, key, entries } => file.add_list(*map, key, entries),
        Edit::RemoveItem { list, item } => file.remove_item(*list, *item),
        Edit::Replace { bytes, text } => Ok(Replacement {
            range: bytes.start as usize..bytes.end as usize,
            text: text.clone(),
        }),
    }
}

/// True if a node has these bytes.
pub(super) fn is_at(node: &Node, span: Span) -> bool {
    Span::from(node.origin) == span
}

/// The first node, from the root down, that a condition accepts. Trees are at most as deep as the
/// reader allows.
pub(super) fn find<'n>(node: &'n Node, accepts: &dyn Fn(&Node) -> bool) -> Option<&'n Node> {
    if accepts(node) {
        return Some(node);
    }
    let items = node.items().iter();
    let values = node.entries().iter().map(|entry| &entry.value);
    items.chain(values).find_map(|child| find(child, accepts))
}

struct File<'t> {
    text: &'t str,
    documents: &'t [Node],
}

impl<'t> File<'t> {
    fn find(&self, accepts: &dyn Fn(&Node) -> bool) -> Result<&'t Node, EditError> {
        let mut documents = self.documents.iter();
        documents
            .find_map(|document| find(document, accepts))
            .ok_or(EditError::NotFound)
    }

    fn map(&self, span: Span) -> Result<&'t Node, EditError> {
        self.find(&|node| is_at(node, span) && node.as_map().is_some())
    }

    fn set(&self, span: Span, new: &str) -> Result<Replacement, EditError> {
        let range = span.start as usize..span.end as usize;
        let own = self.find(&|node| is_at(node, span) && node.as_scalar().is_some());
        let old = self.text.get(range.clone()).ok_or(EditError::NotFound)?;
        let style = match own {
            Ok(node) => node.as_scalar().map_or(Style::Plain, |scalar| scalar.style),
            // a value of the YAML inside a block scalar, such as `values: |`
            Err(_) => style_of(old),
        };
        if matches!(style, Style::Literal | Style::Folded) && old.contains('\n') {
            return Err(EditError::Form("the value has several lines"));
        }
        let mut text = written(new, style)?;
        if old.is_empty() {
            // `tag:` without a value ends at its colon
            text.insert(0, ' ');
        }
        Ok(Replacement { range, text })
    }

    fn insert(
        &self,
        span: Span,
        after: &str,
        key: &str,
        value: &str,
    ) -> Result<Replacement, EditError> {
        let map = self.map(span)?;
        let before = map.entry(after).ok_or(EditError::NotFound)?;
        let quoted = self.is_quoted(before.key_origin);
        let (name, value) = if quoted {
            (double_quoted(key), double_quoted(value))
        } else {
            (written(key, Style::Plain)?, self.like(before, value)?)
        };
        let end = before.value.origin.end as usize;
        if self.is_flow(map) {
            return Ok(Replacement {
                range: end..end,
                text: format!(", {name}: {value}"),
            });
        }
        if before
            .value
            .as_scalar()
            .is_none_or(|scalar| matches!(scalar.style, Style::Literal | Style::Folded))
        {
            return Err(EditError::Form("the key before it has several lines"));
        }
        let indent = " ".repeat(self.column(before.key_origin.start as usize));
        Ok(self.line_after(end, &format!("{indent}{name}: {value}")))
    }

    /// A value that is quoted as its neighbour is, where that is possible.
    fn like(&self, neighbour: &Entry, value: &str) -> Result<String, EditError> {
        let style = neighbour.value.as_scalar().map(|scalar| scalar.style);
        match style {
            Some(style @ Style::SingleQuoted) => written(value, style),
            // a tag is quoted because it looks like a number; a digest does not
            _ => written(value, Style::Plain),
        }
    }

    fn remove(&self, span: Span, key: &str) -> Result<Replacement, EditError> {
        let map = self.map(span)?;
        let entries = map.entries();
        let at = entries
            .iter()
            .position(|entry| &*entry.key == key)
            .ok_or(EditError::NotFound)?;
        let (entry, next) = (&entries[at], entries.get(at + 1));
        let (start, end) = (
            entry.key_origin.start as usize,
            entry.value.origin.end as usize,
        );
        let range = match (next, at) {
            (None, 0) => return Err(EditError::Form("it is the only key of its map")),
            (Some(next), _) if self.is_flow(map) || at == 0 => {
                let next = next.key_origin.start as usize;
                // a comment between the two belongs to the second one
                if self
                    .text
                    .get(end..next)
                    .is_some_and(|gap| gap.contains('#'))
                {
                    return Err(EditError::Form("a comment follows the key"));
                }
                start..next
            }
            (None, _) if self.is_flow(map) => entries[at - 1].value.origin.end as usize..end,
            _ => self.line_start(start)..self.next_line(end),
        };
        Ok(Replacement {
            range,
            text: String::new(),
        })
    }

    fn remove_item(&self, span: Span, item: Span) -> Result<Replacement, EditError> {
        let list = self.find(&|node| is_at(node, span) && node.as_list().is_some())?;
        let items = list.items();
        let at = items
            .iter()
            .position(|one| is_at(one, item))
            .ok_or(EditError::NotFound)?;
        let (before, next) = (
            at.checked_sub(1).and_then(|at| items.get(at)),
            items.get(at + 1),
        );
        let (start, end) = (item.start as usize, item.end as usize);
        let range = match (before, next) {
            (None, None) => return Err(EditError::Form("it is the only item of its list")),
            (_, Some(next)) if self.is_flow(list) => start..next.origin.start as usize,
            (Some(before), None) if self.is_flow(list) => before.origin.end as usize..end,
            _ => self.line_start(start)..self.next_line(end),
        };
        Ok(Replacement {
            range,
            text: String::new(),
        })
    }

    fn append(&self, span: Span, entries: &[(String, String)]) -> Result<Replacement, EditError> {
        let list = self.find(&|node| is_at(node, span) && node.as_list().is_some())?;
        if self.is_flow(list) {
            let end = (span.end as usize).saturating_sub(1);
            let comma = if list.items().is_empty() { "" } else { ", " };
            return Ok(Replacement {
                range: end..end,
                text: format!("{comma}{}", self.flow_item(list, entries)?),
            });
        }
        let first = list.items().first().ok_or(EditError::NotFound)?;
        let dash = self
            .text
            .get(..first.origin.start as usize)
            .and_then(|before| before.rfind('-'))
            .ok_or(EditError::NotFound)?;
        let item = self.block_item(self.column(dash), entries)?;
        Ok(self.line_after(span.end as usize, &item))
    }

    fn add_list(
        &self,
        span: Span,
        key: &str,
        entries: &[(String, String)],
    ) -> Result<Replacement, EditError> {
        let map = self.map(span)?;
        let (Some(first), Some(last)) = (map.entries().first(), map.entries().last()) else {
            return Err(EditError::NotFound);
        };
        if self.is_flow(map) {
            return Err(EditError::Form("the file is written in flow style"));
        }
        let column = self.column(first.key_origin.start as usize);
        let dash = column + self.list_indent(map);
        let item = self.block_item(dash, entries)?;
        let end = last.value.origin.end.max(last.key_origin.end) as usize;
        let lines = format!("{}{key}:{}{item}", " ".repeat(column), self.line_end());
        Ok(self.line_after(end, &lines))
    }

    /// The columns by which the file indents the dashes of a list below their key.
    fn list_indent(&self, map: &Node) -> usize {
        let lists = map.entries().iter().filter_map(|entry| {
            let first = entry.value.items().first()?;
            let key = self.column(entry.key_origin.start as usize);
            let dash = self.text.get(..first.origin.start as usize)?.rfind('-')?;
            let is_block = dash > entry.key_origin.end as usize && !self.is_flow(&entry.value);
            is_block.then(|| self.column(dash).saturating_sub(key))
        });
        lists.into_iter().next().unwrap_or_default()
    }

    fn block_item(&self, dash: usize, entries: &[(String, String)]) -> Result<String, EditError> {
        let mut lines = Vec::new();
        for (at, (key, value)) in entries.iter().enumerate() {
            let mark = if at == 0 { "- " } else { "  " };
            let value = written(value, Style::Plain)?;
            lines.push(format!("{}{mark}{key}: {value}", " ".repeat(dash)));
        }
        Ok(lines.join(self.line_end()))
    }

    fn flow_item(&self, list: &Node, entries: &[(String, String)]) -> Result<String, EditError> {
        let mut known = list.items().iter().flat_map(Node::entries);
        let quoted = known
            .next()
            .is_some_and(|entry| self.is_quoted(entry.key_origin));
        let mut pairs = Vec::new();
        for (key, value) in entries {
            pairs.push(if quoted {
                format!("{}: {}", double_quoted(key), double_quoted(value))
            } else {
                format!("{key}: {}", written(value, Style::Plain)?)
            });
        }
        Ok(format!("{{{}}}", pairs.join(", ")))
    }

    fn is_flow(&self, node: &Node) -> bool {
        let first = self.text.as_bytes().get(node.origin.start as usize);
        matches!(first, Some(b'{' | b'['))
    }

    fn is_quoted(&self, key: Origin) -> bool {
        self.text.as_bytes().get(key.start as usize) == Some(&b'"')
    }

    /// Lines behind the one that an offset is in.
    fn line_after(&self, at: usize, lines: &str) -> Replacement {
        let end = self.next_line(at);
        let ended = self
            .text
            .get(..end)
            .is_some_and(|text| text.ends_with('\n'));
        let line_end = self.line_end();
        Replacement {
            range: end..end,
            text: if ended {
                format!("{lines}{line_end}")
            } else {
                format!("{line_end}{lines}")
            },
        }
    }

    fn line_end(&self) -> &'static str {
        match self.text.find('\n') {
            Some(at) if self.text[..at].ends_with('\r') => "\r\n",
            _ => "\n",
        }
    }

    fn line_start(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        before.rfind('\n').map_or(0, |at| at + 1)
    }

    fn next_line(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        rest.find('\n').map_or(self.text.len(), |end| at + end + 1)
    }

    fn column(&self, at: usize) -> usize {
        let start = self.line_start(at);
        let before = self.text.get(start..at).unwrap_or_default();
        before.trim_start_matches('\u{feff}').chars().count()
    }
}
