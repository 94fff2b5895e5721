//! Go's syntax of regular expressions (RE2, `regexp/syntax`) in that of the crate `regex`.
//!
//! Both engines agree once they read the same expression, but they read some expressions
//! differently: `[\w-.]`, `\<` and `a{` are valid only in Go, `a**` and `(?x)` only in the crate,
//! and `\d` means more characters in the crate.

use std::iter::Peekable;
use std::str::Chars;

/// The most repetitions of one expression.
const MOST_REPEATS: u32 = 1000;

/// The characters of `{…}` that are read to see if it is a repetition.
const LONGEST_REPETITION: usize = 40;

/// The characters of `[:…:]` that are read to see if it is a class.
const LONGEST_NAME: usize = 40;

/// The characters of the expression that were not read yet.
type Rest<'p> = Peekable<Chars<'p>>;

/// A construct that Go does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Invalid;

/// The expression as the crate reads it.
pub(super) fn translate(pattern: &str) -> Result<String, Invalid> {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern.chars().peekable();
    let mut names = Vec::new();
    // a repetition may not follow another one
    let mut is_repeated = false;
    while let Some(c) = rest.next() {
        let was_repeated = std::mem::take(&mut is_repeated);
        match c {
            '*' | '+' | '?' => {
                is_repeated = true;
                out.push(c);
            }
            '{' => match repetition(&rest)? {
                Some(text) => {
                    is_repeated = true;
                    rest.nth(text.chars().count() - 2);
                    out.push_str(&text);
                }
                None => out.push_str("\\{"),
            },
            '}' => out.push_str("\\}"),
            ']' => out.push_str("\\]"),
            '[' => class(&mut rest, &mut out)?,
            '(' => group(&mut rest, &mut names, &mut out)?,
            '\\' => escape(&mut rest, &mut out)?,
            c => out.push(c),
        }
        if is_repeated {
            if was_repeated {
                return Err(Invalid);
            }
            out.extend(rest.next_if_eq(&'?'));
        }
    }
    Ok(out)
}

