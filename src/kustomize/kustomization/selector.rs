//! Selectors: the resources that a patch, a replacement or a variable is for.

use crate::kustomize::decode::{Decoder, Text};
use crate::yaml::{Node, Origin};

/// Group, version, kind, name, namespace, labels and annotations of the resources that an entry
/// selects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selector {
    /// `group`
    pub group: Option<Text>,
    /// `version`
    pub version: Option<Text>,
    /// `kind`
    pub kind: Option<Text>,
    /// `name`
    pub name: Option<Text>,
    /// `namespace`
    pub namespace: Option<Text>,
    /// `annotationSelector`
    pub annotation_selector: Option<Text>,
    /// `labelSelector`
    pub label_selector: Option<Text>,
    /// The whole selector.
    pub origin: Option<Origin>,
}

impl Selector {
    const FIELDS: &'static [&'static str] = &[
        "group",
        "version",
        "kind",
        "name",
        "namespace",
        "annotationSelector",
        "labelSelector",
    ];

    /// Reads a selector.
    pub fn decode(node: &Node, decoder: &mut Decoder<'_>) -> Selector {
        let mut result = Selector {
            origin: Some(node.origin),
            ..Selector::default()
        };
        for (name, entry) in decoder.fields(node, "the selector", Selector::FIELDS) {
            result.set(name, entry.value.clone(), decoder);
        }
        result
    }
    /// Sets the part of a name. Other names are ignored.
    pub(super) fn set(&mut self, name: &str, value: Node, decoder: &mut Decoder<'_>) {
        let text = decoder.filled_text(&value, name);
        match name {
            "group" => self.group = text,
            "version" => self.version = text,
            "kind" => self.kind = text,
            "name" => self.name = text,
            "namespace" => self.namespace = text,
            "annotationSelector" => self.annotation_selector = text,
            "labelSelector" => self.label_selector = text,
            _ => {}
        }
    }
}
