//! Label selectors of objects that select other objects.

use crate::kubernetes::LabelSelector;
use crate::yaml::Node;

/// True if a label selector (`matchLabels`, `matchExpressions`) selects an object. An empty
/// selector selects all objects.
pub(super) fn selects(selector: &Node, object: &Node) -> bool {
    let label = |key: &str| object.at(&["metadata", "labels", key]).and_then(Node::text);
    LabelSelector::of_node(selector).selects(&label)
}
