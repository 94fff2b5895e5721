//! Patterns of CODEOWNERS, one translation for each forge.
//!
//! GitHub's and GitLab's are matched segment by segment, so that tens of thousands of lines need
//! neither the time nor the memory of as many regular expressions. Forgejo's are regular
//! expressions.

use super::Dialect;
use regex::{Regex, RegexBuilder};

/// The compiled size of one regular expression, in bytes.
const EXPRESSION_SIZE: usize = 1 << 20;

/// A pattern that can be compared with paths.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    Segments(Segments),
    Expression(Box<Regex>),
}

impl Pattern {
    /// Reads a pattern. `None` if it is not a regular expression, where the forge wants one.
    pub(super) fn read(pattern: &str, dialect: Dialect) -> Option<Pattern> {
        match dialect {
            Dialect::GitHub => Some(Pattern::Segments(github(pattern))),
            Dialect::GitLab => Some(Pattern::Segments(gitlab(pattern))),
            Dialect::Forgejo => RegexBuilder::new(&format!("^(?:{pattern})$"))
                .size_limit(EXPRESSION_SIZE)
                .build()
                .ok()
                .map(|regex| Pattern::Expression(Box::new(regex))),
        }
    }

    /// True if it matches a path relative to the root.
    pub(super) fn matches(&self, path: &str) -> bool {
        match self {
            Pattern::Segments(segments) => segments.matches(path),
            Pattern::Expression(regex) => regex.is_match(path),
        }
    }

    /// The folder or file that every path starts with that it matches; empty if there is none.
    pub(super) fn prefix(&self) -> String {
        let Pattern::Segments(segments) = self else {
            return String::new();
        };
        let literal = segments.0.iter().map_while(Segment::literal);
        literal.collect::<Vec<String>>().join("/")
    }
}

/// A pattern of whole paths, segment by segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segments(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// Any number of folders, also none.
    Folders,
    /// One segment.
    One(Vec<Token>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Letter(char),
    /// `?`
    Any,
    /// `*`
    Star,
    /// `[a-z]`, or `[!a-z]` if negated.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Segment {
    /// Its text, if it can only be that text.
    fn literal(&self) -> Option<String> {
        let Segment::One(tokens) = self else {
            return None;
        };
        let letter = |token: &Token| match token {
            Token::Letter(letter) => Some(*letter),
            _ => None,
        };
        tokens.iter().map(letter).collect()
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Segment::Folders => false,
            Segment::One(tokens) => {
                let letters: Vec<char> = text.chars().collect();
                wildcard(
                    tokens,
                    &letters,
                    |token| *token == Token::Star,
                    |token, letter| match token {
                        Token::Letter(wanted) => wanted == letter,
                        Token::Any => true,
                        Token::Star => false,
                        Token::Class { negated, ranges } => {
                            let among = |(from, to): &(char, char)| (from..=to).contains(&letter);
                            ranges.iter().any(among) != *negated
                        }
                    },
                )
            }
        }
    }
}

impl Segments {
    fn matches(&self, path: &str) -> bool {
        let segments: Vec<&str> = path.split('/').collect();
        wildcard(
            &self.0,
            &segments,
            |segment| *segment == Segment::Folders,
            |segment, text| segment.matches(text),
        )
    }
}

/// Compares a pattern with a text. After a mismatch, the last star takes one part more; earlier
/// stars need not be tried again.
fn wildcard<P, T>(
    pattern: &[P],
    text: &[T],
    is_star: impl Fn(&P) -> bool,
    matches: impl Fn(&P, &T) -> bool,
) -> bool {
    let (mut at, mut place, mut star) = (0, 0, None);
    while place < text.len() || at < pattern.len() {
        match (pattern.get(at), text.get(place)) {
            (Some(part), _) if is_star(part) => {
                star = Some((at, place));
                at += 1;
            }
            (Some(part), Some(letter)) if matches(part, letter) => {
                at += 1;
                place += 1;
            }
            _ => match star {
                Some((from, taken)) if taken < text.len() => {
                    star = Some((from, taken + 1));
                    (at, place) = (from + 1, taken + 1);
                }
                _ => return false,
            },
        }
    }
    true
}

