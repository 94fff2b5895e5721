//! `openapi` and `sortOptions`.

use crate::kustomize::decode::{Decoder, Text};
use crate::yaml::{Node, Origin};

/// `openapi`: a custom schema, or a version of the built-in one.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenApi {
    /// Path of a schema file.
    pub path: Option<Text>,
    /// Version of the built-in schema.
    pub version: Option<Text>,
}

/// `sortOptions`
#[derive(Clone, Debug, PartialEq)]
pub struct SortOptions {
    /// `legacy` or `fifo`.
    pub order: Option<Text>,
    /// `legacySortOptions`
    pub legacy: Option<LegacySortOptions>,
    /// The whole field.
    pub origin: Origin,
}

/// `sortOptions.legacySortOptions`
#[derive(Clone, Debug, PartialEq)]
pub struct LegacySortOptions {
    /// Kinds that come first.
    pub first: Vec<Text>,
    /// Kinds that come last.
    pub last: Vec<Text>,
    /// The whole field.
    pub origin: Origin,
}

impl OpenApi {
    pub(super) fn decode(node: &Node, decoder: &mut Decoder<'_>) -> OpenApi {
        let pairs = decoder.pairs(node, "openapi");
        let get = |key: &str| {
            let pair = pairs.iter().find(|pair| &*pair.key == key)?;
            Some(pair.value.clone())
        };
        OpenApi {
            path: get("path"),
            version: get("version"),
        }
    }
}

impl SortOptions {
    pub(super) fn decode(node: &Node, decoder: &mut Decoder<'_>) -> SortOptions {
        let mut result = SortOptions {
            order: None,
            legacy: None,
            origin: node.origin,
        };
        for (name, entry) in decoder.fields(node, "sortOptions", &["order", "legacySortOptions"]) {
            match name {
                "order" => result.order = decoder.filled_text(&entry.value, name),
                _ => {
                    let mut legacy = LegacySortOptions {
                        first: Vec::new(),
                        last: Vec::new(),
                        origin: entry.value.origin,
                    };
                    for (name, entry) in decoder.fields(
                        &entry.value,
                        "legacySortOptions",
                        &["orderFirst", "orderLast"],
                    ) {
                        let kinds = decoder.texts(&entry.value, name);
                        match name {
                            "orderFirst" => legacy.first = kinds,
                            _ => legacy.last = kinds,
                        }
                    }
                    result.legacy = Some(legacy);
                }
            }
        }
        result
    }
}
