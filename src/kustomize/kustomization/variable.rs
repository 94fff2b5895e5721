//! Entries of `vars`.

use std::sync::Arc;

use super::Selector;
use crate::kustomize::decode::{Decoder, Text};
use crate::yaml::{Node, Origin};

/// An entry of `vars`.
#[derive(Clone, Debug, PartialEq)]
pub struct VarEntry {
    /// `name`
    pub name: Text,
    /// `objref`, with `apiVersion` split into group and version.
    pub object: Selector,
    /// `fieldref.fieldPath`, `metadata.name` unless given.
    pub field_path: Arc<str>,
    /// The origin of the field path, if it is written.
    pub field_path_origin: Option<Origin>,
    /// The whole entry.
    pub origin: Origin,
}

impl VarEntry {
    /// Reads an entry of `vars`.
    pub fn decode(node: &Node, decoder: &mut Decoder<'_>) -> VarEntry {
        let mut variable = None;
        let mut object = Selector {
            origin: Some(node.origin),
            ..Selector::default()
        };
        let mut field: Option<Text> = None;
        for (name, entry) in decoder.fields(node, "a variable", &["name", "objref", "fieldref"]) {
            match name {
                "name" => variable = decoder.text(&entry.value, name),
                "objref" => {
                    object.origin = Some(entry.value.origin);
                    let mut api_version = None;
                    let known = &[
                        "apiVersion",
                        "group",
                        "version",
                        "kind",
                        "name",
                        "namespace",
                    ];
                    for (name, entry) in decoder.fields(&entry.value, "objref", known) {
                        match name {
                            "apiVersion" => api_version = decoder.filled_text(&entry.value, name),
                            _ => object.set(name, entry.value.clone(), decoder),
                        }
                    }
                    if let Some(version) = api_version {
                        match version.split('/').collect::<Vec<_>>()[..] {
                            [group, of_group] => {
                                object.group = Some(Text::new(group, version.node.clone()));
                                object.version = Some(Text::new(of_group, version.node.clone()));
                            }
                            [_] => object.version = Some(version),
                            _ => {}
                        }
                    }
                }
                _ => {
                    for (name, entry) in decoder.fields(&entry.value, "fieldref", &["fieldPath"]) {
                        field = decoder.filled_text(&entry.value, name);
                    }
                }
            }
        }
        VarEntry {
            name: variable.unwrap_or_else(|| Text::new("", node.clone())),
            object,
            field_path_origin: field.as_ref().map(Text::origin),
            field_path: field.map_or_else(|| "metadata.name".into(), |field| field.value),
            origin: node.origin,
        }
    }
}
