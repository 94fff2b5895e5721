//! Entries of `patches` and `patchesJson6902`.

use super::Selector;
use crate::kustomize::decode::{Decoder, Text};
use crate::yaml::{Node, Origin};

/// An entry of `patches` or `patchesJson6902`.
#[derive(Clone, Debug, PartialEq)]
pub struct PatchEntry {
    /// `path`
    pub path: Option<Text>,
    /// `patch`
    pub patch: Option<Text>,
    /// `target`
    pub target: Option<Selector>,
    /// `options.allowNameChange`
    pub allow_name_change: bool,
    /// `options.allowKindChange`
    pub allow_kind_change: bool,
    /// The whole entry.
    pub origin: Origin,
}

impl PatchEntry {
    fn new(origin: Origin) -> PatchEntry {
        PatchEntry {
            path: None,
            patch: None,
            target: None,
            allow_name_change: false,
            allow_kind_change: false,
            origin,
        }
    }

    /// An entry of `patchesStrategicMerge`: the path of a file, or the patch itself.
    pub(in crate::kustomize) fn from_path(entry: &Text) -> PatchEntry {
        PatchEntry {
            path: Some(entry.clone()),
            ..PatchEntry::new(entry.origin())
        }
    }

    /// A patch that is written where it is used.
    pub(in crate::kustomize) fn inline(patch: Text) -> PatchEntry {
        PatchEntry {
            patch: Some(patch.clone()),
            ..PatchEntry::new(patch.origin())
        }
    }

    /// Reads an entry of `patches`.
    pub fn decode(node: &Node, decoder: &mut Decoder<'_>) -> PatchEntry {
        let mut result = PatchEntry::new(node.origin);
        for (name, entry) in
            decoder.fields(node, "a patch", &["path", "patch", "target", "options"])
        {
            match name {
                "path" => result.path = decoder.filled_text(&entry.value, name),
                "patch" => result.patch = decoder.filled_text(&entry.value, name),
                "target" => result.target = Some(Selector::decode(&entry.value, decoder)),
                _ => {
                    for (name, option) in decoder.fields(
                        &entry.value,
                        "options",
                        &["allowNameChange", "allowKindChange"],
                    ) {
                        let value = decoder.boolean(&option.value, name);
                        match name {
                            "allowNameChange" => result.allow_name_change = value,
                            _ => result.allow_kind_change = value,
                        }
                    }
                }
            }
        }
        result
    }
}
