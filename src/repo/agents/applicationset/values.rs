//! The values of parameters: maps of JSON.

use serde_json::{Map, Value};

use crate::repo::agents::template::printed;

/// Merges values into others, map by map.
pub(super) fn overlay(values: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (values.get_mut(key), value) {
            (Some(Value::Object(present)), Value::Object(over)) => overlay(present, over),
            _ => drop(values.insert(key.clone(), value.clone())),
        }
    }
}

/// Values as templates read them: nested for Go templates, otherwise flat with dotted keys.
pub(super) fn shaped(values: &Map<String, Value>, go: bool) -> Map<String, Value> {
    if go {
        return values.clone();
    }
    let mut flat = Map::new();
    flatten("", &Value::Object(values.clone()), &mut flat);
    flat
}

fn flatten(prefix: &str, value: &Value, flat: &mut Map<String, Value>) {
    let below = |key: &str| {
        if prefix.is_empty() {
            key.to_string()
        } else {
            format!("{prefix}.{key}")
        }
    };
    match value {
        Value::Object(entries) => entries
            .iter()
            .for_each(|(key, value)| flatten(&below(key), value, flat)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(at, item)| flatten(&below(&at.to_string()), item, flat)),
        other => drop(printed(other).map(|text| flat.insert(prefix.to_string(), text.into()))),
    }
}
