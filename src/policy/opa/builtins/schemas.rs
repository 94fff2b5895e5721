//! `json.match_schema` and `json.verify_schema`. No schema is fetched from anywhere.

use serde_json::{Value as Json, json};

use super::arguments::{Outcome, Stop};
use super::{Function, Value};
use crate::policy::opa::values::{from_json, to_json};

pub(super) const FUNCTIONS: &[Function] = &[
    ("json.verify_schema", 1, |all| {
        let checked = document(all.value(0)).and_then(|schema| validator(&schema));
        Ok(match checked {
            Ok(_) => vec![Value::Bool(true), Value::Null].into(),
            Err(reason) => {
                let reason = format!("jsonschema: {reason}");
                vec![Value::Bool(false), reason.into()].into()
            }
        })
    }),
    ("json.match_schema", 2, |all| {
        let document = document(all.value(0)).map_err(|_| Stop::Undefined)?;
        let schema = self::document(all.value(1)).map_err(|_| Stop::Undefined)?;
        let validator = validator(&schema).map_err(|_| Stop::Undefined)?;
        matched(&validator, &document)
    }),
];

/// A JSON text, or a value.
fn document(value: &Value) -> Result<Json, String> {
    match value {
        Value::String(text) => {
            serde_json::from_str(text).map_err(|_| "invalid JSON string".to_string())
        }
        Value::Object(_) | Value::Array(_) => to_json(value).ok_or_else(String::new),
        _ => Err("wrong type, expected string or object".to_string()),
    }
}

fn validator(schema: &Json) -> Result<jsonschema::Validator, String> {
    jsonschema::validator_for(schema).map_err(|error| error.to_string())
}

fn matched(validator: &jsonschema::Validator, document: &Json) -> Outcome {
    let errors = validator.iter_errors(document).take(1000).map(|error| {
        let path = error.instance_path().to_string();
        let field = match path.strip_prefix('/') {
            Some(path) => path.replace('/', "."),
            None => "(root)".to_string(),
        };
        let text = error.to_string();
        json!({
            "desc": text,
            "error": format!("{field}: {text}"),
            "field": field,
            "type": error.kind().keyword(),
        })
    });
    let errors: Vec<Value> = errors.map(|error| from_json(&error)).collect();
    Ok(vec![errors.is_empty().into(), errors.into()].into())
}
