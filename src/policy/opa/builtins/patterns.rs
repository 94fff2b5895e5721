//! `regex.*` in RE2's syntax.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use regex::Regex;

use super::arguments::{Arguments, Outcome, Stop, array_of};
use super::{Function, Value};
use crate::template;

pub(super) const FUNCTIONS: &[Function] = &[
    ("regex.match", 2, |all| {
        Ok(regex(all.text(0)?)?.is_match(all.text(1)?).into())
    }),
    ("regex.is_valid", 1, |all| {
        Ok(all.text(0).and_then(|text| regex(text)).is_ok().into())
    }),
    ("regex.find_n", 3, |all| {
        let regex = regex(all.text(0)?)?;
        let found = regex.find_iter(all.text(1)?).take(limit(all.int(2)?));
        Ok(array_of(found.map(|found| found.as_str())))
    }),
    ("regex.find_all_string_submatch_n", 3, |all| {
        let regex = regex(all.text(0)?)?;
        let found = regex.captures_iter(all.text(1)?).take(limit(all.int(2)?));
        let groups = found.map(|captures| {
            array_of(
                captures
                    .iter()
                    .map(|group| group.map_or("", |group| group.as_str())),
            )
        });
        Ok(groups.collect::<Vec<Value>>().into())
    }),
    ("regex.split", 2, split),
    ("regex.replace", 3, replace),
    ("regex.template_match", 4, template_match),
];

/// The number of matches that a caller wants; all of them if it is negative.
fn limit(count: i64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// A compiled expression. Policies match the same few expressions many times.
fn regex(pattern: &str) -> Result<Regex, Stop> {
    const MOST: usize = 500;
    static KNOWN: LazyLock<Mutex<HashMap<String, Option<Regex>>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(regex) = known.get(pattern) {
        return regex.clone().ok_or(Stop::Undefined);
    }
    let compiled = if repeats_too_often(pattern) {
        None
    } else {
        template::compile_regex(pattern)
    };
    if known.len() >= MOST {
        known.clear();
    }
    known.insert(pattern.to_string(), compiled.clone());
    compiled.ok_or(Stop::Undefined)
}

/// RE2 refuses a repetition of more than 1,000: `a{1001}`.
fn repeats_too_often(pattern: &str) -> bool {
    pattern.split('{').skip(1).any(|rest| {
        let Some((counts, _)) = rest.split_once('}') else {
            return false;
        };
        let too_many = |count: &str| {
            let is_number = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
            is_number && count.parse().is_ok_and(|count: u64| count > 1000)
        };
        let is_count = counts
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b',');
        is_count && counts.split(',').any(too_many)
    })
}

/// Go's `Regexp.Split` without a limit.
fn split(all: &Arguments<'_>) -> Outcome {
    let (regex, text) = (regex(all.text(0)?)?, all.text(1)?);
    if !all.text(0)?.is_empty() && text.is_empty() {
        return Ok(array_of([""]));
    }
    let (mut parts, mut start, mut end) = (Vec::new(), 0, 0);
    for found in regex.find_iter(text) {
        end = found.start();
        if found.end() != 0 {
            parts.push(&text[start..end]);
        }
        start = found.end();
    }
    if end != text.len() {
        parts.push(&text[start..]);
    }
    Ok(array_of(parts))
}

fn replace(all: &Arguments<'_>) -> Outcome {
    let (text, by) = (all.text(0)?, all.text(2)?);
    let regex = regex(all.text(1)?)?;
    let mut result = String::new();
    let mut start = 0;
    for captures in regex.captures_iter(text) {
        let Some(found) = captures.get(0) else {
            continue;
        };
        result.push_str(&text[start..found.start()]);
        captures.expand(by, &mut result);
        start = found.end();
        all.sized(result.len())?;
    }
    result.push_str(&text[start..]);
    Ok(result.into())
}

/// A text with expressions between delimiters: `urn:{.*}`.
fn template_match(all: &Arguments<'_>) -> Outcome {
    let delimiter = |at: usize| {
        let mut letters = all.text(at)?.chars();
        match (letters.next(), letters.next()) {
            (Some(letter), None) => Ok(letter),
            _ => Err(Stop::Undefined),
        }
    };
    let (open, close) = (delimiter(2)?, delimiter(3)?);
    let mut pattern = String::from("^");
    let (mut literal, mut inner) = (String::new(), String::new());
    let mut depth = 0usize;
    for letter in all.text(0)?.chars() {
        if letter == open {
            depth += 1;
            if depth == 1 {
                pattern.push_str(&regex::escape(&literal));
                literal.clear();
                continue;
            }
        } else if letter == close {
            depth = depth.checked_sub(1).ok_or(Stop::Undefined)?;
            if depth == 0 {
                regex(&format!("^{inner}$"))?;
                pattern.push_str(&format!("({inner})"));
                inner.clear();
                continue;
            }
        }
        if depth > 0 {
            inner.push(letter);
        } else {
            literal.push(letter);
        }
    }
    if depth > 0 {
        return Err(Stop::Undefined);
    }
    pattern.push_str(&regex::escape(&literal));
    pattern.push('$');
    Ok(regex(&pattern)?.is_match(all.text(1)?).into())
}
