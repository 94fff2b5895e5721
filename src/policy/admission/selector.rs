//! Label selectors and patterns of names.

use serde_json::Value as Json;

use crate::kubernetes::LabelSelector;

/// True if a label selector of Kubernetes selects labels. One that is malformed selects nothing.
pub(super) fn selects(selector: &Json, labels: &Json) -> bool {
    let label = |key: &str| labels.get(key).and_then(Json::as_str);
    LabelSelector::of_json(selector).selects(&label)
}

/// True if a name fits a pattern of Gatekeeper: `kube-*`, `*-system` or `*system*`.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(_), Some(_)) => name.contains(pattern.trim_matches('*')),
        (Some(end), None) => name.ends_with(end),
        (None, Some(start)) => name.starts_with(start),
        (None, None) => pattern == name,
    }
}

/// The texts of a list.
pub(super) fn texts<'j>(value: &'j Json, key: &str) -> Vec<&'j str> {
    let items = value.get(key).and_then(Json::as_array);
    items
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_have_a_star_at_an_end() {
        for (pattern, name, expected) in [
            ("kube-*", "kube-system", true),
            ("*-system", "kube-system", true),
            ("*e-s*", "kube-system", true),
            ("kube", "kube-system", false),
            ("*", "anything", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern}");
        }
    }
}
