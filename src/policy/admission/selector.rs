//! Label selectors and patterns of names.

use serde_json::Value as Json;

/// True if a label selector of Kubernetes selects labels. One that is malformed selects nothing.
pub(super) fn selects(selector: &Json, labels: &Json) -> bool {
    let label = |key: &str| labels.get(key).and_then(Json::as_str);
    let equal = selector.get("matchLabels").and_then(Json::as_object);
    let all_equal = equal
        .into_iter()
        .flatten()
        .all(|(key, wanted)| label(key).is_some() && label(key) == wanted.as_str());
    let expressions = selector.get("matchExpressions").and_then(Json::as_array);
    all_equal
        && expressions
            .into_iter()
            .flatten()
            .all(|expression| holds(expression, &label))
}

fn holds<'l>(expression: &Json, label: &dyn Fn(&str) -> Option<&'l str>) -> bool {
    let text = |key: &str| expression.get(key).and_then(Json::as_str);
    let (Some(key), Some(operator)) = (text("key"), text("operator")) else {
        return false;
    };
    let values = expression.get("values").and_then(Json::as_array);
    let has = |found: &str| {
        let mut values = values.into_iter().flatten();
        values.any(|value| value.as_str() == Some(found))
    };
    let found = label(key);
    match operator {
        "In" => found.is_some_and(has),
        "NotIn" => !found.is_some_and(has),
        "Exists" => found.is_some(),
        "DoesNotExist" => found.is_none(),
        _ => false,
    }
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
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_select_as_in_kubernetes() {
        let labels = json!({"app": "api", "tier": "web"});
        for (selector, expected) in [
            (json!({}), true),
            (json!({"matchLabels": {"app": "api"}}), true),
            (json!({"matchLabels": {"app": "api", "x": "y"}}), false),
            (
                json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "api"]}]}),
                true,
            ),
            (
                json!({"matchExpressions": [{"key": "x", "operator": "In", "values": ["a"]}]}),
                false,
            ),
            (
                json!({"matchExpressions": [{"key": "x", "operator": "NotIn", "values": ["a"]}]}),
                true,
            ),
            (
                json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["api"]}]}),
                false,
            ),
            (
                json!({"matchExpressions": [{"key": "app", "operator": "Exists"}]}),
                true,
            ),
            (
                json!({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}),
                false,
            ),
            (
                json!({"matchExpressions": [{"key": "app", "operator": "Is"}]}),
                false,
            ),
        ] {
            assert_eq!(selects(&selector, &labels), expected, "{selector}");
        }
    }

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
