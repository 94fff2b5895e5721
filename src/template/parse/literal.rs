//! Numbers, strings and character constants, as Go's `strconv` reads them.

use super::tree::Number;
use crate::template::bytes;
use crate::template::numbers::{float, magnitude, signed};

/// The text of a quoted or raw string; `None` if it is not one.
pub(super) fn unquote(written: &str) -> Option<String> {
    let inner = written.get(1..written.len().checked_sub(1)?)?;
    match written.as_bytes().first()? {
        b'`' => Some(inner.replace('\r', "")),
        b'"' => unescape(inner, '"'),
        _ => None,
    }
}

/// The character of a constant such as `'a'` or `'\n'`.
pub(super) fn character(written: &str) -> Option<char> {
    let inner = written.strip_prefix('\'')?.strip_suffix('\'')?;
    let text = unescape(inner, '\'')?;
    let mut characters = text.chars();
    let only = characters.next()?;
    let only = bytes::byte_of(only).map_or(only, char::from);
    characters.next().is_none().then_some(only)
}

/// Resolves escapes.
fn unescape(text: &str, quote: char) -> Option<String> {
    if !text.contains('\\') {
        return (!text.contains([quote, '\n'])).then(|| text.to_string());
    }
    let mut bytes: Vec<u8> = Vec::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c == quote || c == '\n' {
            return None;
        }
        if c != '\\' {
            bytes.extend(c.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        let simple = match rest.next()? {
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'v' => 11,
            '\\' => b'\\',
            c if c == quote => quote as u8,
            'x' => digits(&mut rest, 2, 16)? as u8,
            first @ '0'..='7' => {
                let high = first.to_digit(8)?;
                let value = high * 64 + digits(&mut rest, 2, 8)?;
                u8::try_from(value).ok()?
            }
            size @ ('u' | 'U') => {
                let value = digits(&mut rest, if size == 'u' { 4 } else { 8 }, 16)?;
                let c = char::from_u32(value)?;
                bytes.extend(c.encode_utf8(&mut [0; 4]).bytes());
                continue;
            }
            _ => return None,
        };
        bytes.push(simple);
    }
    Some(bytes::to_string(&bytes))
}

fn digits(rest: &mut std::str::Chars<'_>, count: usize, radix: u32) -> Option<u32> {
    (0..count).try_fold(0u32, |value, _| {
        let digit = rest.next()?.to_digit(radix)?;
        value.checked_mul(radix)?.checked_add(digit)
    })
}

/// The values of a number. The error is worded as Go words it.
pub(super) fn number(written: &str) -> Result<Number, String> {
    let illegal = || format!("illegal number syntax: {written:?}");
    if written.ends_with('i') {
        let (real, imaginary) = complex(written).ok_or_else(illegal)?;
        return Ok(Number {
            complex: Some((real, imaginary)),
            ..of_float(Some(real).filter(|_| imaginary == 0.0))
        });
    }
    let unsigned = match written.starts_with(['+', '-']) {
        true => None,
        false => magnitude(written).and_then(|value| u64::try_from(value).ok()),
    };
    let int = signed(written);
    let is_float = !is_hex(written) && written.contains(['.', 'e', 'E', 'p', 'P']);
    if int.is_some() || unsigned.is_some() {
        return Ok(Number {
            int,
            unsigned: if int == Some(0) { Some(0) } else { unsigned },
            float: int
                .map(|value| value as f64)
                .or(unsigned.map(|value| value as f64)),
            is_float,
            complex: None,
        });
    }
    let value = float(written).ok_or_else(illegal)?;
    if !written.contains(['.', 'e', 'E', 'p', 'P']) {
        return Err(format!("integer overflow: {written:?}"));
    }
    Ok(Number {
        is_float,
        ..of_float(Some(value))
    })
}

/// A float, and the integers that it equals.
fn of_float(float: Option<f64>) -> Number {
    let whole = float.filter(|value| value.fract() == 0.0);
    let is_int = |value: &f64| value.abs() < 9.3e18 && *value as i64 as f64 == *value;
    let is_unsigned = |value: &f64| (0.0..1.9e19).contains(value);
    Number {
        int: whole.filter(is_int).map(|value| value as i64),
        unsigned: whole.filter(is_unsigned).map(|value| value as u64),
        float,
        is_float: false,
        complex: None,
    }
}

/// The parts of `2i` or `1-2i`.
fn complex(written: &str) -> Option<(f64, f64)> {
    let text = written.strip_suffix('i')?;
    let is_hex = is_hex(text) || text.contains(['x', 'X']);
    let exponents: &[char] = if is_hex { &['p', 'P'] } else { &['e', 'E'] };
    let signs = text.match_indices(['+', '-']).map(|(at, _)| at);
    let mut inner = signs.filter(|at| *at > 0 && !text[..*at].ends_with(exponents));
    match inner.next() {
        Some(at) => Some((float(&text[..at])?, float(&text[at..])?)),
        None => Some((0.0, float(text)?)),
    }
}

/// The number of a character constant.
pub(super) fn whole(value: u32) -> Number {
    Number {
        int: Some(value.into()),
        unsigned: Some(value.into()),
        float: Some(value.into()),
        is_float: false,
        complex: None,
    }
}

fn is_hex(written: &str) -> bool {
    written.len() > 2
        && written.starts_with(['0'])
        && written[1..].starts_with(['x', 'X'])
        && !written.contains(['p', 'P'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_characters_are_those_of_go() {
        let table = [
            (r#""a\n\t\"\\""#, Some("a\n\t\"\\")),
            (r#""\x41\101\u00e9\U0001F600""#, Some("AAé😀")),
            (r#""\'""#, None),
            (r#""\400""#, None),
            (r#""\q""#, None),
            ("`a\\n\r\n`", Some("a\\n\n")),
        ];
        for (written, text) in table {
            assert_eq!(unquote(written).as_deref(), text, "{written}");
        }
        assert_eq!(character(r"'\''"), Some('\''));
        assert_eq!(character(r"'\xff'"), Some('ÿ'));
        assert_eq!(character("'ab'"), None);
        assert_eq!(character("''"), None);
    }

    #[test]
    fn numbers_are_those_of_go() {
        for (written, int, float, is_float) in [
            ("1", Some(1), 1.0, false),
            ("-0x1F", Some(-31), -31.0, false),
            ("0755", Some(493), 493.0, false),
            ("1_000", Some(1000), 1000.0, false),
            ("1.0", Some(1), 1.0, true),
            ("1e3", Some(1000), 1000.0, true),
            (".5", None, 0.5, true),
            ("0x1p4", Some(16), 16.0, true),
            ("0xe", Some(14), 14.0, false),
        ] {
            let number = number(written).unwrap();
            assert_eq!(
                (number.int, number.float, number.is_float),
                (int, Some(float), is_float),
                "{written}"
            );
        }
        for (written, parts, int) in [
            ("2.5i", (0.0, 2.5), None),
            ("1-2e1i", (1.0, -20.0), None),
            ("0x1p-2+1i", (0.25, 1.0), None),
            ("0i", (0.0, 0.0), Some(0)),
            ("3+0i", (3.0, 0.0), Some(3)),
        ] {
            let number = number(written).unwrap();
            assert_eq!(
                (number.complex, number.int),
                (Some(parts), int),
                "{written}"
            );
        }
        for bad in ["i", "0x1i", "1+i"] {
            assert!(number(bad).is_err(), "{bad}");
        }
        for bad in ["08", "1__0", "_1", "0x", "99999999999999999999", "1e", "."] {
            assert!(number(bad).is_err(), "{bad}");
        }
    }
}
