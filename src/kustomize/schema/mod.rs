//! Facts about Kubernetes types that kustomize knows: which lists merge and by which keys, and
//! which kinds are cluster-scoped.
//!
//! Here: the built-in facts (`kubernetes.txt`, made from kustomize's own data) and schemas that
//! `openapi.path` names, which replace the built-in merge keys, as in kustomize. Not here: merging,
//! validation of manifests.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use crate::yaml::Node;

const BUILT_IN: &str = include_str!("kubernetes.txt");

/// A set of types.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    types: Vec<HashMap<Box<str>, Field>>,
    /// The types by the last part of their names.
    names: HashMap<Box<str>, usize>,
    /// `apps/v1:Deployment` to its type.
    kinds: HashMap<Box<str>, usize>,
    cluster: HashSet<Box<str>>,
}

#[derive(Clone, Debug)]
enum Field {
    /// A map of a known type.
    Map(usize),
    /// A list that merges.
    List {
        keys: Vec<Box<str>>,
        items: Option<usize>,
    },
}

/// The pseudo-field that describes the values of all keys of a map.
const ANY_KEY: &str = "*";

/// The type of a map.
#[derive(Clone, Copy, Debug)]
pub struct Type<'s> {
    schema: &'s Schema,
    index: usize,
}

/// The type of a field.
#[derive(Clone, Copy, Debug)]
pub enum Shape<'s> {
    /// A map.
    Map(Type<'s>),
    /// A list whose items merge by the values of `keys`. Without keys it is a list of scalars,
    /// merged as a set.
    MergedList {
        /// The merge keys.
        keys: &'s [Box<str>],
        /// The type of the items.
        items: Option<Type<'s>>,
    },
}

impl<'s> Type<'s> {
    /// The type of a field; `None` if it does not matter for merging.
    pub fn field(self, name: &str) -> Option<Shape<'s>> {
        let fields = self.schema.types.get(self.index)?;
        let of = |index: usize| Type {
            schema: self.schema,
            index,
        };
        match fields.get(name).or_else(|| fields.get(ANY_KEY))? {
            Field::Map(index) => Some(Shape::Map(of(*index))),
            Field::List { keys, items } => Some(Shape::MergedList {
                keys,
                items: items.map(of),
            }),
        }
    }
}

/// The facts that kustomize has built in.
pub(super) fn built_in() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| Schema::parse(BUILT_IN))
}

/// True if kustomize has a kind built in.
pub(super) fn is_built_in(api_version: &str, kind: &str) -> bool {
    built_in().kind(api_version, kind).is_some() || is_cluster_scoped(api_version, kind)
}

/// True if a kind is known to be cluster-scoped. Unknown kinds count as namespaced.
pub(super) fn is_cluster_scoped(api_version: &str, kind: &str) -> bool {
    thread_local! {
        static KEY: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) };
    }
    // every comparison of identities asks this, so it does not allocate
    KEY.with_borrow_mut(|key| {
        key.clear();
        key.push_str(api_version);
        key.push(':');
        key.push_str(kind);
        built_in().cluster.contains(key.as_str())
    })
}

