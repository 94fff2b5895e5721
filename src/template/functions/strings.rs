//! Functions of strings. Those that only move bytes keep the origin of each.

use super::{Call, Function, fixed, variadic};
use crate::template::budget::Budget;
use crate::template::bytes;
use crate::template::error::Problem;
use crate::template::format;
use crate::template::text::{Text, TextBuilder};
use crate::template::value::{Data, Items, List, Map, MapKind, Nested, Type, Value};

const TEXT: &[Type] = &[Type::String];
const TWO: &[Type] = &[Type::String, Type::String];
const THREE: &[Type] = &[Type::String, Type::String, Type::String];
const WIDTH: &[Type] = &[Type::Int, Type::String];
const ANY: &[Type] = &[Type::Any];

pub(super) static FUNCTIONS: &[Function] = &[
    fixed("hello", &[], |_| Ok(Value::string("Hello!"))),
    fixed("trim", TEXT, |call| trim(call, 0, |c| c.is_whitespace())),
    fixed("trimAll", TWO, trim_all),
    fixed("trimall", TWO, trim_all),
    fixed("trimPrefix", TWO, |call| {
        let text = call.text(1);
        let start = match text.as_str().starts_with(call.str(0)) {
            true => call.str(0).len(),
            false => 0,
        };
        call.pieced(text.slice(start..text.as_str().len()))
    }),
    fixed("trimSuffix", TWO, |call| {
        let text = call.text(1);
        let end = match text.as_str().ends_with(call.str(0)) {
            true => text.as_str().len() - call.str(0).len(),
            false => text.as_str().len(),
        };
        call.pieced(text.slice(0..end))
    }),
    fixed("trunc", WIDTH, truncate),
    fixed("substr", &[Type::Int, Type::Int, Type::String], |call| {
        let length = call.bytes(2).len() as i64;
        let (start, end) = match (call.int(0), call.int(1)) {
            (start, end) if start < 0 => (0, end),
            (start, end) if end < 0 || end > length => (start, length),
            bounds => bounds,
        };
        part(call, 2, start, end)
    }),
    fixed("upper", TEXT, |call| mapped(call, upper)),
    fixed("lower", TEXT, |call| mapped(call, lower)),
    fixed("title", TEXT, |call| whole(call, title)),
    fixed("untitle", TEXT, |call| whole(call, untitle)),
    fixed("swapcase", TEXT, |call| whole(call, swap_case)),
    fixed("nospace", TEXT, |call| {
        // it reads bytes, not characters
        let has_other = !call.str(0).is_ascii();
        let spaces = |text: &str| {
            let kept = text.bytes().map(char::from);
            kept.filter(|c| !c.is_whitespace()).collect::<String>()
        };
        match has_other && spaces(call.str(0)).chars().count() == call.str(0).len() {
            true => call.pieced(call.text(0)),
            false => mapped(call, |text| {
                text.bytes()
                    .map(char::from)
                    .filter(|c| !c.is_whitespace())
                    .collect()
            }),
        }
    }),
    fixed("initials", TEXT, |call| whole(call, initials)),
    fixed("repeat", WIDTH, repeat),
    fixed("contains", TWO, |call| {
        call.computed(Value::bool(call.str(1).contains(call.str(0))))
    }),
    fixed("hasPrefix", TWO, |call| {
        call.computed(Value::bool(call.str(1).starts_with(call.str(0))))
    }),
    fixed("hasSuffix", TWO, |call| {
        call.computed(Value::bool(call.str(1).ends_with(call.str(0))))
    }),
    variadic("quote", ANY, |call| joined(call, " ", quoted)),
    variadic("squote", ANY, |call| {
        joined(call, " ", |out, value, budget| {
            out.push_str("'");
            format::display_into(out, value, budget)?;
            out.push_str("'");
            Ok(())
        })
    }),
    variadic("cat", ANY, |call| {
        joined(call, " ", |out, value, budget| {
            format::display_into(out, value, budget)
        })
    }),
    fixed("indent", WIDTH, |call| {
        let out = TextBuilder::new();
        indent(call, out)
    }),
    fixed("nindent", WIDTH, |call| {
        let mut out = TextBuilder::new();
        out.push_str("\n");
        indent(call, out)
    }),
    fixed("replace", THREE, replace),
    fixed("plural", &[Type::String, Type::String, Type::Int], |call| {
        let index = usize::from(call.int(2) != 1);
        call.pieced(call.text(index))
    }),
    fixed("abbrev", WIDTH, |call| {
        let width = call.int(0);
        match width < 4 {
            true => call.pieced(call.text(1)),
            false => whole_of(call, 1, |text| abbreviate(text, 0, width)),
        }
    }),
    fixed(
        "abbrevboth",
        &[Type::Int, Type::Int, Type::String],
        |call| {
            let (left, right) = (call.int(0), call.int(1));
            match right < 4 || left > 0 && right < 7 {
                true => call.pieced(call.text(2)),
                false => whole_of(call, 2, |text| abbreviate(text, left, right)),
            }
        },
    ),
    fixed("wrap", WIDTH, |call| {
        let width = call.int(0);
        whole_of(call, 1, |text| wrap(text, width, "\n", false))
    }),
    fixed(
        "wrapWith",
        &[Type::Int, Type::String, Type::String],
        |call| {
            let (width, separator) = (call.int(0), call.str(1));
            let separator = if separator.is_empty() {
                "\n"
            } else {
                separator
            };
            whole_of(call, 2, |text| wrap(text, width, separator, true))
        },
    ),
    fixed("toString", ANY, |call| {
        let text = call.printed(call.value(0))?;
        call.pieced(text)
    }),
    fixed("toStrings", ANY, |call| {
        let texts = strings(call.value(0), call.budget)?;
        Ok(Value::strings(texts.into_iter().map(Value::string)))
    }),
    fixed("join", &[Type::String, Type::Any], |call| {
        let texts = strings(call.value(1), call.budget)?;
        let separator = call.text(0);
        let mut out = TextBuilder::new();
        for (index, text) in texts.iter().enumerate() {
            if index > 0 {
                call.budget.bytes(separator.as_str().len())?;
                out.push(&separator);
            }
            out.push(text);
        }
        call.pieced(out.finish())
    }),
    fixed("splitList", TWO, |call| {
        let parts = split(&call.text(1), call.str(0), -1, call.budget)?;
        Ok(Value::strings(parts.into_iter().map(Value::string)))
    }),
    fixed("split", TWO, |call| {
        let parts = split(&call.text(1), call.str(0), -1, call.budget)?;
        Ok(numbered(parts))
    }),
    fixed("splitn", &[Type::String, Type::Int, Type::String], |call| {
        let parts = split(&call.text(2), call.str(0), call.int(1), call.budget)?;
        Ok(numbered(parts))
    }),
    fixed("sortAlpha", ANY, |call| {
        let value = call.value(0);
        if value.items().is_none() {
            let text = call.printed(value)?;
            return Ok(Value::strings([Value::string(text)]));
        }
        let mut texts = strings(value, call.budget)?;
        texts.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        Ok(Value::strings(texts.into_iter().map(Value::string)))
    }),
];

