//! The steps that a JSON schema takes to check a value, counted before it does. Schemas that name each
//! other in `anyOf` take twice as many with each name.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// The most steps.
const MOST: u64 = 1_000_000;
/// The most pairs of a schema and a value that are counted.
const MOST_PAIRS: usize = 500_000;
/// The deepest nesting of schemas that is followed.
const DEEPEST: usize = 500;

/// Keywords with a schema for the same value.
const ONE_HERE: &[&str] = &["not", "if", "then", "else"];
/// Keywords with several schemas for the same value.
const MANY_HERE: &[&str] = &[
    "allOf",
    "anyOf",
    "oneOf",
    "dependentSchemas",
    "dependencies",
];
/// Keywords with a schema for each value below.
const BELOW: &[&str] = &[
    "items",
    "additionalItems",
    "additionalProperties",
    "contains",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// True if a schema checks a value in few steps.
pub(super) fn is_affordable(schema: &Value, value: &Value) -> bool {
    let mut names = HashMap::new();
    name_all(schema, &mut names);
    let mut count = Count {
        root: schema,
        names,
        known: HashMap::new(),
    };
    count
        .steps(schema, value, 0)
        .is_some_and(|steps| steps <= MOST)
}

/// Finds the schemas that have names, by the last part of each name.
fn name_all<'s>(schema: &'s Value, found: &mut HashMap<&'s str, Vec<&'s Value>>) {
    match schema {
        Value::Object(map) => {
            let keys = ["$id", "id", "$anchor", "$dynamicAnchor"];
            for name in keys.iter().filter_map(|key| map.get(*key)?.as_str()) {
                found.entry(last_part(name)).or_default().push(schema);
            }
            map.values().for_each(|below| name_all(below, found));
        }
        Value::Array(items) => items.iter().for_each(|below| name_all(below, found)),
        _ => {}
    }
}

fn last_part(name: &str) -> &str {
    let name = name.trim_end_matches(['#', '/']);
    name.rsplit(['#', '/']).next().unwrap_or(name)
}

struct Count<'s> {
    root: &'s Value,
    names: HashMap<&'s str, Vec<&'s Value>>,
    /// The steps of each schema and value, by their addresses; `None` while they are counted.
    known: HashMap<(usize, usize), Option<u64>>,
}

impl<'s> Count<'s> {
    /// The steps of a schema for a value. `None` if they cannot be counted.
    fn steps(&mut self, schema: &'s Value, value: &Value, depth: usize) -> Option<u64> {
        let Value::Object(map) = schema else {
            return Some(1);
        };
        let key = (
            std::ptr::from_ref(schema).addr(),
            std::ptr::from_ref(value).addr(),
        );
        if let Some(known) = self.known.get(&key) {
            // a schema that leads to itself is refused by what checks it
            return Some(known.unwrap_or(1));
        }
        if depth > DEEPEST || self.known.len() > MOST_PAIRS {
            return None;
        }
        self.known.insert(key, None);
        let mut steps = 1 + map.len() as u64;
        for (below, value) in self.applied(map, value) {
            steps = steps.saturating_add(self.steps(below, value, depth + 1)?);
        }
        self.known.insert(key, Some(steps));
        Some(steps)
    }

