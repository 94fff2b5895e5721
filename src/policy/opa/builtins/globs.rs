//! `glob.*`, as the Go package gobwas/glob matches, and `regex.globs_match`.

use regex::Regex;

use super::arguments::{Arguments, Outcome, Stop};
use super::{Function, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    ("glob.match", 3, glob_match),
    ("glob.quote_meta", 1, |all| {
        let mut quoted = String::new();
        for letter in all.text(0)?.chars() {
            if "*?\\[]{}".contains(letter) {
                quoted.push('\\');
            }
            quoted.push(letter);
        }
        Ok(quoted.into())
    }),
    ("regex.globs_match", 2, |all| {
        let (one, other) = (symbols(all.text(0)?)?, symbols(all.text(1)?)?);
        Ok(intersect(&one, &other).into())
    }),
];

fn glob_match(all: &Arguments<'_>) -> Outcome {
    let delimiters: Vec<char> = match all.value(1) {
        Value::Null => Vec::new(),
        Value::Array(items) if items.is_empty() => vec!['.'],
        Value::Array(_) => {
            let texts = all.texts(1)?;
            let single = |text: &&str| {
                let mut letters = text.chars();
                letters.next().filter(|_| letters.next().is_none())
            };
            let letters: Option<Vec<char>> = texts.iter().map(single).collect();
            letters.ok_or(Stop::Undefined)?
        }
        _ => return Err(Stop::Undefined),
    };
    let mut pattern = String::from("(?s)^");
    let mut letters = all.text(0)?.chars().peekable();
    translate(&mut letters, &separators(&delimiters), &mut pattern, 0)?;
    if letters.next().is_some() {
        return Err(Stop::Undefined);
    }
    pattern.push('$');
    let regex = Regex::new(&pattern).map_err(|_| Stop::Undefined)?;
    Ok(regex.is_match(all.text(2)?).into())
}

/// The class of every character but the separators.
fn separators(delimiters: &[char]) -> String {
    if delimiters.is_empty() {
        return ".".to_string();
    }
    let escaped: String = delimiters
        .iter()
        .map(|one| format!("\\x{{{:x}}}", *one as u32))
        .collect();
    format!("[^{escaped}]")
}

type Letters<'t> = std::iter::Peekable<std::str::Chars<'t>>;

/// A glob as a regular expression, up to the `,` or `}` that ends an alternative.
fn translate(
    letters: &mut Letters<'_>,
    any: &str,
    out: &mut String,
    depth: usize,
) -> Result<(), Stop> {
    if depth > 20 {
        return Err(Stop::Undefined);
    }
    while let Some(letter) = letters.peek().copied() {
        if depth > 0 && matches!(letter, ',' | '}') {
            return Ok(());
        }
        letters.next();
        match letter {
            '*' if letters.next_if_eq(&'*').is_some() => out.push_str(".*"),
            '*' => out.push_str(&format!("{any}*")),
            '?' => out.push_str(any),
            '\\' => {
                let next = letters.next().ok_or(Stop::Undefined)?;
                out.push_str(&regex::escape(&next.to_string()));
            }
            '[' => class(letters, out)?,
            '{' => {
                out.push_str("(?:");
                loop {
                    translate(letters, any, out, depth + 1)?;
                    match letters.next() {
                        Some(',') => out.push('|'),
                        Some(_) => break,
                        None => return Err(Stop::Undefined),
                    }
                }
                out.push(')');
            }
            other => out.push_str(&regex::escape(&other.to_string())),
        }
    }
    Ok(())
}