impl Schema {
    /// The type of a kind.
    pub fn kind(&self, api_version: &str, kind: &str) -> Option<Type<'_>> {
        let index = *self.kinds.get(format!("{api_version}:{kind}").as_str())?;
        Some(Type {
            schema: self,
            index,
        })
    }

    /// Reads the built-in text. Its header explains the lines.
    fn parse(text: &str) -> Schema {
        let mut schema = Schema::default();
        fn index(schema: &mut Schema, name: &str) -> usize {
            let types = &mut schema.types;
            *schema.names.entry(name.into()).or_insert_with(|| {
                types.push(HashMap::new());
                types.len() - 1
            })
        }
        for line in text.lines() {
            let mut words = line.split(' ');
            match words.next() {
                Some("type") => {
                    let Some(name) = words.next() else { continue };
                    let here = index(&mut schema, name);
                    for (field, shape) in words.filter_map(|word| word.split_once('=')) {
                        let value = match shape
                            .strip_prefix('[')
                            .and_then(|list| list.split_once(']'))
                        {
                            Some((keys, items)) => Field::List {
                                keys: keys
                                    .split(',')
                                    .filter(|key| !key.is_empty())
                                    .map(Box::from)
                                    .collect(),
                                items: (!items.is_empty()).then(|| index(&mut schema, items)),
                            },
                            None => Field::Map(index(&mut schema, shape)),
                        };
                        if let Some(fields) = schema.types.get_mut(here) {
                            fields.insert(field.into(), value);
                        }
                    }
                }
                Some("kind") => {
                    let Some(name) = words.next() else { continue };
                    let here = index(&mut schema, name);
                    schema.kinds.extend(words.map(|kind| (kind.into(), here)));
                }
                Some("cluster") => schema.cluster.extend(words.map(Box::from)),
                _ => {}
            }
        }
        schema
    }

    /// Reads an OpenAPI document with `definitions`, as `openapi.path` names one. `known` are the
    /// types that it adds to.
    pub fn from_openapi(document: &Node, known: Option<&Schema>) -> Schema {
        let definitions = document
            .get("definitions")
            .map(Node::entries)
            .unwrap_or_default();
        let mut reader = OpenApiReader {
            schema: known.cloned().unwrap_or_default(),
            names: HashMap::new(),
        };
        for definition in definitions {
            let short = definition.key.rsplit('.').next().unwrap_or_default();
            // a definition of Kubernetes itself replaces the built-in one
            let present = reader
                .schema
                .names
                .get(short)
                .copied()
                .filter(|_| definition.key.starts_with("io.k8s."));
            let index = present.unwrap_or_else(|| {
                reader.schema.types.push(HashMap::new());
                reader.schema.types.len() - 1
            });
            reader.names.insert(&definition.key, index);
        }
        for definition in definitions {
            let Some(index) = reader.names.get(&*definition.key).copied() else {
                continue;
            };
            reader.fill(index, &definition.value);
            for kind in definition
                .value
                .get("x-kubernetes-group-version-kind")
                .map(Node::items)
                .unwrap_or_default()
            {
                let text = |key: &str| kind.get(key).and_then(Node::text).unwrap_or_default();
                let (group, version, kind) = (text("group"), text("version"), text("kind"));
                let slash = if group.is_empty() { "" } else { "/" };
                reader
                    .schema
                    .kinds
                    .insert(format!("{group}{slash}{version}:{kind}").into(), index);
            }
        }
        reader.schema
    }
}

struct OpenApiReader<'n> {
    schema: Schema,
    names: HashMap<&'n str, usize>,
}

impl<'n> OpenApiReader<'n> {
    fn fill(&mut self, index: usize, definition: &'n Node) {
        let mut fields = HashMap::new();
        for property in definition
            .get("properties")
            .map(Node::entries)
            .unwrap_or_default()
        {
            if let Some(field) = self.field(&property.value) {
                fields.insert(Box::from(&*property.key), field);
            }
        }
        if let Some(field) = definition
            .get("additionalProperties")
            .and_then(|any| self.field(any))
        {
            fields.insert(ANY_KEY.into(), field);
        }
        if let Some(slot) = self.schema.types.get_mut(index) {
            *slot = fields;
        }
    }

    /// The type of a map that a definition describes inline or by a reference.
    fn map(&mut self, described: &'n Node) -> Option<usize> {
        if let Some(reference) = described.get("$ref").and_then(Node::text) {
            let name = reference.rsplit('/').next().unwrap_or_default();
            let short = name
                .rsplit('.')
                .next()
                .filter(|_| name.starts_with("io.k8s."))
                .unwrap_or_default();
            return self
                .names
                .get(name)
                .or_else(|| self.schema.names.get(short))
                .copied();
        }
        if described.get("properties").is_none()
            && described
                .get("additionalProperties")
                .and_then(Node::as_map)
                .is_none()
        {
            return None;
        }
        let index = self.schema.types.len();
        self.schema.types.push(HashMap::new());
        self.fill(index, described);
        Some(index)
    }

