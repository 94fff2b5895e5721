//! Resolution of plain scalars as Go's YAML v3 does it (the reader that kustomize is built on), and
//! the values behind them.
//!
//! Not here: quoting, and anything that writes.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Kind, Scalar};

/// The type of a plain scalar's text.
pub(crate) fn resolve(text: &str) -> Kind {
    let Some(first) = text.as_bytes().first() else {
        return Kind::Null;
    };
    match first {
        b'n' | b'N' | b'~' if matches!(text, "~" | "null" | "Null" | "NULL") => Kind::Null,
        b't' | b'T' | b'f' | b'F'
            if matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE") =>
        {
            Kind::Bool
        }
        b'.' if parse_float(text).is_some() => Kind::Float,
        b'0'..=b'9' | b'+' | b'-' => {
            if timestamp(text).is_some() {
                Kind::Timestamp
            } else if integer(text).is_some() {
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

/// The value of an integer in any base that YAML v3 knows; `None` for other texts, and if the value
/// does not fit a signed 64-bit integer.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    i64::try_from(integer(text)?).ok()
}

/// The value of an integer; the full range is that of signed and unsigned 64 bits together.
pub(crate) fn integer(text: &str) -> Option<i128> {
    if !matches!(text.as_bytes().first()?, b'0'..=b'9' | b'+' | b'-') {
        return None;
    }
    let plain = without_underscores(text);
    let (sign, digits) = split_sign(&plain);
    let value = match based(digits) {
        Some(value) => value,
        // Go parses the digits after these prefixes as a number, which may have another sign
        None => match (sign, digits.get(..2)) {
            ("", Some("0b")) => return signed(digits.get(2..)?, 2),
            ("", Some("0o")) => return signed(digits.get(2..)?, 8),
            _ => return None,
        },
    };
    within(sign, value)
}

fn within(sign: &str, magnitude: u128) -> Option<i128> {
    let limit: u128 = match sign {
        "-" => 1 << 63,
        "+" => (1 << 63) - 1,
        _ => u64::MAX as u128,
    };
    if magnitude > limit {
        return None;
    }
    let magnitude = i128::try_from(magnitude).ok()?;
    Some(if sign == "-" { -magnitude } else { magnitude })
}

fn signed(text: &str, radix: u32) -> Option<i128> {
    let (sign, digits) = split_sign(text);
    within(sign, digits_in(digits, radix)?)
}

fn split_sign(text: &str) -> (&str, &str) {
    match text.as_bytes().first() {
        Some(b'+' | b'-') => text.split_at(1),
        _ => ("", text),
    }
}

/// Digits with an optional prefix of their base; a leading zero means octal.
fn based(digits: &str) -> Option<u128> {
    let rest = digits.strip_prefix('0');
    match rest {
        None => digits_in(digits, 10),
        Some("") => Some(0),
        Some(rest) => match (rest.len() > 1).then(|| rest.as_bytes()[0].to_ascii_lowercase()) {
            Some(b'x') => digits_in(&rest[1..], 16),
            Some(b'o') => digits_in(&rest[1..], 8),
            Some(b'b') => digits_in(&rest[1..], 2),
            _ => digits_in(rest, 8),
        },
    }
}

fn digits_in(digits: &str, radix: u32) -> Option<u128> {
    if digits.is_empty() || digits.starts_with(['+', '-']) {
        return None;
    }
    u128::from_str_radix(digits, radix).ok()
}

/// The value of a number as a float: `1.5`, `1e3`, `.5`, `5.`, `.inf`, `.nan`, and every integer.
/// `None` when it is not a number or overflows.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    match text {
        ".nan" | ".NaN" | ".NAN" => return Some(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Some(f64::NEG_INFINITY),
        _ => {}
    }
    if let Some(value) = integer(text) {
        return Some(value as f64);
    }
    let plain = match text.as_bytes().first()? {
        b'.' if underscores_separate_digits(text) => without_underscores(text),
        b'0'..=b'9' | b'+' | b'-' => without_underscores(text),
        _ => return None,
    };
    if !is_float(&plain) {
        return None;
    }
    plain.parse().ok().filter(|value: &f64| value.is_finite())
}

/// Sign, digits with at most one dot, at least one digit, exponent.
fn is_float(text: &str) -> bool {
    let (_, rest) = split_sign(text);
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_is_number = match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            digits(whole) && digits(fraction) && (!whole.is_empty() || !fraction.is_empty())
        }
        None => !mantissa.is_empty() && digits(mantissa),
    };
    mantissa_is_number
        && exponent.is_none_or(|text| !split_sign(text).1.is_empty() && digits(split_sign(text).1))
}

fn underscores_separate_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |index: Option<usize>| {
        index
            .and_then(|index| bytes.get(index))
            .is_some_and(u8::is_ascii_digit)
    };
    bytes.iter().enumerate().all(|(index, byte)| {
        *byte != b'_' || (digit(index.checked_sub(1)) && digit(Some(index + 1)))
    })
}

