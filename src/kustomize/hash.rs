//! The content hash that is appended to the names of generated ConfigMaps and Secrets.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::Resource;
use crate::yaml::go_json::push_string;
use crate::yaml::{By, Data, Node, Scalar, write};

/// The suffix of a resource, the same as kustomize's.
fn suffix(resource: &Resource) -> String {
    let value = match resource.kind() {
        "ConfigMap" => content(&resource.node, "ConfigMap", &[], "binaryData"),
        "Secret" => content(&resource.node, "Secret", &["type"], "stringData"),
        _ => write::to_json(&resource.node),
    };
    let mut text = String::new();
    go_json(&value, &mut text);
    let digest = Sha256::digest(text.as_bytes());
    let letters = digest
        .iter()
        .take(5)
        .flat_map(|byte| [byte >> 4, byte & 15]);
    letters.map(readable).collect()
}

/// Appends the content hash to the names that need one.
pub(super) fn add_hashes(resources: &mut [Resource]) {
    for resource in resources.iter_mut().filter(|resource| resource.needs_hash) {
        let name = format!("{}-{}", resource.name(), suffix(resource));
        resource.store_previous();
        let origin = resource
            .node
            .at(&["metadata", "name"])
            .map_or(resource.node.origin, |name| name.origin)
            .with(By::Hash);
        if let Some(node) = resource
            .node
            .get_mut("metadata")
            .and_then(|metadata| metadata.get_mut("name"))
        {
            node.replace(Data::Scalar(Scalar::string(name)), origin);
        }
        resource.renamed_by = Some(origin);
    }
}

/// Removes a suffix that looks like a content hash from a name.
pub(crate) fn without_suffix(name: &str) -> &str {
    let is_hash = |end: &str| {
        end.len() == 10
            && end
                .chars()
                .all(|letter| (0..16).any(|digit| readable(digit) == letter))
    };
    name.rsplit_once('-')
        .filter(|(_, end)| is_hash(end))
        .map_or(name, |(start, _)| start)
}

/// A hexadecimal digit. Digits that could form a word are replaced.
fn readable(digit: u8) -> char {
    match digit {
        0 => 'g',
        1 => 'h',
        3 => 'k',
        10 => 'm',
        14 => 't',
        digit => char::from_digit(u32::from(digit), 16).unwrap_or('g'),
    }
}

/// The content to hash: the data, the kind, an empty name (kustomize never finds the name), and
/// further fields of the kind.
fn content(node: &Node, kind: &str, scalars: &[&str], optional: &str) -> Value {
    let field = |name: &str| match node.get(name) {
        None => Value::String(String::new()),
        Some(found) => match &found.data {
            Data::Scalar(scalar) => Value::String(scalar.text.to_string()),
            Data::Map(_) => write::to_json(found),
            Data::List(_) => Value::Null,
        },
    };
    let mut result = Map::new();
    result.insert("kind".into(), kind.into());
    result.insert("name".into(), "".into());
    result.insert("data".into(), field("data"));
    for name in scalars {
        result.insert((*name).into(), field(name));
    }
    if node
        .get(optional)
        .is_some_and(|found| found.as_map().is_some())
    {
        result.insert(optional.into(), field(optional));
    }
    Value::Object(result)
}

/// JSON as Go writes it: keys sorted bytewise, `<`, `>`, `&` and two line separators escaped.
pub(super) fn go_json(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => push_string(out, text, true),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                go_json(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            out.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                push_string(out, key, true);
                out.push(':');
                if let Some(value) = map.get(key) {
                    go_json(value, out);
                }
            }
            out.push('}');
        }
        Value::Number(number) if number.is_f64() => {
            out.push_str(&go_float(number.as_f64().unwrap_or_default()))
        }
        other => out.push_str(&other.to_string()),
    }
}

/// A floating-point number as Go's JSON writes it: `1` for 1.0, an exponent only for very small and
/// very large numbers.
fn go_float(value: f64) -> String {
    if value != 0.0 && !(1e-6..1e21).contains(&value.abs()) {
        let text = format!("{value:e}");
        return if text.contains("e-") {
            text
        } else {
            text.replace('e', "e+")
        };
    }
    value.to_string()
}