/// Patterns of GitHub work like those of `.gitignore`, with one difference: `/*` at the end does
/// not match deeper files. A pattern with a slash before its end is anchored at the root.
fn github(pattern: &str) -> Segments {
    let mut parts: Vec<&str> = pattern.split('/').collect();
    if parts.first() == Some(&"") {
        parts.remove(0);
    } else if (parts.len() == 1 || (parts.len() == 2 && parts.last() == Some(&"")))
        && parts.first() != Some(&"**")
    {
        parts.insert(0, "**");
    }
    if parts.len() > 1 && parts.last() == Some(&"") {
        parts.pop();
        parts.push("**");
    }
    let last = parts.len().saturating_sub(1);
    let mut segments = Vec::with_capacity(parts.len() + 1);
    for (index, part) in parts.iter().enumerate() {
        match *part {
            // something below the folder
            "**" if index == last => {
                segments.push(Segment::One(vec![Token::Any, Token::Star]));
                segments.push(Segment::Folders);
            }
            "**" => segments.push(Segment::Folders),
            "*" => segments.push(Segment::One(vec![Token::Any, Token::Star])),
            text => {
                segments.push(Segment::One(tokens(text, false)));
                if index == last {
                    segments.push(Segment::Folders);
                }
            }
        }
    }
    Segments(segments)
}

/// Patterns of GitLab work like Ruby's `fnmatch` with FNM_PATHNAME and FNM_DOTMATCH. Before that,
/// GitLab changes them: a pattern without a leading slash matches at any depth, and a pattern only
/// matches a folder if it ends with a slash.
fn gitlab(pattern: &str) -> Segments {
    let mut prepared = if pattern == "*" {
        "/**/*".to_string()
    } else {
        pattern
            .strip_prefix("\\#")
            .map_or(pattern.to_string(), |rest| format!("#{rest}"))
    };
    if !prepared.starts_with('/') {
        prepared.insert_str(0, "/**/");
    }
    if prepared.ends_with('/') {
        prepared.push_str("**/*");
    }
    let body = prepared.strip_prefix('/').unwrap_or(&prepared);
    let parts: Vec<&str> = body.split('/').collect();
    let last = parts.len().saturating_sub(1);
    let segments = parts.iter().enumerate();
    let segments = segments.map(|(index, part)| match *part {
        "**" if index < last => Segment::Folders,
        text => Segment::One(tokens(text, true)),
    });
    Segments(segments.collect())
}

/// The tokens of one segment. Only GitLab knows classes.
fn tokens(segment: &str, classes: bool) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = segment.chars();
    while let Some(letter) = rest.next() {
        match letter {
            '*' => {
                if found.last() != Some(&Token::Star) {
                    found.push(Token::Star);
                }
            }
            '?' => found.push(Token::Any),
            '\\' => match rest.next() {
                Some(next) => found.push(Token::Letter(next)),
                None if classes => {}
                None => found.push(Token::Letter('\\')),
            },
            '[' if classes && rest.as_str().contains(']') => {
                let (class, after) = rest.as_str().split_once(']').unwrap_or(("", ""));
                found.push(class_of(class));
                rest = after.chars();
            }
            other => found.push(Token::Letter(other)),
        }
    }
    found
}

/// The text between the brackets of a class.
fn class_of(text: &str) -> Token {
    let negated = text.starts_with(['!', '^']);
    let letters: Vec<char> = text.chars().skip(usize::from(negated)).collect();
    let mut ranges = Vec::new();
    let mut at = 0;
    while let Some(from) = letters.get(at) {
        match (letters.get(at + 1), letters.get(at + 2)) {
            (Some('-'), Some(to)) => {
                ranges.push((*from, *to));
                at += 3;
            }
            _ => {
                ranges.push((*from, *from));
                at += 1;
            }
        }
    }
    Token::Class { negated, ranges }
}
