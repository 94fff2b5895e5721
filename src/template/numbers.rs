//! Numbers in texts as Go's `strconv` reads them, and any value as a number, as functions of
//! arithmetic read it.

use super::value::{Data, Value};

/// Any value as an integer; 0 if it is none.
pub(super) fn to_int(value: &Value) -> i64 {
    match &value.data {
        Data::Int(_, value) => *value,
        Data::Float(value) => truncated(*value),
        Data::Bool(value) => i64::from(*value),
        Data::String(text) => signed(without_zero_fraction(text.as_str())).unwrap_or(0),
        _ => 0,
    }
}

/// Any value as a float; 0 if it is none.
pub(super) fn to_float(value: &Value) -> f64 {
    match &value.data {
        Data::Int(_, value) => *value as f64,
        Data::Float(value) => *value,
        Data::Bool(value) => f64::from(u8::from(*value)),
        Data::String(text) => float(text.as_str()).unwrap_or(0.0),
        _ => 0.0,
    }
}

/// A float without its fraction. What does not fit becomes the smallest integer, as on most
/// machines that run Helm.
pub(super) fn truncated(value: f64) -> i64 {
    match (i64::MIN as f64..-(i64::MIN as f64)).contains(&value) {
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

/// An integer with Go's prefixes, in a template or in a text that a function reads.
pub(super) fn signed(written: &str) -> Option<i64> {
    let (negative, digits) = match written.as_bytes().first()? {
        b'-' => (true, &written[1..]),
        b'+' => (false, &written[1..]),
        _ => (false, written),
    };
    let value = i128::try_from(magnitude(digits)?).ok()?;
    i64::try_from(if negative { -value } else { value }).ok()
}

/// The value of digits with one of Go's prefixes.
pub(super) fn magnitude(written: &str) -> Option<u128> {
    let lower = written.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, &lower[..]),
    };
    if !underscores_separate(written) || digits.starts_with(['+', '-']) {
        return None;
    }
    u128::from_str_radix(&digits.replace('_', ""), radix).ok()
}

/// A float as Go's `ParseFloat` reads it: also `0x1p4`, `inf` and `nan`.
pub(super) fn float(written: &str) -> Option<f64> {
    let (sign, unsigned) = match written.as_bytes().first()? {
        b'-' => (-1.0, &written[1..]),
        b'+' => (1.0, &written[1..]),
        _ => (1.0, written),
    };
    let lower = unsigned.to_ascii_lowercase();
    match lower.as_str() {
        "inf" | "infinity" => return Some(sign * f64::INFINITY),
        "nan" => return Some(f64::NAN),
        _ => {}
    }
    if !underscores_separate(unsigned) {
        return None;
    }
    let plain = lower.replace('_', "");
    if let Some(digits) = plain.strip_prefix("0x") {
        return Some(sign * hex_float(digits)?);
    }
    if !plain.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let value: f64 = plain.parse().ok()?;
    value.is_finite().then_some(sign * value)
}

fn hex_float(digits: &str) -> Option<f64> {
    let (mantissa, exponent) = digits.split_once('p')?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || all.len() > 14 {
        return None;
    }
    let value = u64::from_str_radix(&all, 16).ok()? as f64;
    let exponent: i32 = exponent.parse().ok()?;
    let scaled = value * 2f64.powi(exponent - 4 * fraction.len() as i32);
    scaled.is_finite().then_some(scaled)
}

/// True if each underscore is between digits, or between a prefix and a digit.
fn underscores_separate(written: &str) -> bool {
    let lower = written.to_ascii_lowercase();
    let has_prefix = ["0x", "0o", "0b"]
        .iter()
        .any(|prefix| lower.starts_with(prefix));
    let is_hex = lower.starts_with("0x");
    let mut before = '!';
    for c in lower.chars().skip(if has_prefix { 2 } else { 0 }) {
        let is_digit = c.is_ascii_digit() || is_hex && c.is_ascii_hexdigit();
        let after_prefix = before == '!' && has_prefix;
        if c == '_' {
            if before != '0' && !after_prefix {
                return false;
            }
            before = '_';
        } else if is_digit {
            before = '0';
        } else if before == '_' {
            return false;
        } else {
            before = '.';
        }
    }
    before != '_'
}
