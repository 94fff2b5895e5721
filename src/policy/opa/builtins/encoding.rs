//! Functions that read and write other formats: JSON, YAML, base64, hexadecimal, tokens.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, PAD, STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::Value as Json;

use super::arguments::{Arguments, Outcome, Stop};
use super::format::display;
use super::{Function, Value};
use crate::policy::opa::values::{from_json, from_node, to_json};
use crate::template;
use crate::yaml::go_json::push_string;
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
        let text = template::to_yaml_indented(&templated(&json));
        Ok(format!("{}\n", text.as_str()).into())
    }),
    ("json.marshal", 1, |all| {
        let mut text = String::new();
        write_json(all.value(0), &mut text);
        all.sized(text.len())?;
        Ok(text.into())
    }),
    ("base64.decode", 1, |all| {
        let bytes = decoded(all.text(0)?)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned().into())
    }),
    ("base64.is_valid", 1, |all| {
        Ok(decoded(all.text(0)?).is_ok().into())
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

/// The bytes of base64 as Go reads it: newlines are skipped, and bits after the last byte too.
fn decoded(text: &str) -> Result<Vec<u8>, Stop> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        PAD.with_decode_allow_trailing_bits(true),
    );
    let text = text.replace(['\r', '\n'], "");
    LENIENT.decode(text).map_err(|_| Stop::Undefined)
}

/// JSON as Go writes it: sorted keys, and no character that HTML interprets.
fn write_json(value: &Value, out: &mut String) {
    fn list<'v>(items: impl Iterator<Item = &'v Value>, out: &mut String) {
        out.push('[');
        for (at, item) in items.enumerate() {
            if at > 0 {
                out.push(',');
            }
            write_json(item, out);
        }
        out.push(']');
    }
    match value {
        Value::Undefined | Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.format_decimal()),
        Value::String(text) => push_string(out, text, true),
        Value::Array(items) => list(items.iter(), out),
        Value::Set(items) => list(items.iter(), out),
        Value::Object(map) => {
            let texts = map.iter().map(|(key, value)| match key {
                Value::String(text) => (text.to_string(), value),
                other => (display(other), value),
            });
            let entries: BTreeMap<String, &Value> = texts.collect();
            out.push('{');
            for (at, (key, value)) in entries.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                push_string(out, &key, true);
                out.push(':');
                write_json(value, out);
            }
            out.push('}');
        }
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
    let (header, payload) = (json(header)?, json(payload)?);
    let is_encrypted = matches!(&header, Value::Object(map) if map.contains_key(&"enc".into()));
    if is_encrypted || !matches!(payload, Value::Object(_)) {
        return Err(Stop::Undefined);
    }
    let signature = decoded(signature)?;
    let signature: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(vec![header, payload, signature.into()].into())
}
