//! The place that a result of a policy points at.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::subject::Subject;
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::Context;
use crate::yaml::{By, Node, Origin, escape_pointer};

/// The shortest value that a message can point at by naming it.
const SHORTEST: usize = 3;

/// A path as policies write it, as a pointer: `/spec/replicas`, `spec.containers[0].image`,
/// `metadata.annotations["example.com/owner"]`, or a list of keys and numbers.
fn pointer(path: &Json) -> Option<String> {
    let join = |parts: &[String]| -> String {
        let parts = parts.iter();
        parts
            .map(|part| format!("/{}", escape_pointer(part)))
            .collect()
    };
    match path {
        Json::String(text) if text.starts_with('/') => Some(text.clone()),
        Json::String(text) => Some(join(&parts(text))),
        Json::Array(items) => {
            let parts = items.iter().map(|item| match item {
                Json::String(text) => Some(text.clone()),
                Json::Number(number) => Some(number.to_string()),
                _ => None,
            });
            Some(join(&parts.collect::<Option<Vec<String>>>()?))
        }
        _ => None,
    }
}

/// The parts of `$.spec.containers[0]["name"]`. A part in quotes may have dots.
fn parts(path: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut letters = path.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '.' | '[' | ']' => parts.push(std::mem::take(&mut part)),
            '"' | '\'' if part.is_empty() => {
                part.extend(letters.by_ref().take_while(|next| *next != letter));
            }
            _ => part.push(letter),
        }
    }
    parts.push(part);
    parts.retain(|part| !part.is_empty());
    if parts
        .first()
        .is_some_and(|first| first == "$" || first == "input")
    {
        parts.remove(0);
    }
    parts
}

/// The object or value that a result is about.
pub(super) struct Target<'r> {
    pub(super) origin: Origin,
    /// The object, and the pointer of the value in it (empty for the object itself).
    pub(super) value: Option<(&'r Resource, String)>,
}

/// The value that a result names by `path` or by `_loc`, or the nearest existing value above it.
/// Without one, the only value that the message names, or else the first line of the input.
pub(super) fn target<'r>(
    context: &Context,
    subject: &Subject<'r>,
    result: &Json,
    message: &str,
) -> Target<'r> {
    if let Some(origin) = result.get("_loc").and_then(|at| location(context, at)) {
        let value = subject.resource.map(|resource| (resource, String::new()));
        return Target { origin, value };
    }
    let named = || named(subject.overlay?, result);
    let resource = subject.resource.or_else(named);
    let Some(node) = resource.map(|resource| &resource.node).or(subject.document) else {
        return Target {
            origin: subject.origin(),
            value: None,
        };
    };
    let stated = result.get("path").and_then(pointer);
    let whole = stated.or_else(|| mentioned(node, message));
    let (origin, pointer) = nearest(node, whole.unwrap_or_default());
    Target {
        origin,
        value: resource.map(|resource| (resource, pointer)),
    }
}

/// The object that `kind`, `name` and `namespace` of a result name. The input of a `promotion`
/// policy is a pair, so only the result says which object it means.
fn named<'r>(overlay: &'r Overlay, result: &Json) -> Option<&'r Resource> {
    let text = |key: &str| result.get(key).and_then(Json::as_str);
    let (kind, name) = (text("kind")?, text("name")?);
    let namespace = text("namespace");
    let is_named = |one: &&Resource| {
        let same = |wanted: &str| one.id().namespace.as_deref() == Some(wanted);
        one.kind() == kind && one.name() == name && namespace.is_none_or(same)
    };
    overlay.rendered.resources.iter().find(is_named)
}

/// `_loc` of conftest: a file of the repo and a line in it.
fn location(context: &Context, at: &Json) -> Option<Origin> {
    let path = at.get("file")?.as_str()?;
    let line = usize::try_from(at.get("line")?.as_u64()?).ok()?;
    let files = &context.repo.files;
    let file = files.find(path.trim_start_matches("./"), &None)?;
    let start = u32::try_from(files.get(file).start_of_line(line)?).ok()?;
    Some(Origin {
        file,
        start,
        end: start,
        by: By::Manifest,
    })
}

