//! The shapes of Kubernetes objects: which fields a kind has, of which types, and which of them the
//! API server requires.
//!
//! Here: the tables (`built-in.txt`, made by `renew.py`; `custom.txt`, written by hand), and what
//! contradicts them ([`Schema::violations`]). Not here: rules about values (`values`), how bad a
//! violation is (`rules`).
//!
//! A line of a table is `kind API_VERSION KIND TYPE`, or a type followed by its fields. A field is
//! `name:shape`, and `name!:shape` if it is required. The shapes: `s` text, `i` integer, `n`
//! number, `b` boolean, `q` quantity, `p` number or text, `*` anything, `[shape]` a list, `{shape}`
//! a map with any keys, or the name of a type.

pub(crate) mod values;

use std::collections::HashMap;
use std::sync::OnceLock;

use super::quantity;
use crate::kustomize::Resource;
use crate::names::{edits, slip};
use crate::yaml::{By, Data, Entry, Kind, Node, Origin, Scalar, Style, escape_pointer};

const TABLES: [&str; 2] = [include_str!("built-in.txt"), include_str!("custom.txt")];

/// The most violations that are collected from one object.
const MOST: usize = 50;
/// The deepest nesting that is followed.
const DEEPEST: usize = 64;

/// A set of kinds and their types.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    kinds: HashMap<(&'static str, &'static str), &'static str>,
    types: HashMap<&'static str, Type>,
}

/// The type of a map with fixed keys.
#[derive(Debug)]
struct Type {
    fields: Vec<Field>,
    /// True if it may have more fields than are listed.
    open: bool,
}

#[derive(Debug)]
struct Field {
    name: &'static str,
    required: bool,
    shape: Shape,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Text,
    Integer,
    Number,
    Boolean,
    Quantity,
    NumberOrText,
    Any,
    List(&'static Shape),
    Map(&'static Shape),
    Type(&'static str),
}

/// Something that contradicts the shape of an object.
#[derive(Clone, Debug)]
pub(crate) struct Violation<'a> {
    /// The JSON pointer to the value.
    pub pointer: String,
    /// The place to edit: the value, the unknown key, or what lacks a field.
    pub origin: Origin,
    /// The problem.
    pub fault: Fault<'a>,
}

/// A problem of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault<'a> {
    /// A value has another type than the field.
    WrongType {
        /// The type that the field takes: `text`.
        wanted: &'static str,
        /// The type that is there: `a number`.
        present: &'static str,
        /// The value, if it is a single one.
        text: Option<&'a str>,
    },
    /// A map lacks a field.
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A map has a field that its type does not have.
    Unknown {
        /// The field.
        field: &'a str,
        /// The known field that is nearly spelt like it.
        near: Option<&'static str>,
    },
}

impl Schema {
    /// The kinds of the tables.
    pub(crate) fn built_in() -> &'static Schema {
        static SCHEMA: OnceLock<Schema> = OnceLock::new();
        SCHEMA.get_or_init(|| {
            let mut schema = Schema::default();
            for line in TABLES.iter().flat_map(|table| table.lines()) {
                schema.read(line);
            }
            schema
        })
    }

    fn read(&mut self, line: &'static str) {
        let mut words = line.split_whitespace();
        match words.next() {
            None => {}
            Some(comment) if comment.starts_with('#') => {}
            Some("kind") => {
                if let (Some(version), Some(kind), Some(name)) =
                    (words.next(), words.next(), words.next())
                {
                    self.kinds.insert((version, kind), name);
                }
            }
            Some(name) => {
                let fields = words.filter_map(|word| {
                    let (name, text) = word.split_once(':')?;
                    let required = name.ends_with('!');
                    Some(Field {
                        name: name.trim_end_matches('!'),
                        required,
                        shape: shape(text),
                    })
                });
                let described = Type {
                    fields: fields.collect(),
                    open: name.ends_with('~'),
                };
                self.types.insert(name.trim_end_matches('~'), described);
            }
        }
    }

