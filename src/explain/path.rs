//! Paths into an object, as users type them: `image`, `containers[api].image`, `/spec/replicas`.

use crate::compare::secrets;
use crate::yaml::{escape_pointer, unescape_pointer};

/// A step from a map or list to what it contains.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// A key of a map.
    Key(String),
    /// The index of an item, and its name if it has one.
    Item(usize, Option<String>),
}

impl Step {
    /// The key, or the item's name if it has one.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Step::Key(key) => Some(key),
            Step::Item(_, name) => name.as_deref(),
        }
    }
    /// The step as `secrets` sees it.
    pub(crate) fn word(&self) -> secrets::Word<'_> {
        match self {
            Step::Key(key) => secrets::Word::Key(key),
            Step::Item(index, name) => secrets::Word::Item(*index, name.as_deref()),
        }
    }
}

/// `spec.containers[api].image`
pub(crate) fn dotted(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Key(key) if key.contains(['.', '/', '[']) => text.push_str(&format!("[{key}]")),
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => text.push_str(&format!(".{key}")),
            Step::Item(index, name) => text.push_str(&format!(
                "[{}]",
                name.clone().unwrap_or_else(|| index.to_string())
            )),
        }
    }
    if text.is_empty() {
        "the object".to_string()
    } else {
        text
    }
}

/// `/spec/containers/0/image`
pub(crate) fn pointer(steps: &[Step]) -> String {
    steps
        .iter()
        .map(|step| match step {
            Step::Key(key) => format!("/{}", escape_pointer(key)),
            Step::Item(index, _) => format!("/{index}"),
        })
        .collect()
}

/// The words of a path as typed: `/spec/replicas`, `spec.replicas`, `containers[api].image`,
/// `annotations[a.example/b]`.
pub(crate) fn words(path: &str) -> Vec<String> {
    if let Some(pointer) = path.strip_prefix('/') {
        return pointer
            .split('/')
            .map(unescape_pointer)
            .map(|word| word.to_string())
            .collect();
    }
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut inside = false;
    for character in path.chars() {
        match character {
            '.' if !inside => words.push(std::mem::take(&mut word)),
            '[' if !inside => {
                words.push(std::mem::take(&mut word));
                inside = true;
            }
            ']' if inside => {
                words.push(std::mem::take(&mut word));
                inside = false;
            }
            other => word.push(other),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// True if a path ends in the words. Items of lists may be left out, and a key with dots may be typed
/// without brackets.
pub(crate) fn ends(steps: &[Step], words: &[String]) -> bool {
    let Some((last, rest)) = words.split_last() else {
        return true;
    };
    let Some((step, above)) = steps.split_last() else {
        return false;
    };
    match step {
        Step::Key(key) if key == last => ends(above, rest),
        Step::Key(key) if key.contains('.') => {
            let dots = key.matches('.').count() + 1;
            let cut = words.len().saturating_sub(dots);
            words.get(cut..).is_some_and(|tail| tail.join(".") == *key)
                && ends(above, words.get(..cut).unwrap_or_default())
        }
        Step::Key(_) => false,
        Step::Item(index, name) => {
            (name.as_deref() == Some(last) || *last == index.to_string()) && ends(above, rest)
                || ends(above, words)
        }
    }
}

/// The path with the names of list items instead of their indices, which may differ between
/// environments.
pub(crate) fn general(steps: &[Step]) -> Vec<Step> {
    let step = |step: &Step| match step {
        Step::Item(_, Some(name)) => Step::Item(0, Some(name.clone())),
        other => other.clone(),
    };
    steps.iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_path_is_enough() {
        let key = |text: &str| Step::Key(text.to_string());
        let image = [
            key("spec"),
            key("containers"),
            Step::Item(0, Some("api".into())),
            key("image"),
        ];
        for path in [
            "image",
            "containers.image",
            "containers[api].image",
            "/spec/containers/0/image",
            "api.image",
            "spec.containers[0].image",
        ] {
            assert!(ends(&image, &words(path)), "{path}");
        }
        for path in ["containers[web].image", "spec.image", "name"] {
            assert!(!ends(&image, &words(path)), "{path}");
        }
        let annotation = [
            key("metadata"),
            key("annotations"),
            key("acme.example/owner"),
        ];
        for path in [
            "annotations[acme.example/owner]",
            "annotations.acme.example/owner",
            "acme.example/owner",
        ] {
            assert!(ends(&annotation, &words(path)), "{path}");
        }
        assert_eq!(
            dotted(&annotation),
            "metadata.annotations[acme.example/owner]"
        );
        assert_eq!(dotted(&image), "spec.containers[api].image");
    }
}