/// The value at a pointer or the nearest one above it, with its own pointer.
fn nearest(node: &Node, mut pointer: String) -> (Origin, String) {
    while !pointer.is_empty() {
        if let Some(found) = node.pointer(&pointer) {
            return (found.origin, pointer);
        }
        let above = pointer.rfind('/').unwrap_or_default();
        pointer.truncate(above);
    }
    let first_entry = node.entries().first().map(|entry| &entry.value);
    let first = node.get("apiVersion").or(first_entry);
    let origin = first.map_or(node.origin, |first| first.origin);
    (origin, String::new())
}

/// The pointer of the longest value that a message names, if only one place has it: the image in
/// ``container uses `nginx:latest` ``. Names of the object itself say nothing about the place.
fn mentioned(node: &Node, message: &str) -> Option<String> {
    let is_edge = |letter: char| letter.is_whitespace() || "`'\"()[]{},<>=".contains(letter);
    let words = message
        .split(is_edge)
        .map(|word| word.trim_end_matches(['.', ':', ';', '!']));
    let mut words: BTreeSet<&str> = words
        .filter(|word| word.len() >= SHORTEST && word.parse::<f64>().is_err())
        .collect();
    let own = [
        "/kind",
        "/apiVersion",
        "/metadata/name",
        "/metadata/namespace",
    ];
    for name in own.iter().filter_map(|own| node.pointer(own)?.text()) {
        words.remove(name);
    }
    let mut found: Vec<(usize, String)> = Vec::new();
    collect(node, &words, &mut String::new(), &mut found);
    let longest = found.iter().map(|(length, _)| *length).max()?;
    let mut longest = found.into_iter().filter(|(length, _)| *length == longest);
    let first = longest.next();
    first
        .filter(|_| longest.next().is_none())
        .map(|(_, pointer)| pointer)
}

fn collect(
    node: &Node,
    words: &BTreeSet<&str>,
    pointer: &mut String,
    found: &mut Vec<(usize, String)>,
) {
    if let Some(text) = node.as_str().filter(|text| words.contains(text)) {
        found.push((text.len(), pointer.clone()));
    }
    let before = pointer.len();
    for entry in node.entries() {
        pointer.push('/');
        pointer.push_str(&escape_pointer(&entry.key));
        collect(&entry.value, words, pointer, found);
        pointer.truncate(before);
    }
    for (at, item) in node.items().iter().enumerate() {
        pointer.push_str(&format!("/{at}"));
        collect(item, words, pointer, found);
        pointer.truncate(before);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::yaml::FileId;
    use crate::yaml::read::read;

    #[test]
    fn paths_have_many_forms() {
        for (path, expected) in [
            (json!("/spec/a~1b"), "/spec/a~1b"),
            (
                json!("spec.containers[0].image"),
                "/spec/containers/0/image",
            ),
            (
                json!("$.metadata.annotations[\"a.b/c\"]"),
                "/metadata/annotations/a.b~1c",
            ),
            (
                json!("input.metadata.labels['a.b']"),
                "/metadata/labels/a.b",
            ),
            (
                json!(["spec", "containers", 0, "a/b"]),
                "/spec/containers/0/a~1b",
            ),
            (json!(""), ""),
        ] {
            assert_eq!(pointer(&path).as_deref(), Some(expected), "{path}");
        }
        assert_eq!(pointer(&json!({"a": 1})), None);
    }

    #[test]
    fn a_message_points_at_the_only_value_that_it_names() {
        let text = "kind: Deployment\nmetadata: {name: web}\nspec:\n  containers:\n  - {name: web, image: 'nginx:1'}\n  - {name: log, image: 'x/y:2', cpu: '100'}\n  - {name: aux, image: 'x/y:2'}\n";
        let node = read(text, FileId(0)).unwrap().documents.remove(0);
        for (message, expected) in [
            ("web uses `nginx:1`.", Some("/spec/containers/0/image")),
            (
                "container log of Deployment web needs 100",
                Some("/spec/containers/1/name"),
            ),
            ("image x/y:2 is not allowed", None),
            ("Deployment web has no replicas", None),
        ] {
            assert_eq!(mentioned(&node, message).as_deref(), expected, "{message}");
        }
    }
}
