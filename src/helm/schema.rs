//! `values.schema.json`: the shape that a chart asks of its values.
//!
//! Nothing is fetched: a `$ref` to the web allows everything.

use std::cell::Cell;
use std::collections::HashSet;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, Retrieve, Uri};
use serde_json::Value;

use super::instance::Instance;
use crate::kustomize::Problem;
use crate::source::Files;
use crate::template::compile_regex;
use crate::yaml::{Node, Origin, write};

/// The most violations of one schema that are reported.
const MOST: usize = 10;

/// Whatever breaks the schemas of a chart and its subcharts, at the line of the value. If only a part
/// of the values is known, the rest may hold what is missing.
pub(super) fn check(
    instance: &Instance,
    values: &Node,
    is_partial: bool,
    files: &Files,
) -> Vec<Problem> {
    let mut found = own(instance, values, is_partial, files);
    for subchart in &instance.subcharts {
        let below = values.get(&subchart.name);
        if let Some(below) = below.filter(|below| below.as_map().is_some()) {
            found.extend(check(subchart, below, is_partial, files));
        }
    }
    found
}

fn own(instance: &Instance, values: &Node, is_partial: bool, files: &Files) -> Vec<Problem> {
    let Some(file) = &instance.chart.schema else {
        return Vec::new();
    };
    let at = file.origin(files);
    let broken = |reason: String| {
        let message = format!(
            "the schema of the chart `{}` cannot be used: {reason}",
            instance.name
        );
        vec![Problem::error(at, message).with_help("correct values.schema.json")]
    };
    let mut schema: Value = match serde_json::from_slice(&file.bytes) {
        Ok(schema) => schema,
        Err(error) => return broken(error.to_string()),
    };
    prepare(&mut schema);
    let validator = jsonschema::options()
        .with_retriever(Offline)
        .with_pattern_options(PatternOptions::regex())
        .build(&schema);
    let validator = match validator {
        Ok(validator) => validator,
        Err(error) => return broken(error.to_string()),
    };
    let json = write::to_json(values);
    let errors = validator.iter_errors(&json);
    let errors = errors.filter(|error| !is_partial || !is_lack(error.kind()));
    let errors = errors.take(MOST);
    let problems = errors.map(|error| {
        let pointer = error.instance_path().to_string();
        let name = match pointer.trim_start_matches('/') {
            "" => "the values".to_string(),
            path => format!("`{}`", path.replace('/', ".")),
        };
        let message = format!(
            "{name} of the chart `{}` breaks its schema: {}",
            instance.name,
            error.masked()
        );
        let origin = nearest(values, &pointer).unwrap_or(at);
        Problem::error(origin, message)
            .with_help("correct the value; the chart refuses to render with it")
            .with_related("the schema", at)
    });
    problems.collect()
}

/// True for a violation that more values can mend.
fn is_lack(kind: &ValidationErrorKind) -> bool {
    use ValidationErrorKind as Violation;
    matches!(
        kind,
        Violation::Required { .. }
            | Violation::AnyOf { .. }
            | Violation::OneOfNotValid { .. }
            | Violation::OneOfMultipleValid { .. }
            | Violation::Not { .. }
            | Violation::MinProperties { .. }
            | Violation::MinItems { .. }
            | Violation::Contains
    )
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

/// The place of the value at a pointer, or of the nearest one above it.
fn nearest(values: &Node, pointer: &str) -> Option<Origin> {
    let mut pointer = pointer;
    loop {
        if let Some(node) = values.pointer(pointer) {
            return Some(node.origin);
        }
        pointer = pointer.rsplit_once('/')?.0;
    }
}

/// Stands for documents on the web, which are not fetched.
struct Offline;

impl Retrieve for Offline {
    fn retrieve(&self, _: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Value::Bool(true))
    }
}
