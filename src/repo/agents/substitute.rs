//! Variables that Flux puts into rendered objects (`spec.postBuild`): `${NAME}`, `${NAME:-default}`, `${NAME:=default}`,
//! `$${NAME}` for a literal one.
//!
//! Values of Secrets are never put in: what refers to them stays as written.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::kustomize::{Rendered, Resource};
use crate::yaml::{By, Data, Kind, Node, Origin, Scalar};

/// Objects with this label or annotation set to `disabled` are left alone.
const SWITCH: &str = "kustomize.toolkit.fluxcd.io/substitute";

/// The variables of one Flux Kustomization.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    /// Values with their places.
    pub known: BTreeMap<String, (Arc<str>, Origin)>,
    /// Whether some come from objects whose values are not known here. Then a variable without value stays as written;
    /// otherwise it becomes empty, as in Flux.
    pub open: bool,
}

impl Variables {
    /// Puts the variables into every object. Flux does nothing when there are none.
    pub fn apply(&self, rendered: &mut Rendered) {
        if self.known.is_empty() {
            return;
        }
        for resource in rendered.resources.iter_mut().filter(|resource| !switched_off(resource)) {
            self.node(&mut resource.node);
        }
    }

    /// Puts the variables into a tree; its depth is bounded by the reader.
    pub fn node(&self, node: &mut Node) {
        if !mentions(node) {
            return;
        }
        if let Some(scalar) = node.as_scalar() {
            let was_text = scalar.kind == Kind::String;
            let (text, origin) = self.text(&scalar.text);
            if was_text && *text != *scalar.text {
                // Flux prints the object and reads it again, so that `${REPLICAS}` becomes a number
                let whole = scalar.text.starts_with("${") && !text.contains(['\n', '#']);
                let new = if whole { Scalar::plain(text) } else { Scalar::string(text) };
                let origin = origin.unwrap_or(node.origin).with(By::Flux);
                node.replace(Data::Scalar(new), origin);
            }
            return;
        }
        if let Some(map) = node.map_mut() {
            for entry in &mut map.entries {
                if entry.key.contains("${") {
                    entry.key = self.text(&entry.key).0.into();
                }
                self.node(&mut entry.value);
            }
        } else if let Some(list) = node.list_mut() {
            list.items.iter_mut().for_each(|item| self.node(item));
        }
    }

    /// A text with its variables replaced, and where the first of their values stands.
    pub fn text(&self, text: &str) -> (String, Option<Origin>) {
        let (mut out, mut origin, mut rest) = (String::with_capacity(text.len()), None, text);
        while let Some(at) = rest.find("${") {
            let (before, tail) = rest.split_at(at);
            let Some(end) = tail.find('}') else { break };
            let (reference, after) = tail.split_at(end + 1);
            let inner = &reference[2..reference.len() - 1];
            if let Some(before) = before.strip_suffix('$') {
                out.push_str(before);
                out.push_str(reference);
                rest = after;
                continue;
            }
            out.push_str(before);
            let length = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
            let (name, operation) = inner.split_at(length);
            let default = [":-", ":=", "-", "="].iter().find_map(|sign| operation.strip_prefix(sign));
            match self.known.get(name) {
                Some((value, place)) if operation.is_empty() || (default.is_some() && !value.is_empty()) => {
                    out.push_str(value);
                    origin = origin.or(Some(*place));
                }
                _ if name.is_empty() || (default.is_none() && !operation.is_empty()) => out.push_str(reference),
                known => match default {
                    _ if self.open && known.is_none() => out.push_str(reference),
                    Some(default) => out.push_str(default.trim_matches('"')),
                    None => {}
                },
            }
            rest = after;
        }
        out.push_str(rest);
        (out, origin)
    }
}

/// Whether a variable stands anywhere in a tree, so that shared subtrees without one are not copied.
fn mentions(node: &Node) -> bool {
    match &node.data {
        Data::Scalar(scalar) => scalar.text.contains("${"),
        Data::Map(map) => map.entries.iter().any(|entry| entry.key.contains("${") || mentions(&entry.value)),
        Data::List(list) => list.items.iter().any(mentions),
    }
}

fn switched_off(resource: &Resource) -> bool {
    ["labels", "annotations"]
        .iter()
        .any(|map| resource.node.at(&["metadata", map, SWITCH]).and_then(Node::text).is_some_and(|text| text == "disabled"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::FileId;

    fn variables(open: bool) -> Variables {
        let place = Origin { file: FileId(0), start: 0, end: 0, by: By::Manifest };
        let known = [("A", "1"), ("HOST", "shop.example"), ("EMPTY", "")];
        Variables { known: known.iter().map(|(name, value)| (name.to_string(), (Arc::from(*value), place))).collect(), open }
    }

    #[test]
    fn variables_defaults_and_escapes() {
        for (text, closed, open) in [
            ("${A}", "1", "1"),
            ("https://${HOST}/${A}", "https://shop.example/1", "https://shop.example/1"),
            ("${B}", "", "${B}"),
            ("${B:-x}", "x", "${B:-x}"),
            ("${B:=\"x\"}", "x", "${B:=\"x\"}"),
            ("${EMPTY:-x}", "x", "x"),
            ("$${A}", "${A}", "${A}"),
            ("$A $(A) ${", "$A $(A) ${", "$A $(A) ${"),
            ("${A:?}é", "${A:?}é", "${A:?}é"),
            ("${}", "${}", "${}"),
        ] {
            assert_eq!(variables(false).text(text).0, closed, "{text}");
            assert_eq!(variables(true).text(text).0, open, "{text}");
        }
    }
}
