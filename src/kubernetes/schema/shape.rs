//! The schema of a value, read from JSON Schema with OpenAPI's and Kubernetes' keywords, as
//! CustomResourceDefinitions and the packed schemas of this folder have it.
//!
//! Here: reading. Not here: where schemas come from (`pack`, `custom`), judging a value (`walk`).

use std::sync::OnceLock;

use serde_json::{Map, Value};

/// The deepest nesting of a schema that is read.
const DEEPEST: usize = 80;
/// The most memory that a compiled pattern may use, in bytes.
const LARGEST_PATTERN: usize = 1 << 20;

/// The schema of a value. The default one accepts everything.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    /// The type.
    pub kind: Type,
    /// The fields of a map, sorted by name.
    pub fields: Vec<Field>,
    /// The fields that a map must have.
    pub required: Vec<Box<str>>,
    /// The schema of the values of other keys of a map.
    pub values: Option<Box<Shape>>,
    /// True if a map may have fields that are not listed.
    pub is_open: bool,
    /// The schema of the items of a list.
    pub items: Option<Box<Shape>>,
    /// The keys in which the items of a list have to differ.
    pub unique: Option<Unique>,
    /// Further limits of the value.
    pub limits: Option<Box<Limits>>,
    /// True if the server fills in a value that is missing.
    pub has_default: bool,
}

/// The type of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Type {
    /// Any value.
    #[default]
    Any,
    /// Text.
    Text,
    /// An integer.
    Integer,
    /// A number.
    Number,
    /// A boolean.
    Boolean,
    /// A quantity such as `500m`.
    Quantity,
    /// An integer or text, such as the port of a Service.
    NumberOrText,
    /// A list.
    List,
    /// A map.
    Map,
    /// The type with this number.
    Named(usize),
}

/// A field of a map.
#[derive(Debug)]
pub(crate) struct Field {
    /// Its name.
    pub name: Box<str>,
    /// Its schema.
    pub shape: Shape,
    /// The first minor version of Kubernetes with it, if an earlier one has its type.
    pub since: Option<u8>,
    /// The last minor version of Kubernetes with it, if a later one has its type.
    pub until: Option<u8>,
}

/// The way in which items of a list have to differ.
#[derive(Debug)]
pub(crate) enum Unique {
    /// As a whole.
    Whole,
    /// In the values of these fields.
    Fields(Vec<Box<str>>),
}

/// Limits of a value besides its type.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    /// The values that are allowed; empty for all.
    pub choices: Vec<Box<str>>,
    /// The least number.
    pub minimum: Option<f64>,
    /// True if the least number is not allowed either.
    pub above_minimum: bool,
    /// The greatest number.
    pub maximum: Option<f64>,
    /// True if the greatest number is not allowed either.
    pub below_maximum: bool,
    /// The number that the value is a multiple of.
    pub multiple_of: Option<f64>,
    /// The least and the greatest length of a text.
    pub length: (Option<u64>, Option<u64>),
    /// The least and the greatest number of items.
    pub items: (Option<u64>, Option<u64>),
    /// The least and the greatest number of fields.
    pub fields: (Option<u64>, Option<u64>),
    /// The pattern of a text.
    pub pattern: Option<Pattern>,
    /// The format of a text or the size of a number.
    pub format: Option<Format>,
    /// All of these hold.
    pub all_of: Vec<Shape>,
    /// At least one of these holds.
    pub any_of: Vec<Shape>,
    /// Exactly one of these holds.
    pub one_of: Vec<Shape>,
    /// This does not hold.
    pub not: Option<Box<Shape>>,
}

/// A format that the API server checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// 32 bits.
    Int32,
    /// Base64.
    Byte,
    /// A date and time.
    DateTime,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
}

/// A regular expression, compiled when it is first needed.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// As written.
    pub text: Box<str>,
    compiled: OnceLock<Option<regex::Regex>>,
}

impl Pattern {
    /// True if a text matches. A pattern that cannot be compiled within limits matches everything.
    pub(super) fn matches(&self, text: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| {
            let mut builder = regex::RegexBuilder::new(&self.text);
            builder.size_limit(LARGEST_PATTERN).build().ok()
        });
        compiled.as_ref().is_none_or(|regex| regex.is_match(text))
    }
}

