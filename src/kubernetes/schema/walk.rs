//! Judges the values of an object by their schemas.
//!
//! Not here: schemas (`shape`, `pack`, `custom`), rules of the API server that no schema states
//! (`values`).

use super::pack::{Pack, Types};
use super::shape::{Field, Limits, Shape, Type, Unique};
use super::{Fault, Violation, is_open, scalars};
use crate::names::slip;
use crate::yaml::{Data, Entry, Node, Origin, escape_pointer};

/// The most violations that are collected from one object.
const MOST: usize = 50;
/// The deepest nesting that is followed.
const DEEPEST: usize = 64;
/// The most values that are visited in one object. `anyOf` visits a value several times.
const STEPS: usize = 200_000;

/// A schema together with the types that it names.
#[derive(Clone, Copy)]
pub(super) struct In<'s> {
    pub shape: &'s Shape,
    pub types: &'s Types,
}

impl<'s> In<'s> {
    fn of(self, shape: &'s Shape) -> In<'s> {
        In { shape, ..self }
    }

    /// The schema itself, where it is the name of another one.
    fn resolved(self) -> Option<In<'s>> {
        match self.shape.kind {
            Type::Named(number) => Some(self.of(self.types.get(number)?)),
            _ => Some(self),
        }
    }
}

/// A step on the way to a value.
#[derive(Clone, Copy)]
enum Token<'a> {
    Key(&'a str),
    Index(usize),
}

