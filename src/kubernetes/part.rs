//! A part of an object together with the JSON pointer to it, such as `/spec/tls/0`.

use crate::yaml::Node;

/// A value inside of an object, and the JSON pointer to it.
#[derive(Clone, Debug)]
pub(super) struct Part<'a> {
    pub(super) node: &'a Node,
    pub(super) pointer: String,
}

impl<'a> Part<'a> {
    pub(super) fn new(node: &'a Node, pointer: impl Into<String>) -> Part<'a> {
        Part {
            node,
            pointer: pointer.into(),
        }
    }

    /// The value at a path of keys. The keys are our own, so none needs escaping in the pointer.
    pub(super) fn at(&self, path: &[&str]) -> Option<Part<'a>> {
        Some(Part {
            node: self.node.at(path)?,
            pointer: path.iter().fold(self.pointer.clone(), |pointer, key| {
                format!("{pointer}/{key}")
            }),
        })
    }

    /// The items of the list at a path of keys.
    pub(super) fn items(&self, path: &[&str]) -> impl Iterator<Item = Part<'a>> + use<'a> {
        let list = self.at(path);
        let items = list.as_ref().map_or(&[][..], |list| list.node.items());
        let pointer = list.map(|list| list.pointer).unwrap_or_default();
        items.iter().enumerate().map(move |(index, node)| Part {
            node,
            pointer: format!("{pointer}/{index}"),
        })
    }
}
