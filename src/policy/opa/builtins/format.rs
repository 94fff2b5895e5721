//! `sprintf`, and the text of values.

use super::arguments::{Arguments, Outcome, Stop};
use super::{Function, LARGEST, Value};
use crate::template::{self, Budget};

pub(super) const FUNCTIONS: &[Function] =
    &[("sprintf", 2, sprintf), ("__template", 1, template_string)];

/// Go's `fmt.Sprintf`. Numbers and texts are passed as such, everything else as its text.
fn sprintf(all: &Arguments<'_>) -> Outcome {
    let format = all.text(0)?;
    let Value::Array(items) = all.value(1) else {
        return Err(Stop::Undefined);
    };
    let arguments: Vec<template::Value> = items.iter().map(argument).collect();
    let mut budget = Budget::new(LARGEST as u64, LARGEST as u64);
    if !has_small_widths(format) {
        return Err(all.too_large());
    }
    let text = template::sprintf(format, &arguments, &mut budget);
    let text = text.map_err(|_| all.too_large())?;
    all.sized(text.as_str().len())?;
    Ok(text.as_str().into())
}

fn argument(value: &Value) -> template::Value {
    match value {
        Value::String(text) => template::Value::string(text.clone()),
        Value::Number(number) => match number.as_i64() {
            Some(value) if number.is_integer() => template::Value::int64(value),
            _ => match number.as_f64() {
                Some(value) => template::Value::float(value),
                // whole numbers of more than 64 bits
                None => template::Value::string(display(value)),
            },
        },
        other => template::Value::string(display(other)),
    }
}

/// True if no verb of a format has a large width: `%1000000000d`.
fn has_small_widths(format: &str) -> bool {
    const WIDEST: u64 = 10_000;
    format.split('%').skip(1).all(|verb| {
        let is_flag = |letter: char| "+-# 0.".contains(letter);
        let digits: String = verb
            .trim_start_matches(is_flag)
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        digits.is_empty() || digits.parse().is_ok_and(|width: u64| width <= WIDEST)
    })
}

/// The parts of `$"…"`: texts, and sets that are empty where a value is undefined.
fn template_string(all: &Arguments<'_>) -> Outcome {
    let mut text = String::new();
    for part in all.items(0)? {
        match part {
            Value::Set(items) => match items.first() {
                None => text.push_str("<undefined>"),
                Some(Value::String(value)) => text.push_str(value),
                Some(other) => text.push_str(&display(other)),
            },
            Value::String(literal) => text.push_str(literal),
            other => text.push_str(&display(other)),
        }
    }
    all.sized(text.len())?;
    Ok(text.into())
}

/// A value as OPA prints it: `{"a": [1, "b"], "c": set()}`.
pub(super) fn display(value: &Value) -> String {
    let list =
        |items: Vec<String>, open: &str, close: &str| format!("{open}{}{close}", items.join(", "));
    match value {
        Value::Undefined => "<undefined>".to_string(),
        Value::Null => "null".to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.format_decimal(),
        Value::String(text) => template::quoted(text),
        Value::Array(items) => list(items.iter().map(display).collect(), "[", "]"),
        Value::Set(items) if items.is_empty() => "set()".to_string(),
        Value::Set(items) => list(items.iter().map(display).collect(), "{", "}"),
        Value::Object(map) => {
            let entry =
                |(key, value): (&Value, &Value)| format!("{}: {}", display(key), display(value));
            list(map.iter().map(entry).collect(), "{", "}")
        }
    }
}