fn without_underscores(text: &str) -> Cow<'_, str> {
    if text.contains('_') {
        Cow::Owned(text.replace('_', ""))
    } else {
        Cow::Borrowed(text)
    }
}

/// An unquoted date or time in RFC 3339, as kustomize prints it; `None` for other texts.
pub(crate) fn timestamp(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return None;
    }
    let mut reader = Digits(&bytes[5..]);
    let year: u32 = text[..4].parse().ok()?;
    let month = reader.one_or_two(1, 12)?;
    reader.skip(b'-')?;
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let day = reader.one_or_two(1, last)?;
    let date = format!("{year:04}-{month:02}-{day:02}");
    let zoned = match reader.0.first() {
        None => return Some(format!("{date}T00:00:00Z")),
        Some(b'T' | b't') => {
            reader.skip(reader.0[0])?;
            true
        }
        Some(b' ') => {
            while reader.skip(b' ').is_some() {}
            false
        }
        Some(_) => return None,
    };
    let hour = reader.one_or_two(0, 23)?;
    reader.skip(b':')?;
    let minute = reader.one_or_two(0, 59)?;
    reader.skip(b':')?;
    let second = reader.one_or_two(0, 59)?;
    let fraction = reader.fraction();
    let zone = if zoned {
        reader.zone()?
    } else {
        "Z".to_string()
    };
    if !reader.0.is_empty() {
        return None;
    }
    Some(format!(
        "{date}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}"
    ))
}

/// The unread rest of a timestamp.
struct Digits<'a>(&'a [u8]);

impl Digits<'_> {
    fn one_or_two(&mut self, least: u32, most: u32) -> Option<u32> {
        let count = self
            .0
            .iter()
            .take(2)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let value = self.take(count)?;
        (least..=most).contains(&value).then_some(value)
    }
    fn two(&mut self, most: u32) -> Option<u32> {
        let both = self
            .0
            .iter()
            .take(2)
            .filter(|byte| byte.is_ascii_digit())
            .count()
            == 2;
        let value = if both { self.take(2)? } else { return None };
        (value <= most).then_some(value)
    }
    fn take(&mut self, count: usize) -> Option<u32> {
        if count == 0 || count > self.0.len() {
            return None;
        }
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        Some(
            digits
                .iter()
                .fold(0, |value, digit| value * 10 + u32::from(digit - b'0')),
        )
    }
    fn skip(&mut self, byte: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(&[byte])?;
        Some(())
    }
    /// `.5` with trailing zeros and digits past the ninth dropped; empty when there is none.
    fn fraction(&mut self) -> String {
        if !matches!(self.0, [b'.' | b',', b'0'..=b'9', ..]) {
            return String::new();
        }
        let count = self.0[1..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let (digits, rest) = self.0[1..].split_at(count);
        self.0 = rest;
        let digits: String = digits
            .iter()
            .take(9)
            .map(|byte| char::from(*byte))
            .collect();
        match digits.trim_end_matches('0') {
            "" => String::new(),
            digits => format!(".{digits}"),
        }
    }
    fn zone(&mut self) -> Option<String> {
        let sign = *self.0.first()?;
        self.skip(sign)?;
        match sign {
            b'Z' => return Some("Z".to_string()),
            b'+' | b'-' => {}
            _ => return None,
        }
        // 24 hours parse in Go but do not print; such a text stays a string.
        let hours = self.two(23)?;
        self.skip(b':')?;
        let minutes = self.two(59)?;
        Some(if hours == 0 && minutes == 0 {
            "Z".to_string()
        } else {
            format!("{}{hours:02}:{minutes:02}", char::from(sign))
        })
    }
}

/// The text of `!!binary` data; bytes that are not UTF-8 become U+FFFD, as in Go's JSON. `None`
/// when it is not base64.
pub(crate) fn binary(text: &str) -> Option<String> {
    Some(String::from_utf8_lossy(&base64(text)?).into_owned())
}

/// The bytes of a text in base64, such as a value of a Secret's `data`. Line breaks count for
/// nothing, as in Go's decoder. `None` when it is not base64.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    let letters = text.bytes().filter(|byte| !b"\r\n".contains(byte));
    let compact: Vec<u8> = letters.collect();
    STANDARD.decode(compact).ok()
}

/// The value of a scalar, independent of how it is written.
#[derive(Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    String(Cow<'a, str>),
}

/// The value that kustomize prints for a scalar. Whole floats are integers there, times and binary
/// data are strings.
pub(crate) fn value(scalar: &Scalar) -> Value<'_> {
    let text = &*scalar.text;
    match scalar.kind {
        Kind::Null => Value::Null,
        Kind::Bool => Value::Bool(text.eq_ignore_ascii_case("true")),
        Kind::Int => integer(text).map_or(Value::String(text.into()), Value::Int),
        Kind::Float => match parse_float(text) {
            // Go's JSON writes whole floats without exponent and with the fewest digits that
            // identify them; values that fit 64 bits are then read as integers
            Some(float) if float.fract() == 0.0 && float.abs() < 1e21 => {
                integer(&float.to_string()).map_or(Value::Float(float), Value::Int)
            }
            Some(float) => Value::Float(float),
            None => Value::String(text.into()),
        },
        Kind::String => Value::String(text.into()),
        Kind::Timestamp => Value::String(timestamp(text).map_or(text.into(), Cow::Owned)),
        Kind::Binary => Value::String(binary(text).map_or(text.into(), Cow::Owned)),
    }
}