fn trim(call: &mut Call<'_>, index: usize, cut: impl Fn(char) -> bool) -> Result<Value, Problem> {
    let text = call.text(index);
    let whole = text.as_str();
    let start = whole.len() - whole.trim_start_matches(&cut).len();
    let end = start + whole[start..].trim_end_matches(&cut).len();
    call.pieced(text.slice(start..end))
}

fn trim_all(call: &mut Call<'_>) -> Result<Value, Problem> {
    let set = call.str(0);
    trim(call, 1, |c| set.contains(c))
}

/// A part of a string argument by bytes.
fn part(call: &mut Call<'_>, index: usize, start: i64, end: i64) -> Result<Value, Problem> {
    let length = call.bytes(index).len();
    let bounds = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let Some((start, end)) = bounds.filter(|(start, end)| start <= end && *end <= length) else {
        return Err(format!("slice bounds out of range [{start}:{end}]").into());
    };
    call.pieced(call.text(index).cut(start..end))
}

fn truncate(call: &mut Call<'_>) -> Result<Value, Problem> {
    let length = call.bytes(1).len() as i64;
    let (start, end) = match call.int(0) {
        width if width < 0 && length + width > 0 => (length + width, length),
        width if width >= 0 && length > width => (0, width),
        _ => (0, length),
    };
    part(call, 1, start, end)
}

