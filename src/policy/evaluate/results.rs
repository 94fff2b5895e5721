//! The results in the value of a rule, and exceptions.

use serde_json::Value as Json;

use crate::policy::conventions::PolicyRule;
use crate::policy::opa::{Failure, Interpreter, Value, to_json};

/// True if an `exception` of the package names the rule, as in conftest: `exception contains rules
/// if rules := ["latest"]` exempts `deny_latest`.
pub(super) fn excepted(interpreter: &mut Interpreter, rule: &PolicyRule) -> Result<bool, Failure> {
    let Some(exception) = &rule.exception else {
        return Ok(false);
    };
    let lists = interpreter.value(exception)?;
    let names = |list: &Json| match list {
        Json::Array(names) => names
            .iter()
            .any(|name| name.as_str() == Some(rule.exemption())),
        _ => false,
    };
    Ok(match to_json(&lists) {
        Some(Json::Array(lists)) => lists.iter().any(names),
        _ => false,
    })
}

/// True if a value may hold results.
pub(super) fn holds_results(value: &Value) -> bool {
    match value {
        Value::Set(items) => !items.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Undefined | Value::Null | Value::Bool(false) => false,
        _ => true,
    }
}

/// The results in a rule's value: the items of a set, the values of an object, or the value itself.
pub(super) fn results_of(value: Value) -> Vec<Json> {
    if !holds_results(&value) {
        return Vec::new();
    }
    match to_json(&value) {
        Some(Json::Array(items)) => items,
        Some(result @ Json::Object(_)) if is_result(&result) => vec![result],
        Some(Json::Object(map)) => map.into_iter().map(|(_, value)| value).collect(),
        other => other.into_iter().collect(),
    }
}

fn is_result(value: &Json) -> bool {
    value.get("msg").is_some_and(Json::is_string)
}