    /// True if the tables describe a kind.
    pub(crate) fn knows(&self, resource: &Resource) -> bool {
        self.kinds
            .contains_key(&(resource.api_version(), resource.kind()))
    }

    /// The parts of an object that contradict its kind; none for a kind that is not described.
    /// Values that an agent or a template fills in later are not judged, and neither are encrypted
    /// objects.
    pub(crate) fn violations<'a>(
        &self,
        api_version: &str,
        kind: &str,
        node: &'a Node,
    ) -> Vec<Violation<'a>> {
        let mut walk = Walk {
            schema: self,
            found: Vec::new(),
            pointer: String::new(),
            depth: 0,
        };
        // SOPS adds the key `sops` to a file that it encrypts; the agent removes it
        if node.get("sops").is_some() {
            return Vec::new();
        }
        match self.kinds.get(&(api_version, kind)) {
            Some(name) => walk.object(name, node),
            None if api_version.is_empty() => walk.version(node),
            None => {}
        }
        walk.found
    }
}

/// The shape of a field as a table writes it.
fn shape(text: &'static str) -> Shape {
    let inner = |open, close| -> Option<&'static Shape> {
        let text: &'static str = text.strip_prefix(open)?.strip_suffix(close)?;
        Some(Box::leak(Box::new(shape(text))))
    };
    match text {
        "s" => Shape::Text,
        "i" => Shape::Integer,
        "n" => Shape::Number,
        "b" => Shape::Boolean,
        "q" => Shape::Quantity,
        "p" => Shape::NumberOrText,
        "*" => Shape::Any,
        _ => match (inner('[', ']'), inner('{', '}')) {
            (Some(items), _) => Shape::List(items),
            (_, Some(values)) => Shape::Map(values),
            _ => Shape::Type(text),
        },
    }
}

struct Walk<'s, 'a> {
    schema: &'s Schema,
    found: Vec<Violation<'a>>,
    pointer: String,
    depth: usize,
}

impl<'a> Walk<'_, 'a> {
    fn report(&mut self, origin: Origin, fault: Fault<'a>) {
        if self.found.len() < MOST {
            self.found.push(Violation {
                pointer: self.pointer.clone(),
                origin,
                fault,
            });
        }
    }

    /// Reports an object without `apiVersion`, at the key that is probably meant.
    fn version(&mut self, node: &'a Node) {
        const FIELD: &str = "apiVersion";
        let near = |entry: &&Entry| edits(&entry.key.to_lowercase(), &FIELD.to_lowercase()) <= 2;
        match node.entries().iter().find(near) {
            Some(entry) => self.report(
                entry.key_origin,
                Fault::Unknown {
                    field: &entry.key,
                    near: Some(FIELD),
                },
            ),
            None => self.report(node.origin, Fault::Missing { field: FIELD }),
        }
    }

    /// Checks a value below the present one.
    fn below(&mut self, token: &str, check: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&escape_pointer(token));
        self.depth += 1;
        if self.depth < DEEPEST {
            check(self);
        }
        self.depth -= 1;
        self.pointer.truncate(length);
    }

    fn value(&mut self, shape: Shape, node: &'a Node) {
        // the server takes a null as a field that is not set
        if node.is_null() {
            return;
        }
        match (shape, &node.data) {
            (Shape::Any, _) => {}
            (Shape::Type(name), Data::Map(_)) => self.object(name, node),
            (Shape::Map(values), Data::Map(map)) => {
                for entry in &map.entries {
                    self.below(&entry.key, |walk| walk.value(*values, &entry.value));
                }
            }
            (Shape::List(items), Data::List(list)) => {
                for (index, item) in list.items.iter().enumerate() {
                    self.below(&index.to_string(), |walk| walk.value(*items, item));
                }
            }
            (_, Data::Scalar(scalar)) => {
                if !is_open(&scalar.text) && (!fits(shape, scalar) || loses_quotes(shape, node)) {
                    self.wrong(shape, node);
                }
            }
            _ => self.wrong(shape, node),
        }
    }

    fn wrong(&mut self, shape: Shape, node: &'a Node) {
        let fault = Fault::WrongType {
            wanted: wanted(shape),
            present: if loses_quotes(shape, node) {
                "a boolean"
            } else {
                present(node)
            },
            text: node.as_scalar().map(|scalar| &*scalar.text),
        };
        self.report(node.origin, fault);
    }

    fn object(&mut self, name: &str, node: &'a Node) {
        let schema = self.schema;
        let Some(described) = schema.types.get(name) else {
            return;
        };
        let known = |entry: &Entry| {
            described
                .fields
                .iter()
                .find(|field| *field.name == *entry.key)
        };
        for entry in node.entries() {
            match known(entry) {
                Some(field) => {
                    self.below(&entry.key, |walk| walk.value(field.shape, &entry.value));
                }
                None if is_open(&entry.key) => {}
                None => self.unknown(described, entry),
            }
        }
        // a merge such as `<<: *default` that is not resolved, or a template, may bring fields
        if node.entries().iter().any(|entry| is_open(&entry.key)) {
            return;
        }
        for field in described.fields.iter().filter(|field| field.required) {
            if node.get(field.name).is_none_or(Node::is_null) {
                self.report(node.origin, Fault::Missing { field: field.name });
            }
        }
    }

    fn unknown(&mut self, described: &Type, entry: &'a Entry) {
        let near = near(&entry.key, described);
        if described.open && near.is_none() {
            return;
        }
        let fault = Fault::Unknown {
            field: &entry.key,
            near,
        };
        self.below(&entry.key, |walk| walk.report(entry.key_origin, fault));
    }
}

