//! Entries of `replicas`.

use crate::kustomize::decode::{Decoder, Text};
use crate::yaml::{Node, Origin};

/// An entry of `replicas`.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaEntry {
    /// `name`
    pub name: Option<Text>,
    /// `count`
    pub count: i64,
    /// The origin of the count, or of the entry if it has none.
    pub count_origin: Origin,
    /// The whole entry.
    pub origin: Origin,
}

impl ReplicaEntry {
    /// Reads an entry of `replicas`.
    pub fn decode(node: &Node, decoder: &mut Decoder<'_>) -> ReplicaEntry {
        let mut result = ReplicaEntry {
            name: None,
            count: 0,
            count_origin: node.origin,
            origin: node.origin,
        };
        for (name, entry) in decoder.fields(node, "an entry of replicas", &["name", "count"]) {
            match name {
                "name" => result.name = decoder.filled_text(&entry.value, name),
                _ => {
                    result.count = decoder.integer(&entry.value, name).unwrap_or_default();
                    result.count_origin = entry.value.origin;
                }
            }
        }
        result
    }
}
