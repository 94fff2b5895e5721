//! The merge key: `<<: *base` and `<<: [*one, *two]` add the entries that a map lacks.

use granit_parser::{ScalarStyle, Tag};

use crate::yaml::{Data, Node};

/// The tag of a merge key, `!!merge`, which yq writes.
const MERGE: &str = "tag:yaml.org,2002:merge";

/// True for a `<<` with the tag of a merge key, and for an unquoted one without a tag of another type.
pub(super) fn is_merge_key(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> bool {
    let is_tagged = |tag: &Tag| format!("{}{}", tag.handle(), tag.suffix()) == MERGE;
    let is_plain = style == ScalarStyle::Plain;
    text == "<<"
        && match tag {
            None => is_plain,
            Some(tag) if tag.handle().is_empty() && tag.suffix() == "!" => is_plain,
            Some(tag) => is_tagged(tag),
        }
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
