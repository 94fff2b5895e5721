//! One scalar: its exact span, its type and its text.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use foldhash::HashSet;
use granit_parser::{ScalarStyle, Tag};

use crate::yaml::{Kind, Scalar, Style, Traced, scalar as plain};

/// The type of a scalar, with its text and escapes checked. `written` is the scalar with its
/// quotes.
pub(super) fn checked_kind(
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
    written: &str,
) -> Result<Kind, String> {
    let kind = kind(text, style, tag)?;
    if style == ScalarStyle::DoubleQuoted
        && let Some(message) = bad_escape(written)
    {
        return Err(message.to_string());
    }
    Ok(kind)
}

/// The scalar as a tree holds it. `in_flow`: it is inside `{…}` or `[…]`.
pub(super) fn make(text: &str, style: ScalarStyle, kind: Kind, in_flow: bool) -> Scalar {
    let style = match style {
        // `{a: }`: kustomize prints quotes for a value that is left out here
        ScalarStyle::Plain if in_flow && kind == Kind::Null && text.is_empty() => {
            Style::SingleQuoted
        }
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
        traced: Traced::default(),
    }
}

/// The span of a block scalar that starts at `bytes`. The parser's end is the next token, or falls
/// short where the block ends the file, so the end follows from the indentation.
pub(super) fn block_span(text: &str, bytes: Range<usize>) -> Range<usize> {
    let rest = text.get(bytes.start..).unwrap_or("");
    let line = text
        .get(..bytes.start)
        .map_or(0, |before| before.rfind('\n').map_or(0, |at| at + 1));
    let indent = bytes.start - line;
    let inside = |line: &str| {
        line.trim().is_empty() || line.bytes().take_while(|byte| *byte == b' ').count() >= indent
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

/// The position of a missing value: after the colon of its key, or after its dash. The
/// parser puts it at `at`, before the token that ends it.
pub(super) fn empty_span(text: &str, at: usize, key: Option<&Range<usize>>) -> Range<usize> {
    let at = at.min(text.len());
    let at = match key {
        Some(_) if text.as_bytes().get(at) == Some(&b':') => at + 1,
        Some(key) if text.get(key.end..at).unwrap_or("").trim().is_empty() => key.end,
        Some(_) => at,
        None => {
            let before = text.get(..at).unwrap_or("").trim_end_matches([' ', '\t']);
            if before.ends_with('-') {
                before.len()
            } else {
                at
            }
        }
    };
    at..at
}

/// Finds an escape that JSON knows and Go's YAML refuses: `\/`, and `\ud800` to `\udfff`.
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

/// True for the tag `!`, which says nothing.
pub(super) fn is_unspecific(tag: &Tag) -> bool {
    tag.handle().is_empty() && tag.suffix() == "!"
}

/// The type of a scalar, by its tag if Go knows it, otherwise by style and text.
fn kind(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Kind, String> {
    let Some(tag) = tag.filter(|tag| !is_unspecific(tag)) else {
        return Ok(if style == ScalarStyle::Plain {
            plain::resolve(text)
        } else {
            Kind::String
        });
    };
    let Some(name) = tag.suffix_in_namespace("tag:yaml.org,2002:") else {
        return Ok(Kind::String);
    };
    let found = plain::resolve(text);
    let fits = match &*name {
        "str" => return Ok(Kind::String),
        "binary" => {
            return if plain::binary(text).is_some() {
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
            "`{}` is not a value of the tag `!!{name}`",
            text.escape_debug()
        ))
    }
}

/// Shares short strings between the trees that this thread reads. The table is bounded, so that
/// hostile files cannot fill the memory.
pub(super) fn intern(text: &str) -> Arc<str> {
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
