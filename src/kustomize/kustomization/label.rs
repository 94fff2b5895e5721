//! Entries of `labels`, and the field specifications in them.

use std::sync::Arc;

use crate::kustomize::decode::{Decoder, Pair};
use crate::yaml::{Node, Origin};

/// An entry of `labels`.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelEntry {
    /// `pairs`
    pub pairs: Vec<Pair>,
    /// `includeSelectors`
    pub include_selectors: bool,
    /// `includeTemplates`
    pub include_templates: bool,
    /// `includeVolumeClaimTemplates`
    pub include_volume_claim_templates: bool,
    /// `fields`
    pub fields: Vec<FieldSpecEntry>,
    /// The whole entry.
    pub origin: Origin,
}

/// A field specification as written: which field of which kinds a transformer changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSpecEntry {
    /// `group`, empty for any.
    pub group: Arc<str>,
    /// `version`, empty for any.
    pub version: Arc<str>,
    /// `kind`, empty for any.
    pub kind: Arc<str>,
    /// `path`
    pub path: Arc<str>,
    /// `create`
    pub create: bool,
}

impl LabelEntry {
    /// Reads an entry of `labels`.
    pub fn decode(node: &Node, decoder: &mut Decoder<'_>) -> LabelEntry {
        let mut result = LabelEntry {
            pairs: Vec::new(),
            include_selectors: false,
            include_templates: false,
            include_volume_claim_templates: false,
            fields: Vec::new(),
            origin: node.origin,
        };
        let known = &[
            "pairs",
            "includeSelectors",
            "includeTemplates",
            "includeVolumeClaimTemplates",
            "fields",
        ];
        for (name, entry) in decoder.fields(node, "an entry of labels", known) {
            let value = &entry.value;
            match name {
                "pairs" => result.pairs = decoder.pairs(value, name),
                "includeSelectors" => result.include_selectors = decoder.boolean(value, name),
                "includeTemplates" => result.include_templates = decoder.boolean(value, name),
                "includeVolumeClaimTemplates" => {
                    result.include_volume_claim_templates = decoder.boolean(value, name)
                }
                _ => {
                    result.fields = decoder
                        .list(value, name)
                        .iter()
                        .map(|node| FieldSpecEntry::decode(node, decoder))
                        .collect()
                }
            }
        }
        result
    }
}

impl FieldSpecEntry {
    /// Reads a field specification.
    pub fn decode(node: &Node, decoder: &mut Decoder<'_>) -> FieldSpecEntry {
        let mut result = FieldSpecEntry::default();
        for (name, entry) in decoder.fields(
            node,
            "a field specification",
            &["group", "version", "kind", "path", "create"],
        ) {
            if name == "create" {
                result.create = decoder.boolean(&entry.value, name);
                continue;
            }
            let text = decoder
                .text(&entry.value, name)
                .map(|text| text.value)
                .unwrap_or_default();
            match name {
                "group" => result.group = text,
                "version" => result.version = text,
                "kind" => result.kind = text,
                _ => result.path = text,
            }
        }
        result
    }
}