/// A schema that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// The JSON pointer to the part at fault.
    pub pointer: String,
    /// The problem, as the end of a sentence.
    pub reason: String,
}

impl Shape {
    /// Reads a schema.
    pub(crate) fn read(schema: &Value) -> Result<Shape, Broken> {
        Reader::default().shape(schema)
    }

    /// The field of a name.
    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        let at = self
            .fields
            .binary_search_by(|field| (*field.name).cmp(name));
        self.fields.get(at.ok()?)
    }

    /// True if neither fields nor items are described.
    pub(super) fn accepts_every_type(&self) -> bool {
        self.fields.is_empty() && self.required.is_empty() && self.items.is_none()
    }

    /// True if a field that is not listed is dropped by the API server.
    pub(super) fn is_closed(&self) -> bool {
        !self.is_open && self.values.is_none() && !self.fields.is_empty()
    }
}

/// Reads a schema, knowing where in it it is.
#[derive(Default)]
struct Reader {
    path: Vec<String>,
    /// True inside of `anyOf` and the like, which add to the fields of the schema around them.
    is_branch: bool,
}

impl Reader {
    fn broken(&self, reason: impl Into<String>) -> Broken {
        let mut pointer = String::new();
        for token in &self.path {
            pointer.push('/');
            pointer.push_str(&crate::yaml::escape_pointer(token));
        }
        let reason = reason.into();
        Broken { pointer, reason }
    }

    /// Reads a part of the schema.
    fn below<T>(
        &mut self,
        token: impl Into<String>,
        read: impl FnOnce(&mut Self) -> Result<T, Broken>,
    ) -> Result<T, Broken> {
        self.path.push(token.into());
        let result = if self.path.len() > DEEPEST {
            Err(self.broken("is nested too deeply"))
        } else {
            read(self)
        };
        self.path.pop();
        result
    }

    fn shape(&mut self, schema: &Value) -> Result<Shape, Broken> {
        let map = match schema {
            Value::Object(map) => map,
            Value::Bool(_) => return Ok(Shape::default()),
            // a file that cannot be parsed
            Value::Null => return Err(self.broken("cannot be read")),
            _ => return Err(self.broken("has to be a map")),
        };
        if let Some(number) = map.get("$ref").and_then(Value::as_u64) {
            let kind = Type::Named(usize::try_from(number).unwrap_or(usize::MAX));
            return Ok(Shape {
                kind,
                ..Shape::default()
            });
        }
        let kind = self.kind(map)?;
        let (fields, required) = (self.fields(map)?, texts(map.get("required")));
        let extra = map.get("additionalProperties");
        let values = match extra {
            Some(Value::Object(_)) => Some(self.below("additionalProperties", |reader| {
                reader.shape(extra.unwrap_or(&Value::Null))
            })?),
            _ => None,
        };
        let items = match map.get("items") {
            Some(items @ Value::Object(_)) => {
                Some(self.below("items", |reader| reader.shape(items))?)
            }
            _ => None,
        };
        let is_set = |key: &str| map.get(key) == Some(&Value::Bool(true));
        Ok(Shape {
            is_open: self.is_branch
                || extra == Some(&Value::Bool(true))
                || is_set("x-kubernetes-preserve-unknown-fields")
                || is_set("x-kubernetes-embedded-resource"),
            unique: unique(map),
            limits: self.limits(map, kind)?,
            has_default: map.contains_key("default"),
            values: values.map(Box::new),
            items: items.map(Box::new),
            kind,
            fields,
            required,
        })
    }

