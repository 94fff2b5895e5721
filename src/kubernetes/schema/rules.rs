//! `x-kubernetes-validations`: rules in CEL that a CustomResourceDefinition states about values.
//!
//! Not evaluated: rules about the value before a change (`oldSelf`), and rules about values whose
//! format has a type of its own in CEL, such as times.

use serde_json::{Map, Value as Json};

use super::defaults::add_defaults;
use super::is_open;
use crate::cel::{Expression, Failure, Functions};

/// Formats whose values are not texts in CEL.
const TYPED: [&str; 4] = ["date", "date-time", "duration", "byte"];

/// Words that a field is renamed for: `self.__namespace__`.
const RESERVED: [&str; 22] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
    "__proto__",
];

/// The rules of a schema.
#[derive(Default)]
pub(super) struct Rules {
    level: Option<Level>,
    schema: Json,
    functions: Functions,
}

/// The rules about a value and about those in it.
struct Level {
    rules: Vec<Rule>,
    fields: Vec<(String, Level)>,
    items: Option<Box<Level>>,
    /// Of a map with keys of any name.
    values: Option<Box<Level>>,
}

struct Rule {
    expression: Expression,
    text: String,
    message: Option<String>,
    message_expression: Option<Expression>,
    field: String,
}

/// A rule that does not hold: the pointer of the value, and the message.
pub(super) type Broken = (String, String);

impl Rules {
    /// Reads the rules of a schema.
    pub(super) fn read(schema: &Json) -> Rules {
        Rules {
            level: Level::read(schema),
            schema: schema.clone(),
            functions: Functions::default(),
        }
    }

    /// The rules that an object breaks. An expression that has no value breaks none.
    pub(super) fn broken(&self, object: &Json) -> Vec<Broken> {
        let mut found = Vec::new();
        let Some(level) = &self.level else {
            return found;
        };
        if has_open_text(object) {
            return found;
        }
        let mut object = object.clone();
        add_defaults(&self.schema, &mut object);
        let object = renamed(&self.schema, object);
        level.check(&self.functions, &object, String::new(), &mut found);
        found
    }
}

impl Level {
    /// None if there is no rule at or below a schema.
    fn read(schema: &Json) -> Option<Level> {
        let properties = schema.get("properties").and_then(Json::as_object);
        let fields = properties.into_iter().flatten();
        let fields = fields.filter_map(|(name, field)| Some((name.clone(), Level::read(field)?)));
        let below = |key: &str| Some(Box::new(Level::read(schema.get(key)?)?));
        let mut typed = Vec::new();
        collect_typed(schema, "", &mut typed);
        let is_about_typed = |rule: &&Json| {
            let text = rule.get("rule").and_then(Json::as_str).unwrap_or_default();
            let mut words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            words.any(|word| typed.contains(&word))
        };
        let stated = schema
            .get("x-kubernetes-validations")
            .and_then(Json::as_array);
        let stated = stated.into_iter().flatten();
        let rules = stated.filter(|rule| !is_about_typed(rule));
        let level = Level {
            rules: rules.filter_map(Rule::read).collect(),
            fields: fields.collect(),
            items: below("items"),
            values: below("additionalProperties"),
        };
        let is_empty = level.rules.is_empty()
            && level.fields.is_empty()
            && level.items.is_none()
            && level.values.is_none();
        (!is_empty).then_some(level)
    }

    fn check(&self, functions: &Functions, value: &Json, pointer: String, found: &mut Vec<Broken>) {
        if value.is_null() {
            return;
        }
        if !self.rules.is_empty() {
            let mut variables = functions.variables();
            variables.add("self", value);
            for rule in &self.rules {
                let outcome = rule.expression.evaluate(&variables);
                if let Err(Failure::Limit(reason)) = &outcome {
                    let message = format!("cannot be checked with `{}`: {reason}", rule.text);
                    found.push((pointer.clone(), message));
                }
                if outcome.is_ok_and(|outcome| outcome.as_bool() == Some(false)) {
                    let made = rule.message_expression.as_ref().and_then(|expression| {
                        let outcome = expression.evaluate(&variables).ok()?;
                        outcome.as_text().map(str::to_string)
                    });
                    let stated = made.or_else(|| rule.message.clone());
                    let message = stated.unwrap_or_else(|| format!("breaks `{}`", rule.text));
                    found.push((format!("{pointer}{}", rule.field), message));
                }
            }
        }
        for (name, level) in &self.fields {
            if let Some(below) = value.get(renamed_key(name)) {
                let name = crate::yaml::escape_pointer(name);
                level.check(functions, below, format!("{pointer}/{name}"), found);
            }
        }
        if let (Some(level), Json::Array(items)) = (&self.items, value) {
            for (at, item) in items.iter().enumerate() {
                level.check(functions, item, format!("{pointer}/{at}"), found);
            }
        }
        if let (Some(level), Json::Object(map)) = (&self.values, value) {
            for (key, below) in map {
                let key = crate::yaml::escape_pointer(key);
                level.check(functions, below, format!("{pointer}/{key}"), found);
            }
        }
    }
}

