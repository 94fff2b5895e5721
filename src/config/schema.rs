//! The JSON Schema of the configuration file, made from the keys that the loader reads.

use serde_json::{Map, Value, json};

use super::key::Key;
use super::keys::KEYS;
use super::options::KnownRule;

/// The JSON Schema of the configuration.
pub fn schema(rules: &[KnownRule<'_>]) -> Value {
    let property = |key: &&Key| {
        let mut schema = key.shape.schema(rules);
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("description".to_string(), json!(key.summary));
        }
        (key.name.to_string(), schema)
    };
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "gitops-lint configuration",
        // an empty file is a configuration as well
        "type": ["object", "null"],
        "additionalProperties": false,
        "properties": KEYS.iter().map(property).collect::<Map<String, Value>>(),
    })
}