/// Walks through one object.
pub(super) struct Walk<'a> {
    pub found: Vec<Violation<'a>>,
    /// The way from the object to the present value. Its pointer is only written for a violation.
    path: Vec<Token<'a>>,
    depth: usize,
    steps: usize,
    /// The minor version of Kubernetes; fields of other versions are unknown.
    release: u8,
    is_custom: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(release: u8) -> Walk<'a> {
        Walk {
            found: Vec::new(),
            path: Vec::new(),
            depth: 0,
            steps: STEPS,
            release,
            is_custom: false,
        }
    }

    pub(super) fn report(&mut self, origin: Origin, fault: Fault<'a>) {
        if self.found.len() < MOST {
            self.found.push(Violation {
                pointer: self.pointer(),
                origin,
                fault,
            });
        }
    }

    /// Checks a value below the present one.
    fn below(&mut self, token: Token<'a>, check: impl FnOnce(&mut Self)) {
        self.path.push(token);
        self.depth += 1;
        if self.depth < DEEPEST {
            check(self);
        }
        self.depth -= 1;
        self.path.pop();
    }

    /// The JSON pointer to the present value.
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for token in &self.path {
            pointer.push('/');
            match token {
                Token::Key(key) => pointer.push_str(&escape_pointer(key)),
                Token::Index(index) => pointer.push_str(&index.to_string()),
            }
        }
        pointer
    }

    /// Judges a custom resource: the schema describes what is beside the fields of every object.
    pub(super) fn custom(&mut self, schema: In<'_>, node: &'a Node) {
        let Some(schema) = schema.resolved() else {
            return;
        };
        self.is_custom = true;
        for entry in node.entries() {
            match &*entry.key {
                "metadata" => {
                    self.below(Token::Key("metadata"), |walk| walk.metadata(&entry.value))
                }
                "apiVersion" | "kind" | "status" => {}
                key => match schema.shape.field(key) {
                    Some(field) => self.below(Token::Key(key), |walk| {
                        walk.value(schema.of(&field.shape), &entry.value);
                    }),
                    None if is_open(key) || !schema.shape.is_closed() => {}
                    None => self.unknown(schema.shape, entry),
                },
            }
        }
        self.missing(schema.shape, node);
        self.limits(schema, node);
    }

    /// Judges `metadata`, which every kind has.
    fn metadata(&mut self, node: &'a Node) {
        let types = &Pack::built_in().types;
        if let Some(shape) = types.get(0) {
            self.value(In { shape, types }, node);
        }
    }

    pub(super) fn value(&mut self, schema: In<'_>, node: &'a Node) {
        // the server takes a null as a field that is not set
        if node.is_null() || self.steps == 0 {
            return;
        }
        self.steps -= 1;
        let Some(schema) = schema.resolved() else {
            return;
        };
        let shape = schema.shape;
        match (shape.kind, &node.data) {
            (Type::Any, _) if shape.accepts_every_type() => {}
            (Type::Map | Type::Any, Data::Map(_)) => self.map(schema, node),
            (Type::List | Type::Any, Data::List(_)) => self.list(schema, node),
            (Type::Any, _) => {}
            (kind, Data::Scalar(scalar)) => {
                if is_open(&scalar.text) {
                    return;
                }
                let loses_quotes = scalars::loses_quotes(kind, node);
                if loses_quotes || !scalars::fits(kind, scalar) {
                    self.wrong(kind, loses_quotes, node);
                    return;
                }
            }
            (kind, _) => {
                self.wrong(kind, false, node);
                return;
            }
        }
        self.limits(schema, node);
    }

    fn wrong(&mut self, kind: Type, loses_quotes: bool, node: &'a Node) {
        let fault = Fault::WrongType {
            wanted: scalars::wanted(kind),
            present: if loses_quotes {
                "a boolean"
            } else {
                scalars::present(node)
            },
            text: node.as_scalar().map(|scalar| &*scalar.text),
        };
        self.report(node.origin, fault);
    }

    fn map(&mut self, schema: In<'_>, node: &'a Node) {
        let shape = schema.shape;
        for entry in node.entries().iter().filter(|entry| !is_open(&entry.key)) {
            let known = shape.field(&entry.key);
            if let Some(field) = known
                && !shape.is_open
                && !self.is_served(field)
            {
                self.unserved(field, entry);
            }
            let values = known.map(|field| &field.shape);
            match values.or(shape.values.as_deref()) {
                Some(values) => self.below(Token::Key(&entry.key), |walk| {
                    walk.value(schema.of(values), &entry.value);
                }),
                None if shape.is_closed() => self.unknown(shape, entry),
                None => {}
            }
        }
        self.missing(shape, node);
    }

    fn is_served(&self, field: &Field) -> bool {
        field.since.is_none_or(|since| since <= self.release)
            && field.until.is_none_or(|until| self.release <= until)
    }

    /// Reports a field that other versions of Kubernetes have.
    fn unserved(&mut self, field: &Field, entry: &'a Entry) {
        let since = field.since.filter(|since| *since > self.release);
        let fault = Fault::Unserved {
            field: &entry.key,
            since,
            until: field.until.filter(|_| since.is_none()),
        };
        self.below(Token::Key(&entry.key), |walk| {
            walk.report(entry.key_origin, fault)
        });
    }

    fn unknown(&mut self, shape: &Shape, entry: &'a Entry) {
        let fault = Fault::Unknown {
            field: &entry.key,
            near: near(&entry.key, shape).map(str::to_string),
        };
        self.below(Token::Key(&entry.key), |walk| {
            walk.report(entry.key_origin, fault)
        });
    }

    /// Reports required fields that a map lacks.
    fn missing(&mut self, shape: &Shape, node: &'a Node) {
        // a merge such as `<<: *default` that is not resolved, or a template, may bring fields
        if shape.required.is_empty() || node.entries().iter().any(|entry| is_open(&entry.key)) {
            return;
        }
        for name in &shape.required {
            let filled = shape
                .field(name)
                .is_some_and(|field| field.shape.has_default);
            if !filled && node.get(name).is_none_or(Node::is_null) {
                self.report(
                    node.origin,
                    Fault::Missing {
                        field: name.to_string(),
                    },
                );
            }
        }
    }

    fn list(&mut self, schema: In<'_>, node: &'a Node) {
        if let Some(items) = schema.shape.items.as_deref() {
            for (index, item) in node.items().iter().enumerate() {
                self.below(Token::Index(index), |walk| {
                    walk.value(schema.of(items), item)
                });
            }
        }
        // the API server lets Kubernetes' own kinds repeat a key, but the last variable wins, and
        // a server-side apply fails
        let unique = schema.shape.unique.as_ref();
        if let Some(unique) = unique.filter(|_| self.is_custom || self.is_env()) {
            self.unique(unique, node);
        }
    }

    /// True for the variables of a container.
    fn is_env(&self) -> bool {
        matches!(self.path.last(), Some(Token::Key("env")))
    }

    /// Judges the limits of a value, and what the items of a list have to differ in.
    fn limits(&mut self, schema: In<'_>, node: &'a Node) {
        if let Some(limits) = schema.shape.limits.as_deref() {
            if let Some((kind, reason)) = scalars::refused(limits, node) {
                self.refuse(node, kind, reason);
            }
            self.branches(schema, limits, node);
        }
    }

    fn refuse(&mut self, node: &'a Node, kind: &'static str, reason: String) {
        self.report(node.origin, Fault::Refused { kind, reason });
    }

    /// Judges `allOf`, `anyOf`, `oneOf` and `not`.
    fn branches(&mut self, schema: In<'_>, limits: &Limits, node: &'a Node) {
        for branch in &limits.all_of {
            self.value(schema.of(branch), node);
        }
        let any = self.matching(schema, &limits.any_of, node);
        let one = self.matching(schema, &limits.one_of, node);
        // what was not visited to the end may match
        if self.steps == 0 {
            return;
        }
        if !limits.any_of.is_empty() && any == 0 {
            self.alternatives(&limits.any_of, "at least one", node);
        }
        if !limits.one_of.is_empty() && one != 1 {
            self.alternatives(&limits.one_of, "exactly one", node);
        }
        if let Some(not) = &limits.not
            && self.matches(schema.of(not), node)
            && self.steps > 0
        {
            let fields: Vec<String> = not
                .required
                .iter()
                .map(|name| format!("`{name}`"))
                .collect();
            let reason = if fields.is_empty() {
                "has a value that is not allowed here".to_string()
            } else {
                format!("cannot have {} here", fields.join(" together with "))
            };
            self.refuse(node, "excluded", reason);
        }
    }

    /// The number of schemas that a value matches.
    fn matching(&mut self, schema: In<'_>, branches: &[Shape], node: &'a Node) -> usize {
        let mut count = 0;
        for branch in branches {
            count += usize::from(self.matches(schema.of(branch), node));
        }
        count
    }

    fn matches(&mut self, schema: In<'_>, node: &'a Node) -> bool {
        let mut inner = Walk {
            depth: self.depth + 1,
            steps: self.steps,
            is_custom: self.is_custom,
            ..Walk::new(self.release)
        };
        if inner.depth < DEEPEST {
            inner.value(schema, node);
        }
        self.steps = inner.steps;
        inner.found.is_empty()
    }

    fn alternatives(&mut self, branches: &[Shape], wanted: &str, node: &'a Node) {
        let required = |branch: &Shape| {
            branch
                .required
                .first()
                .filter(|_| branch.required.len() == 1)
                .cloned()
        };
        let fields: Option<Vec<String>> = branches
            .iter()
            .map(|branch| required(branch).map(|name| format!("`{name}`")))
            .collect();
        let reason = match fields {
            Some(fields) => format!("needs {wanted} of {}", fields.join(", ")),
            None => format!("has to match {wanted} of the alternatives of its schema"),
        };
        self.refuse(node, ALTERNATIVES, reason);
    }

    /// Reports items that have to differ but do not.
    fn unique(&mut self, unique: &Unique, node: &'a Node) {
        let mut seen = std::collections::HashMap::new();
        for item in node.items() {
            let Some(key) = scalars::key(unique, item) else {
                continue;
            };
            let text = key.join(", ");
            if let Some(first) = seen.insert(key, item.origin) {
                self.report(item.origin, Fault::Duplicate { key: text, first });
            }
        }
    }
}

