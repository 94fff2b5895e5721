//! Strings of JSON as Go's `encoding/json` writes them.

/// Appends a string in quotes. `escapes_html`: `<`, `>` and `&` become escapes too, as Go does
/// unless it is told not to.
pub(crate) fn push_string(out: &mut String, text: &str, escapes_html: bool) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => push_escape(out, letter),
            '<' | '>' | '&' if escapes_html => push_escape(out, letter),
            letter => out.push(letter),
        }
    }
    out.push('"');
}

fn push_escape(out: &mut String, letter: char) {
    out.push_str(&format!("\\u{:04x}", u32::from(letter)));
}
