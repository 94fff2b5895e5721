//! Resolution of plain scalars as Go's YAML v3 does it (the reader that kustomize is built on).

use super::{Kind, Scalar};

/// The type of a plain scalar's text.
pub fn resolve(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Kind::Bool,
        _ if parse_int(text).is_some() => Kind::Int,
        _ => Kind::String,
    }
}

/// The value of an integer in any base that YAML v3 knows; `None` when it is none or does not fit.
pub fn parse_int(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// Whether two scalars hold the same value of the same type.
pub fn same(a: &Scalar, b: &Scalar) -> bool {
    a.kind == b.kind && (a.kind == Kind::Null || a.text == b.text)
}
