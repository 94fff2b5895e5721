//! Regular expressions in Go's syntax (RE2).

use std::ops::Range;

use regex::{Regex, RegexBuilder};

use super::strings::string_list;
use super::{Call, Function, fixed};
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
    compile(pattern).map_err(|_| format!("error parsing regexp: `{pattern}`").into())
}

/// An expression in Go's syntax.
///
/// # Errors
/// The expression is not valid, or too large.
pub(crate) fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    let translated = translate(pattern);
    RegexBuilder::new(&translated).size_limit(LARGEST).build()
}

/// Go's syntax in that of the crate, whose classes (`\d`) know more characters, and in which `[`
/// and `&&` have a meaning within brackets.
fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern.chars().peekable();
    let mut in_class = false;
    let mut at_class_start = false;
    while let Some(c) = rest.next() {
        let starts = std::mem::take(&mut at_class_start);
        match c {
            '\\' => match rest.next() {
                Some('Q') => quote_until_end(&mut rest, &mut out),
                Some(class) => out.push_str(&escaped(class, in_class)),
                None => out.push('\\'),
            },
            '[' if !in_class => {
                in_class = true;
                out.push('[');
                if rest.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                at_class_start = true;
            }
            '[' if rest.peek() == Some(&':') => out.push('['),
            '[' => out.push_str("\\["),
            ']' if in_class && starts => out.push_str("\\]"),
            ']' if in_class => {
                // `[:alpha:]` ends in a bracket of its own
                in_class = out.ends_with(':')
                    && out.rfind("[:").is_some_and(|at| {
                        out[at + 2..out.len() - 1]
                            .chars()
                            .all(|c| c.is_ascii_alphabetic() || c == '^')
                    });
                out.push(']');
            }
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// `\Qtext\E` stands for the text itself.
fn quote_until_end(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) {
    while let Some(c) = rest.next() {
        if c == '\\' && rest.peek() == Some(&'E') {
            rest.next();
            return;
        }
        out.push_str(&quote_meta(c.encode_utf8(&mut [0; 4])));
    }
}

fn escaped(class: char, in_class: bool) -> String {
    let (inside, negated) = match class {
        'd' => ("0-9", false),
        'D' => ("0-9", true),
        'w' => ("0-9A-Za-z_", false),
        'W' => ("0-9A-Za-z_", true),
        's' => ("\\t\\n\\f\\r ", false),
        'S' => ("\\t\\n\\f\\r ", true),
        'b' if !in_class => return "(?-u:\\b)".to_string(),
        'B' if !in_class => return "(?-u:\\B)".to_string(),
        other => return format!("\\{other}"),
    };
    match (in_class, negated) {
        (true, false) => inside.to_string(),
        (true, true) => format!("[^{inside}]"),
        (false, false) => format!("[{inside}]"),
        (false, true) => format!("[^{inside}]"),
    }
}

fn quote_meta(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
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
            captures.expand(replacement.as_str(), &mut expanded);
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
