//! Entries of `images`.

use crate::kustomize::decode::{Decoder, Text};
use crate::yaml::{Node, Origin};

/// An entry of `images`.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageEntry {
    /// `name`
    pub name: Option<Text>,
    /// `newName`
    pub new_name: Option<Text>,
    /// `newTag`
    pub new_tag: Option<Text>,
    /// `tagSuffix`
    pub tag_suffix: Option<Text>,
    /// `digest`
    pub digest: Option<Text>,
    /// The whole entry.
    pub origin: Origin,
}

impl ImageEntry {
    /// Reads an entry of `images`.
    pub fn decode(node: &Node, decoder: &mut Decoder<'_>) -> ImageEntry {
        let mut result = ImageEntry {
            name: None,
            new_name: None,
            new_tag: None,
            tag_suffix: None,
            digest: None,
            origin: node.origin,
        };
        for (name, entry) in decoder.fields(
            node,
            "an image",
            &["name", "newName", "tagSuffix", "newTag", "digest"],
        ) {
            let text = decoder.filled_text(&entry.value, name);
            match name {
                "name" => result.name = text,
                "newName" => result.new_name = text,
                "tagSuffix" => result.tag_suffix = text,
                "newTag" => result.new_tag = text,
                _ => result.digest = text,
            }
        }
        result
    }
}
