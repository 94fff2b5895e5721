//! Writes one string in the style that the file has at its place.

use super::EditError;
use crate::yaml::{Kind, Style, scalar::resolve};

/// A string in a style. A plain text that would be read as something else, such as the tag `1.10`,
/// gets quotes.
pub(super) fn written(text: &str, style: Style) -> Result<String, EditError> {
    if text.chars().any(char::is_control) {
        return Err(EditError::Form("a control character cannot be written"));
    }
    match style {
        Style::Plain if is_plain(text) => Ok(text.to_string()),
        Style::Plain | Style::DoubleQuoted => Ok(double_quoted(text)),
        Style::SingleQuoted => Ok(format!("'{}'", text.replace('\'', "''"))),
        Style::Literal | Style::Folded => Ok(text.to_string()),
    }
}

pub(super) fn double_quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The style of a scalar inside of the text of another one, by its first letter.
pub(super) fn style_of(written: &str) -> Style {
    match written.bytes().next() {
        Some(b'"') => Style::DoubleQuoted,
        Some(b'\'') => Style::SingleQuoted,
        _ => Style::Plain,
    }
}

/// Plain words that readers of YAML 1.1 take for booleans.
const BOOLEANS: &[&str] = &["y", "n", "yes", "no", "on", "off"];

/// True if every reader of YAML takes an unquoted text for this string.
fn is_plain(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"._/+-@:=?&%".contains(&byte);
    let first = text.bytes().next();
    // `1:20` and `1_000` are numbers in YAML 1.1
    let is_old_number = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"_:.".contains(&byte))
        && text.contains([':', '_']);
    first.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'/')
        && text.bytes().all(is_word)
        && !text.ends_with(':')
        && !is_old_number
        && resolve(text) == Kind::String
        && !BOOLEANS.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_no_strings_get_quotes() {
        for text in [
            "1.10",
            "12",
            "0123456",
            "1234e56",
            "2026-01-02",
            "yes",
            "On",
            "null",
            "true",
            "1:20",
            "0x1f",
        ] {
            assert_eq!(written(text, Style::Plain).unwrap(), format!("\"{text}\""));
        }
        for text in [
            "v1.10",
            "1.10.2",
            "1.10.2-rc1",
            "sha256:ab12",
            "ghcr.io/acme/api:1@sha256:ab",
            "a?ref=v1",
        ] {
            assert_eq!(written(text, Style::Plain).unwrap(), text);
        }
    }

    #[test]
    fn the_style_stays() {
        assert_eq!(written("it's", Style::SingleQuoted).unwrap(), "'it''s'");
        assert_eq!(
            written("a\"b\\", Style::DoubleQuoted).unwrap(),
            "\"a\\\"b\\\\\""
        );
        assert!(written("a\nb", Style::Plain).is_err());
    }
}