/// `[abc]`, `[!abc]` or `[a-z]`.
fn class(letters: &mut Letters<'_>, out: &mut String) -> Result<(), Stop> {
    let negated = letters.next_if_eq(&'!').is_some();
    let mut inner: Vec<char> = Vec::new();
    loop {
        match letters.next().ok_or(Stop::Undefined)? {
            ']' => break,
            '\\' => inner.push(letters.next().ok_or(Stop::Undefined)?),
            letter => inner.push(letter),
        }
    }
    let code = |letter: char| format!("\\x{{{:x}}}", letter as u32);
    let content = match inner.as_slice() {
        [] => return Err(Stop::Undefined),
        [from, '-', to] if from <= to => format!("{}-{}", code(*from), code(*to)),
        [_, '-', _] => return Err(Stop::Undefined),
        letters => letters.iter().map(|letter| code(*letter)).collect(),
    };
    out.push_str(if negated { "[^" } else { "[" });
    out.push_str(&content);
    out.push(']');
    Ok(())
}

/// One symbol of a glob of `regex.globs_match`: the ranges of characters, and how often they occur.
struct Symbol {
    ranges: Vec<(char, char)>,
    flag: Option<char>,
}

fn symbols(text: &str) -> Result<Vec<Symbol>, Stop> {
    let mut letters = text.chars().peekable();
    let mut result: Vec<Symbol> = Vec::new();
    while let Some(letter) = letters.next() {
        let ranges = match letter {
            '.' => vec![('\0', char::MAX)],
            '\\' => {
                let next = letters.next().ok_or(Stop::Undefined)?;
                vec![(next, next)]
            }
            '[' => ranges(&mut letters)?,
            ']' | '+' | '*' => return Err(Stop::Undefined),
            other => vec![(other, other)],
        };
        let flag = letters.next_if(|next| matches!(next, '+' | '*'));
        result.push(Symbol { ranges, flag });
    }
    Ok(result)
}

fn ranges(letters: &mut Letters<'_>) -> Result<Vec<(char, char)>, Stop> {
    let mut result: Vec<(char, char)> = Vec::new();
    loop {
        let letter = match letters.next().ok_or(Stop::Undefined)? {
            ']' => return Ok(result),
            '\\' => letters.next().ok_or(Stop::Undefined)?,
            letter => letter,
        };
        if letters.next_if_eq(&'-').is_some() {
            let end = letters.next().ok_or(Stop::Undefined)?;
            if end < letter {
                return Err(Stop::Undefined);
            }
            result.push((letter, end));
        } else {
            result.push((letter, letter));
        }
    }
}

/// True if some text matches both globs: a walk over pairs of positions.
fn intersect(one: &[Symbol], other: &[Symbol]) -> bool {
    let shares = |a: &Symbol, b: &Symbol| {
        a.ranges
            .iter()
            .any(|(from, to)| b.ranges.iter().any(|(low, high)| from <= high && low <= to))
    };
    // a position stands before a symbol, or (odd) within one that may repeat
    let width = 2 * other.len() + 2;
    let mut seen = vec![false; (2 * one.len() + 2) * width];
    let mut waiting = vec![(0usize, 0usize)];
    while let Some((a, b)) = waiting.pop() {
        let index = a * width + b;
        if std::mem::replace(&mut seen[index], true) {
            continue;
        }
        if seen.len() > super::LARGEST {
            return false;
        }
        let (a_symbol, b_symbol) = (one.get(a / 2), other.get(b / 2));
        if a_symbol.is_none() && b_symbol.is_none() {
            return true;
        }
        // leave a symbol that may be absent or was matched once
        let may_leave = |symbol: &Symbol, at: usize| symbol.flag == Some('*') || at % 2 == 1;
        if a_symbol.is_some_and(|symbol| may_leave(symbol, a)) {
            waiting.push(((a / 2 + 1) * 2, b));
        }
        if b_symbol.is_some_and(|symbol| may_leave(symbol, b)) {
            waiting.push((a, (b / 2 + 1) * 2));
        }
        if let (Some(left), Some(right)) = (a_symbol, b_symbol)
            && shares(left, right)
        {
            let after = |symbol: &Symbol, at: usize| match symbol.flag {
                Some(_) => at / 2 * 2 + 1,
                None => (at / 2 + 1) * 2,
            };
            waiting.push((after(left, a), after(right, b)));
        }
    }
    false
}
