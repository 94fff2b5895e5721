//! Two Applications of one name: Argo CD keeps one of them. An ApplicationSet whose Application exists
//! already, and is not its own, cannot be reconciled.

use std::collections::BTreeMap;

use super::super::discover::is_example;
use super::mistakes::{Mistake, MistakeKind};
use super::{AgentKind, Pointer};
use crate::source::folder_of;
use crate::yaml::{Node, Origin};

/// The Applications of one Argo CD, as far as the repo tells: what one root applies, or what lies in
/// one folder and nothing applies.
type Place<'p> = (Option<usize>, &'p str, Option<usize>);

/// The names that two Applications have. `parents`: for each pointer, those that apply its object.
pub(super) fn mistakes(pointers: &[Pointer], parents: &[Vec<usize>]) -> Vec<Mistake> {
    let mut named: BTreeMap<(Place<'_>, [&str; 2]), &Pointer> = BTreeMap::new();
    let mut found = Vec::new();
    for (index, pointer) in pointers.iter().enumerate() {
        let text = |key: &str| pointer.object.at(&["metadata", key]).and_then(Node::text);
        let name = text("name").unwrap_or_default();
        if pointer.agent.kind != AgentKind::ArgoCd
            || pointer.assumed
            || name.is_empty()
            || name.contains("{{")
            || is_example(&pointer.file)
        {
            continue;
        }
        let root = root_of(index, parents);
        let folder = match root {
            Some(_) => "",
            None => folder_of(&pointer.file),
        };
        let place = (root, folder, pointer.any_environment());
        let key = (place, [text("namespace").unwrap_or_default(), name]);
        match named.get(&key) {
            None => {
                named.insert(key, pointer);
            }
            Some(first) if written(first) != written(pointer) => {
                found.push(mistake(first, pointer, name));
            }
            Some(_) => {}
        }
    }
    found
}

/// The pointer above a pointer that nothing applies; `None` for that itself.
fn root_of(index: usize, parents: &[Vec<usize>]) -> Option<usize> {
    /// Agents may apply each other.
    const DEEPEST: usize = 100;
    let above = |index: usize| parents.get(index)?.first().copied();
    let mut root = above(index)?;
    for _ in 0..DEEPEST {
        match above(root) {
            Some(next) => root = next,
            None => break,
        }
    }
    Some(root)
}

/// The place of the object, or of the template that makes it. The sources of one Application have
/// one place.
fn written(pointer: &Pointer) -> (u32, u32) {
    let Origin { file, start, .. } = pointer.object.origin;
    (file.0, start)
}

fn mistake(first: &Pointer, second: &Pointer, name: &str) -> Mistake {
    let node = second.object.at(&["metadata", "name"]);
    let node = node.unwrap_or(&second.object);
    let other = first.object.at(&["metadata", "name"]);
    let other = other.unwrap_or(&first.object);
    Mistake {
        kind: MistakeKind::Refused,
        origin: node.origin,
        subject: name.to_string(),
        message: format!(
            "{} has the name of another Application in the same namespace; Argo CD keeps only one of them",
            second.agent.name
        ),
        help: "give one of them another name, or remove it".to_string(),
        related: Some(("the other Application".to_string(), other.origin)),
    }
}
