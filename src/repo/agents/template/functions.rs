//! The functions of Go templates and Sprig that occur in names and paths of Applications.

use super::pipeline::is_true;
use super::{normalized, printed};
use serde_json::Value;

/// The functions of Go templates and Sprig that occur in names and paths. `None` for all others.
pub(super) fn call(function: &str, arguments: &[Value]) -> Option<Value> {
    let text = |at: usize| arguments.get(at).and_then(printed);
    let last = || arguments.last().and_then(printed);
    let list = |value: &Value| value.as_array().cloned();
    let count = arguments.len();
    Some(match (function, count) {
        ("index" | "get", 2..) => {
            let mut at = arguments.first()?;
            for key in arguments.get(1..)? {
                at = match key {
                    Value::Number(index) => at.get(usize::try_from(index.as_u64()?).ok()?)?,
                    key => at.get(key.as_str()?).unwrap_or(&Value::Null),
                };
            }
            at.clone()
        }
        ("eq", 2..) => arguments
            .get(1..)?
            .iter()
            .any(|other| Some(other) == arguments.first())
            .into(),
        ("ne", 2) => (arguments.first() != arguments.get(1)).into(),
        ("not", 1) => (!is_true(arguments.first()?)).into(),
        ("and", 1..) => arguments
            .iter()
            .find(|value| !is_true(value))
            .or(arguments.last())?
            .clone(),
        ("or" | "coalesce", 1..) => arguments
            .iter()
            .find(|value| is_true(value))
            .or(arguments.last())?
            .clone(),
        ("default", 2) => arguments
            .iter()
            .rev()
            .find(|value| is_true(value))
            .or(arguments.first())?
            .clone(),
        ("empty", 1) => (!is_true(arguments.first()?)).into(),
        ("ternary", 3) => arguments
            .get(usize::from(!is_true(arguments.get(2)?)))?
            .clone(),
        ("hasKey", 2) => arguments.first()?.get(text(1)?).is_some().into(),
        ("len", 1) => match arguments.first()? {
            Value::Array(items) => items.len().into(),
            Value::Object(entries) => entries.len().into(),
            other => printed(other)?.len().into(),
        },
        ("toString", 1) => last()?.into(),
        ("int", 1) => last()?.parse::<i64>().unwrap_or_default().into(),
        ("quote", 1) => Value::String(last()?).to_string().into(),
        ("squote", 1) => format!("'{}'", last()?).into(),
        ("lower", 1) => last()?.to_lowercase().into(),
        ("upper", 1) => last()?.to_uppercase().into(),
        ("trim", 1) => last()?.trim().into(),
        ("normalize", 1) => normalized(&last()?).into(),
        ("trimPrefix", 2) => last()?
            .strip_prefix(&text(0)?)
            .map_or_else(last, |rest| Some(rest.to_string()))?
            .into(),
        ("trimSuffix", 2) => last()?
            .strip_suffix(&text(0)?)
            .map_or_else(last, |rest| Some(rest.to_string()))?
            .into(),
        ("hasPrefix", 2) => last()?.starts_with(&text(0)?).into(),
        ("hasSuffix", 2) => last()?.ends_with(&text(0)?).into(),
        ("contains", 2) => last()?.contains(&text(0)?).into(),
        ("replace", 3) => last()?.replace(&text(0)?, &text(1)?).into(),
        ("trunc", 2) => {
            let (text, width) = (last()?, arguments.first()?.as_i64()?);
            let size = text.chars().count();
            let width = usize::try_from(width.unsigned_abs()).ok()?.min(size);
            let skipped = if arguments.first()?.as_i64()? < 0 {
                size - width
            } else {
                0
            };
            text.chars()
                .skip(skipped)
                .take(width)
                .collect::<String>()
                .into()
        }
        ("base", 1) => last()?.rsplit('/').next()?.into(),
        ("dir", 1) => last()?
            .rsplit_once('/')
            .map_or(".".to_string(), |(folder, _)| folder.to_string())
            .into(),
        ("first", 1) => list(arguments.first()?)?.first()?.clone(),
        ("last", 1) => list(arguments.first()?)?.last()?.clone(),
        ("splitList", 2) => last()?
            .split(&text(0)?)
            .map(Value::from)
            .collect::<Vec<_>>()
            .into(),
        ("join", 2) => list(arguments.get(1)?)?
            .iter()
            .map(printed)
            .collect::<Option<Vec<_>>>()?
            .join(&text(0)?)
            .into(),
        ("printf", 1..) => {
            let (format, mut values) = (text(0)?, arguments.iter().skip(1));
            let (mut out, mut characters) = (String::new(), format.chars());
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
            out.into()
        }
        _ => return None,
    })
}
