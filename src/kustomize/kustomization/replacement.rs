//! Entries of `replacements`.

use super::Selector;
use crate::kustomize::decode::{Decoder, Text};
use crate::yaml::{Node, Origin};

/// An entry of `replacements`: a replacement, or the path of a file with replacements.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplacementEntry {
    /// `path`
    pub path: Option<Text>,
    /// `source`
    pub source: Option<ReplacementSource>,
    /// `sourceValue`
    pub source_value: Option<Text>,
    /// `targets`
    pub targets: Vec<ReplacementTarget>,
    /// The whole entry.
    pub origin: Origin,
}

/// `replacements[].source`
#[derive(Clone, Debug, PartialEq)]
pub struct ReplacementSource {
    /// The objects to read; compared literally.
    pub selector: Selector,
    /// `fieldPath`
    pub field_path: Option<Text>,
    /// `options`
    pub options: Option<FieldOptions>,
    /// The whole field.
    pub origin: Origin,
}

/// `replacements[].targets[]`
#[derive(Clone, Debug, PartialEq)]
pub struct ReplacementTarget {
    /// `select`
    pub select: Option<Selector>,
    /// `reject`
    pub reject: Vec<Selector>,
    /// `fieldPaths`
    pub field_paths: Vec<Text>,
    /// `options`
    pub options: Option<FieldOptions>,
    /// The whole entry.
    pub origin: Origin,
}

/// `options` of a replacement's source or target.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldOptions {
    /// `delimiter`
    pub delimiter: Option<Text>,
    /// `index`
    pub index: i64,
    /// `encoding`
    pub encoding: Option<Text>,
    /// `create`
    pub create: bool,
    /// The whole field.
    pub origin: Origin,
}

impl ReplacementEntry {
    /// Reads an entry of `replacements`, or a replacement of a file that an entry names.
    pub fn decode(node: &Node, decoder: &mut Decoder<'_>) -> ReplacementEntry {
        let mut result = ReplacementEntry {
            path: None,
            source: None,
            source_value: None,
            targets: Vec::new(),
            origin: node.origin,
        };
        for (name, entry) in decoder.fields(
            node,
            "a replacement",
            &["path", "source", "sourceValue", "targets"],
        ) {
            let value = &entry.value;
            match name {
                "path" => result.path = decoder.filled_text(value, name),
                "source" => result.source = Some(ReplacementSource::decode(value, decoder)),
                "sourceValue" => result.source_value = decoder.text(value, name),
                _ => {
                    result.targets = decoder
                        .list(value, name)
                        .iter()
                        .map(|node| ReplacementTarget::decode(node, decoder))
                        .collect();
                }
            }
        }
        result
    }
}

impl ReplacementSource {
    fn decode(node: &Node, decoder: &mut Decoder<'_>) -> ReplacementSource {
        let mut result = ReplacementSource {
            selector: Selector {
                origin: Some(node.origin),
                ..Selector::default()
            },
            field_path: None,
            options: None,
            origin: node.origin,
        };
        let known = &[
            "group",
            "version",
            "kind",
            "name",
            "namespace",
            "fieldPath",
            "options",
        ];
        for (name, entry) in decoder.fields(node, "the source", known) {
            match name {
                "fieldPath" => result.field_path = decoder.filled_text(&entry.value, name),
                "options" => result.options = Some(FieldOptions::decode(&entry.value, decoder)),
                _ => result.selector.set(name, entry.value.clone(), decoder),
            }
        }
        result
    }
}

impl ReplacementTarget {
    fn decode(node: &Node, decoder: &mut Decoder<'_>) -> ReplacementTarget {
        let mut result = ReplacementTarget {
            select: None,
            reject: Vec::new(),
            field_paths: Vec::new(),
            options: None,
            origin: node.origin,
        };
        for (name, entry) in decoder.fields(
            node,
            "a target",
            &["select", "reject", "fieldPaths", "options"],
        ) {
            let value = &entry.value;
            match name {
                "select" => result.select = Some(Selector::decode(value, decoder)),
                "reject" => {
                    result.reject = decoder
                        .list(value, name)
                        .iter()
                        .map(|node| Selector::decode(node, decoder))
                        .collect()
                }
                "fieldPaths" => result.field_paths = decoder.texts(value, name),
                _ => result.options = Some(FieldOptions::decode(value, decoder)),
            }
        }
        result
    }
}

impl FieldOptions {
    fn decode(node: &Node, decoder: &mut Decoder<'_>) -> FieldOptions {
        let mut result = FieldOptions {
            delimiter: None,
            index: 0,
            encoding: None,
            create: false,
            origin: node.origin,
        };
        for (name, entry) in decoder.fields(
            node,
            "options",
            &["delimiter", "index", "encoding", "create"],
        ) {
            match name {
                "delimiter" => result.delimiter = decoder.filled_text(&entry.value, name),
                "index" => result.index = decoder.integer(&entry.value, name).unwrap_or_default(),
                "encoding" => result.encoding = decoder.filled_text(&entry.value, name),
                _ => result.create = decoder.boolean(&entry.value, name),
            }
        }
        result
    }
}
