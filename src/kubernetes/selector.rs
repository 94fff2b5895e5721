//! Label selectors: labels that an object must have, and expressions about them
//! (`metav1.LabelSelector`).
//!
//! Not here: which objects select others (`targets`), and the selectors of kustomize.

use serde_json::Value as Json;

use crate::yaml::Node;

/// A label selector. An empty one selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LabelSelector<'s> {
    /// The labels with their values; `None` for a value that is no text, which no label has.
    labels: Vec<(&'s str, Option<&'s str>)>,
    expressions: Vec<Expression<'s>>,
}

/// One item of `matchExpressions`. What is missing or no text is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Expression<'s> {
    key: &'s str,
    operator: &'s str,
    values: Vec<&'s str>,
}

impl<'s> LabelSelector<'s> {
    /// A map of labels, as Services have it.
    pub(crate) fn of_labels(labels: &'s Node) -> LabelSelector<'s> {
        let entries = labels.entries().iter();
        LabelSelector {
            labels: entries
                .map(|entry| (&*entry.key, entry.value.text()))
                .collect(),
            expressions: Vec::new(),
        }
    }

    /// `matchLabels` and `matchExpressions`.
    pub(crate) fn of_node(selector: &'s Node) -> LabelSelector<'s> {
        let expression = |node: &'s Node| {
            let text = |key: &str| node.get(key).and_then(Node::text).unwrap_or_default();
            let values = node.get("values").map_or(&[][..], Node::items).iter();
            Expression {
                key: text("key"),
                operator: text("operator"),
                values: values.filter_map(Node::text).collect(),
            }
        };
        let expressions = selector
            .get("matchExpressions")
            .map_or(&[][..], Node::items);
        LabelSelector {
            expressions: expressions.iter().map(expression).collect(),
            ..selector
                .get("matchLabels")
                .map(LabelSelector::of_labels)
                .unwrap_or_default()
        }
    }

    /// The same in JSON.
    pub(crate) fn of_json(selector: &'s Json) -> LabelSelector<'s> {
        fn list<'j>(value: &'j Json, key: &str) -> &'j [Json] {
            let list = value.get(key).and_then(Json::as_array);
            list.map_or(&[], Vec::as_slice)
        }
        let expression = |json: &'s Json| {
            let text = |key: &str| json.get(key).and_then(Json::as_str).unwrap_or_default();
            let values = list(json, "values").iter();
            Expression {
                key: text("key"),
                operator: text("operator"),
                values: values.filter_map(Json::as_str).collect(),
            }
        };
        let labels = selector.get("matchLabels").and_then(Json::as_object);
        let labels = labels.into_iter().flatten();
        LabelSelector {
            labels: labels
                .map(|(key, value)| (key.as_str(), value.as_str()))
                .collect(),
            expressions: list(selector, "matchExpressions")
                .iter()
                .map(expression)
                .collect(),
        }
    }

    /// True if it selects everything.
    pub(crate) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.expressions.is_empty()
    }

    /// The labels that every selected object has.
    pub(crate) fn labels(&self) -> impl Iterator<Item = (&'s str, &'s str)> {
        let labels = self.labels.iter();
        labels.filter_map(|(key, value)| Some((*key, (*value)?)))
    }

    /// True if it selects an object whose labels are looked up with `label`. An operator that does
    /// not exist selects nothing.
    pub(crate) fn selects<'l>(&self, label: &dyn Fn(&str) -> Option<&'l str>) -> bool {
        let is_equal =
            |(key, wanted): &(&str, Option<&str>)| wanted.is_some() && label(key) == *wanted;
        let holds = |expression: &Expression<'_>| {
            let value = label(expression.key);
            let is_among = value.is_some_and(|value| expression.values.contains(&value));
            match expression.operator {
                "In" => is_among,
                "NotIn" => !is_among,
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        };
        self.labels.iter().all(is_equal) && self.expressions.iter().all(holds)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::yaml::{FileId, read};

    #[test]
    fn labels_and_expressions_select() {
        let labels = json!({"app": "api", "tier": "web"});
        let label = |key: &str| labels.get(key).and_then(Json::as_str);
        let one = |key: &str, operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        for (selector, expected) in [
            (json!({}), true),
            (json!({"matchLabels": {"app": "api"}}), true),
            (json!({"matchLabels": {"app": "api", "x": "y"}}), false),
            (json!({"matchLabels": {"x": 1}}), false),
            (one("app", "In", &["a", "api"]), true),
            (one("x", "In", &["a"]), false),
            (one("x", "NotIn", &["a"]), true),
            (one("app", "NotIn", &["api"]), false),
            (one("app", "Exists", &[]), true),
            (one("app", "DoesNotExist", &[]), false),
            (one("x", "DoesNotExist", &[]), true),
            (one("app", "Is", &["api"]), false),
            (json!({"matchExpressions": ["app"]}), false),
        ] {
            assert_eq!(
                LabelSelector::of_json(&selector).selects(&label),
                expected,
                "{selector}"
            );
            let text = selector.to_string();
            let read = read::read(&text, FileId(0)).unwrap();
            let of_node = LabelSelector::of_node(&read.documents[0]);
            assert_eq!(of_node.selects(&label), expected, "{selector}");
        }
    }
}
