//! Quoted strings and characters, as Go's `strconv` writes them.

use crate::template::bytes::{byte_of, has_strays};

/// True for letters, marks, numbers, punctuation, symbols and the blank.
pub(in crate::template) fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    // the first character is escaped under stricter rules than the others
    let mut text = String::from("a");
    text.push(c);
    !text.escape_debug().any(|escaped| escaped == '\\')
}

/// A string in double quotes; with `ascii`, other characters are escaped.
pub(in crate::template) fn quoted(text: &str, ascii: bool) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        escape(&mut out, c, '"', ascii);
    }
    out.push('"');
    out
}

/// A character in single quotes.
pub(super) fn quoted_character(c: char, ascii: bool) -> String {
    let mut out = String::from("'");
    escape(&mut out, c, '\'', ascii);
    out.push('\'');
    out
}

/// True if a raw string can hold the text.
pub(super) fn can_backquote(text: &str) -> bool {
    text.chars()
        .all(|c| c != '`' && c != '\u{feff}' && (c == '\t' || !c.is_ascii_control()))
        && !has_strays(text)
}

fn escape(out: &mut String, c: char, quote: char, ascii: bool) {
    if let Some(byte) = byte_of(c) {
        return out.push_str(&format!("\\x{byte:02x}"));
    }
    match c {
        c if c == quote || c == '\\' => {
            out.push('\\');
            out.push(c);
        }
        c if is_printable(c) && (c.is_ascii() || !ascii) => out.push(c),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        c if c < ' ' || c == '\u{7f}' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
        c if u32::from(c) < 0x10000 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
    }
}
