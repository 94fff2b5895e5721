//! `clusters`: the clusters that Argo CD knows, for the `clusters` generators of ApplicationSets.

use std::collections::BTreeMap;

use super::key::Key;
use super::read::Reader;
use super::shape::{Field, Shape};
use crate::yaml::{Node, Origin};

/// A cluster, as Argo CD knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Name.
    pub name: String,
    /// The address of its API server; empty if it is not known.
    pub server: String,
    /// The AppProject it belongs to; empty for all.
    pub project: String,
    /// Labels of its Secret.
    pub labels: BTreeMap<String, String>,
    /// Annotations of its Secret.
    pub annotations: BTreeMap<String, String>,
    /// The entry in the configuration, or the Secret.
    pub origin: Origin,
}

static FIELDS: [Field; 5] = [
    Field::new("name", Shape::Text, "name of the cluster").required(),
    Field::new("server", Shape::Text, "address of its API server"),
    Field::new("project", Shape::Text, "AppProject that it belongs to").or("none"),
    Field::new("labels", Shape::Texts, "labels of its Secret"),
    Field::new("annotations", Shape::Texts, "annotations of its Secret"),
];

pub(super) static KEY: Key = Key {
    name: "clusters",
    value: "list of {name, server, project, labels, annotations}",
    summary: "clusters that Argo CD knows and whose Secrets are not in the repository",
    shape: Shape::List(&Shape::Record(&FIELDS)),
    read: |reader, node, config| config.clusters = reader.each(node, "`clusters`", cluster),
};

fn cluster(reader: &mut Reader, node: &Node) -> Option<Cluster> {
    let fields = reader.record(node, "a cluster", &FIELDS)?;
    let name = reader.required(&fields, "name", Reader::text);
    let mut texts = |key: &str| {
        let mut found = BTreeMap::new();
        let Some(node) = fields.get(key) else {
            return found;
        };
        if node.as_map().is_none() {
            reader.mistyped(node, &format!("`{key}`"), "a map of texts");
        }
        for entry in node.entries() {
            if let Some(text) = reader.text(&entry.value, "its value") {
                found.insert(entry.key.to_string(), text);
            }
        }
        found
    };
    let (labels, annotations) = (texts("labels"), texts("annotations"));
    Some(Cluster {
        name: name?,
        server: reader
            .optional(&fields, "server", Reader::text)
            .unwrap_or_default(),
        project: reader
            .optional(&fields, "project", Reader::text)
            .unwrap_or_default(),
        labels,
        annotations,
        origin: node.origin,
    })
}
