//! The form of the configuration: which fields there are, of which type. The loader refuses what is
//! not listed here; the JSON Schema and the tables of the documentation are made from the same lists.

use serde_json::{Map, Value, json};

use super::options::{KnownRule, RuleOption};
use crate::kubernetes::outline;

/// The form of a value.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// The only version.
    Version,
    /// Text that is not blank. Numbers count as their text.
    Text,
    /// A path inside the repository. A number is none.
    Path,
    /// Text in which `*` stands for any text.
    Pattern,
    /// `true` or `false`.
    Boolean,
    /// A day.
    Date,
    /// A length of time.
    Duration,
    /// One of some words.
    Words(&'static [&'static str]),
    /// A list.
    List(&'static Shape),
    /// A map with known keys.
    Record(&'static [Field]),
    /// A map of texts.
    Texts,
    /// A map of usual keys of values to lists of texts.
    Lists,
    /// One of two forms.
    Either(&'static Shape, &'static Shape),
    /// Levels and options of rules.
    Rules,
}

/// A key of a map.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// The form of its value.
    pub shape: Shape,
    /// True if it cannot be left out.
    pub required: bool,
    /// Its default, for people; empty if there is nothing to say.
    pub default: &'static str,
    /// Its meaning, in one line.
    pub meaning: &'static str,
}

impl Field {
    /// A key that may be left out.
    pub(super) const fn new(name: &'static str, shape: Shape, meaning: &'static str) -> Field {
        Field {
            name,
            shape,
            required: false,
            default: "",
            meaning,
        }
    }

    /// The same key, which cannot be left out.
    pub(super) const fn required(self) -> Field {
        Field {
            required: true,
            ..self
        }
    }

    /// The same key with a default.
    pub(super) const fn or(self, default: &'static str) -> Field {
        Field { default, ..self }
    }

    /// Its type, for people.
    pub fn kind(&self) -> String {
        let kind = self.shape.kind();
        match self.required {
            true => format!("{kind}, required"),
            false => kind,
        }
    }
}

/// The levels of a rule. Editors that read YAML 1.1 write `off` as `false`.
const LEVELS: [&str; 4] = ["off", "info", "warning", "error"];

impl Shape {
    /// The type, for people.
    fn kind(self) -> String {
        match self {
            Shape::Version => "1".to_string(),
            Shape::Text => "text".to_string(),
            Shape::Path => "path".to_string(),
            Shape::Pattern => "text, `*` allowed".to_string(),
            Shape::Boolean => "`true` or `false`".to_string(),
            Shape::Date => "date".to_string(),
            Shape::Duration => "duration, such as `8h` or `3d`".to_string(),
            Shape::Words(words) => {
                let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
                words.join(" or ")
            }
            Shape::List(Shape::Text) => "list of texts".to_string(),
            Shape::List(Shape::Pattern) => "list of texts, `*` allowed".to_string(),
            Shape::List(_) => "list".to_string(),
            Shape::Record(fields) => {
                let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
                format!("`{{{}}}`", names.join(", "))
            }
            Shape::Texts | Shape::Lists | Shape::Rules => "map".to_string(),
            Shape::Either(one, other) => format!("{} or {}", one.kind(), other.kind()),
        }
    }

    /// The JSON Schema. The loader is stricter: it also checks what words, globs and paths mean.
    pub(super) fn schema(self, rules: &[KnownRule<'_>]) -> Value {
        match self {
            Shape::Version => json!({"const": 1}),
            // the type first, so that editors offer the usual one
            Shape::Text | Shape::Pattern => {
                json!({"type": ["string", "number", "boolean"], "pattern": "\\S"})
            }
            Shape::Path => json!({"type": "string", "pattern": "\\S"}),
            Shape::Boolean => json!({"type": "boolean"}),
            Shape::Date => {
                json!({"type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}$", "examples": ["2027-01-31"]})
            }
            Shape::Duration => {
                json!({"type": "string", "pattern": "^\\s*\\S", "examples": ["90m", "24h", "2d"]})
            }
            Shape::Words(words) => json!({"enum": words}),
            Shape::List(item) => {
                json!({"type": "array", "maxItems": 2000, "items": item.schema(rules)})
            }
            Shape::Record(fields) => record(fields, rules),
            Shape::Lists => json!({
                "type": "object",
                "propertyNames": {"enum": outline::usual_keys().collect::<Vec<_>>()},
                "additionalProperties": Shape::Either(&Shape::Text, &Shape::List(&Shape::Text)).schema(rules),
            }),
            Shape::Texts => json!({
                "type": "object",
                "propertyNames": {"pattern": "[/:]"},
                "additionalProperties": Shape::Text.schema(rules),
            }),
            Shape::Either(one, other) => {
                json!({"anyOf": [one.schema(rules), other.schema(rules)]})
            }
            Shape::Rules => all_rules(rules),
        }
    }
}

fn record(fields: &[Field], rules: &[KnownRule<'_>]) -> Value {
    let property = |field: &Field| {
        let mut schema = field.shape.schema(rules);
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("description".to_string(), json!(field.meaning));
        }
        (field.name.to_string(), schema)
    };
    let properties: Map<String, Value> = fields.iter().map(property).collect();
    let required = fields.iter().filter(|field| field.required);
    let required: Vec<&str> = required.map(|field| field.name).collect();
    let mut schema = json!({
        "type": "object", "additionalProperties": false, "properties": properties,
    });
    if let Some(schema) = schema.as_object_mut().filter(|_| !required.is_empty()) {
        schema.insert("required".to_string(), json!(required));
    }
    schema
}

/// The levels and options of the rules, by id. Policies are called `policy/PACKAGE/RULE`.
fn all_rules(rules: &[KnownRule<'_>]) -> Value {
    let level = || json!({"anyOf": [{"enum": LEVELS}, {"const": false}]});
    let setting = |options: &[RuleOption]| {
        let mut properties = Map::from_iter([("level".to_string(), level())]);
        for option in options {
            let text = Shape::Text.schema(rules);
            let schema = match option {
                RuleOption::Texts(_) => json!({
                    "anyOf": [text, {"type": "array", "items": text}],
                    "description": option.summary(),
                }),
                RuleOption::Duration(_) => {
                    let mut schema = Shape::Duration.schema(rules);
                    if let Some(schema) = schema.as_object_mut() {
                        schema.insert("description".to_string(), json!(option.summary()));
                    }
                    schema
                }
            };
            properties.insert(option.name().to_string(), schema);
        }
        let options =
            json!({"type": "object", "additionalProperties": false, "properties": properties});
        json!({"anyOf": [level(), options]})
    };
    let known = rules
        .iter()
        .map(|rule| (rule.id.to_string(), setting(rule.options)));
    json!({
        "type": "object",
        "properties": known.collect::<Map<String, Value>>(),
        "patternProperties": {"^policy/": setting(&[])},
        "additionalProperties": false,
    })
}
