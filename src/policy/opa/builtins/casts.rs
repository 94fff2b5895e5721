//! Old functions of v0 that convert and check.

use std::collections::BTreeSet;

use super::arguments::{Arguments, Outcome, Stop};
use super::{Function, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    ("to_number", 1, to_number),
    ("any", 1, |all| {
        let found = all
            .items(0)?
            .into_iter()
            .any(|item| *item == Value::Bool(true));
        Ok(found.into())
    }),
    ("all", 1, |all| {
        let held = all
            .items(0)?
            .into_iter()
            .all(|item| *item == Value::Bool(true));
        Ok(held.into())
    }),
    ("cast_array", 1, |all| {
        let items: Vec<Value> = all.items(0)?.into_iter().cloned().collect();
        Ok(items.into())
    }),
    ("cast_set", 1, |all| {
        let items: BTreeSet<Value> = all.items(0)?.into_iter().cloned().collect();
        Ok(items.into())
    }),
    ("cast_string", 1, |all| {
        same(all.value(0), |value| matches!(value, Value::String(_)))
    }),
    ("cast_boolean", 1, |all| {
        same(all.value(0), |value| matches!(value, Value::Bool(_)))
    }),
    ("cast_null", 1, |all| {
        same(all.value(0), |value| *value == Value::Null)
    }),
    ("cast_object", 1, |all| {
        same(all.value(0), |value| matches!(value, Value::Object(_)))
    }),
];

/// A number of a text as Go reads it, except in other bases: `+1`, `.5`, `5.`.
fn to_number(all: &Arguments<'_>) -> Outcome {
    let text = match all.value(0) {
        Value::Null => return Ok(0.into()),
        Value::Bool(value) => return Ok(u64::from(*value).into()),
        number @ Value::Number(_) => return Ok(number.clone()),
        Value::String(text) => text,
        _ => return Err(Stop::Undefined),
    };
    let is_decimal = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let number: f64 = text.parse().map_err(|_| Stop::Undefined)?;
    if !is_decimal || !number.is_finite() {
        return Err(Stop::Undefined);
    }
    let digits = text.strip_prefix('+').unwrap_or(text);
    match digits.parse::<i128>() {
        Ok(whole) => Ok(whole.into()),
        Err(_) => Value::from_numeric_string(&number.to_string()).map_err(|_| Stop::Undefined),
    }
}

fn same(value: &Value, is_right: fn(&Value) -> bool) -> Outcome {
    if is_right(value) {
        Ok(value.clone())
    } else {
        Err(Stop::Undefined)
    }
}
