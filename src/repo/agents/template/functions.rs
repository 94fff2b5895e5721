//! The functions of Go templates and Sprig that occur in names and paths of Applications.

use super::{is_true, normalized, printed};
use serde_json::Value;

/// The value of a call; `None` for other functions, and for arguments that a function refuses.
pub(super) fn call(function: &str, arguments: &[Value]) -> Option<Value> {
    logic(function, arguments)
        .or_else(|| text(function, arguments))
        .or_else(|| list(function, arguments))
}

/// Functions that compare and choose.
fn logic(function: &str, arguments: &[Value]) -> Option<Value> {
    let (first, last) = (arguments.first()?, arguments.last()?);
    let mut all = arguments.iter();
    Some(match (function, arguments.len()) {
        ("eq", 2..) => arguments.get(1..)?.contains(first).into(),
        ("ne", 2) => (first != last).into(),
        ("not" | "empty", 1) => (!is_true(first)).into(),
        ("and", 1..) => all.find(|value| !is_true(value)).unwrap_or(last).clone(),
        ("or" | "coalesce", 1..) => all.find(|value| is_true(value)).unwrap_or(last).clone(),
        ("default", 2) => (if is_true(last) { last } else { first }).clone(),
        ("ternary", 3) => arguments.get(usize::from(!is_true(last)))?.clone(),
        _ => return None,
    })
}

/// Functions of texts. The text comes last, so that it can come from a pipe.
fn text(function: &str, arguments: &[Value]) -> Option<Value> {
    let argument = |at: usize| arguments.get(at).and_then(printed);
    let subject = arguments.last().and_then(printed)?;
    Some(match (function, arguments.len()) {
        ("toString", 1) => subject.into(),
        ("int", 1) => subject.parse::<i64>().unwrap_or_default().into(),
        ("quote", 1) => Value::String(subject).to_string().into(),
        ("squote", 1) => format!("'{subject}'").into(),
        ("lower", 1) => subject.to_lowercase().into(),
        ("upper", 1) => subject.to_uppercase().into(),
        ("trim", 1) => subject.trim().into(),
        ("normalize", 1) => normalized(&subject).into(),
        ("trimPrefix", 2) => {
            let prefix = argument(0)?;
            subject.strip_prefix(&prefix).unwrap_or(&subject).into()
        }
        ("trimSuffix", 2) => {
            let suffix = argument(0)?;
            subject.strip_suffix(&suffix).unwrap_or(&subject).into()
        }
        ("hasPrefix", 2) => subject.starts_with(&argument(0)?).into(),
        ("hasSuffix", 2) => subject.ends_with(&argument(0)?).into(),
        ("contains", 2) => subject.contains(&argument(0)?).into(),
        ("replace", 3) => subject.replace(&argument(0)?, &argument(1)?).into(),
        ("trunc", 2) => truncated(&subject, arguments.first()?.as_i64()?)?.into(),
        ("base", 1) => subject.rsplit('/').next()?.into(),
        ("dir", 1) => subject
            .rsplit_once('/')
            .map_or(".", |(folder, _)| folder)
            .into(),
        _ => return None,
    })
}

/// Functions of lists, maps and several values.
fn list(function: &str, arguments: &[Value]) -> Option<Value> {
    let first = arguments.first()?;
    let argument = |at: usize| arguments.get(at).and_then(printed);
    Some(match (function, arguments.len()) {
        ("index" | "get", 2..) => indexed(first, arguments.get(1..)?)?,
        ("printf", 1..) => formatted(&argument(0)?, arguments.get(1..)?)?.into(),
        ("hasKey", 2) => first.get(argument(1)?).is_some().into(),
        ("len", 1) => match first {
            Value::Array(items) => items.len().into(),
            Value::Object(entries) => entries.len().into(),
            other => printed(other)?.len().into(),
        },
        ("first", 1) => first.as_array()?.first()?.clone(),
        ("last", 1) => first.as_array()?.last()?.clone(),
        ("splitList", 2) => {
            let (separator, text) = (argument(0)?, argument(1)?);
            text.split(&separator)
                .map(Value::from)
                .collect::<Vec<_>>()
                .into()
        }
        ("join", 2) => {
            let items = arguments.get(1)?.as_array()?.iter();
            let items = items.map(printed).collect::<Option<Vec<_>>>()?;
            items.join(&argument(0)?).into()
        }
        _ => return None,
    })
}

/// The value below a path of keys and indexes; null if a key is missing.
fn indexed(value: &Value, path: &[Value]) -> Option<Value> {
    let mut at = value;
    for key in path {
        at = match key {
            Value::Number(index) => at.get(usize::try_from(index.as_u64()?).ok()?)?,
            key => at.get(key.as_str()?).unwrap_or(&Value::Null),
        };
    }
    Some(at.clone())
}

/// The first characters of a text; the last ones if the width is negative.
fn truncated(text: &str, width: i64) -> Option<String> {
    let size = text.chars().count();
    let kept = usize::try_from(width.unsigned_abs()).ok()?.min(size);
    let skipped = if width < 0 { size - kept } else { 0 };
    Some(text.chars().skip(skipped).take(kept).collect())
}

/// `printf` with the verbs `%s`, `%d`, `%v` and `%%`.
fn formatted(format: &str, values: &[Value]) -> Option<String> {
    let (mut out, mut characters, mut values) = (String::new(), format.chars(), values.iter());
    while let Some(character) = characters.next() {
        match character {
            '%' => match characters.next()? {
                '%' => out.push('%'),
                's' | 'd' | 'v' => out.push_str(&printed(values.next()?)?),
                _ => return None,
            },
            other => out.push(other),
        }
    }
    Some(out)
}
