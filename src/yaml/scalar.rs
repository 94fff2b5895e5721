//! Resolution of plain scalars as Go's YAML v3 does it (the reader that kustomize is built on), and the values of numbers.
//!
//! Not here: quoting (see `write`).

use std::borrow::Cow;

use super::{Kind, Scalar};

/// The type of a plain scalar's text.
pub fn resolve(text: &str) -> Kind {
    let Some(first) = text.bytes().next() else { return Kind::Null };
    match first {
        b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' => match text {
            "~" | "null" | "Null" | "NULL" => Kind::Null,
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Kind::Bool,
            _ => Kind::String,
        },
        b'0'..=b'9' | b'+' | b'-' | b'.' => {
            if is_timestamp(text) {
                Kind::Timestamp
            } else if is_int(text) {
                Kind::Int
            } else if parse_float(text).is_some() {
                Kind::Float
            } else {
                Kind::String
            }
        }
        _ => Kind::String,
    }
}

/// The digits of an integer without underscores, sign apart, and their base; `None` when the text is no integer.
fn integer_parts(text: &str) -> Option<(bool, Cow<'_, str>, u32)> {
    let plain: Cow<str> = if text.contains('_') { text.replace('_', "").into() } else { text.into() };
    let (negative, unsigned) = match plain.strip_prefix('-') {
        Some(rest) => (true, rest.to_string()),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain).to_string()),
    };
    let lower = unsigned.to_ascii_lowercase();
    let (digits, base) = if let Some(rest) = lower.strip_prefix("0x") {
        (rest, 16)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (rest, 2)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (rest, 8)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (&lower[1..], 8)
    } else {
        (lower.as_str(), 10)
    };
    (!digits.is_empty() && digits.chars().all(|digit| digit.is_digit(base))).then(|| (negative, digits.to_string().into(), base))
}

fn is_int(text: &str) -> bool {
    parse_int(text).is_some() || parse_unsigned(text).is_some()
}

/// The value of an integer in any base that YAML v3 knows; `None` when it is none or does not fit 64 bits with sign.
pub fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits, base) = integer_parts(text)?;
    let value = i128::from(u64::from_str_radix(&digits, base).ok()?);
    i64::try_from(if negative { -value } else { value }).ok()
}

/// The value of an integer that needs all 64 bits without sign.
pub fn parse_unsigned(text: &str) -> Option<u64> {
    let (negative, digits, base) = integer_parts(text)?;
    if negative { None } else { u64::from_str_radix(&digits, base).ok() }
}

/// The value of a floating-point scalar; `None` when the text is none (`1e400` is text, as in Go).
pub fn parse_float(text: &str) -> Option<f64> {
    let unsigned = text.trim_start_matches(['+', '-']);
    if text.len() - unsigned.len() > 1 {
        return None;
    }
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    match unsigned {
        ".inf" | ".Inf" | ".INF" => return Some(sign * f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" if unsigned.len() == text.len() => return Some(f64::NAN),
        _ => {}
    }
    let plain = text.replace('_', "");
    let digits = plain.trim_start_matches(['+', '-']);
    let (mantissa, exponent) = match digits.find(['e', 'E']) {
        Some(at) => (&digits[..at], Some(&digits[at + 1..])),
        None => (digits, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let numeric = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !numeric(whole) || !numeric(fraction) {
        return None;
    }
    if let Some(exponent) = exponent {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if exponent.is_empty() || !numeric(exponent) {
            return None;
        }
    }
    plain.trim_start_matches('+').parse::<f64>().ok().filter(|value| value.is_finite())
}

/// Whether Go's YAML reads the text as a date or time: `2006-1-2`, or that with `T`, `t` or a blank and a time.
pub fn is_timestamp(text: &str) -> bool {
    timestamp(text).is_some()
}

/// The RFC 3339 form in which kustomize prints an unquoted date or time.
pub fn timestamp(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return None;
    }
    let split = text.find(['T', 't', ' ']);
    let (date, rest) = split.map_or((text, None), |at| (&text[..at], Some((&text[at..at + 1], &text[at + 1..]))));
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = |part: &str, most: usize| (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.next().is_some() || year.len() != 4 || !digits(month, 2) || !digits(day, 2) {
        return None;
    }
    let date = jiff::civil::Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?;
    let Some((separator, time)) = rest else { return Some(format!("{date}T00:00:00Z")) };
    let (clock, zone) = match time.find(['Z', '+', '-']) {
        Some(at) => (&time[..at], Some(&time[at..])),
        None => (time, None),
    };
    // Go knows the T form with `Z` or `±hh:mm`, and the form with a blank without zone
    let zone = match (separator, zone) {
        (" ", None) => "Z".to_string(),
        (" ", Some(_)) | (_, None) => return None,
        (_, Some("Z")) => "Z".to_string(),
        (_, Some(offset)) => {
            let (hours, minutes) = offset[1..].split_once(':')?;
            if hours.len() != 2 || minutes.len() != 2 || !digits(hours, 2) || !digits(minutes, 2) {
                return None;
            }
            offset.to_string()
        }
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = clock.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some()
        || !digits(hour, 2)
        || !digits(minute, 2)
        || !digits(second, 2)
        || !fraction.bytes().all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let (h, m, s): (u8, u8, u8) = (hour.parse().ok()?, minute.parse().ok()?, second.parse().ok()?);
    if h > 23 || m > 59 || s > 59 {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    Some(format!("{date}T{h:02}:{m:02}:{s:02}{dot}{fraction}{zone}"))
}

/// Whether two scalars hold the same value of the same type.
pub fn same(a: &Scalar, b: &Scalar) -> bool {
    if a.kind != b.kind {
        return false;
    }
    match a.kind {
        Kind::Null => true,
        Kind::Bool => a.text.eq_ignore_ascii_case(&b.text),
        Kind::Int => a.text == b.text || (parse_int(&a.text), parse_unsigned(&a.text)) == (parse_int(&b.text), parse_unsigned(&b.text)),
        Kind::Float => a.text == b.text || parse_float(&a.text) == parse_float(&b.text),
        Kind::Timestamp => timestamp(&a.text) == timestamp(&b.text),
        Kind::String | Kind::Binary => a.text == b.text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolves_as_go_does() {
        for (text, kind) in [
            ("yes", Kind::String),
            ("on", Kind::String),
            ("y", Kind::String),
            ("true", Kind::Bool),
            ("0777", Kind::Int),
            ("0o600", Kind::Int),
            ("0b101", Kind::Int),
            ("1_000", Kind::Int),
            ("089", Kind::Float),
            ("12:30:45", Kind::String),
            ("1e3", Kind::Float),
            (".5", Kind::Float),
            ("5.", Kind::Float),
            ("1e400", Kind::String),
            (".inf", Kind::Float),
            ("2024-01-01", Kind::Timestamp),
            ("2024-13-01", Kind::String),
            ("2024-01-01T10:00:00Z", Kind::Timestamp),
            ("~", Kind::Null),
            ("", Kind::Null),
            ("-", Kind::String),
            (".", Kind::String),
            ("v1", Kind::String),
            ("123456789012345678901", Kind::Float),
        ] {
            assert_eq!(resolve(text), kind, "{text}");
        }
        assert_eq!(parse_int("0777"), Some(511));
        assert_eq!(parse_int("-0x10"), Some(-16));
        assert_eq!(timestamp("2024-1-2").as_deref(), Some("2024-01-02T00:00:00Z"));
    }
}
