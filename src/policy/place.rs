//! Places in objects, as policies name them.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::yaml::{Node, Origin, escape_pointer};

/// The longest message that is searched for values.
const LONGEST: usize = 2_000;

/// The shortest value that a message can point at by naming it.
const SHORTEST: usize = 3;

/// A path as policies write it, as a pointer: `/spec/replicas`, `spec.containers[0].image`,
/// `metadata.annotations["example.com/owner"]`, or a list of keys and numbers.
pub(super) fn pointer(path: &Json) -> Option<String> {
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

/// The place in an object that a pointer or else a message names, with its own pointer.
pub(super) fn place_in(node: &Node, stated: Option<&str>, message: &str) -> (Origin, String) {
    let stated = stated.map(str::to_string);
    let whole = stated.or_else(|| mentioned(node, message));
    nearest(node, whole.unwrap_or_default())
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
/// ``container uses `nginx:latest` ``. Names of the object itself say nothing about the place, and
/// neither does a word of the sentence that is a label or could be one, unless it is quoted.
fn mentioned(node: &Node, message: &str) -> Option<String> {
    if message.len() > LONGEST {
        return None;
    }
    let is_edge = |letter: char| letter.is_whitespace() || "`'\"()[]{},<>=".contains(letter);
    let words = message
        .split(is_edge)
        .map(|word| word.trim_end_matches(['.', ':', ';', '!']));
    let is_quoted = |word: &str| {
        ['`', '\'', '"']
            .iter()
            .any(|quote| message.contains(&format!("{quote}{word}{quote}")))
    };
    let mut words: BTreeMap<&str, bool> = words
        .filter(|word| word.len() >= SHORTEST && word.parse::<f64>().is_err())
        .map(|word| (word, is_quoted(word)))
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
    words: &BTreeMap<&str, bool>,
    pointer: &mut String,
    found: &mut Vec<(usize, String)>,
) {
    let is_label = || pointer.contains("abels/") || pointer.starts_with("/metadata/");
    let is_meant = |text: &&str| {
        let quoted = words.get(text);
        let is_word = text.chars().all(char::is_alphabetic);
        let is_telling = || !is_word || pointer.ends_with("/name");
        quoted.is_some_and(|quoted| *quoted || is_telling() && !is_label())
    };
    if let Some(text) = node.as_str().filter(is_meant) {
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
