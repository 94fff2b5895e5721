//! `urlquery.*` and `uri.*`.

use std::collections::{BTreeMap, BTreeSet};

use super::arguments::{Arguments, Outcome, Stop, array_of};
use super::{Function, Value};
use crate::template::{parse_url, query_escape};

pub(super) const FUNCTIONS: &[Function] = &[
    ("urlquery.encode", 1, |all| {
        Ok(query_escape(all.text(0)?).into())
    }),
    ("urlquery.decode", 1, |all| Ok(decode(all.text(0)?)?.into())),
    ("urlquery.encode_object", 1, encode_object),
    ("urlquery.decode_object", 1, decode_object),
    ("uri.is_valid", 1, |all| {
        let text = all.text(0)?;
        Ok((!text.is_empty() && parse_url(text).is_ok()).into())
    }),
    ("uri.parse", 1, parse),
];

fn decode(text: &str) -> Result<String, Stop> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digit = |byte: Option<u8>| {
                    let digit = byte.and_then(|byte| char::from(byte).to_digit(16));
                    digit.ok_or(Stop::Undefined)
                };
                let value = digit(rest.next())? * 16 + digit(rest.next())?;
                bytes.push(value as u8);
            }
            _ => bytes.push(byte),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Texts, or arrays and sets of texts, sorted by key.
fn encode_object(all: &Arguments<'_>) -> Outcome {
    let Value::Object(map) = all.value(0) else {
        return Err(Stop::Undefined);
    };
    let mut pairs = Vec::new();
    for (key, value) in map.iter() {
        let Value::String(key) = key else {
            return Err(Stop::Undefined);
        };
        let values: Vec<&Value> = match value {
            Value::String(_) => vec![value],
            Value::Array(items) => items.iter().collect(),
            Value::Set(items) => items.iter().collect::<BTreeSet<_>>().into_iter().collect(),
            _ => return Err(Stop::Undefined),
        };
        for value in values {
            let Value::String(value) = value else {
                return Err(Stop::Undefined);
            };
            pairs.push(format!("{}={}", query_escape(key), query_escape(value)));
        }
    }
    Ok(pairs.join("&").into())
}

fn decode_object(all: &Arguments<'_>) -> Outcome {
    let mut result: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in all.text(0)?.split('&').filter(|pair| !pair.is_empty()) {
        if pair.contains(';') {
            return Err(Stop::Undefined);
        }
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        result.entry(decode(key)?).or_default().push(decode(value)?);
    }
    let entries = result.into_iter();
    let entries: BTreeMap<Value, Value> = entries
        .map(|(key, values)| (key.into(), array_of(values.iter().map(String::as_str))))
        .collect();
    Ok(entries.into())
}

/// The parts of a URI that are not empty.
fn parse(all: &Arguments<'_>) -> Outcome {
    let text = all.text(0)?;
    let url = parse_url(text).map_err(|_| Stop::Undefined)?;
    let (host, port) = host_and_port(&url.host);
    let raw_path = raw_path(text);
    let parts = [
        ("scheme", url.scheme.as_str()),
        ("hostname", host),
        ("port", port),
        ("path", &url.path),
        ("raw_path", if url.path.is_empty() { "" } else { raw_path }),
        ("raw_query", &url.query),
        ("fragment", &url.fragment),
    ];
    let parts = parts.into_iter().filter(|(_, value)| !value.is_empty());
    let parts: BTreeMap<Value, Value> = parts
        .map(|(key, value)| (key.into(), value.into()))
        .collect();
    Ok(parts.into())
}

fn host_and_port(host: &str) -> (&str, &str) {
    if let Some((name, rest)) = host
        .strip_prefix('[')
        .and_then(|inner| inner.split_once(']'))
    {
        return (name, rest.strip_prefix(':').unwrap_or_default());
    }
    host.rsplit_once(':').unwrap_or((host, ""))
}

/// The path as it is written.
fn raw_path(text: &str) -> &str {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    let after = text.split_once("://").map_or(text, |(_, after)| after);
    if after.len() == text.len() {
        return text;
    }
    after.find('/').map_or("", |at| &after[at..])
}
