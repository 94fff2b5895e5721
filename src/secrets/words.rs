//! The words that texts must not contain: values of Secrets, and what charts make of secret values.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};

use super::HIDDEN;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The shortest value that is looked for. Shorter ones are part of many words.
pub(crate) const SHORTEST: usize = 6;

/// The shortest word that is taken out of a message because its line hides it.
const SHORTEST_OF_LINE: usize = 4;

/// Words that are hidden wherever they stand as whole words. They may be megabytes of text that differ
/// in their last letter, so they are looked up and not compiled into an automaton.
#[derive(Default)]
pub(crate) struct Words {
    /// In the order of their bytes.
    words: Vec<String>,
    /// For each word the longest other one that it begins with.
    shorter: Vec<Option<usize>>,
    /// The first bytes of the words.
    starts: HashSet<[u8; SHORTEST]>,
}

impl Words {
    /// Some words.
    pub(crate) fn new(words: &BTreeSet<String>) -> Words {
        let words: Vec<String> = words.iter().cloned().collect();
        let mut shorter = Vec::with_capacity(words.len());
        let mut before: Option<usize> = None;
        for (index, word) in words.iter().enumerate() {
            while let Some(other) = before
                && !word.starts_with(&words[other])
            {
                before = shorter.get(other).copied().flatten();
            }
            shorter.push(before);
            before = Some(index);
        }
        let starts = words.iter();
        let starts = starts.filter_map(|word| word.as_bytes().first_chunk());
        Words {
            starts: starts.copied().collect(),
            words,
            shorter,
        }
    }

    /// The length of the longest word that stands at a byte of a text.
    fn at(&self, text: &str, start: usize) -> Option<usize> {
        let rest = text.as_bytes().get(start..)?;
        rest.first_chunk()
            .filter(|first| self.starts.contains(*first))?;
        let until = self.words.partition_point(|word| word.as_bytes() <= rest);
        // all that the text begins with are among the words that this one begins with
        let mut found = until.checked_sub(1);
        while let Some(index) = found {
            let word = self.words.get(index)?;
            if rest.starts_with(word.as_bytes()) && is_whole(text, start, start + word.len()) {
                return Some(word.len());
            }
            found = self.shorter.get(index).copied().flatten();
        }
        None
    }

    /// A text without the words.
    pub(crate) fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.words.is_empty() {
            return Cow::Borrowed(text);
        }
        let find = |text: &str, from: usize| {
            let mut starts = from..text.len();
            starts.find_map(|start| Some((start, start + self.at(text, start)?)))
        };
        without(text, &find).map_or(Cow::Borrowed(text), Cow::Owned)
    }

    /// Hides the words in a text.
    pub(crate) fn hide_in(&self, text: &mut String) {
        if let Cow::Owned(hidden) = self.hide(text) {
            *text = hidden;
        }
    }
}

/// A text without a word; `None` if it is not there. `prod` is no word of `production`.
pub(crate) fn without_word(text: &str, word: &str) -> Option<String> {
    let find = |text: &str, from: usize| {
        let at = from + text.get(from..)?.find(word)?;
        Some((at, at + word.len()))
    };
    without(text, &find)
}

/// A text without what is found in it, unless it is a part of a longer word.
fn without(text: &str, find: &dyn Fn(&str, usize) -> Option<(usize, usize)>) -> Option<String> {
    let mut hidden = String::new();
    let (mut shown, mut from) = (0, 0);
    while let Some((start, end)) = find(text, from).filter(|(start, end)| start < end) {
        if is_whole(text, start, end) {
            hidden.push_str(text.get(shown..start)?);
            hidden.push_str(HIDDEN);
            (shown, from) = (end, end);
        } else {
            from = start + text.get(start..)?.chars().next()?.len_utf8();
        }
    }
    hidden.push_str(text.get(shown..)?);
    (shown > 0).then_some(hidden)
}

/// True if no letter or digit continues what stands at `start..end` on either side. A line break may
/// be written as `\n`.
fn is_whole(text: &str, start: usize, end: usize) -> bool {
    let (Some(before), Some(word), Some(after)) =
        (text.get(..start), text.get(start..end), text.get(end..))
    else {
        return true;
    };
    let continues = |one: Option<char>, other: Option<char>| {
        let alphanumeric = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
        alphanumeric(one) && alphanumeric(other)
    };
    let escaped = ["\\n", "\\t", "\\r"];
    let begins = escaped.iter().any(|escape| before.ends_with(escape))
        || !continues(before.chars().next_back(), word.chars().next());
    begins && !continues(word.chars().next_back(), after.chars().next())
}

/// The words of a line that are long enough to be a secret. The name of a variable is none.
pub(super) fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|character: char| {
        character.is_whitespace() || matches!(character, '"' | '\'' | '`' | '=' | ',' | '*' | '&')
    })
    .map(|word| word.trim_matches(['{', '}', '[', ']', ':']))
    .filter(|word| word.len() >= SHORTEST_OF_LINE && !word.trim_start_matches('{').starts_with('$'))
}

/// The forms in which a template may print a word: as it is, in other letters, in base64, escaped.
pub(crate) fn forms(word: &str) -> Vec<String> {
    let mut forms = vec![
        word.to_string(),
        word.to_uppercase(),
        word.to_lowercase(),
        word.escape_debug().to_string(),
    ];
    let encoded = STANDARD.encode(word);
    forms.push(encoded.trim_end_matches('=').to_string());
    forms.push(encoded);
    forms.sort_unstable();
    forms.dedup();
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_are_hidden() {
        let words = Words::new(&BTreeSet::from(["secretprod".into(), "prod42".into()]));
        for (text, shown) in [
            ("uses prod42", "uses (hidden)"),
            ("prod42-eu and `secretprod`", "(hidden)-eu and `(hidden)`"),
            ("xprod42 prod421 prod42", "xprod42 prod421 (hidden)"),
            ("a\\nprod42", "a\\n(hidden)"),
        ] {
            assert_eq!(words.hide(text), shown);
        }
        assert_eq!(without_word("production", "prod"), None);
        assert_eq!(
            without_word("prod of", "prod").as_deref(),
            Some("(hidden) of")
        );
    }

    #[test]
    fn the_longest_word_is_hidden() {
        let words = [
            "hunter2",
            "hunter2-eu",
            "hunter2-eu-west",
            "hunter3",
            "pässwort1",
        ];
        let words = Words::new(&words.iter().map(ToString::to_string).collect());
        for (text, shown) in [
            ("nothing of it: hunter", "nothing of it: hunter"),
            ("hunter2", "*"),
            ("xhunter2-e, hunter2-eu-wes", "xhunter2-e, *-wes"),
            ("hunter2-eu-westhunter3", "*-westhunter3"),
            ("é pässwort1 é", "é * é"),
        ] {
            assert_eq!(words.hide(text), shown.replace('*', HIDDEN), "{text}");
        }
        assert_eq!(Words::default().hide("hunter2"), "hunter2");
    }

    #[test]
    fn forms_of_a_word() {
        let forms = forms("Hunter");
        for form in ["Hunter", "HUNTER", "hunter", "SHVudGVy"] {
            assert!(forms.iter().any(|one| one == form), "{form}");
        }
    }
}
