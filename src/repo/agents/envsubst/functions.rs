//! The value of an expression: defaults, substrings, replacements, trimming, upper and lower case.

use super::glob::matches;
use super::{Argument, Call, LONG, Seen, Value};

/// The most bytes that a replacement may put into a text; an object of Kubernetes has fewer.
const LONGEST: usize = 4 << 20;

/// The comparisons of letters when a pattern is trimmed off a text.
const TRIMMED: usize = 1 << 28;

impl Call {
    /// The value; `None` if it depends on a variable whose value is not known.
    pub(super) fn value<'v>(
        &self,
        lookup: &dyn Fn(&str) -> Value<'v>,
        seen: &mut Seen,
    ) -> Result<Option<String>, &'static str> {
        let value = match lookup(&self.parameter) {
            Value::Known(value, place) => {
                seen.origin = seen.origin.or(Some(place));
                value
            }
            Value::Unknown => return Ok(None),
            Value::Missing if !self.gives_default() => {
                seen.missing.push(self.parameter.clone());
                return Ok(None);
            }
            Value::Unset | Value::Missing => "",
        };
        let mut arguments = Vec::with_capacity(self.arguments.len());
        for argument in &self.arguments {
            match argument {
                Argument::Text(text) => arguments.push(text.clone()),
                Argument::Call(call) => match call.value(lookup, seen)? {
                    Some(value) => arguments.push(value),
                    // a default that is not needed need not be known
                    None if self.is_default() && !value.is_empty() => {}
                    None => return Ok(None),
                },
            }
        }
        let (first, second) = (
            arguments.first().map_or("", String::as_str),
            arguments.get(1).map(String::as_str),
        );
        Ok(Some(match self.function.as_str() {
            "," => change_first(value, |first| first.to_lowercase().collect()),
            ",," => value.to_lowercase(),
            "^" => change_first(value, |first| first.to_uppercase().collect()),
            "^^" => value.to_uppercase(),
            "#" if arguments.is_empty() => value.len().to_string(),
            "#" => trim(value, first, false, false)?,
            "##" => trim(value, first, true, false)?,
            "%" => trim(value, first, false, true)?,
            "%%" => trim(value, first, true, true)?,
            ":" => substring(value, first, second)?,
            "/" => value.replacen(first, second.unwrap_or_default(), 1),
            "//" => {
                let second = second.unwrap_or_default();
                let found = value.matches(first).count();
                if found.saturating_mul(second.len()) > LONGEST {
                    return Err(LONG);
                }
                value.replace(first, second)
            }
            "/#" => match (value.strip_prefix(first), second) {
                (Some(rest), Some(new)) => format!("{new}{rest}"),
                _ => value.to_string(),
            },
            "/%" => match (value.strip_suffix(first), second) {
                (Some(rest), Some(new)) => format!("{rest}{new}"),
                _ => value.to_string(),
            },
            // all that give a default do the same in Flux, `:?` and `:+` included
            _ if value.is_empty() => arguments.concat(),
            _ => value.to_string(),
        }))
    }

    fn gives_default(&self) -> bool {
        !self.function.is_empty() && self.is_default()
    }

    pub(super) fn is_default(&self) -> bool {
        self.function.is_empty() || self.function.ends_with(['=', '-', '?', '+'])
    }
}

pub(super) fn change_first(value: &str, change: impl Fn(char) -> String) -> String {
    let mut characters = value.chars();
    characters
        .next()
        .map_or(String::new(), |first| change(first) + characters.as_str())
}

/// `${name:position:length}` in bytes; a negative position counts from the end, and a negative length
/// is a position from the end.
pub(super) fn substring(
    value: &str,
    position: &str,
    length: Option<&str>,
) -> Result<String, &'static str> {
    const CUT: &str = "the substring splits a character";
    let size = value.len() as i64;
    let Ok(position) = position.parse::<i64>() else {
        return Ok(value.to_string());
    };
    let start = if position < 0 {
        (size + position).max(0)
    } else {
        position.min(size)
    };
    let end = match length.map(str::parse::<i64>) {
        None => size,
        Some(Ok(length)) if length < 0 => size.saturating_add(length).max(start),
        Some(Ok(length)) => start.saturating_add(length).min(size),
        Some(Err(_)) => return Ok(value.to_string()),
    };
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    range
        .and_then(|(start, end)| value.get(start..end))
        .map(str::to_string)
        .ok_or(CUT)
}

/// Takes away the shortest or longest start (or end) that a pattern matches.
pub(super) fn trim(
    value: &str,
    pattern: &str,
    longest: bool,
    from_end: bool,
) -> Result<String, &'static str> {
    let turn = |text: &str| -> Vec<char> {
        if from_end {
            text.chars().rev().collect()
        } else {
            text.chars().collect()
        }
    };
    // patterns are turned around with the text, as Flux does
    let (text, pattern) = (turn(value), turn(pattern));
    // every start of the text is compared with the pattern
    let each = text.len().saturating_mul(pattern.len());
    if each.saturating_mul(text.len()) > TRIMMED {
        return Err(LONG);
    }
    let mut lengths: Box<dyn Iterator<Item = usize>> = if longest {
        Box::new((1..=text.len()).rev())
    } else {
        Box::new(1..=text.len())
    };
    let Some(length) = lengths.find(|length| {
        text.get(..*length)
            .is_some_and(|head| matches(&pattern, head))
    }) else {
        return Ok(value.to_string());
    };
    let rest = text.get(length..).unwrap_or_default().iter();
    Ok(if from_end {
        rest.rev().collect()
    } else {
        rest.collect()
    })
}
