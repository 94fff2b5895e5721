//! Regular expressions in Go's syntax (RE2).

use std::ops::Range;

use regex::{Captures, Regex, RegexBuilder};

use super::regex_syntax::{quote_meta, translate};
use super::strings::string_list;
use super::{Call, Function, fixed};
use crate::template::bytes::has_strays;
use crate::template::error::Problem;
use crate::template::text::{Text, TextBuilder};
use crate::template::value::{Type, Value};

/// The largest compiled expression, in bytes.
const LARGEST: usize = 4 << 20;

const TWO: &[Type] = &[Type::String, Type::String];
const COUNTED: &[Type] = &[Type::String, Type::String, Type::Int];
const THREE: &[Type] = &[Type::String, Type::String, Type::String];

pub(super) static FUNCTIONS: &[Function] = &[
    fixed("regexMatch", TWO, |call| {
        let found = compiled(call).is_ok_and(|regex| regex.is_match(call.str(1)));
        call.computed(Value::bool(found))
    }),
    fixed("mustRegexMatch", TWO, |call| {
        let found = compiled(call)?.is_match(call.str(1));
        call.computed(Value::bool(found))
    }),
    fixed("regexFind", TWO, find),
    fixed("mustRegexFind", TWO, find),
    fixed("regexFindAll", COUNTED, find_all),
    fixed("mustRegexFindAll", COUNTED, find_all),
    fixed("regexReplaceAll", THREE, |call| replace(call, true)),
    fixed("mustRegexReplaceAll", THREE, |call| replace(call, true)),
    fixed("regexReplaceAllLiteral", THREE, |call| replace(call, false)),
    fixed("mustRegexReplaceAllLiteral", THREE, |call| {
        replace(call, false)
    }),
    fixed("regexSplit", COUNTED, split),
    fixed("mustRegexSplit", COUNTED, split),
    fixed("regexQuoteMeta", &[Type::String], |call| {
        let text = quote_meta(call.str(0));
        call.computed_text(text)
    }),
];

fn compiled(call: &mut Call<'_>) -> Result<Regex, Problem> {
    let pattern = call.str(0);
    call.budget.steps(pattern.len() + call.str(1).len() / 8)?;
    compile(pattern).ok_or_else(|| format!("error parsing regexp: `{pattern}`").into())
}

/// An expression in Go's syntax; `None` if it is not valid, or too large.
pub(crate) fn compile(pattern: &str) -> Option<Regex> {
    if has_strays(pattern) {
        return None;
    }
    let translated = translate(pattern).ok()?;
    let built = RegexBuilder::new(&translated).size_limit(LARGEST).build();
    built.ok()
}

fn find(call: &mut Call<'_>) -> Result<Value, Problem> {
    let regex = compiled(call)?;
    let text = call.text(1);
    let found = regex.find(text.as_str()).map(|found| found.range());
    call.pieced(text.slice(found.unwrap_or(0..0)))
}

/// The first matches; all of them if the number is negative.
fn matches(
    call: &mut Call<'_>,
    regex: &Regex,
    text: &Text,
    most: i64,
) -> Result<Vec<Range<usize>>, Problem> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    for one in regex.find_iter(text.as_str()).take(most) {
        call.budget.step()?;
        found.push(one.range());
    }
    Ok(found)
}

fn find_all(call: &mut Call<'_>) -> Result<Value, Problem> {
    let regex = compiled(call)?;
    let text = call.text(1);
    let found = matches(call, &regex, &text, call.int(2))?;
    let parts: Vec<Text> = found.into_iter().map(|range| text.slice(range)).collect();
    Ok(string_list((!parts.is_empty()).then_some(parts)))
}

fn split(call: &mut Call<'_>) -> Result<Value, Problem> {
    let regex = compiled(call)?;
    let text = call.text(1);
    let most = call.int(2);
    if most == 0 {
        return Ok(string_list(None));
    }
    if !call.str(0).is_empty() && text.as_str().is_empty() {
        return Ok(string_list(Some(vec![text])));
    }
    let (mut parts, mut start, mut end) = (Vec::new(), 0, 0);
    for found in matches(call, &regex, &text, most)? {
        if most > 0 && parts.len() as i64 == most - 1 {
            break;
        }
        end = found.start;
        if found.end != 0 {
            parts.push(text.slice(start..end));
        }
        start = found.end;
    }
    if end != text.as_str().len() {
        parts.push(text.slice(start..text.as_str().len()));
    }
    Ok(string_list(Some(parts)))
}

fn replace(call: &mut Call<'_>, expands: bool) -> Result<Value, Problem> {
    let regex = compiled(call)?;
    let text = call.text(1);
    let replacement = call.text(2);
    let mut out = TextBuilder::new();
    let mut start = 0;
    for captures in regex.captures_iter(text.as_str()) {
        let Some(found) = captures.get(0) else {
            continue;
        };
        out.push_part(&text, start..found.start());
        start = found.end();
        let mut expanded = String::new();
        if expands && replacement.as_str().contains('$') {
            expand(&captures, replacement.as_str(), &mut expanded);
            let matched = text.slice(found.range());
            out.push_from(&expanded, &matched.inputs().and(&replacement.inputs()));
        } else {
            out.push(&replacement);
        }
        call.budget.step()?;
        call.budget
            .bytes(expanded.len().max(replacement.as_str().len()))?;
    }
    if start == 0 && out.is_empty() {
        return call.pieced(text);
    }
    out.push_part(&text, start..text.as_str().len());
    call.pieced(out.finish())
}

/// Adds a replacement whose `$1`, `$name` and `${name}` stand for the groups of a match. A `$` that
/// names nothing stays.
fn expand(captures: &Captures<'_>, replacement: &str, out: &mut String) {
    let mut rest = replacement;
    while let Some((before, behind)) = rest.split_once('$') {
        out.push_str(before);
        rest = behind;
        if let Some(behind) = rest.strip_prefix('$') {
            out.push('$');
            rest = behind;
        } else if let Some((name, behind)) = group_name(rest) {
            let is_number = name.bytes().all(|byte| byte.is_ascii_digit())
                && (name == "0" || !name.starts_with('0'));
            let group = match name.parse().ok().filter(|_| is_number) {
                Some(number) => captures.get(number),
                None => captures.name(name),
            };
            out.push_str(group.map_or("", |group| group.as_str()));
            rest = behind;
        } else {
            out.push('$');
        }
    }
    out.push_str(rest);
}

/// The name at the start of a text, with or without braces, and the text behind it.
fn group_name(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('{');
    let start = inner.unwrap_or(text);
    let rest = start.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
    let name = start.get(..start.len() - rest.len())?;
    let rest = match inner {
        Some(_) => rest.strip_prefix('}')?,
        None => rest,
    };
    (!name.is_empty()).then_some((name, rest))
}
