//! Tree to text in kustomize's style: sorted keys, two blanks, compact lists, Go's quoting rules, literal blocks.

use super::Node;

/// Writes one document, without `---`, ending in a newline.
pub fn write(_node: &Node) -> String {
    String::new()
}

/// The tree as JSON, numbers normalised as kustomize prints them, keys sorted.
pub fn to_json(_node: &Node) -> serde_json::Value {
    serde_json::Value::Null
}
