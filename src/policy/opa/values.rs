//! Values for the interpreter, built directly from trees and JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

pub(in crate::policy) use regorus::Value;

use crate::yaml::{Node, write};

/// A value of a tree as policies see it.
pub(in crate::policy) fn from_node(node: &Node) -> Value {
    if let Some(map) = node.as_map() {
        let entries = map.entries.iter();
        let entries: BTreeMap<Value, Value> = entries
            .map(|entry| (Value::String(entry.key.clone()), from_node(&entry.value)))
            .collect();
        return Value::from(entries);
    }
    if let Some(list) = node.as_list() {
        let items: Vec<Value> = list.items.iter().map(from_node).collect();
        return Value::from(items);
    }
    from_json(&write::to_json(node))
}

/// A value of JSON.
pub(in crate::policy) fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => from_number(number),
        Json::String(text) => Value::String(Arc::from(text.as_str())),
        Json::Array(items) => Value::from(items.iter().map(from_json).collect::<Vec<Value>>()),
        Json::Object(map) => {
            let entries = map.iter();
            let entries: BTreeMap<Value, Value> = entries
                .map(|(key, value)| (Value::String(Arc::from(key.as_str())), from_json(value)))
                .collect();
            Value::from(entries)
        }
    }
}

fn from_number(number: &serde_json::Number) -> Value {
    if let Some(value) = number.as_i64() {
        return Value::from(value);
    }
    match number.as_u64() {
        Some(value) => Value::from(value),
        None => Value::from_numeric_string(&number.to_string()).unwrap_or(Value::Undefined),
    }
}

/// The JSON of a value: sets become arrays, and keys that are not texts become their JSON. Nothing
/// for an undefined value.
pub(in crate::policy) fn to_json(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Undefined => return None,
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Number(number) => {
            let text = number.format_decimal();
            serde_json::from_str(&text).unwrap_or(Json::String(text))
        }
        Value::String(text) => Json::String(text.to_string()),
        Value::Array(items) => Json::Array(items.iter().filter_map(to_json).collect()),
        Value::Set(items) => Json::Array(items.iter().filter_map(to_json).collect()),
        Value::Object(map) => {
            let entries = map.iter().filter_map(|(key, value)| {
                let key = match key {
                    Value::String(text) => text.to_string(),
                    other => to_json(other)?.to_string(),
                };
                Some((key, to_json(value)?))
            });
            Json::Object(entries.collect())
        }
    })
}
