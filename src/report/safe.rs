//! Keeps a written report from acting on whatever shows it: a terminal, or the log of a CI system
//! that looks for commands in it.
//!
//! GitHub takes a line that begins with `::` for a command, and `##[` anywhere in a line; Azure
//! Pipelines takes `##vso[`. Formats escape text from checked files as they write it. This is the
//! last look at the whole, in the notation of each format, so that no place can be forgotten.

use std::borrow::Cow;

use super::{Format, acts_on_terminal};

/// The way in which a format writes a character by its number.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Notation {
    /// `\u{23}`
    Text,
    /// `\u0023`
    Json,
    /// `&#x23;`
    Xml,
}

impl Notation {
    fn of(format: Format) -> Notation {
        match format {
            Format::Json | Format::Sarif | Format::Gitlab => Notation::Json,
            Format::Junit | Format::Html => Notation::Xml,
            Format::Pretty | Format::Concise | Format::Github | Format::Markdown => Notation::Text,
        }
    }

    fn push(self, safe: &mut String, letter: char) {
        let mut units = [0; 2];
        match self {
            Notation::Text => safe.extend(letter.escape_unicode()),
            Notation::Json => {
                for unit in letter.encode_utf16(&mut units) {
                    safe.push_str(&format!("\\u{unit:04x}"));
                }
            }
            Notation::Xml => safe.push_str(&format!("&#x{:x};", u32::from(letter))),
        }
    }
}

/// A report without commands of CI systems and without characters that reorder text.
pub(super) fn report(format: Format, text: &str) -> Cow<'_, str> {
    escaped(text, Notation::of(format), format != Format::Github)
}

/// The same for text of other commands and for messages. Line ends and colors stay.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    escaped(text, Notation::Text, true)
}

/// `lines` tells whether lines that begin with `::` are escaped.
fn escaped(text: &str, notation: Notation, lines: bool) -> Cow<'_, str> {
    let mut safe = String::new();
    let mut copied = 0;
    let mut begins = true;
    let mut color = false;
    for (at, letter) in text.char_indices() {
        let rest = text.get(at..).unwrap_or_default();
        let command = match letter {
            ':' => lines && begins && rest.starts_with("::"),
            '#' => is_command(rest),
            letter => acts(letter),
        };
        if command {
            safe.push_str(text.get(copied..at).unwrap_or_default());
            notation.push(&mut safe, letter);
            copied = at + letter.len_utf8();
        }
        // the codes of colors stand before the first letter of a line
        if letter == '\u{1b}' {
            color = true;
        } else if color {
            color = !letter.is_ascii_alphabetic();
        } else {
            begins = letter == '\n' || (begins && letter.is_whitespace());
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    safe.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(safe)
}

/// True if a text begins with a command that may stand anywhere in a line.
fn is_command(text: &str) -> bool {
    text.starts_with("##[")
        || text
            .get(.."##vso[".len())
            .is_some_and(|start| start.eq_ignore_ascii_case("##vso["))
}

/// True if a character acts on a terminal and is not one that formats write themselves.
fn acts(letter: char) -> bool {
    acts_on_terminal(letter) && !matches!(letter, '\n' | '\t' | '\u{1b}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_ci_systems_are_escaped() {
        for (written, safe) in [
            ("a\n::error::x", "a\n\\u{3a}:error::x"),
            ("  ::add-mask::x", "  \\u{3a}:add-mask::x"),
            ("\u{1b}[31m::x", "\u{1b}[31m\\u{3a}:x"),
            ("a ::b", "a ::b"),
            ("a ##[group]b", "a \\u{23}#[group]b"),
            ("###[group]b", "#\\u{23}#[group]b"),
            ("##VSO[task]", "\\u{23}#VSO[task]"),
            ("## heading", "## heading"),
            ("a\u{202e}b\rc", "a\\u{202e}b\\u{d}c"),
        ] {
            assert_eq!(text(written), safe);
        }
    }

    #[test]
    fn each_format_keeps_its_notation() {
        let written = "\"##[a]\u{202e}\"";
        assert_eq!(report(Format::Json, written), "\"\\u0023#[a]\\u202e\"");
        assert_eq!(report(Format::Junit, "##[a]"), "&#x23;#[a]");
        assert_eq!(report(Format::Github, "::error::a"), "::error::a");
        assert_eq!(
            report(Format::Github, "::error::##[a]"),
            "::error::\\u{23}#[a]"
        );
    }
}