    fn field(&mut self, described: &'n Node) -> Option<Field> {
        let strategy = described
            .get("x-kubernetes-patch-strategy")
            .and_then(Node::text)
            .unwrap_or_default();
        if !strategy.split(',').any(|word| word == "merge") {
            return self.map(described).map(Field::Map);
        }
        let keys = match described.get("x-kubernetes-list-map-keys") {
            Some(keys) => keys
                .items()
                .iter()
                .filter_map(Node::text)
                .map(Box::from)
                .collect(),
            None => described
                .get("x-kubernetes-patch-merge-key")
                .and_then(Node::text)
                .map(Box::from)
                .into_iter()
                .collect(),
        };
        Some(Field::List {
            keys,
            items: described.get("items").and_then(|items| self.map(items)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{FileId, read};

    fn keys<'s>(from: Type<'s>, path: &[&str], list: &str) -> Vec<&'s str> {
        let end = path.iter().fold(from, |node, step| match node.field(step) {
            Some(
                Shape::Map(next)
                | Shape::MergedList {
                    items: Some(next), ..
                },
            ) => next,
            other => panic!("{step}: {other:?}"),
        });
        match end.field(list) {
            Some(Shape::MergedList { keys, .. }) => keys.iter().map(|key| &**key).collect(),
            other => panic!("{list}: {other:?}"),
        }
    }

    #[test]
    fn built_in_types_know_their_merge_keys() {
        let deployment = built_in().kind("apps/v1", "Deployment").unwrap();
        assert_eq!(
            keys(deployment, &["spec", "template", "spec"], "containers"),
            ["name"]
        );
        assert_eq!(
            keys(
                deployment,
                &["spec", "template", "spec", "containers"],
                "ports"
            ),
            ["containerPort", "protocol"]
        );
        assert_eq!(
            keys(deployment, &["metadata"], "finalizers"),
            Vec::<&str>::new()
        );
        let cron = built_in().kind("batch/v1", "CronJob").unwrap();
        assert_eq!(
            keys(
                cron,
                &["spec", "jobTemplate", "spec", "template", "spec"],
                "volumes"
            ),
            ["name"]
        );
        assert!(deployment.field("nothing").is_none());
        assert!(built_in().kind("example.com/v1", "Deployment").is_none());
    }

    #[test]
    fn some_kinds_live_outside_namespaces() {
        assert!(
            is_cluster_scoped("v1", "Namespace")
                && is_cluster_scoped("rbac.authorization.k8s.io/v1", "ClusterRole")
        );
        assert!(
            !is_cluster_scoped("v1", "Pod") && !is_cluster_scoped("example.com/v1", "Namespace")
        );
    }

    #[test]
    fn an_openapi_document_gives_merge_keys() {
        let text = r##"{"definitions": {
            "v1.Widget": {
              "properties": {
                "spec": {"type": "object", "properties": {"parts": {"type": "array", "items": {"$ref": "#/definitions/v1.Part"},
                  "x-kubernetes-patch-merge-key": "id", "x-kubernetes-patch-strategy": "merge"}}},
                "byName": {"type": "object", "additionalProperties": {"$ref": "#/definitions/v1.Part"}}},
              "x-kubernetes-group-version-kind": [{"group": "example.com", "version": "v1", "kind": "Widget"}]},
            "v1.Part": {"properties": {"screws": {"x-kubernetes-patch-strategy": "merge", "x-kubernetes-list-map-keys": ["size", "head"]},
                "inner": {"$ref": "#/definitions/v1.Part"}}}}}"##;
        let node = read::read(text, FileId(0)).unwrap().documents.remove(0);
        let schema = Schema::from_openapi(&node, None);
        let widget = schema.kind("example.com/v1", "Widget").unwrap();
        assert_eq!(keys(widget, &["spec"], "parts"), ["id"]);
        assert_eq!(
            keys(widget, &["spec", "parts", "inner"], "screws"),
            ["size", "head"]
        );
        assert_eq!(keys(widget, &["byName", "any"], "screws"), ["size", "head"]);
    }
}