/// Maps each piece on its own, for functions that map character by character.
fn mapped(call: &mut Call<'_>, map: fn(&str) -> String) -> Result<Value, Problem> {
    let text = call.text(0);
    let all = text.as_str();
    let mut out = TextBuilder::new();
    if text.pieces().is_empty() {
        out.push_str(&map(all));
    }
    for (bytes, piece) in text.pieces_in(0..all.len()) {
        let part = all.get(bytes.clone()).unwrap_or_default();
        let mapped = map(part);
        match mapped == part {
            true => out.push_part(&text, bytes),
            false => out.push_printed(&mapped, piece.printed_by, &piece.inputs),
        }
    }
    call.pieced(out.finish())
}

/// Maps the whole string, which keeps only what went into it.
fn whole(call: &mut Call<'_>, map: fn(&str) -> String) -> Result<Value, Problem> {
    whole_of(call, 0, map)
}

fn whole_of(
    call: &mut Call<'_>,
    index: usize,
    map: impl FnOnce(&str) -> String,
) -> Result<Value, Problem> {
    let text = call.str(index);
    let mapped = map(text);
    match mapped == text {
        true => call.pieced(call.text(index)),
        false => call.computed_text(mapped),
    }
}

/// A character's only mapping. Go knows no mappings to several characters.
fn single(mut mapping: impl Iterator<Item = char>, c: char) -> char {
    if bytes::byte_of(c).is_some() {
        return char::REPLACEMENT_CHARACTER;
    }
    match (mapping.next(), mapping.next()) {
        (Some(mapped), None) => mapped,
        _ if c == '\u{130}' => 'i',
        _ => c,
    }
}

fn upper(text: &str) -> String {
    text.chars().map(upper_character).collect()
}

pub(super) fn upper_character(c: char) -> char {
    single(c.to_uppercase(), c)
}

pub(super) fn lower_character(c: char) -> char {
    single(c.to_lowercase(), c)
}

pub(super) fn lower(text: &str) -> String {
    text.chars().map(lower_character).collect()
}

/// Upper case for the first letter of each word, as Go's `strings.Title` sees words.
fn title(text: &str) -> String {
    let mut before = ' ';
    let mut out = String::with_capacity(text.len());
    for c in bytes::replaced(text).chars() {
        let is_separator = match before {
            c if c.is_ascii() => !(c.is_ascii_alphanumeric() || c == '_'),
            c if c.is_alphanumeric() => false,
            c => c.is_whitespace(),
        };
        out.push(if is_separator { upper_character(c) } else { c });
        before = c;
    }
    out
}

fn untitle(text: &str) -> String {
    let mut at_start = true;
    let text = bytes::replaced(text);
    let each = text.chars().map(|c| {
        let is_gap = c.is_whitespace();
        let mapped = if at_start && !is_gap {
            lower_character(c)
        } else {
            c
        };
        at_start = is_gap;
        mapped
    });
    each.collect()
}

fn swap_case(text: &str) -> String {
    let text = bytes::replaced(text);
    let each = text.chars().map(|c| match c {
        c if c.is_uppercase() => lower_character(c),
        c if c.is_lowercase() => upper_character(c),
        c => c,
    });
    each.collect()
}

/// The first byte of each word.
fn initials(text: &str) -> String {
    let mut after_gap = true;
    let mut out = String::new();
    for byte in bytes::of_string(text).iter().copied().map(char::from) {
        if byte.is_whitespace() {
            after_gap = true;
        } else if after_gap {
            out.push(byte);
            after_gap = false;
        }
    }
    out
}