/// The repetition `{2,5}` that begins before `rest`; `None` if the brace is a plain character.
fn repetition(rest: &Rest<'_>) -> Result<Option<String>, Invalid> {
    let ahead: String = rest.clone().take(LONGEST_REPETITION).collect();
    let Some((text, _)) = ahead.split_once('}') else {
        return Ok(None);
    };
    let (least, most) = match text.split_once(',') {
        Some((least, "")) => (least, least),
        Some(both) => both,
        None => (text, text),
    };
    let is_number = |text: &str| {
        let is_short = text == "0" || !text.starts_with('0');
        !text.is_empty() && is_short && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !is_number(least) || !is_number(most) {
        return Ok(None);
    }
    let number = |text: &str| text.parse::<u32>().ok().filter(|n| *n <= MOST_REPEATS);
    match (number(least), number(most)) {
        (Some(least), Some(most)) if least <= most => Ok(Some(format!("{{{text}}}"))),
        _ => Err(Invalid),
    }
}

/// The start of a group; the parenthesis is read.
fn group(rest: &mut Rest<'_>, names: &mut Vec<String>, out: &mut String) -> Result<(), Invalid> {
    out.push('(');
    let mut ahead = rest.clone();
    if ahead.next() != Some('?') {
        return Ok(());
    }
    rest.next();
    out.push('?');
    if matches!(rest.peek(), Some('P' | '<')) {
        let name: String = rest.clone().take_while(|c| *c != '>').collect();
        if names.contains(&name) {
            // Go takes a name twice; the crate gets the second group without it
            rest.nth(name.chars().count());
            out.pop();
            return Ok(());
        }
        names.push(name);
        return Ok(());
    }
    for c in rest.by_ref() {
        out.push(c);
        match c {
            ':' | ')' => return Ok(()),
            'i' | 'm' | 's' | 'U' | '-' => {}
            _ => return Err(Invalid),
        }
    }
    Err(Invalid)
}

/// An escape outside of brackets; the backslash is read.
fn escape(rest: &mut Rest<'_>, out: &mut String) -> Result<(), Invalid> {
    match rest.peek() {
        Some('Q') => {
            rest.next();
            quote_until_end(rest, out);
        }
        Some('A') => {
            rest.next();
            out.push_str("\\A");
        }
        Some('z') => {
            rest.next();
            out.push_str("\\z");
        }
        Some('b' | 'B') => {
            out.push_str("(?-u:\\");
            out.extend(rest.next());
            out.push(')');
        }
        _ => match set(rest)? {
            Some(set) => out.push_str(&set),
            None => out.push_str(&quote_meta(
                escaped_character(rest)?.encode_utf8(&mut [0; 4]),
            )),
        },
    }
    Ok(())
}

/// `\Qtext\E` stands for the text itself.
fn quote_until_end(rest: &mut Rest<'_>, out: &mut String) {
    while let Some(c) = rest.next() {
        if c == '\\' && rest.peek() == Some(&'E') {
            rest.next();
            return;
        }
        out.push_str(&quote_meta(c.encode_utf8(&mut [0; 4])));
    }
}

/// The set that an escape such as `\d` or `\pL` names; the backslash is read.
fn set(rest: &mut Rest<'_>) -> Result<Option<String>, Invalid> {
    let Some(c) = rest.peek().copied() else {
        return Err(Invalid);
    };
    let set = match c {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        's' => "[\\t\\n\\f\\r ]",
        'S' => "[^\\t\\n\\f\\r ]",
        'p' | 'P' => {
            rest.next();
            return property(c, rest).map(Some);
        }
        _ => return Ok(None),
    };
    rest.next();
    Ok(Some(set.to_string()))
}

/// A property of characters: `\pL`, `\p{Greek}`, `\p{^Greek}`.
fn property(letter: char, rest: &mut Rest<'_>) -> Result<String, Invalid> {
    let mut name = match rest.next().ok_or(Invalid)? {
        '{' => {
            let name: String = rest.by_ref().take_while(|c| *c != '}').collect();
            name
        }
        c => c.to_string(),
    };
    let mut is_negated = letter == 'P';
    if let Some(positive) = name.strip_prefix('^') {
        is_negated = !is_negated;
        name = positive.to_string();
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(is_name) {
        return Err(Invalid);
    }
    let letter = if is_negated { 'P' } else { 'p' };
    Ok(format!("\\{letter}{{{name}}}"))
}

/// The character that an escape stands for; the backslash is read.
fn escaped_character(rest: &mut Rest<'_>) -> Result<char, Invalid> {
    let is_octal = |c: &char| ('0'..='7').contains(c);
    match rest.next().ok_or(Invalid)? {
        first @ '0'..='7' => {
            // a single digit would be a reference to a group
            if first != '0' && !rest.peek().is_some_and(is_octal) {
                return Err(Invalid);
            }
            let mut code = first.to_digit(8).unwrap_or_default();
            for _ in 0..2 {
                let Some(digit) = rest.next_if(is_octal) else {
                    break;
                };
                code = code * 8 + digit.to_digit(8).unwrap_or_default();
            }
            char::from_u32(code).ok_or(Invalid)
        }
        'x' => hexadecimal(rest),
        'a' => Ok('\u{7}'),
        'f' => Ok('\u{c}'),
        'n' => Ok('\n'),
        'r' => Ok('\r'),
        't' => Ok('\t'),
        'v' => Ok('\u{b}'),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(c),
        _ => Err(Invalid),
    }
}

/// The character of `\x41` or `\x{41}`; the `x` is read.
fn hexadecimal(rest: &mut Rest<'_>) -> Result<char, Invalid> {
    let digits: String = match rest.next().ok_or(Invalid)? {
        '{' => {
            if !rest.clone().any(|c| c == '}') {
                return Err(Invalid);
            }
            rest.by_ref().take_while(|c| *c != '}').collect()
        }
        first => [first, rest.next().ok_or(Invalid)?].iter().collect(),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let code = u32::from_str_radix(&digits, 16).ok().filter(|_| is_number);
    code.and_then(char::from_u32).ok_or(Invalid)
}

/// A class in brackets; the first bracket is read.
fn class(rest: &mut Rest<'_>, out: &mut String) -> Result<(), Invalid> {
    out.push('[');
    out.extend(rest.next_if_eq(&'^'));
    let mut is_first = true;
    loop {
        if !std::mem::take(&mut is_first) && rest.next_if_eq(&']').is_some() {
            out.push(']');
            return Ok(());
        }
        if let Some(name) = named(rest) {
            out.push_str(&name?);
            continue;
        }
        if rest.peek() == Some(&'\\') {
            let mut ahead = rest.clone();
            ahead.next();
            if let Some(set) = set(&mut ahead)? {
                out.push_str(&set);
                *rest = ahead;
                continue;
            }
        }
        let low = character(rest)?;
        push_character(low, out);
        let mut ahead = rest.clone();
        let is_range = ahead.next() == Some('-') && !matches!(ahead.next(), Some(']') | None);
        if is_range {
            rest.next();
            let high = character(rest)?;
            if high < low {
                return Err(Invalid);
            }
            out.push('-');
            push_character(high, out);
        }
    }
}

/// A class such as `[:alpha:]` within brackets, if one begins here.
fn named(rest: &mut Rest<'_>) -> Option<Result<String, Invalid>> {
    let mut ahead = rest.clone();
    if ahead.next() != Some('[') || ahead.next() != Some(':') {
        return None;
    }
    let text: String = ahead.take(LONGEST_NAME).collect();
    let (name, _) = text.split_once(":]")?;
    let known = [
        "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
        "space", "upper", "word", "xdigit",
    ];
    if !known.contains(&name.strip_prefix('^').unwrap_or(name)) {
        return Some(Err(Invalid));
    }
    rest.nth(name.chars().count() + 3);
    Some(Ok(format!("[:{name}:]")))
}

/// A character in a class, plain or escaped.
fn character(rest: &mut Rest<'_>) -> Result<char, Invalid> {
    match rest.next().ok_or(Invalid)? {
        '\\' => escaped_character(rest),
        c => Ok(c),
    }
}

fn push_character(c: char, out: &mut String) {
    if c.is_alphanumeric() {
        out.push(c);
    } else {
        out.push_str(&format!("\\x{{{:x}}}", u32::from(c)));
    }
}

/// A text in which nothing has a meaning of its own.
pub(super) fn quote_meta(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(pattern: &str) -> Option<regex::Regex> {
        regex::Regex::new(&translate(pattern).ok()?).ok()
    }

    #[test]
    fn expressions_mean_what_they_mean_in_go() {
        for (pattern, text, found) in [
            (r"^[\w-\.]+$", "a-b.c", Some("a-b.c")),
            (r"[+-\.]+", "a,-.b", Some(",-.")),
            (r"[\d-z]+", "a1-z", Some("1-z")),
            (r"[]a]+", "x]a", Some("]a")),
            (r"[[a]+", "x[a", Some("[a")),
            (r"[a&&b~~]+", "x&a~", Some("&a~")),
            (r"[[:^digit:]x]+", "12ab", Some("ab")),
            (r"\<a\>", "x<a>", Some("<a>")),
            (r"a{,2}", "a{,2}", Some("a{,2}")),
            (r"a{02}]}", "a{02}]}", Some("a{02}]}")),
            (r"\101\x42\x{43}", "xABC", Some("ABC")),
            (r"\Qa.b\E.", "a.b!", Some("a.b!")),
            (r"\p{^Lu}+", "ABcd", Some("cd")),
            (r"\w+", "été", Some("t")),
            (r"(?i:AB)(?-i)c", "abc", Some("abc")),
            (r"a+?", "aaa", Some("a")),
        ] {
            let regex = compile(pattern).expect(pattern);
            let one = regex.find(text).map(|one| one.as_str());
            assert_eq!(one, found, "{pattern}");
        }
    }

    #[test]
    fn expressions_that_go_refuses_are_refused() {
        for pattern in [
            r"a**",
            r"a+{2}",
            r"a??+",
            r"(?x)a",
            r"(?R)a",
            r"[z-a]",
            r"[a-\d]",
            r"[+-\d]",
            r"\1",
            r"\8",
            r"\Z",
            r"\C",
            r"\u0041",
            r"\é",
            r"[[:foo:]]",
            r"[a",
            r"a{1001}",
            r"a{3,2}",
            r"\p{No-Such}",
            r"(?",
            r"\",
        ] {
            assert!(compile(pattern).is_none(), "{pattern}");
        }
    }
}
