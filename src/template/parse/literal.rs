//! Numbers, strings and character constants, as Go's `strconv` reads them.

use super::tree::Number;
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
    characters.next().is_none().then_some(only)
}

/// Resolves escapes. Bytes that are not UTF-8 become U+FFFD.
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
    Some(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

fn digits(rest: &mut std::str::Chars<'_>, count: usize, radix: u32) -> Option<u32> {
    (0..count).try_fold(0u32, |value, _| {
        let digit = rest.next()?.to_digit(radix)?;
        value.checked_mul(radix)?.checked_add(digit)
    })
}

/// The values of a number. The error is worded as Go words it.
pub(super) fn number(written: &str) -> Result<Number, String> {
    if let Some(real) = written.strip_suffix('i') {
        return match float(real) {
            Some(0.0) => Ok(whole(0)),
            _ => Err(format!("complex number {written} is not supported")),
        };
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
        });
    }
    let value = float(written).ok_or_else(|| format!("illegal number syntax: {written:?}"))?;
    if !written.contains(['.', 'e', 'E', 'p', 'P']) {
        return Err(format!("integer overflow: {written:?}"));
    }
    let is_whole = value.fract() == 0.0;
    Ok(Number {
        int: (is_whole && value.abs() < 9.3e18 && value as i64 as f64 == value)
            .then_some(value as i64),
        unsigned: (is_whole && (0.0..1.9e19).contains(&value)).then_some(value as u64),
        float: Some(value),
        is_float,
    })
}

/// The number of a character constant.
pub(super) fn whole(value: u32) -> Number {
    Number {
        int: Some(value.into()),
        unsigned: Some(value.into()),
        float: Some(value.into()),
        is_float: false,
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
        for bad in ["08", "1__0", "_1", "0x", "99999999999999999999", "1e", "."] {
            assert!(number(bad).is_err(), "{bad}");
        }
    }
}
