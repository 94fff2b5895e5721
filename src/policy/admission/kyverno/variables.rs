//! Variables: `{{ request.object.metadata.name }}` is a query in JMESPath over what a rule knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use jmespath::{Rcvar, Runtime, Variable};
use serde_json::{Map, Value as Json};

/// The most variables in one text.
const MOST: usize = 50;
/// The longest query, in bytes.
const LONGEST: usize = 4 << 10;

/// Why a text with variables has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unresolved {
    /// A query finds nothing.
    #[error("`{0}` finds nothing")]
    Missing(String),
    /// A query cannot be evaluated here.
    #[error("{0}")]
    Other(String),
}

/// The values that the queries of a rule read.
#[derive(Clone)]
pub(super) struct Context<'r> {
    runtime: &'r Runtime,
    root: BTreeMap<String, Rcvar>,
}

impl<'r> Context<'r> {
    pub(super) fn new(runtime: &'r Runtime) -> Context<'r> {
        Context {
            runtime,
            root: BTreeMap::new(),
        }
    }

    /// Adds a variable. A name with dots is a value in an object: `request.operation`.
    pub(super) fn add(&mut self, name: &str, value: &Json) {
        match name.split_once('.') {
            None => drop(self.root.insert(name.to_string(), variable(value))),
            Some((first, rest)) => {
                let mut object = self.root.get(first).map_or(Json::Null, |held| json(held));
                insert(&mut object, rest, value);
                self.root.insert(first.to_string(), variable(&object));
            }
        }
    }

    /// The value of a query.
    ///
    /// # Errors
    /// It finds nothing, or cannot be evaluated.
    pub(super) fn query(&self, query: &str) -> Result<Json, Unresolved> {
        let other = |reason: String| Unresolved::Other(format!("`{}`: {reason}", query.trim()));
        if query.len() > LONGEST || nests_deeply(query) {
            return Err(other("the query is too long".to_string()));
        }
        let compiled = self.runtime.compile(query.trim());
        let compiled = compiled.map_err(|error| other(error.reason.to_string()))?;
        let root: Rcvar = Arc::new(Variable::Object(self.root.clone()));
        let found = compiled.search(root);
        let found = found.map_err(|error| other(error.reason.to_string()))?;
        match json(&found) {
            Json::Null => Err(Unresolved::Missing(query.trim().to_string())),
            value => Ok(value),
        }
    }

    /// A value with its variables replaced.
    pub(super) fn resolved(&self, value: &Json) -> Result<Json, Unresolved> {
        match value {
            Json::String(text) => self.text(text),
            Json::Array(items) => {
                let items = items.iter().map(|item| self.resolved(item));
                Ok(Json::Array(items.collect::<Result<_, _>>()?))
            }
            Json::Object(map) => {
                let mut resolved = Map::new();
                for (key, value) in map {
                    let key = match self.text(key)? {
                        Json::String(key) => key,
                        other => other.to_string(),
                    };
                    resolved.insert(key, self.resolved(value)?);
                }
                Ok(Json::Object(resolved))
            }
            scalar => Ok(scalar.clone()),
        }
    }

    /// A text with its variables replaced, the innermost first. A text that is one variable has the
    /// type of its value.
    fn text(&self, text: &str) -> Result<Json, Unresolved> {
        let mut text = text.to_string();
        for _ in 0..MOST {
            let Some((start, end)) = innermost(&text) else {
                return Ok(Json::String(text));
            };
            let query = text.get(start + 2..end - 2).unwrap_or_default();
            let value = self.query(query)?;
            if start == 0 && end == text.len() {
                return Ok(value);
            }
            let shown = match value {
                Json::String(text) => text,
                other => other.to_string(),
            };
            text.replace_range(start..end, &shown);
        }
        Err(Unresolved::Other(
            "a text has too many variables".to_string(),
        ))
    }

    /// A message with the variables that can be replaced.
    pub(super) fn message(&self, message: &str) -> String {
        match self.text(message) {
            Ok(Json::String(text)) => text,
            _ => message.to_string(),
        }
    }
}

fn insert(into: &mut Json, path: &str, value: &Json) {
    let mut place = into;
    for key in path.split('.') {
        if !place.is_object() {
            *place = Json::Object(Map::new());
        }
        place = &mut place[key];
    }
    *place = value.clone();
}

/// The first variable that holds no other one: where it starts and ends.
fn innermost(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    loop {
        let end = from + text.get(from..)?.find("}}")?;
        let start = text.get(..end)?.rfind("{{")?;
        // `{{ {a: b} }}` ends with the last brace
        let inside = text.get(start + 2..end)?;
        let open = inside.matches('{').count();
        let closed = inside.matches('}').count();
        if open > closed && text.get(end + 2..)?.starts_with('}') {
            return Some((start, end + 3));
        }
        if open > closed {
            from = end + 2;
            continue;
        }
        return Some((start, end + 2));
    }
}

fn nests_deeply(query: &str) -> bool {
    let opening = query.bytes().filter(|byte| b"([{!&".contains(byte));
    opening.count() > 100
}

fn variable(value: &Json) -> Rcvar {
    Arc::new(Variable::try_from(value).unwrap_or(Variable::Null))
}

fn json(value: &Variable) -> Json {
    serde_json::to_value(value).unwrap_or(Json::Null)
}

/// The functions of JMESPath and those that Kyverno adds, without those that need a clock, a
/// network or keys.
pub(super) fn runtime() -> Runtime {
    let mut runtime = Runtime::new();
    runtime.register_builtin_functions();
    for (name, function) in super::functions::FUNCTIONS {
        let call = move |arguments: &[Rcvar], context: &mut jmespath::Context<'_>| {
            let arguments: Vec<Json> = arguments.iter().map(|one| json(one)).collect();
            match function(&arguments) {
                Some(value) => Ok(variable(&value)),
                None => {
                    let reason = format!("`{name}` does not take these arguments");
                    let reason = jmespath::ErrorReason::Parse(reason);
                    Err(jmespath::JmespathError::new(
                        context.expression,
                        context.offset,
                        reason,
                    ))
                }
            }
        };
        runtime.register_function(name, Box::new(call));
    }
    runtime
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn variables_are_queries() {
        let runtime = runtime();
        let mut context = Context::new(&runtime);
        context.add(
            "request",
            &json!({"object": {"metadata": {"name": "api", "labels": {"a-b": "c"}}, "n": 3}}),
        );
        context.add("request.operation", &json!("UPDATE"));
        context.add("key", &json!("a-b"));
        for (text, expected) in [
            ("{{ request.object.n }}", json!(3)),
            ("x {{request.object.metadata.name}} y", json!("x api y")),
            (
                "{{ request.object.metadata.labels.\"{{ key }}\" }}",
                json!("c"),
            ),
            ("{{ request.object.missing || 'none' }}", json!("none")),
            ("{{ request.operation }}", json!("UPDATE")),
            ("{{ to_upper('a') }}", json!("A")),
            ("{{ length(request.object.metadata.labels) }}", json!(1)),
            (
                "{{ request.object.{a: n, b: metadata.name} }}",
                json!({"a": 3, "b": "api"}),
            ),
            ("no variable", json!("no variable")),
        ] {
            assert_eq!(context.resolved(&json!(text)), Ok(expected), "{text}");
        }
        let missing = context.resolved(&json!("{{ request.object.missing }}"));
        assert!(matches!(missing, Err(Unresolved::Missing(_))));
        assert!(context.resolved(&json!("{{ nope(1) }}")).is_err());
    }
}
