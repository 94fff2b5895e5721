//! Numbers and lists as people write them (`1 overlay`, `a, b and c`, `a and 3 more`), and texts that
//! have to fit a width.

use std::borrow::Cow;

/// `1 overlay`, `2 overlays`, `2 policies`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        return format!("1 {noun}");
    }
    let ends_in_vowel_and_y = ["ay", "ey", "oy", "uy"]
        .iter()
        .any(|end| noun.ends_with(end));
    match noun.strip_suffix('y') {
        Some(stem) if !ends_in_vowel_and_y => format!("{number} {stem}ies"),
        _ => format!("{number} {noun}s"),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list(items: &[impl AsRef<str>]) -> String {
    listed(items, items.len())
}

/// The first items of a list, and how many more there are: `a, b and 3 more`.
pub(crate) fn listed(items: &[impl AsRef<str>], at_most: usize) -> String {
    let shown: Vec<&str> = items.iter().take(at_most).map(AsRef::as_ref).collect();
    let more = items.len() - shown.len();
    match &shown[..] {
        _ if more > 0 => format!("{} and {more} more", shown.join(", ")),
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => shown.concat(),
    }
}

/// A text wrapped between words. Every line but the first begins with blanks. A word that is too
/// long, such as a path, stays whole.
pub(crate) fn wrapped(text: &str, columns: usize, indent: usize) -> String {
    let mut wrapped = String::with_capacity(text.len());
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            wrapped.push('\n');
        }
        if line.chars().count() <= columns {
            wrapped.push_str(line);
            continue;
        }
        let mut at = 0;
        for (number, word) in line.split(' ').enumerate() {
            let length = word.chars().count();
            if at > indent && at + 1 + length > columns {
                wrapped.push_str(&format!("\n{:indent$}", ""));
                at = indent;
            } else if number > 0 {
                wrapped.push(' ');
                at += 1;
            }
            wrapped.push_str(word);
            at += length;
        }
    }
    wrapped
}

/// A text of at most so many characters: its middle is left out if it is longer.
pub(crate) fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    let count = text.chars().count();
    if count <= most {
        return Cow::Borrowed(text);
    }
    let tail = most / 3;
    let head = most.saturating_sub(tail + 1);
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - tail).collect();
    Cow::Owned(format!("{start}…{end}"))
}

/// A text in which digests are short enough to read: `sha256:0d1c2b3a4f5e…`.
pub(crate) fn short_digests(text: &str) -> Cow<'_, str> {
    const MARK: &str = "sha256:";
    const KEPT: usize = 12;
    const WHOLE: usize = 64;
    let mut short = Cow::Borrowed("");
    let mut rest = text;
    while let Some(at) = rest.find(MARK) {
        let (before, found) = rest.split_at(at + MARK.len());
        let digits = found.bytes().take_while(u8::is_ascii_hexdigit).count();
        short.to_mut().push_str(before);
        rest = if digits == WHOLE {
            short.to_mut().push_str(&format!("{}…", &found[..KEPT]));
            &found[WHOLE..]
        } else {
            found
        };
    }
    if short.is_empty() {
        return Cow::Borrowed(text);
    }
    short.to_mut().push_str(rest);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_agree_with_their_noun() {
        for (number, noun, expected) in [
            (0, "overlay", "0 overlays"),
            (1, "policy", "1 policy"),
            (2, "policy", "2 policies"),
            (3, "more file", "3 more files"),
        ] {
            assert_eq!(count(number, noun), expected);
        }
    }

    #[test]
    fn texts_fit_a_width() {
        assert_eq!(wrapped("one two three", 8, 2), "one two\n  three");
        assert_eq!(wrapped("one\ntwo three", 20, 2), "one\ntwo three");
        assert_eq!(wrapped("  - a b c d e", 9, 4), "  - a b c\n    d e");
        assert_eq!(
            wrapped("a /very/long/path b", 8, 0),
            "a\n/very/long/path\nb"
        );
        assert_eq!(shortened("abcdefghij", 7), "abcd…ij");
        assert_eq!(shortened("abc", 3), "abc");
        let digest = format!("x@sha256:{}, `sha256:ab`", "0123456789abcdef".repeat(4));
        assert_eq!(
            short_digests(&digest),
            "x@sha256:0123456789ab…, `sha256:ab`"
        );
        assert_eq!(short_digests("plain"), "plain");
    }

    #[test]
    fn lists_end_in_and() {
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b"]), "a and b");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(listed(&["a", "b", "c"], 1), "a and 2 more");
        assert_eq!(listed(&["a", "b", "c"], 2), "a, b and 1 more");
        assert_eq!(list(&[] as &[&str]), "");
    }
}
