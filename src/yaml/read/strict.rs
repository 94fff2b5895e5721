//! Text that the parser accepts and Go's YAML refuses: tabs as indentation, names of anchors and
//! tags, directives, and keys of flow maps.
//!
//! The rules are those of the scanner of `go.yaml.in/yaml/v3`, which is libyaml's.

use std::ops::Range;

use super::error::Failure;

/// The text between two tokens, with what the scanner knows there.
pub(super) struct Gap<'t> {
    pub(super) text: &'t str,
    /// The bytes of the whole text that it covers.
    pub(super) bytes: Range<usize>,
    /// True if it is inside `{…}` or `[…]`, where tabs are blanks.
    pub(super) in_flow: bool,
    /// True if the token before it is a plain scalar, which may go on in a line that a blank and a
    /// tab indent.
    pub(super) after_plain: bool,
}

impl Gap<'_> {
    /// Refuses the gap if Go's scanner does.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let gap = &self.text[self.bytes.clone()];
        if gap.contains('\t') && !self.in_flow {
            self.check_tabs(gap)?;
        }
        match gap.contains(['&', '!']) {
            true => self.check_properties(gap),
            false => Ok(()),
        }
    }

    /// No tab begins a line of a block, and none follows `-` or `?`.
    fn check_tabs(&self, gap: &str) -> Result<(), Failure> {
        let mut at = self.bytes.start;
        for (index, line) in gap.split_inclusive(['\n', '\r']).enumerate() {
            let starts = index > 0 || self.starts_line();
            let mut rest = line;
            let (mut indicator, mut blanks) = (starts, true);
            loop {
                rest = rest.trim_start_matches(' ');
                if rest.starts_with('\t') && indicator {
                    let tab = at + line.len() - rest.len();
                    let goes_on = self.after_plain && blanks && rest.len() < line.len();
                    if !goes_on {
                        return Err(Failure::new(TAB, tab..tab + 1));
                    }
                    break;
                }
                let Some(behind) = rest.strip_prefix(['-', '?', ':']) else {
                    break;
                };
                (rest, blanks) = (behind, false);
                indicator &= behind.starts_with([' ', '\t']);
            }
            at += line.len();
        }
        Ok(())
    }

    fn starts_line(&self) -> bool {
        let before = &self.text[..self.bytes.start];
        before.trim_start_matches('\u{feff}').is_empty() || before.ends_with(['\n', '\r'])
    }

    /// The names of anchors and tags.
    fn check_properties(&self, gap: &str) -> Result<(), Failure> {
        for word in gap.split([' ', '\t', '\n', '\r', '[', '{']) {
            let message = match word.strip_prefix('&') {
                Some(name) if !is_name(name) => ANCHOR,
                None if word.starts_with('!') && !word.chars().all(in_tag) => TAG,
                _ => continue,
            };
            let at = gap.find(word).unwrap_or_default() + self.bytes.start;
            return Err(Failure::new(message, at..at + word.len()));
        }
        Ok(())
    }
}

/// Checks an alias, as it is written.
pub(super) fn check_alias(written: &str, bytes: &Range<usize>) -> Result<(), Failure> {
    match written.strip_prefix('*').is_some_and(is_name) {
        true => Ok(()),
        false => Err(Failure::new(ANCHOR, bytes.clone())),
    }
}

fn is_name(name: &str) -> bool {
    let name = name.trim_end_matches([',', ']', '}']);
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    !name.is_empty() && name.bytes().all(inside)
}

fn in_tag(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-_;/?:@&=+$.,!~*'()[]%<>{}".contains(character)
}

/// Refuses a text whose first token is the end of a document. If it is `split` at lines of `---`
/// before it is read, the same is true for each part.
pub(super) fn check_starts(text: &str, split: bool) -> Result<(), Failure> {
    if !text.contains("...") {
        return Ok(());
    }
    check_start(text, 0)?;
    for (at, _) in text.match_indices("\n---").filter(|_| split) {
        let line = text[at + 1..]
            .find('\n')
            .map_or(text.len(), |end| at + 2 + end);
        check_start(&text[line..], line)?;
    }
    Ok(())
}

fn check_start(text: &str, mut at: usize) -> Result<(), Failure> {
    for line in text.split_inclusive(['\n', '\r']) {
        let content = line.trim_start_matches('\u{feff}').trim();
        if content.starts_with("...") && line.trim_start_matches('\u{feff}').starts_with("...") {
            return Err(Failure::new(END, at..at + 3));
        }
        if !content.is_empty() && !content.starts_with('#') {
            break;
        }
        at += line.len();
    }
    Ok(())
}

/// Refuses directives other than `%YAML` and `%TAG` in front of a document.
pub(super) fn check_directives(text: &str, bytes: Range<usize>) -> Result<(), Failure> {
    let mut at = bytes.start;
    for line in text[bytes].split_inclusive(['\n', '\r']) {
        let name = line.split([' ', '\t', '\n', '\r']).next().unwrap_or("");
        if name.starts_with('%') && !matches!(name, "%YAML" | "%TAG") {
            return Err(Failure::new(DIRECTIVE, at..at + name.len()));
        }
        at += line.len();
    }
    Ok(())
}

/// Refuses a block scalar whose indentation begins with a tab. `written` is the text in front of its
/// content, which ends with its header.
pub(super) fn check_block(
    written: &str,
    content: &str,
    bytes: &Range<usize>,
) -> Result<(), Failure> {
    if !content.trim_start_matches('\n').starts_with('\t') {
        return Ok(());
    }
    let header = written.rfind(['|', '>']).map_or("", |at| &written[at..]);
    let header = header.lines().next().unwrap_or("");
    match header.contains(|character: char| character.is_ascii_digit()) {
        true => Ok(()),
        false => Err(Failure::new(TAB, bytes.clone())),
    }
}

/// Refuses a scalar of a flow collection that Go reads as two. `behind` is the text that follows.
pub(super) fn check_flow(
    written: &str,
    behind: &str,
    is_key: bool,
    bytes: &Range<usize>,
) -> Result<(), Failure> {
    if written.contains('?') {
        return Err(Failure::new(QUESTION, bytes.clone()));
    }
    if written.starts_with(':') {
        return Err(Failure::new(COLON, bytes.clone()));
    }
    // the colon of a key stands on the key's line
    let rest = behind.trim_start_matches([' ', '\t']);
    if is_key && rest.starts_with(['\n', '\r', '#']) && after_lines(rest).starts_with(':') {
        return Err(Failure::new(LINE, bytes.clone()));
    }
    Ok(())
}

/// A text without the blank lines and comments that it begins with.
fn after_lines(mut text: &str) -> &str {
    loop {
        text = text.trim_start();
        match text.strip_prefix('#') {
            Some(comment) => text = comment.find('\n').map_or("", |at| &comment[at..]),
            None => return text,
        }
    }
}

const TAB: &str = "tabs cannot indent YAML; use spaces";
const ANCHOR: &str = "the name of an anchor may only hold letters, digits, `-` and `_`";
const TAG: &str = "this tag has a character that Go's YAML does not allow";
const END: &str = "no document has started before this `...`; remove it";
const DIRECTIVE: &str = "Go's YAML knows the directives %YAML and %TAG only";
const QUESTION: &str =
    "Go's YAML reads `?` inside `{…}` or `[…]` as the start of a key; quote the value";
const COLON: &str =
    "Go's YAML reads `:` inside `{…}` or `[…]` as the start of a value; quote the text";
const LINE: &str = "the colon of a key must stand on the line of the key";
