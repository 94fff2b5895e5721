//! Functions that read and write other formats: JSON, YAML, base64, hexadecimal, tokens.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::Value as Json;

use super::arguments::{Arguments, Outcome, Stop};
use super::{Function, Value};
use crate::policy::opa::values::{from_json, from_node, to_json};
use crate::template;
use crate::yaml::read::{Dialect, read_as};
use crate::yaml::{FileId, Node};

pub(super) const FUNCTIONS: &[Function] = &[
    ("yaml.unmarshal", 1, |all| {
        let document = document(all)?;
        Ok(document.as_ref().map_or(Value::Null, from_node))
    }),
    ("yaml.is_valid", 1, |all| Ok(document(all).is_ok().into())),
    ("yaml.marshal", 1, |all| {
        let json = to_json(all.value(0)).ok_or(Stop::Undefined)?;
        let text = template::to_yaml(&templated(&json));
        Ok(format!("{}\n", text.as_str()).into())
    }),
    ("json.marshal", 1, |all| {
        let json = to_json(all.value(0)).ok_or(Stop::Undefined)?;
        Ok(sorted(json).to_string().into())
    }),
    ("base64.encode", 1, |all| {
        Ok(STANDARD.encode(all.text(0)?.as_bytes()).into())
    }),
    ("base64url.encode", 1, |all| {
        Ok(URL_SAFE.encode(all.text(0)?.as_bytes()).into())
    }),
    ("base64url.encode_no_pad", 1, |all| {
        Ok(URL_SAFE_NO_PAD.encode(all.text(0)?.as_bytes()).into())
    }),
    ("hex.encode", 1, |all| {
        let bytes = all.text(0)?.bytes();
        Ok(bytes
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
            .into())
    }),
    ("io.jwt.decode", 1, decode_token),
    ("parse_config", 2, parse_config),
];

/// The first document of a YAML text.
fn document(all: &Arguments<'_>) -> Result<Option<Node>, Stop> {
    let read = read_as(all.text(0)?, FileId(0), Dialect::Json).map_err(|_| Stop::Undefined)?;
    Ok(read.documents.into_iter().next())
}

/// `parse_config` of conftest: a text in a format by its name. Several documents are a list.
fn parse_config(all: &Arguments<'_>) -> Outcome {
    let format = all.text(0)?;
    if !matches!(&**format, "yaml" | "json") {
        let message = format!("`parse_config` reads YAML and JSON here, not `{format}`");
        return Err(Stop::Fail(message));
    }
    let read = read_as(all.text(1)?, FileId(0), Dialect::Json).map_err(|_| Stop::Undefined)?;
    let mut documents: Vec<Value> = read.documents.iter().map(from_node).collect();
    Ok(match documents.len() {
        0 => Value::Null,
        1 => documents.remove(0),
        _ => documents.into(),
    })
}

/// JSON with sorted keys, as Go writes maps.
fn sorted(json: Json) -> Json {
    match json {
        Json::Object(map) => {
            let mut entries: Vec<(String, Json)> = map.into_iter().collect();
            entries.sort_by(|(one, _), (other, _)| one.cmp(other));
            let sorted = entries.into_iter().map(|(key, value)| (key, sorted(value)));
            Json::Object(sorted.collect())
        }
        Json::Array(items) => Json::Array(items.into_iter().map(sorted).collect()),
        scalar => scalar,
    }
}

/// A value for Go's templates.
pub(super) fn templated(json: &Json) -> template::Value {
    match json {
        Json::Null => template::Value::nil(),
        Json::Bool(value) => template::Value::bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(value) => template::Value::int64(value),
            None => template::Value::float(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => template::Value::string(text.as_str()),
        Json::Array(items) => template::Value::list(items.iter().map(templated).collect()),
        Json::Object(map) => {
            let result = template::Map::new();
            for (key, value) in map {
                result.set(key.as_str(), templated(value));
            }
            template::Value::map(result)
        }
    }
}

/// The header, the payload and the signature of a token, which is not verified.
fn decode_token(all: &Arguments<'_>) -> Outcome {
    let parts: Vec<&str> = all.text(0)?.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else {
        return Err(Stop::Undefined);
    };
    let decoded = |part: &str| {
        let part = part.trim_end_matches('=');
        URL_SAFE_NO_PAD.decode(part).map_err(|_| Stop::Undefined)
    };
    let json = |part: &str| {
        let value: Json = serde_json::from_slice(&decoded(part)?).map_err(|_| Stop::Undefined)?;
        Ok::<Value, Stop>(from_json(&value))
    };
    let signature = decoded(signature)?;
    let signature: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(vec![json(header)?, json(payload)?, signature.into()].into())
}