    /// The schemas that a schema applies, or that it might, each with the value that it is applied to.
    fn applied<'v>(
        &self,
        map: &'s Map<String, Value>,
        value: &'v Value,
    ) -> Vec<(&'s Value, &'v Value)> {
        let mut found: Vec<(&Value, &Value)> = Vec::new();
        for key in ["$ref", "$dynamicRef", "$recursiveRef"] {
            let reference = map.get(key).and_then(Value::as_str);
            let named = reference.map_or(Vec::new(), |reference| self.named(reference));
            found.extend(named.into_iter().map(|named| (named, value)));
        }
        let one = ONE_HERE.iter().filter_map(|key| map.get(*key));
        found.extend(one.map(|below| (below, value)));
        for many in MANY_HERE.iter().filter_map(|key| map.get(*key)) {
            found.extend(children(many).map(|below| (below, value)));
        }
        let properties = map.get("properties").and_then(Value::as_object);
        let is_other = |name: &str| properties.is_none_or(|known| !known.contains_key(name));
        for below in BELOW.iter().filter_map(|key| map.get(*key)) {
            let schemas = std::iter::once(below).chain(below.as_array().into_iter().flatten());
            for schema in schemas.filter(|schema| schema.is_object()) {
                let fields = value.as_object().into_iter().flatten();
                let fields = fields.filter(|(name, _)| is_other(name));
                found.extend(fields.map(|(_, value)| (schema, value)));
                let items = value.as_array().into_iter().flatten();
                found.extend(items.map(|value| (schema, value)));
            }
        }
        for (name, below) in properties.into_iter().flatten() {
            found.extend(value.get(name).map(|value| (below, value)));
        }
        let prefix = map.get("prefixItems").and_then(Value::as_array);
        let items = value.as_array().into_iter().flatten();
        found.extend(prefix.into_iter().flatten().zip(items));
        let patterns = map.get("patternProperties").and_then(Value::as_object);
        for below in patterns.into_iter().flat_map(Map::values) {
            found.extend(children(value).map(|value| (below, value)));
        }
        found
    }

    /// The schemas that a reference may mean.
    fn named(&self, reference: &str) -> Vec<&'s Value> {
        let (document, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let documents = match document {
            "" => vec![self.root],
            name => self.names.get(last_part(name)).cloned().unwrap_or_default(),
        };
        if fragment.is_empty() {
            return documents;
        }
        if !fragment.starts_with('/') {
            return self.names.get(fragment).cloned().unwrap_or_default();
        }
        let pointer = decoded(fragment);
        // beside a name of its own, a schema counts from there
        let named = self.names.values().flatten().copied();
        let starts = documents
            .into_iter()
            .chain(named.filter(|_| document.is_empty()));
        starts.filter_map(|start| start.pointer(&pointer)).collect()
    }
}

/// A fragment without `%2F` and the like.
fn decoded(fragment: &str) -> String {
    let mut parts = fragment.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let code = part
            .get(..2)
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.extend(code);
        let rest = if code.is_some() {
            part.get(2..)
        } else {
            Some(part)
        };
        bytes.extend(rest.unwrap_or_default().bytes());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The values in a list or map.
fn children(value: &Value) -> impl Iterator<Item = &Value> {
    let items = value.as_array().into_iter().flatten();
    items.chain(value.as_object().into_iter().flat_map(Map::values))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Each definition names the next one twice with a keyword.
    fn doubling(refer: impl Fn(usize) -> Value) -> Value {
        let definitions: Map<String, Value> = (0..40)
            .map(|at| (format!("d{at}"), refer(at + 1)))
            .chain([("d40".to_string(), json!({"type": "object"}))])
            .collect();
        json!({"definitions": definitions, "$ref": "#/definitions/d0"})
    }

    #[test]
    fn schemas_that_multiply_are_refused() {
        let same = |key: &'static str| {
            move |at: usize| {
                let next = json!({"$ref": format!("#/definitions/d{at}")});
                json!({key: [next, next]})
            }
        };
        let value = json!({"a": {"b": [1, 2, 3]}});
        for key in ["anyOf", "allOf", "oneOf"] {
            assert!(!is_affordable(&doubling(same(key)), &value), "{key}");
        }
        let below = |at: usize| {
            let next = json!({"$ref": format!("#/definitions/d{at}")});
            json!({"properties": {"a": next}, "patternProperties": {".": next}})
        };
        let deep = (0..40).fold(json!({}), |inner, _| json!({"a": inner}));
        assert!(is_affordable(&doubling(below), &value));
        assert!(!is_affordable(&doubling(below), &deep));
        let named = json!({
            "$defs": {"x": {"$anchor": "x", "anyOf": [{"$ref": "#y"}, {"$ref": "#y"}]}, "y": {"$anchor": "y"}},
            "$ref": "#x",
        });
        assert!(is_affordable(&named, &value));
    }

    #[test]
    fn recursive_schemas_are_followed_as_deep_as_the_value() {
        let schema = json!({
            "definitions": {"tree": {"additionalProperties": {"$ref": "#/definitions/tree"}}},
            "allOf": [{"$ref": "#/definitions/tree"}, {"$ref": "#"}],
        });
        let deep = (0..100).fold(json!({}), |inner, _| json!({"a": inner}));
        assert!(is_affordable(&schema, &deep));
    }
}
