//! The directive `$patch`.

use super::keys::set_element;
use crate::kustomize::Problem;
use crate::yaml::{Entry, List, Node, Origin};

pub(super) const DIRECTIVE: &str = "$patch";

/// The value of `$patch`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Directive {
    Merge,
    Replace,
    Delete,
}

/// Points at the `$patch: delete` that removed a map or list.
pub(super) fn remover(patch: &Node) -> Option<Origin> {
    let span = |entry: &Entry| Origin {
        start: entry.key_origin.start,
        ..entry.value.origin
    };
    if let Some(entry) = patch.entry(DIRECTIVE) {
        return Some(span(entry));
    }
    patch
        .items()
        .iter()
        .find_map(|item| item.entry(DIRECTIVE))
        .map(span)
}

fn word(value: &Node) -> Result<Directive, Problem> {
    match value.raw() {
        "merge" => Ok(Directive::Merge),
        "replace" => Ok(Directive::Replace),
        "delete" => Ok(Directive::Delete),
        other => Err(
            Problem::error(value.origin, format!("unknown patch directive {other:?}"))
                .with_help("$patch must be merge, replace or delete"),
        ),
    }
}

/// The `$patch` of a map.
pub(super) fn directive(patch: &Node) -> Result<Option<(Directive, &Node)>, Problem> {
    patch
        .get(DIRECTIVE)
        .map(|value| Ok((word(value)?, value)))
        .transpose()
}

pub(super) fn without_directive(patch: &Node) -> Node {
    let mut patch = patch.clone();
    if patch.get(DIRECTIVE).is_some()
        && let Some(map) = patch.map_mut()
    {
        map.entries.retain(|entry| &*entry.key != DIRECTIVE);
    }
    patch
}

/// The `$patch` of a list: an item that contains nothing else.
pub(super) fn list_directive(list: &List) -> Result<Option<(Directive, &str)>, Problem> {
    let Some(item) = list.items.iter().find(|item| item.get(DIRECTIVE).is_some()) else {
        return Ok(None);
    };
    match item.get(DIRECTIVE) {
        Some(value) if item.entries().len() == 1 => Ok(Some((word(value)?, value.raw()))),
        _ => Ok(None),
    }
}

pub(super) fn without_list_directive(patch: &Node, value: &str) -> Result<Node, Problem> {
    let mut patch = patch.clone();
    if let Some(list) = patch.list_mut() {
        set_element(&mut list.items, None, &[DIRECTIVE], &[value])?;
    }
    Ok(patch)
}