    /// The type of a value. JSON Schema lists several types if a value may be null.
    fn kind(&self, map: &Map<String, Value>) -> Result<Type, Broken> {
        let is_set = |key: &str| map.get(key) == Some(&Value::Bool(true));
        if is_set("x-kubernetes-int-or-string") || is_number_or_text(map) {
            return Ok(Type::NumberOrText);
        }
        if map.get("format").and_then(Value::as_str) == Some("quantity") {
            return Ok(Type::Quantity);
        }
        let name = match map.get("type") {
            Some(Value::String(name)) => name.as_str(),
            Some(Value::Array(names)) => {
                let mut known = names.iter().filter_map(Value::as_str);
                let mut own = known.by_ref().filter(|name| *name != "null");
                match (own.next(), own.next()) {
                    (Some(name), None) => name,
                    (Some("integer"), Some("string")) | (Some("string"), Some("integer")) => {
                        return Ok(Type::NumberOrText);
                    }
                    _ => return Ok(Type::Any),
                }
            }
            Some(_) => return Err(self.broken("has a `type` that is not text")),
            None if map.contains_key("properties") => "object",
            None => return Ok(Type::Any),
        };
        Ok(match name {
            "string" => Type::Text,
            "integer" => Type::Integer,
            "number" => Type::Number,
            "boolean" => Type::Boolean,
            "array" => Type::List,
            "object" => Type::Map,
            // keywords below `anyOf` and the like need no type
            "" => Type::Any,
            other => return Err(self.broken(format!("has the unknown type `{other}`"))),
        })
    }

    fn fields(&mut self, map: &Map<String, Value>) -> Result<Vec<Field>, Broken> {
        let Some(properties) = map.get("properties") else {
            return Ok(Vec::new());
        };
        let Value::Object(properties) = properties else {
            return self.below("properties", |reader| {
                Err(reader.broken("has `properties` that are not a map"))
            });
        };
        let mut fields = Vec::with_capacity(properties.len());
        for (name, schema) in properties {
            let minor = |key: &str| {
                let minor = schema.get(key).and_then(Value::as_u64)?;
                u8::try_from(minor).ok()
            };
            let shape = self.below("properties", |reader| {
                reader.below(name, |reader| reader.shape(schema))
            })?;
            fields.push(Field {
                name: name.as_str().into(),
                shape,
                since: minor("x-since"),
                until: minor("x-until"),
            });
        }
        fields.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(fields)
    }

    fn limits(
        &mut self,
        map: &Map<String, Value>,
        kind: Type,
    ) -> Result<Option<Box<Limits>>, Broken> {
        const KEYS: [&str; 18] = [
            "enum",
            "minimum",
            "maximum",
            "multipleOf",
            "minLength",
            "maxLength",
            "minItems",
            "maxItems",
            "minProperties",
            "maxProperties",
            "pattern",
            "format",
            "allOf",
            "anyOf",
            "oneOf",
            "not",
            "exclusiveMinimum",
            "exclusiveMaximum",
        ];
        if !KEYS.iter().any(|key| map.contains_key(*key)) {
            return Ok(None);
        }
        let number = |key: &str| map.get(key).and_then(Value::as_f64);
        let size = |key: &str| map.get(key).and_then(Value::as_u64);
        let is_set = |key: &str| map.get(key) == Some(&Value::Bool(true));
        let mut limits = Limits {
            choices: choices(map.get("enum")),
            minimum: number("minimum").or_else(|| number("exclusiveMinimum")),
            above_minimum: is_set("exclusiveMinimum") || number("exclusiveMinimum").is_some(),
            maximum: number("maximum").or_else(|| number("exclusiveMaximum")),
            below_maximum: is_set("exclusiveMaximum") || number("exclusiveMaximum").is_some(),
            multiple_of: number("multipleOf").filter(|multiple| *multiple > 0.0),
            length: (size("minLength"), size("maxLength")),
            items: (size("minItems"), size("maxItems")),
            fields: (size("minProperties"), size("maxProperties")),
            pattern: map
                .get("pattern")
                .and_then(Value::as_str)
                .map(|text| Pattern {
                    text: text.into(),
                    compiled: OnceLock::new(),
                }),
            format: map.get("format").and_then(Value::as_str).and_then(format),
            ..Limits::default()
        };
        let around = std::mem::replace(&mut self.is_branch, true);
        limits.all_of = self.branches(map, "allOf")?;
        if kind != Type::NumberOrText {
            limits.any_of = self.branches(map, "anyOf")?;
            limits.one_of = self.branches(map, "oneOf")?;
        }
        if let Some(not) = map.get("not") {
            limits.not = Some(Box::new(self.below("not", |reader| reader.shape(not))?));
        }
        self.is_branch = around;
        Ok(Some(Box::new(limits)))
    }

