//! `values.schema.json`: the shape that a chart asks of its values.
//!
//! Nothing is fetched: a `$ref` to the web allows everything.

use jsonschema::{PatternOptions, Retrieve, Uri};
use serde_json::Value;

use super::instance::Instance;
use crate::kustomize::Problem;
use crate::source::Files;
use crate::yaml::{Node, Origin, write};

/// The most violations of one schema that are reported.
const MOST: usize = 10;

/// Whatever breaks the schemas of a chart and its subcharts, at the line of the value.
pub(super) fn check(instance: &Instance, values: &Node, files: &Files) -> Vec<Problem> {
    let mut found = own(instance, values, files);
    for subchart in &instance.subcharts {
        let below = values.get(&subchart.name);
        if let Some(below) = below.filter(|below| below.as_map().is_some()) {
            found.extend(check(subchart, below, files));
        }
    }
    found
}

fn own(instance: &Instance, values: &Node, files: &Files) -> Vec<Problem> {
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
    let schema: Value = match serde_json::from_slice(&file.bytes) {
        Ok(schema) => schema,
        Err(error) => return broken(error.to_string()),
    };
    let validator = jsonschema::options()
        .with_retriever(Offline)
        .with_pattern_options(PatternOptions::regex())
        .build(&schema);
    let validator = match validator {
        Ok(validator) => validator,
        Err(error) => return broken(error.to_string()),
    };
    let json = write::to_json(values);
    let errors = validator.iter_errors(&json).take(MOST);
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
