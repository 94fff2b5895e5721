//! Label selectors of objects that select other objects.

use crate::yaml::Node;

/// True if a label selector (`matchLabels`, `matchExpressions`) selects an object. An empty
/// selector selects all objects.
pub(super) fn selects(selector: &Node, object: &Node) -> bool {
    let label = |key: &str| object.at(&["metadata", "labels", key]).and_then(Node::text);
    let labels = selector.get("matchLabels").map_or(&[][..], Node::entries);
    let equal = labels
        .iter()
        .all(|entry| label(&entry.key).is_some() && label(&entry.key) == entry.value.text());
    let expressions = selector
        .get("matchExpressions")
        .map_or(&[][..], Node::items);
    equal
        && expressions.iter().all(|expression| {
            let value = label(
                expression
                    .get("key")
                    .and_then(Node::text)
                    .unwrap_or_default(),
            );
            let values = expression.get("values").map_or(&[][..], Node::items);
            let among =
                value.is_some_and(|value| values.iter().any(|other| other.text() == Some(value)));
            match expression
                .get("operator")
                .and_then(Node::text)
                .unwrap_or_default()
            {
                "In" => among,
                "NotIn" => !among,
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        })
}