fn repeat(call: &mut Call<'_>) -> Result<Value, Problem> {
    let text = call.text(1);
    let Ok(count) = usize::try_from(call.int(0)) else {
        return Err("strings: negative Repeat count".into());
    };
    call.budget
        .bytes(count.saturating_mul(text.as_str().len()))?;
    call.budget.steps(match text.as_str().is_empty() {
        true => 0,
        false => count,
    })?;
    let mut out = TextBuilder::new();
    if !text.as_str().is_empty() {
        for _ in 0..count {
            out.push(&text);
        }
    }
    Ok(Value::string(out.finish()))
}

/// Joins what is printed of each argument that is not null.
fn joined(
    call: &mut Call<'_>,
    separator: &str,
    print: fn(&mut TextBuilder, &Value, &mut Budget) -> Result<(), Problem>,
) -> Result<Value, Problem> {
    let mut out = TextBuilder::new();
    let values = call.arguments.iter().filter(|value| !value.is_nil());
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.push_str(separator);
        }
        print(&mut out, value, call.budget)?;
    }
    call.pieced(out.finish())
}

fn quoted(out: &mut TextBuilder, value: &Value, budget: &mut Budget) -> Result<(), Problem> {
    let text = super::call::to_text(value, budget)?;
    let quoted = format::quoted(text.as_str(), false);
    if quoted.get(1..quoted.len() - 1) == Some(text.as_str()) {
        out.push_str("\"");
        out.push(&text);
        out.push_str("\"");
    } else {
        out.push_from(&quoted, &text.inputs().and(&value.inputs));
    }
    Ok(())
}

/// Puts blanks in front of each line, empty ones included.
fn indent(call: &mut Call<'_>, mut out: TextBuilder) -> Result<Value, Problem> {
    let text = call.text(1);
    let Ok(spaces) = usize::try_from(call.int(0)) else {
        return Err("strings: negative Repeat count".into());
    };
    let lines = text.as_str().split('\n').count();
    call.budget.bytes(spaces.saturating_mul(lines))?;
    call.budget.steps(lines)?;
    let pad = " ".repeat(spaces);
    let mut start = 0;
    for line in text.as_str().split_inclusive('\n') {
        out.push_str(&pad);
        out.push_part(&text, start..start + line.len());
        start += line.len();
    }
    if text.as_str().is_empty() || text.as_str().ends_with('\n') {
        out.push_str(&pad);
    }
    call.pieced(out.finish())
}

fn replace(call: &mut Call<'_>) -> Result<Value, Problem> {
    let (old, new, text) = (call.str(0), call.text(1), call.text(2));
    let all = text.as_str();
    let matches: Vec<usize> = match old {
        "" => {
            let starts = all.char_indices().map(|(at, _)| at);
            starts.chain([all.len()]).collect()
        }
        _ => all.match_indices(old).map(|(at, _)| at).collect(),
    };
    if matches.is_empty() {
        return call.pieced(text);
    }
    call.budget.steps(matches.len())?;
    call.budget
        .bytes(matches.len().saturating_mul(new.as_str().len()))?;
    let mut out = TextBuilder::new();
    let mut start = 0;
    for at in matches {
        out.push_part(&text, start..at);
        out.push(&new);
        start = at + old.len();
    }
    out.push_part(&text, start..all.len());
    call.pieced(out.finish())
}

/// Shortens a text to a width by dots at its end, or at both ends from an offset on.
fn abbreviate(text: &str, offset: i64, width: i64) -> String {
    let bytes = bytes::of_string(text);
    let length = bytes.len() as i64;
    if text.is_empty() || width < 4 || length <= width {
        return if width < 4 {
            String::new()
        } else {
            text.to_string()
        };
    }
    let cut = |start: i64, end: i64| {
        let part = bytes.get(start.max(0) as usize..end.max(0) as usize);
        bytes::to_string(part.unwrap_or_default())
    };
    let mut offset = offset.min(length);
    if length - offset < width - 3 {
        offset = length - (width - 3);
    }
    if offset <= 4 {
        return cut(0, width - 3) + "...";
    }
    if width < 7 {
        return String::new();
    }
    if offset + width - 3 < length {
        let rest = cut(offset, length);
        return format!("...{}", abbreviate(&rest, 0, width - 3));
    }
    format!("...{}", cut(length - (width - 3), length))
}

