//! The merge key: `<<: *base` and `<<: [*one, *two]` add the entries that a map lacks.

use granit_parser::{ScalarStyle, Tag};

use crate::yaml::{Data, Node};

/// True for an unquoted `<<` without a tag of another type.
pub(super) fn is_merge_key(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> bool {
    style == ScalarStyle::Plain
        && text == "<<"
        && tag.is_none_or(|tag| {
            let unspecific = tag.handle().is_empty() && tag.suffix() == "!";
            unspecific || tag.is_yaml_core_schema_tag("merge")
        })
}

/// The maps in the value of `<<`; `None` if it is anything else.
pub(super) fn sources(value: Node) -> Option<Vec<Node>> {
    match &value.data {
        Data::Map(_) => Some(vec![value]),
        Data::List(list) if list.items.iter().all(|item| item.as_map().is_some()) => {
            Some(list.items.clone())
        }
        _ => None,
    }
}