/// The field that is probably meant: equal but for the case, or for a slip of the pen.
fn near(name: &str, described: &Type) -> Option<&'static str> {
    let lower = name.to_lowercase();
    let fields = described.fields.iter().map(|field| field.name);
    let lowered: Vec<(String, &'static str)> =
        fields.map(|field| (field.to_lowercase(), field)).collect();
    let meant = lowered
        .iter()
        .find(|(other, _)| *other == lower)
        .map(|(other, _)| other.as_str())
        .or_else(|| slip(&lower, lowered.iter().map(|(other, _)| other.as_str())))?;
    let mut found = lowered.iter().filter(|(other, _)| other == meant);
    found.next().map(|(_, field)| *field)
}

/// True if an agent or a template fills in a text later: `${REPLICAS}`, `{{ .name }}`.
pub(super) fn is_open(text: &str) -> bool {
    text.contains("${") || text.contains("{{") || text == "<<"
}

fn fits(shape: Shape, scalar: &Scalar) -> bool {
    let whole = || {
        scalar
            .text
            .parse::<f64>()
            .is_ok_and(|value| value.fract() == 0.0)
    };
    match shape {
        Shape::Text => matches!(scalar.kind, Kind::String | Kind::Timestamp | Kind::Binary),
        Shape::Integer => scalar.kind == Kind::Int || (scalar.kind == Kind::Float && whole()),
        Shape::Number => matches!(scalar.kind, Kind::Int | Kind::Float),
        Shape::Boolean => scalar.kind == Kind::Bool,
        Shape::Quantity => {
            matches!(scalar.kind, Kind::String | Kind::Int | Kind::Float)
                && quantity::parse(&scalar.text).is_some()
        }
        Shape::NumberOrText => matches!(scalar.kind, Kind::String | Kind::Int | Kind::Timestamp),
        Shape::Any => true,
        Shape::List(_) | Shape::Map(_) | Shape::Type(_) => false,
    }
}

/// True if Flux puts a word such as `yes` in place of a variable. It reads the object again after
/// that by the rules of YAML 1.1, where the word is a boolean.
fn loses_quotes(shape: Shape, node: &Node) -> bool {
    let word = node.as_scalar().filter(|scalar| {
        let lower = scalar.text.to_ascii_lowercase();
        scalar.style == Style::Plain && matches!(&*lower, "yes" | "no" | "on" | "off" | "y" | "n")
    });
    matches!(shape, Shape::Text) && node.origin.by == By::Flux && word.is_some()
}