/// Breaks a text into lines of a width at blanks.
fn wrap(text: &str, width: i64, separator: &str, breaks_words: bool) -> String {
    let width = usize::try_from(width).unwrap_or(1).max(1);
    let bytes = bytes::of_string(text);
    let part = |start: usize, end: usize| {
        let part = bytes.get(start..end).unwrap_or_default();
        bytes::to_string(part)
    };
    let mut out = String::new();
    let mut at = 0;
    while bytes.len() - at > width {
        if bytes[at] == b' ' {
            at += 1;
            continue;
        }
        let last_blank = bytes[at..at + width + 1]
            .iter()
            .rposition(|byte| *byte == b' ');
        let (end, next) = match last_blank {
            Some(blank) => (at + blank, at + blank + 1),
            None if breaks_words => (at + width, at + width),
            None => match bytes[at + width..].iter().position(|byte| *byte == b' ') {
                Some(blank) => (at + width + blank, at + width + blank + 1),
                None => {
                    out.push_str(&part(at, bytes.len()));
                    at = bytes.len();
                    continue;
                }
            },
        };
        out.push_str(&part(at, end));
        out.push_str(separator);
        at = next;
    }
    out + &part(at, bytes.len())
}

/// The items of a list as strings, without nulls; any other value as the only one.
pub(super) fn strings(value: &Value, budget: &mut Budget) -> Result<Vec<Text>, Problem> {
    let items = match value.items() {
        Some(items) => items,
        None if value.is_nil() => return Ok(Vec::new()),
        None => std::slice::from_ref(value).into(),
    };
    let mut texts = Vec::with_capacity(items.len());
    for item in items.iter().filter(|item| !item.is_nil()) {
        budget.step()?;
        let text = super::call::to_text(item, budget)?;
        let text = crate::template::value::traced(&text, &value.inputs);
        texts.push(text);
    }
    Ok(texts)
}

/// The parts of a text between separators, at most `most` of them unless it is negative.
pub(super) fn split(
    text: &Text,
    separator: &str,
    most: i64,
    budget: &mut Budget,
) -> Result<Vec<Text>, Problem> {
    let all = text.as_str();
    let most = match most {
        0 => return Ok(Vec::new()),
        most => usize::try_from(most).unwrap_or(usize::MAX),
    };
    if separator.is_empty() {
        let mut parts = Vec::new();
        let mut starts = all.char_indices().map(|(at, _)| at).peekable();
        while let Some(start) = starts.next() {
            budget.step()?;
            let is_last = parts.len() + 1 == most;
            let end = starts
                .peek()
                .copied()
                .filter(|_| !is_last)
                .unwrap_or(all.len());
            parts.push(text.slice(start..end));
            if is_last {
                break;
            }
        }
        return Ok(parts);
    }
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, _) in all.match_indices(separator) {
        budget.step()?;
        if parts.len() + 1 >= most {
            break;
        }
        parts.push(text.slice(start..at));
        start = at + separator.len();
    }
    parts.push(text.slice(start..all.len()));
    Ok(parts)
}

/// A map of parts by `_0`, `_1`, ….
fn numbered(parts: Vec<Text>) -> Value {
    let map = Map::of(MapKind::Strings);
    for (index, part) in parts.into_iter().enumerate() {
        map.set(format!("_{index}"), Value::string(part));
    }
    Value::map(map)
}

/// A list of strings, where `None` is Go's nil.
pub(super) fn string_list(texts: Option<Vec<Text>>) -> Value {
    let is_nil = texts.is_none();
    let items = texts.unwrap_or_default().into_iter().map(Value::string);
    Data::List(List {
        items: std::sync::Arc::new(Nested(items.collect())),
        of: Items::Strings,
        is_nil,
    })
    .into()
}