/// True if two scalars hold the same value of the same type as kustomize prints them: `0777` is
/// `511`, `1.0` is `1`.
pub(crate) fn same(a: &Scalar, b: &Scalar) -> bool {
    if a.kind == b.kind && a.text == b.text {
        return true;
    }
    if a.kind == Kind::String && b.kind == Kind::String {
        return false;
    }
    value(a) == value(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_have_the_types_that_go_gives_them() {
        let table: &[(Kind, &str)] = &[
            (Kind::Null, "~|null|Null|NULL|"),
            (Kind::Bool, "true|True|TRUE|false|False|FALSE"),
            (
                Kind::Int,
                "0|-0|+1|0777|0o777|-0o7|0x1F|0X1f|0b101|-0b1|1_000|1__0_|18446744073709551615|-9223372036854775808|0b-1|0o+7",
            ),
            (
                Kind::Float,
                "1.5|.5|5.|1e3|-1.5E-3|+.5|.inf|-.INF|+.Inf|.NaN|089|1_0.5|1_0e1_0|.5_0|18446744073709551616|+18446744073709551615",
            ),
            (
                Kind::String,
                "yes|no|on|off|y|N|nULL|tRUE|1e400|-|+|.|..|.e1|0x|0b|0b2|0o8|1.2.3|12:30:45|1e|._5|.5_|--1|-+1|0b1.0|<<|nan|inf",
            ),
            (Kind::String, "Infinity|NaN|0x1p3|10Mi|-0b-1|+.nan|v1"),
            (
                Kind::Timestamp,
                "2024-01-01|2024-1-2|2024-01-01T10:00:00Z|2024-01-01t1:2:3+02:00|2024-02-29 10:00:00.25|2024-01-01T10:00:00.5-07:30",
            ),
            (
                Kind::String,
                "2023-02-29|2024-13-01|2024-01-01T10:00|2024-01-01T10:00:00|2024-01-01 10:00:00Z|24-01-01|2024-01-01T25:00:00Z",
            ),
            (
                Kind::String,
                "2024-01-01x|2024-01-|2024-01-01T|2024-01-01T10:00:00+2:00",
            ),
        ];
        for (kind, texts) in table {
            for text in texts.split('|') {
                assert_eq!(resolve(text), *kind, "{text}");
            }
        }
    }

    #[test]
    fn integers_have_their_value() {
        let table = [
            ("0777", 511),
            ("0o777", 511),
            ("0x1F", 31),
            ("-0x1f", -31),
            ("0b101", 5),
            ("-0b101", -5),
            ("1_000", 1000),
        ];
        for (text, value) in
            table
                .into_iter()
                .chain([("+7", 7), ("0", 0), ("00", 0), ("0b-11", -3)])
        {
            assert_eq!(parse_int(text), Some(value), "{text}");
        }
        assert_eq!(parse_int("18446744073709551615"), None);
        assert_eq!(integer("18446744073709551615"), Some(u64::MAX as i128));
        assert_eq!(integer("-9223372036854775809"), None);
        assert_eq!(parse_int(&"9".repeat(1000)), None);
    }

    #[test]
    fn times_print_as_rfc_3339() {
        for (text, printed) in [
            ("2024-1-2", "2024-01-02T00:00:00Z"),
            ("2024-01-02 3:4:5", "2024-01-02T03:04:05Z"),
            ("2024-01-02   3:4:5.120", "2024-01-02T03:04:05.12Z"),
            ("2024-01-02t03:04:05,5+00:00", "2024-01-02T03:04:05.5Z"),
            ("2024-01-02T03:04:05.0-07:00", "2024-01-02T03:04:05-07:00"),
        ] {
            assert_eq!(timestamp(text).as_deref(), Some(printed), "{text}");
        }
    }

    #[test]
    fn equal_values_are_the_same_however_written() {
        let plain = |text: &str| Scalar::plain(text);
        assert!(same(&plain("0777"), &plain("511")));
        assert!(same(&plain("1.0"), &plain("1")));
        assert!(same(&plain("True"), &plain("true")));
        assert!(same(&plain("~"), &plain("")));
        assert!(same(&plain("a"), &Scalar::string("a")));
        assert!(same(
            &plain("2024-01-01"),
            &Scalar::string("2024-01-01T00:00:00Z")
        ));
        assert!(same(
            &plain("1234567890123456768.0"),
            &plain("1234567890123456800")
        ));
        assert!(!same(&plain("1"), &Scalar::string("1")));
        assert!(!same(&plain("null"), &Scalar::string("null")));
        assert!(!same(&plain("1"), &plain("2")));
    }
}