fn wanted(shape: Shape) -> &'static str {
    match shape {
        Shape::Text => "text",
        Shape::Integer => "an integer",
        Shape::Number => "a number",
        Shape::Boolean => "a boolean",
        Shape::Quantity => "a quantity such as `500m` or `1Gi`",
        Shape::NumberOrText => "an integer or text",
        Shape::Any => "any value",
        Shape::List(_) => "a list",
        Shape::Map(_) | Shape::Type(_) => "a map",
    }
}

fn present(node: &Node) -> &'static str {
    match &node.data {
        Data::Map(_) => "a map",
        Data::List(_) => "a list",
        Data::Scalar(scalar) => match scalar.kind {
            Kind::Int | Kind::Float => "a number",
            Kind::Bool => "a boolean",
            _ => "text",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{FileId, read};

    fn faults(text: &str) -> Vec<(String, String)> {
        let node = read::read(text, FileId(0)).unwrap().documents.remove(0);
        let resource = Resource::new(node.clone());
        let found = Schema::built_in().violations(resource.api_version(), resource.kind(), &node);
        found
            .into_iter()
            .map(|violation| {
                let fault = match violation.fault {
                    Fault::WrongType { wanted, .. } => wanted.to_string(),
                    Fault::Missing { field } => format!("-{field}"),
                    Fault::Unknown { field, near } => format!("{field}?{}", near.unwrap_or("")),
                };
                (violation.pointer, fault)
            })
            .collect()
    }

    #[test]
    fn every_type_that_a_field_names_is_described() {
        let schema = Schema::built_in();
        fn named(shape: &Shape) -> Option<&'static str> {
            match shape {
                Shape::Type(name) => Some(name),
                Shape::List(inner) | Shape::Map(inner) => named(inner),
                _ => None,
            }
        }
        let fields = schema.types.values().flat_map(|one| &one.fields);
        for name in fields.filter_map(|field| named(&field.shape)) {
            assert!(schema.types.contains_key(name), "{name}");
        }
        assert!(
            schema
                .kinds
                .values()
                .all(|name| schema.types.contains_key(name))
        );
    }

    #[test]
    fn types_fields_and_missing_fields_are_found_where_they_stand() {
        let pod = |container: &str| {
            faults(&format!(
                "{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{containers: [{container}]}}}}"
            ))
        };
        let at = |pointer: &str, fault: &str| {
            vec![(format!("/spec/containers/0{pointer}"), fault.to_string())]
        };
        assert!(pod("{name: a, image: b, env: [{name: A, value: '1'}]}").is_empty());
        assert!(pod("{name: a, image: b, ports: [{containerPort: 80.0}], env: null}").is_empty());
        assert!(pod("{name: a, image: b, ports: [{containerPort: '${PORT}'}]}").is_empty());
        assert_eq!(pod("{name: a}"), at("", "-image"));
        assert_eq!(
            pod("{name: a, image: b, env: [{name: A, value: 1}]}"),
            at("/env/0/value", "text")
        );
        assert_eq!(
            pod("{name: a, image: b, args: [--on, true]}"),
            at("/args/1", "text")
        );
        assert_eq!(
            pod("{name: a, image: b, envs: []}"),
            at("/envs", "envs?env")
        );
        assert_eq!(
            pod("{name: a, image: b, resources: {limits: {memory: 1GB}}}"),
            at(
                "/resources/limits/memory",
                "a quantity such as `500m` or `1Gi`"
            )
        );
    }

    #[test]
    fn only_misspelt_fields_of_a_type_written_by_hand_are_reported() {
        let kustomization = |field: &str| {
            faults(&format!(
                "{{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {{name: a}}, spec: {{interval: 1m, prune: true, sourceRef: {{kind: GitRepository, name: a}}, {field}}}}}"
            ))
        };
        assert!(kustomization("somethingNew: 1").is_empty());
        assert_eq!(
            kustomization("dependson: []"),
            [(
                "/spec/dependson".to_string(),
                "dependson?dependsOn".to_string()
            )]
        );
    }
}
