//! Any value as a number, as functions of arithmetic read it.

use super::parse;
use super::value::{Data, Value};

/// Any value as an integer; 0 if it is none.
pub(super) fn to_int(value: &Value) -> i64 {
    match &value.data {
        Data::Int(_, value) => *value,
        Data::Float(value) => truncated(*value),
        Data::Bool(value) => i64::from(*value),
        Data::String(text) => parse::parse_int(without_zero_fraction(text.as_str())).unwrap_or(0),
        _ => 0,
    }
}

/// Any value as a float; 0 if it is none.
pub(super) fn to_float(value: &Value) -> f64 {
    match &value.data {
        Data::Int(_, value) => *value as f64,
        Data::Float(value) => *value,
        Data::Bool(value) => f64::from(u8::from(*value)),
        Data::String(text) => parse::parse_float(text.as_str()).unwrap_or(0.0),
        _ => 0.0,
    }
}

/// A float without its fraction. What does not fit becomes the smallest integer, as on most
/// machines that run Helm.
pub(super) fn truncated(value: f64) -> i64 {
    match (-9.223_372_036_854_775_8e18..9.223_372_036_854_775_8e18).contains(&value) {
        true => value as i64,
        false => i64::MIN,
    }
}

/// `1.00` is read as `1`, `1.5` is not.
fn without_zero_fraction(text: &str) -> &str {
    match text.rsplit_once('.') {
        Some((whole, fraction))
            if !fraction.is_empty() && fraction.bytes().all(|byte| byte == b'0') =>
        {
            whole
        }
        _ => text,
    }
}
