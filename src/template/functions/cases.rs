//! `camelcase`, `snakecase` and `kebabcase`.

use super::strings::{lower_character, upper_character};
use super::{Call, Function, fixed};
use crate::template::error::Problem;
use crate::template::value::{Type, Value};

const TEXT: &[Type] = &[Type::String];

pub(super) static FUNCTIONS: &[Function] = &[
    fixed("camelcase", TEXT, |call| {
        let text = pascal(call.str(0));
        call.computed_text(text)
    }),
    fixed("snakecase", TEXT, |call| connected(call, '_')),
    fixed("kebabcase", TEXT, |call| connected(call, '-')),
];

fn connected(call: &mut Call<'_>, connector: char) -> Result<Value, Problem> {
    let text = separate(call.str(0), connector);
    call.computed_text(text)
}

fn is_connector(c: char) -> bool {
    c == '-' || c == '_' || c.is_whitespace()
}

/// Upper case for the first letter of each word, and no connectors between words.
fn pascal(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    let mut current;
    let mut first_is_upper;
    loop {
        let Some(c) = rest.next() else {
            // the library repeats the last character of a text of connectors
            out.extend(text.chars().next_back());
            return out;
        };
        if !is_connector(c) {
            first_is_upper = c.is_uppercase();
            current = upper_character(c);
            break;
        }
        out.push(c);
    }
    for next in rest {
        let before = std::mem::replace(&mut current, next);
        if is_connector(current) && is_connector(before) {
            out.push(before);
        } else if is_connector(before) {
            first_is_upper = current.is_uppercase();
            current = upper_character(current);
        } else {
            if first_is_upper {
                if current.is_uppercase() {
                    current = lower_character(current);
                } else {
                    first_is_upper = false;
                }
            }
            out.push(before);
        }
    }
    out.push(current);
    out
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Word {
    None,
    Number,
    Upper,
    Alphabet,
    Connector,
    Punctuation,
    Other,
}

/// The next word and how many bytes it has.
fn next_word(text: &str) -> (Word, usize) {
    let mut characters = text.chars();
    let Some(first) = characters.next() else {
        return (Word::None, 0);
    };
    let length = |accepted: &dyn Fn(char) -> bool| {
        let rest = characters.as_str();
        let end = rest.find(|c| !accepted(c)).unwrap_or(rest.len());
        first.len_utf8() + end
    };
    if is_connector(first) {
        (Word::Connector, length(&is_connector))
    } else if is_punctuation(first) {
        (Word::Punctuation, length(&is_punctuation))
    } else if first.is_uppercase() {
        (Word::Upper, upper_word(text, first.len_utf8()))
    } else if is_alphabet(first) {
        (
            Word::Alphabet,
            length(&|c| is_alphabet(c) && !c.is_uppercase()),
        )
    } else if first.is_numeric() {
        (Word::Number, length(&char::is_numeric))
    } else {
        let other =
            |c: char| !(is_connector(c) || is_alphabet(c) || c.is_numeric() || is_punctuation(c));
        (Word::Other, length(&other))
    }
}

/// The length of a word that begins with a capital: `HTTP` of `HTTPStatus`, `Status` of `StatusOk`.
fn upper_word(text: &str, first: usize) -> usize {
    let rest = &text[first..];
    match rest.chars().next() {
        Some(second) if second.is_uppercase() => {
            let capitals = rest.find(|c: char| !c.is_uppercase()).unwrap_or(rest.len());
            let last = rest[..capitals]
                .chars()
                .next_back()
                .map_or(0, char::len_utf8);
            match rest[capitals..].chars().next() {
                Some(next) if is_alphabet(next) => first + capitals - last,
                _ => first + capitals,
            }
        }
        Some(second) if is_alphabet(second) => {
            let end = rest.find(|c| !is_alphabet(c) || c.is_uppercase());
            first + end.unwrap_or(rest.len())
        }
        _ => first,
    }
}

/// A letter of an alphabet with upper and lower case.
fn is_alphabet(c: char) -> bool {
    c.is_alphabetic() && (c.is_uppercase() || c.is_lowercase())
}

fn is_punctuation(c: char) -> bool {
    match c.is_ascii() {
        true => c.is_ascii_punctuation() && !"$+<=>^`|~".contains(c),
        false => {
            matches!(
                c,
                '\u{a1}' | '\u{a7}' | '\u{ab}' | '\u{b6}' | '\u{b7}' | '\u{bb}' | '\u{bf}'
            ) || ('\u{2010}'..='\u{2027}').contains(&c)
                || ('\u{2030}'..='\u{205e}').contains(&c) && !matches!(c, '\u{2044}' | '\u{2052}')
                || ('\u{3001}'..='\u{3003}').contains(&c)
        }
    }
}

/// Lower-case words with connectors between them.
fn separate(text: &str, connector: char) -> String {
    let mut out = String::new();
    let mut words = Words { rest: text };
    let (mut kind, mut word) = words.next();
    while !words.rest.is_empty() {
        if kind != Word::Connector {
            write(&mut out, kind, word, connector);
        }
        let (previous, last) = (kind, word);
        (kind, word) = words.next();
        match previous {
            Word::Number => {
                while matches!(kind, Word::Alphabet | Word::Number) {
                    write(&mut out, kind, word, connector);
                    (kind, word) = words.next();
                }
                if !matches!(kind, Word::None | Word::Punctuation | Word::Connector) {
                    out.push(connector);
                }
            }
            Word::Connector => write(&mut out, previous, last, connector),
            Word::Punctuation => {}
            _ if kind != Word::Number => {
                if !matches!(kind, Word::Connector | Word::Punctuation) {
                    out.push(connector);
                }
            }
            _ if words.rest.is_empty() => {}
            _ => (kind, word) = after_number(&mut out, &mut words, word, connector),
        }
    }
    write(&mut out, kind, word, connector);
    out
}

struct Words<'t> {
    rest: &'t str,
}

impl<'t> Words<'t> {
    fn next(&mut self) -> (Word, &'t str) {
        let (kind, length) = next_word(self.rest);
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        (kind, word)
    }
}

/// A number behind a word belongs to it (`Bld4Floor`), unless small letters follow (`HTTP2xx`).
fn after_number<'t>(
    out: &mut String,
    words: &mut Words<'t>,
    number: &str,
    connector: char,
) -> (Word, &'t str) {
    let (mut kind, mut word) = words.next();
    if kind != Word::Alphabet {
        write(out, Word::Number, number, connector);
        if !matches!(kind, Word::Connector | Word::Punctuation) {
            out.push(connector);
        }
        return (kind, word);
    }
    out.push(connector);
    write(out, Word::Number, number, connector);
    while matches!(kind, Word::Alphabet | Word::Number) {
        write(out, kind, word, connector);
        (kind, word) = words.next();
    }
    if !matches!(kind, Word::None | Word::Connector | Word::Punctuation) {
        out.push(connector);
    }
    (kind, word)
}

fn write(out: &mut String, kind: Word, word: &str, connector: char) {
    match kind {
        Word::Upper => out.extend(word.chars().map(lower_character)),
        Word::Connector => out.extend(word.chars().map(|_| connector)),
        _ => out.push_str(word),
    }
}