impl Rule {
    fn read(rule: &Json) -> Option<Rule> {
        let text = |key: &str| rule.get(key).and_then(Json::as_str);
        let expression = Expression::parse(text("rule")?).ok()?;
        if expression.mentions("oldSelf") {
            return None;
        }
        let field = text("fieldPath").unwrap_or_default();
        let is_plain = !field.contains(['[', '\'']);
        Some(Rule {
            expression,
            text: text("rule")?.trim().to_string(),
            message: text("message").map(|message| message.trim().to_string()),
            message_expression: text("messageExpression")
                .and_then(|text| Expression::parse(text).ok()),
            field: if is_plain {
                field.replace('.', "/")
            } else {
                String::new()
            },
        })
    }
}

/// The names of the values at or below a schema that have a type of their own in CEL.
fn collect_typed<'s>(schema: &'s Json, name: &'s str, found: &mut Vec<&'s str>) {
    let format = schema.get("format").and_then(Json::as_str);
    if format.is_some_and(|format| TYPED.contains(&format)) {
        found.push(name);
    }
    let properties = schema.get("properties").and_then(Json::as_object);
    for (name, field) in properties.into_iter().flatten() {
        collect_typed(field, name, found);
    }
    let below = ["items", "additionalProperties"].map(|key| schema.get(key));
    for schema in below.into_iter().flatten() {
        collect_typed(schema, name, found);
    }
}

/// True if an agent or a template fills in a part of an object later.
fn has_open_text(value: &Json) -> bool {
    match value {
        Json::String(text) => is_open(text),
        Json::Array(items) => items.iter().any(has_open_text),
        Json::Object(map) => map
            .iter()
            .any(|(key, value)| is_open(key) || has_open_text(value)),
        _ => false,
    }
}

/// An object with the names of its fields as CEL has them. Keys of maps keep theirs.
fn renamed(schema: &Json, value: Json) -> Json {
    let properties = schema.get("properties").and_then(Json::as_object);
    match value {
        Json::Object(map) => {
            let entry = |(key, value): (String, Json)| match properties
                .and_then(|properties| properties.get(&key))
            {
                Some(field) => (renamed_key(&key), renamed(field, value)),
                None => match schema.get("additionalProperties") {
                    Some(values) => (key, renamed(values, value)),
                    None => (key, value),
                },
            };
            Json::Object(map.into_iter().map(entry).collect::<Map<String, Json>>())
        }
        Json::Array(items) => match schema.get("items") {
            Some(of_items) => {
                let items = items.into_iter();
                Json::Array(items.map(|item| renamed(of_items, item)).collect())
            }
            None => Json::Array(items),
        },
        scalar => scalar,
    }
}

/// `a__dash__b` for `a-b`.
fn renamed_key(key: &str) -> String {
    if RESERVED.contains(&key) {
        return format!("__{key}__");
    }
    key.replace("__", "__underscores__")
        .replace('.', "__dot__")
        .replace('-', "__dash__")
        .replace('/', "__slash__")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_are_held_against_the_value_that_they_are_stated_for() {
        let schema = json!({
            "type": "object",
            "properties": {"spec": {
                "type": "object",
                "x-kubernetes-validations": [
                    {"rule": "self.min <= self.max", "message": "min is above max", "fieldPath": ".min"},
                    {"rule": "self.max >= oldSelf.max"},
                    {"rule": "self.missing.field"},
                    {"rule": "size(self.__namespace__) < 5 && self.a__dash__b != 'x'", "messageExpression": "'no ' + self.a__dash__b"},
                ],
                "properties": {
                    "min": {"type": "integer"},
                    "max": {"type": "integer", "default": 3},
                    "namespace": {"type": "string"},
                    "a-b": {"type": "string"},
                    "items": {"type": "array", "items": {"type": "object",
                        "x-kubernetes-validations": [{"rule": "self.n in ['a', 'b']"}],
                        "properties": {"n": {"type": "string"}}}},
                    "byKey": {"type": "object", "additionalProperties": {"type": "integer",
                        "x-kubernetes-validations": [{"rule": "self > 0", "message": "too small"}]}},
                    "wait": {"type": "object",
                        "x-kubernetes-validations": [{"rule": "self.a < self.b"}],
                        "properties": {"a": {"type": "string", "format": "duration"}, "b": {"type": "string"}}},
                },
            }},
        });
        let rules = Rules::read(&schema);
        let broken = |spec: Json| {
            let found = rules.broken(&json!({ "spec": spec }));
            let told = found.into_iter().map(|(at, why)| format!("{at}: {why}"));
            told.collect::<Vec<String>>()
        };
        let base = |more: Json| {
            let mut spec = json!({"min": 1, "namespace": "a", "a-b": "y"});
            for (key, value) in more.as_object().unwrap() {
                spec[key] = value.clone();
            }
            spec
        };
        assert_eq!(broken(base(json!({}))), [""; 0]);
        assert_eq!(
            broken(base(json!({"min": 4}))),
            ["/spec/min: min is above max"]
        );
        assert_eq!(broken(base(json!({"min": 4, "max": 5}))), [""; 0]);
        assert_eq!(broken(base(json!({"a-b": "x"}))), ["/spec: no x"]);
        assert_eq!(
            broken(base(
                json!({"items": [{"n": "a"}, {"n": "c"}], "byKey": {"x/y": 0}})
            )),
            [
                "/spec/items/1: breaks `self.n in ['a', 'b']`",
                "/spec/byKey/x~1y: too small"
            ]
        );
        assert_eq!(
            broken(base(json!({"wait": {"a": "9m", "b": "10m"}}))),
            [""; 0]
        );
        assert_eq!(
            broken(base(json!({"min": 4, "namespace": "${NAMESPACE}"}))),
            [""; 0]
        );
    }
}