/// The kind of a refusal because no alternative of a schema fits. A patch may add what is missing.
pub(super) const ALTERNATIVES: &str = "alternatives";

/// The field that is probably meant: equal but for the case, or for a slip of the pen.
fn near<'s>(name: &str, shape: &'s Shape) -> Option<&'s str> {
    let lower = name.to_lowercase();
    let fields = shape.fields.iter().map(|field| &*field.name);
    let lowered: Vec<(String, &str)> = fields.map(|field| (field.to_lowercase(), field)).collect();
    let meant = lowered
        .iter()
        .find(|(other, _)| *other == lower)
        .map(|(other, _)| other.as_str())
        .or_else(|| slip(&lower, lowered.iter().map(|(other, _)| other.as_str())))?;
    let mut found = lowered.iter().filter(|(other, _)| other == meant);
    found.next().map(|(_, field)| *field)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::yaml::{FileId, read};

    fn count(schema: &Value, text: &str) -> usize {
        let node = read::read(text, FileId(0)).unwrap().documents.remove(0);
        let (shape, types) = (Shape::read(schema).unwrap(), Types::default());
        let schema = In {
            shape: &shape,
            types: &types,
        };
        let mut walk = Walk::new(37);
        walk.value(schema, &node);
        walk.found.len()
    }

    #[test]
    fn alternatives_are_counted() {
        let one = json!({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]});
        assert_eq!(count(&one, "{a: 1}"), 0);
        assert_eq!(count(&one, "{a: 1, b: 1}"), 1);
        assert_eq!(count(&one, "{c: 1}"), 1);
        let any = json!({"type": "object", "properties": {"a": {}, "b": {}}, "anyOf": [{"required": ["a"]}, {"properties": {"b": {"enum": ["x"]}}, "required": ["b"]}]});
        assert_eq!(count(&any, "{a: 1, b: y}"), 0);
        assert_eq!(count(&any, "{b: x}"), 0);
        assert_eq!(count(&any, "{b: y}"), 1);
        let not = json!({"not": {"required": ["a", "b"]}});
        assert_eq!(count(&not, "{a: 1}"), 0);
        assert_eq!(count(&not, "{a: 1, b: 1}"), 1);
    }

    /// Each level of the schema doubles the number of ways in which a value can be visited.
    #[test]
    fn work_is_bounded() {
        let mut schema = json!({"required": ["never"]});
        for _ in 0..30 {
            schema = json!({"anyOf": [schema.clone(), {"allOf": [schema]}]});
            // the copies share nothing, so the schema itself must stay small
            if schema.to_string().len() > 1 << 16 {
                break;
            }
        }
        let items = "{a: 1}, ".repeat(20_000);
        let list = json!({"type": "array", "items": schema});
        assert!(count(&list, &format!("[{items}]")) <= MOST);
    }

    #[test]
    fn a_type_that_contains_itself_is_followed_to_a_depth() {
        let pack = Pack::built_in();
        let known = pack.kind("apiextensions.k8s.io/v1", "CustomResourceDefinition");
        let shape = pack.types.get(known.unwrap().number).unwrap();
        let mut schema = "{type: object}".to_string();
        for _ in 0..80 {
            schema = format!("{{type: object, items: {{a: 1}}, properties: {{a: {schema}}}}}");
        }
        let text = format!(
            "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, spec: {{group: a.b, scope: Namespaced, names: {{kind: A, plural: a}}, versions: [{{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {schema}}}}}]}}}}"
        );
        let Ok(read) = read::read(&text, FileId(0)) else {
            return;
        };
        let mut walk = Walk::new(37);
        let types = &pack.types;
        walk.value(In { shape, types }, read.documents.first().unwrap());
        assert!(walk.found.len() <= MOST);
    }
}
