//! The programs that read YAML and differ in the types of plain scalars and keys.

use std::borrow::Cow;

use crate::yaml::{Kind, scalar};

/// Whose reading of a text counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Dialect {
    /// kustomize: Go's YAML v3, keys are strings.
    #[default]
    Kustomize,
    /// Helm and everything that reads objects from its output (`sigs.k8s.io/yaml`): YAML 1.1, so
    /// that `yes` and `off` are booleans and dates are strings; keys become strings as in JSON.
    Json,
}

impl Dialect {
    /// True if `<<` replaces the keys before it, and may stand in a map more than once.
    pub(super) fn merges_in_order(self) -> bool {
        self == Dialect::Json
    }

    /// The text and type of a plain scalar that kustomize reads as `kind`.
    pub(super) fn settle<'t>(self, text: &'t str, kind: Kind, plain: bool) -> (Cow<'t, str>, Kind) {
        match (self, kind) {
            (Dialect::Json, Kind::String) if plain => match boolean(text) {
                Some(value) => (
                    Cow::Borrowed(if value { "true" } else { "false" }),
                    Kind::Bool,
                ),
                None => (Cow::Borrowed(text), kind),
            },
            (Dialect::Json, Kind::Timestamp) => (Cow::Borrowed(text), Kind::String),
            _ => (Cow::Borrowed(text), kind),
        }
    }

    /// The text of a key that is not a string; `None` if it cannot be a key.
    pub(super) fn key(self, text: &str, kind: Kind) -> Option<String> {
        match (self, kind) {
            (Dialect::Kustomize, _) | (_, Kind::Null) => None,
            (Dialect::Json, Kind::Bool) => Some(text.to_ascii_lowercase()),
            // Go's conversion of keys knows no integer beyond 64 bits with a sign
            (Dialect::Json, Kind::Int) => scalar::integer(text)
                .filter(|value| i64::try_from(*value).is_ok())
                .map(|value| value.to_string()),
            // it prints floats with 32 bits, and may use an exponent
            (Dialect::Json, Kind::Float) => scalar::parse_float(text)
                .map(|value| value as f32)
                .filter(|value| *value == 0.0 || (1e-4..1e5).contains(&value.abs()))
                .map(|value| value.to_string()),
            (Dialect::Json, Kind::Binary) => None,
            (Dialect::Json, _) => Some(text.to_string()),
        }
    }
}

/// The booleans of YAML 1.1 that YAML 1.2 reads as texts.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{read, read_as};
    use super::*;
    use crate::yaml::FileId;

    #[test]
    fn helm_reads_yaml_1_1_through_json() {
        let text =
            "a: yes\nb: 'yes'\nn: Off\n1: x\n1.50: y\n0x10: h\nd: 2024-01-01\ne: [on, ON, oN]\n";
        let document = read_as(text, FileId(0), Dialect::Json)
            .unwrap()
            .documents
            .remove(0);
        let shown = crate::yaml::write::to_json(&document);
        let expected = serde_json::json!({"a": true, "b": "yes", "false": false, "1": "x", "1.5": true, "16": "h",
            "d": "2024-01-01", "e": [true, true, "oN"]});
        assert_eq!(shown, expected);
        assert!(read(text, FileId(0)).is_err());
        assert!(read_as("~: x\n", FileId(0), Dialect::Json).is_err());
    }

    #[test]
    fn helm_merges_maps_where_they_are_named() {
        let text = "a: &a {x: 1, q: a}\nb: &b {q: b, z: 9}\nafter: {x: 8, <<: *a}\n\
            twice:\n  z: 0\n  <<: *a\n  <<: *b\n  x: 3\nlist: {x: 8, <<: [*b, *a], q: own}\n";
        let documents = read_as(text, FileId(0), Dialect::Json).unwrap();
        assert!(documents.duplicate_keys.is_empty());
        let shown = crate::yaml::write::to_json(&documents.documents[0]);
        assert_eq!(shown["after"], serde_json::json!({"x": 1, "q": "a"}));
        assert_eq!(
            shown["twice"],
            serde_json::json!({"z": 9, "q": "b", "x": 3})
        );
        assert_eq!(
            shown["list"],
            serde_json::json!({"x": 1, "q": "own", "z": 9})
        );
        assert!(read(text, FileId(0)).is_err(), "kustomize refuses two");
        let again = read_as("a: {x: 1, x: 2}\n", FileId(0), Dialect::Json).unwrap();
        assert_eq!(again.duplicate_keys.len(), 1);
    }
}
