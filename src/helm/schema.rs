//! Checks values against the `values.schema.json` of their charts.

use jsonschema::error::ValidationErrorKind;

use super::instance::Instance;
use crate::kustomize::Problem;
use crate::source::Files;
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
    let Some(schema) = &instance.chart.schema else {
        return Vec::new();
    };
    let at = schema.file.origin(files);
    let checker = match schema.checker() {
        Ok(checker) => checker,
        Err(reason) => {
            let name = &instance.name;
            let message = format!("the schema of the chart `{name}` cannot be used: {reason}");
            return vec![Problem::error(at, message).with_help("correct values.schema.json")];
        }
    };
    let json = write::to_json(values);
    if !checker.is_affordable(&json) {
        let name = &instance.name;
        let message = format!(
            "the schema of the chart `{name}` takes too many steps for these values, so they are not checked"
        );
        let help = "let the schema name its parts less often in `anyOf`, `oneOf` and `allOf`";
        return vec![Problem::error(at, message).with_help(help)];
    }
    let errors = checker.validator.iter_errors(&json);
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