    fn branches(&mut self, map: &Map<String, Value>, key: &str) -> Result<Vec<Shape>, Broken> {
        let branches = map.get(key).and_then(Value::as_array);
        let branches = branches.map_or(&[][..], Vec::as_slice).iter().enumerate();
        branches
            .map(|(index, branch)| {
                self.below(key, |reader| {
                    reader.below(index.to_string(), |reader| reader.shape(branch))
                })
            })
            .collect()
    }
}

/// True if a schema is what generators write for an integer or text:
/// `oneOf: [{type: string}, {type: integer}]`.
fn is_number_or_text(map: &Map<String, Value>) -> bool {
    let branches = map.get("oneOf").or_else(|| map.get("anyOf"));
    let branches = branches.and_then(Value::as_array);
    let types: Option<Vec<&str>> = branches.and_then(|branches| {
        let mut types: Vec<&str> = branches
            .iter()
            .map(|branch| branch.get("type")?.as_str())
            .collect::<Option<_>>()?;
        types.sort_unstable();
        Some(types)
    });
    !map.contains_key("type") && types.is_some_and(|types| types == ["integer", "string"])
}

fn unique(map: &Map<String, Value>) -> Option<Unique> {
    match map.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("set") => Some(Unique::Whole),
        Some("map") => {
            let keys = texts(map.get("x-kubernetes-list-map-keys"));
            (!keys.is_empty()).then_some(Unique::Fields(keys))
        }
        _ => (map.get("uniqueItems") == Some(&Value::Bool(true))).then_some(Unique::Whole),
    }
}

/// The texts of a list.
fn texts(value: Option<&Value>) -> Vec<Box<str>> {
    let items = value.and_then(Value::as_array);
    let items = items.map_or(&[][..], Vec::as_slice).iter();
    items.filter_map(Value::as_str).map(Box::from).collect()
}

/// The values of `enum` as they are written in YAML.
fn choices(value: Option<&Value>) -> Vec<Box<str>> {
    let items = value.and_then(Value::as_array);
    let items = items.map_or(&[][..], Vec::as_slice).iter();
    let text = |value: &Value| match value {
        Value::String(text) => text.as_str().into(),
        other => other.to_string().into(),
    };
    items.map(text).collect()
}

fn format(name: &str) -> Option<Format> {
    Some(match name {
        "int32" => Format::Int32,
        "byte" => Format::Byte,
        "date-time" => Format::DateTime,
        "ipv4" => Format::Ipv4,
        "ipv6" => Format::Ipv6,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_types_and_limits_are_read() {
        let shape = Shape::read(&json!({
            "type": "object",
            "required": ["port"],
            "properties": {
                "port": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]},
                "mode": {"type": "string", "enum": ["Fast", "Safe"], "default": "Safe"},
                "extra": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            },
        }))
        .unwrap();
        assert!(shape.is_closed());
        assert_eq!(shape.field("port").unwrap().shape.kind, Type::NumberOrText);
        let mode = &shape.field("mode").unwrap().shape;
        assert!(mode.has_default);
        assert_eq!(
            mode.limits.as_ref().unwrap().choices,
            ["Fast".into(), "Safe".into()]
        );
        assert!(!shape.field("extra").unwrap().shape.is_closed());
    }

    #[test]
    fn a_broken_schema_is_located() {
        let broken = |schema: Value| Shape::read(&schema).unwrap_err();
        let found = broken(json!({"properties": {"a/b": {"type": "strng"}}}));
        assert_eq!(found.pointer, "/properties/a~1b");
        assert_eq!(found.reason, "has the unknown type `strng`");
        assert_eq!(
            broken(json!({"items": {"properties": []}})).pointer,
            "/items/properties"
        );
        let mut deep = json!({"type": "string"});
        for _ in 0..100 {
            deep = json!({"items": deep});
        }
        assert_eq!(broken(deep).reason, "is nested too deeply");
    }
}
