//! Lines that other readers end or split elsewhere than the parser does.
//!
//! Go's YAML ends a line at U+0085, U+2028 and U+2029 too: after a comment with such a character
//! comes content that the parser takes for a part of the comment. kustomize and Kubernetes split a
//! file at lines that begin with `---` before they parse it. A text is refused where this makes a
//! difference.

use std::ops::Range;

use super::error::Failure;

/// Go ends a line at these characters as well.
const BREAKS: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];

/// The characters of a text that end a line for Go's YAML only.
#[derive(Default)]
pub(super) struct Breaks {
    /// Where they are, in order. Those that do no harm are taken out when their scalar is read.
    at: Vec<usize>,
}

impl Breaks {
    pub(super) fn of(text: &str) -> Breaks {
        // most texts have none of the bytes that these characters begin with
        let bytes = text.as_bytes();
        if bytes.is_ascii() {
            return Breaks::default();
        }
        let at = text.match_indices(BREAKS).map(|(at, _)| at).collect();
        Breaks { at }
    }

    /// Accepts U+2028 and U+2029 in a double-quoted scalar: Go keeps them, as long as there are no
    /// blanks to fold, no line of a document's end, and no key that must stay on one line.
    pub(super) fn accept_quoted(&mut self, text: &str, span: Range<usize>, is_key: bool) {
        if self.at.is_empty() || is_key {
            return;
        }
        let harmless = |at: usize| {
            let mut after = text[at..].chars();
            let found = after.next();
            let before = text[..at].chars().next_back();
            let folds = |next: Option<char>| {
                next.is_none_or(|next| {
                    matches!(next, ' ' | '\t' | '\r' | '\n' | '\\') || BREAKS.contains(&next)
                })
            };
            let rest = after.as_str();
            found != Some('\u{85}')
                && !folds(before)
                && !folds(rest.chars().next())
                && !["---", "..."].iter().any(|mark| rest.starts_with(mark))
        };
        self.at.retain(|at| !span.contains(at) || !harmless(*at));
    }

    /// The first of them that changes what Go reads.
    pub(super) fn check(&self, text: &str) -> Result<(), Failure> {
        let Some(at) = self.at.first() else {
            return Ok(());
        };
        let found = text[*at..].chars().next().unwrap_or_default();
        let message = format!(
            "the character U+{:04X} ends a line for kustomize and Kubernetes, even in a comment; \
             remove it, or write it as \"\\u{:04x}\" in double quotes",
            found as u32, found as u32
        );
        Err(Failure::new(message, *at..*at + found.len_utf8()))
    }
}

/// Refuses lines at which kustomize and Kubernetes would split a text differently: they separate
/// documents by a line of `---`, before anything is parsed, and know no other separator.
pub(super) fn check_separators(text: &str) -> Result<(), Failure> {
    let bytes = text.as_bytes();
    if let Some(at) = text.find("\r\r\n") {
        let message = "kustomize reads two carriage returns and a line feed as one line end, \
                       Kubernetes as two; end the line with a line feed";
        return Err(Failure::new(message, at..at + 1));
    }
    for (at, _) in text.match_indices("---") {
        let after_return = match at.checked_sub(1).map(|before| bytes[before]) {
            Some(b'\n') => false,
            Some(b'\r') => true,
            _ => continue,
        };
        let rest = &text[at + 3..];
        let line = rest.split('\n').next().unwrap_or(rest);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let span = at..at + 3 + line.len();
        if after_return {
            let message = "kustomize and Kubernetes do not separate documents at a `---` behind a \
                           lone carriage return; end the lines with a line feed";
            return Err(Failure::new(message, span));
        }
        let behind = line.trim_start_matches([' ', '\t']);
        let is_comment = behind.starts_with('#') && behind.len() < line.len();
        let is_comment = is_comment && !behind.contains('\r');
        if !behind.is_empty() && !is_comment {
            let message = "kustomize and Kubernetes accept only a comment behind the `---` that \
                           separates documents; move the text to the next line";
            return Err(Failure::new(message, span));
        }
    }
    Ok(())
}

/// Refuses a byte order mark at the start of a line, where Go takes it for a part of the text.
pub(super) fn check_marks(text: &str) -> Result<(), Failure> {
    for (at, mark) in text.match_indices('\u{feff}').filter(|(at, _)| *at > 0) {
        if text[..at]
            .trim_end_matches([' ', '\t'])
            .ends_with(['\n', '\r'])
        {
            let message = "a byte order mark (U+FEFF) may only start the file; remove this one";
            return Err(Failure::new(message, at..at + mark.len()));
        }
    }
    Ok(())
}
