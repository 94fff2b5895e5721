//! Reads `values.schema.json`.
//!
//! Nothing is fetched: a `$ref` to the web allows everything.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::OnceLock;

use jsonschema::{PatternOptions, Retrieve, Uri, Validator};
use serde_json::Value;

use super::files::ChartFile;
use super::schema_steps;
use crate::template::compile_regex;

/// The schema of the values of a chart.
#[derive(Debug)]
pub(crate) struct ValuesSchema {
    /// `values.schema.json`.
    pub(crate) file: ChartFile,
    /// The schema, read for the first release.
    checker: OnceLock<Result<Checker, String>>,
}

/// What checks values.
#[derive(Debug)]
pub(crate) struct Checker {
    pub(crate) validator: Validator,
    schema: Value,
}

impl Checker {
    /// False if the schema would take too many steps for some values.
    pub(crate) fn is_affordable(&self, values: &Value) -> bool {
        schema_steps::is_affordable(&self.schema, values)
    }
}

impl ValuesSchema {
    pub(super) fn new(file: ChartFile) -> ValuesSchema {
        ValuesSchema {
            file,
            checker: OnceLock::new(),
        }
    }

    /// What checks values; the error says why the schema cannot be used.
    pub(crate) fn checker(&self) -> Result<&Checker, &str> {
        let read = self.checker.get_or_init(|| read(&self.file.bytes));
        read.as_ref().map_err(String::as_str)
    }
}

fn read(bytes: &[u8]) -> Result<Checker, String> {
    let mut schema: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    prepare(&mut schema);
    let validator = jsonschema::options()
        .with_retriever(Offline)
        .with_pattern_options(PatternOptions::regex())
        .build(&schema);
    let validator = validator.map_err(|error| error.to_string())?;
    Ok(Checker { validator, schema })
}

/// True if a schema refers to the web, so that values are checked against a part of it only.
pub(crate) fn leads_to_web(text: &str) -> bool {
    let schema = serde_json::from_str(text);
    schema.is_ok_and(|mut schema| prepare(&mut schema))
}

/// Makes a schema readable here: references to the web allow everything, and patterns are in Go's
/// syntax of regular expressions. True if there are such references.
fn prepare(schema: &mut Value) -> bool {
    let mut own = HashSet::new();
    ids(schema, &mut own);
    let draft = schema.get("$schema").and_then(Value::as_str);
    // before draft 2019-09, nothing counts beside a reference
    let excludes_others = draft.is_some_and(|draft| draft.contains("/draft-0"));
    let base = schema.get("$id").and_then(Value::as_str);
    let is_from_web = base.is_some_and(is_on_web);
    let found = Cell::new(false);
    rewrite(schema, &|reference| {
        let document = reference.split('#').next().unwrap_or_default();
        let is_there = own.contains(document.trim_end_matches('#'))
            || document.contains("://json-schema.org/");
        let is_relative = !document.is_empty() && !document.contains(':');
        let leads_out = is_on_web(document) || is_from_web && is_relative;
        let is_unknown = leads_out && !is_there;
        found.set(found.get() || is_unknown);
        is_unknown.then_some(excludes_others)
    });
    found.get()
}

/// The names that the schemas in a document have.
fn ids(schema: &Value, found: &mut HashSet<String>) {
    match schema {
        Value::Object(map) => {
            let id = map
                .get("$id")
                .or_else(|| map.get("id"))
                .and_then(Value::as_str);
            found.extend(id.map(|id| id.trim_end_matches('#').to_string()));
            map.values().for_each(|below| ids(below, found));
        }
        Value::Array(items) => items.iter().for_each(|below| ids(below, found)),
        _ => {}
    }
}

fn is_on_web(document: &str) -> bool {
    document.starts_with("http://") || document.starts_with("https://")
}

/// Changes references and patterns. `unknown` tells if a reference cannot be followed, and if it
/// excludes everything beside it.
fn rewrite(schema: &mut Value, unknown: &dyn Fn(&str) -> Option<bool>) {
    let map = match schema {
        Value::Object(map) => map,
        Value::Array(items) => {
            return items.iter_mut().for_each(|below| rewrite(below, unknown));
        }
        _ => return,
    };
    let reference = map.get("$ref").and_then(Value::as_str);
    match reference.and_then(unknown) {
        Some(true) => {
            *schema = Value::Bool(true);
            return;
        }
        Some(false) => {
            map.remove("$ref");
        }
        None => {}
    }
    if let Some(Value::String(pattern)) = map.get_mut("pattern") {
        *pattern = in_go_syntax(pattern);
    }
    if let Some(Value::Object(patterns)) = map.get_mut("patternProperties") {
        let entries = std::mem::take(patterns).into_iter();
        patterns.extend(entries.map(|(pattern, below)| (in_go_syntax(&pattern), below)));
    }
    map.values_mut().for_each(|below| rewrite(below, unknown));
}

/// A pattern as the engine here reads it; one that Go does not know stays and is refused.
fn in_go_syntax(pattern: &str) -> String {
    let known = compile_regex(pattern).map(|regex| regex.as_str().to_string());
    known.unwrap_or_else(|| pattern.to_string())
}

/// Stands for documents on the web, which are not fetched.
struct Offline;

impl Retrieve for Offline {
    fn retrieve(&self, _: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Value::Bool(true))
    }
}
