//! Conditions: `key`, `operator` and `value`, alone or under `any` and `all`.

use serde_json::Value as Json;

use super::compare::{Ordering, compared, glob, seconds};
use super::variables::{Context, Unresolved};

/// True if conditions hold. A variable that is not there is null if `lenient`.
pub(super) fn hold(
    conditions: &Json,
    context: &Context<'_>,
    lenient: bool,
) -> Result<bool, Unresolved> {
    match conditions {
        // the old form: a list whose items must all hold, or blocks of `any` and `all`
        Json::Array(items) => {
            for item in items {
                if !hold(item, context, lenient)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Json::Object(map) if map.contains_key("key") => holds(conditions, context, lenient),
        Json::Object(map) => {
            let list = |key: &str| map.get(key).and_then(Json::as_array);
            for condition in list("all").into_iter().flatten() {
                if !holds(condition, context, lenient)? {
                    return Ok(false);
                }
            }
            let Some(any) = list("any").filter(|any| !any.is_empty()) else {
                return Ok(true);
            };
            for condition in any {
                if holds(condition, context, lenient)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => Ok(true),
    }
}

fn holds(condition: &Json, context: &Context<'_>, lenient: bool) -> Result<bool, Unresolved> {
    let resolved = |key: &str| {
        let value = condition.get(key).unwrap_or(&Json::Null);
        match context.resolved(value) {
            Err(Unresolved::Missing(_)) if lenient => Ok(Json::Null),
            other => other,
        }
    };
    let (key, value) = (resolved("key")?, resolved("value")?);
    let operator = condition.get("operator").and_then(Json::as_str);
    let is = |orders: &[Ordering]| compared(&key, &value).is_some_and(|one| orders.contains(&one));
    let lasts = |orders: &[Ordering]| {
        let length = |value: &Json| match value {
            Json::Number(number) => number.as_f64(),
            Json::String(text) => seconds(text),
            _ => None,
        };
        let order = length(&key).zip(length(&value));
        let order = order.and_then(|(key, value)| key.partial_cmp(&value));
        order.is_some_and(|order| orders.contains(&order))
    };
    Ok(match operator.unwrap_or_default() {
        "Equal" | "Equals" => equal(&key, &value),
        "NotEqual" | "NotEquals" => !equal(&key, &value),
        "In" | "AllIn" => each(&key).iter().all(|key| among(key, &value)),
        "AnyIn" => each(&key).iter().any(|key| among(key, &value)),
        "NotIn" | "AllNotIn" => !each(&key).iter().any(|key| among(key, &value)),
        "AnyNotIn" => each(&key).iter().any(|key| !among(key, &value)),
        "GreaterThan" => is(&[Ordering::Greater]),
        "GreaterThanOrEquals" => is(&[Ordering::Greater, Ordering::Equal]),
        "LessThan" => is(&[Ordering::Less]),
        "LessThanOrEquals" => is(&[Ordering::Less, Ordering::Equal]),
        "DurationGreaterThan" => lasts(&[Ordering::Greater]),
        "DurationGreaterThanOrEquals" => lasts(&[Ordering::Greater, Ordering::Equal]),
        "DurationLessThan" => lasts(&[Ordering::Less]),
        "DurationLessThanOrEquals" => lasts(&[Ordering::Less, Ordering::Equal]),
        other => return Err(Unresolved::Other(format!("unknown operator `{other}`"))),
    })
}

/// The items of a key: those of a list, or the value itself.
fn each(key: &Json) -> Vec<&Json> {
    match key {
        Json::Array(items) => items.iter().collect(),
        other => vec![other],
    }
}

/// True if a value is in a list, or in a text that is a list or a range.
fn among(key: &Json, value: &Json) -> bool {
    match value {
        Json::Array(items) => items.iter().any(|item| alike(key, item)),
        Json::String(text) => {
            if let Ok(list @ Json::Array(_)) = serde_json::from_str::<Json>(text) {
                return among(key, &list);
            }
            let ends = text.split_once('-').map(|(low, high)| {
                let at_least = compared(key, &Json::from(low.trim()));
                let at_most = compared(key, &Json::from(high.trim()));
                matches!(at_least, Some(Ordering::Greater | Ordering::Equal))
                    && matches!(at_most, Some(Ordering::Less | Ordering::Equal))
            });
            alike(key, value) || ends == Some(true)
        }
        other => alike(key, other),
    }
}

/// True if two scalars are the same text, either of them with wildcards.
fn alike(left: &Json, right: &Json) -> bool {
    match (text(left), text(right)) {
        (Some(left), Some(right)) => glob(&right, &left) || glob(&left, &right),
        _ => left == right,
    }
}

fn text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(_) | Json::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

fn equal(key: &Json, value: &Json) -> bool {
    match (key, value) {
        (Json::String(text), Json::String(pattern)) => {
            glob(pattern, text) || compared(key, value) == Some(Ordering::Equal)
        }
        (Json::Bool(_), Json::String(_)) | (Json::String(_), Json::Bool(_)) => {
            text(key) == text(value)
        }
        (Json::Number(_) | Json::String(_), Json::Number(_) | Json::String(_)) => {
            compared(key, value) == Some(Ordering::Equal)
        }
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len() && left.iter().all(|item| right.contains(item))
        }
        _ => key == value,
    }
}
