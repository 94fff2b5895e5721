//! Plain scalars of YAML 1.1, as Go's YAML v2 resolves them.

/// What a plain scalar stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Resolved {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    String,
}

/// The value of a plain scalar.
pub(super) fn resolve(text: &str) -> Resolved {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => {
            return Resolved::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => {
            return Resolved::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Resolved::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Resolved::Float(f64::NEG_INFINITY),
        _ => {}
    }
    match text.as_bytes() {
        [b'0'..=b'9' | b'+' | b'-' | b'.', ..] => number(text),
        _ => Resolved::String,
    }
}

fn number(text: &str) -> Resolved {
    let plain = text.replace('_', "");
    if text.starts_with('.') {
        return float(text, text);
    }
    if let Some(value) = integer(&plain) {
        return Resolved::Int(value);
    }
    match binary(&plain) {
        Some(value) => Resolved::Int(value),
        None => float(&plain, text),
    }
}

/// An integer with the prefixes that Go's `ParseInt` knows with base 0, within 64 bits.
fn integer(text: &str) -> Option<i128> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, &lower[..]),
    };
    if digits.is_empty() || digits.starts_with(['+', '-']) {
        return None;
    }
    let value = sign * i128::from_str_radix(digits, radix).ok()?;
    let most = match text.starts_with(['+', '-']) {
        true => i128::from(i64::MAX),
        false => i128::from(u64::MAX),
    };
    (i128::from(i64::MIN)..=most)
        .contains(&value)
        .then_some(value)
}

/// `0b101`, which has a branch of its own in Go's YAML.
fn binary(text: &str) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let digits = digits.strip_prefix("0b")?;
    Some(sign * i128::from(i64::from_str_radix(digits, 2).ok()?))
}

/// A float: digits with a dot or an exponent.
fn float(plain: &str, text: &str) -> Resolved {
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(plain);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let are_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_mantissa = match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            are_digits(whole) && are_digits(fraction) && !(whole.is_empty() && fraction.is_empty())
        }
        None => !mantissa.is_empty() && are_digits(mantissa),
    };
    let is_exponent = exponent.is_none_or(|part| {
        let digits = part.strip_prefix(['+', '-']).unwrap_or(part);
        !digits.is_empty() && are_digits(digits)
    });
    match plain.parse::<f64>() {
        Ok(value) if is_mantissa && is_exponent && value.is_finite() && !text.is_empty() => {
            Resolved::Float(value)
        }
        _ => Resolved::String,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_those_of_yaml_1_1() {
        let table = [
            (Resolved::Null, "~|null|Null|NULL|"),
            (Resolved::Bool(true), "y|Y|yes|On|TRUE"),
            (Resolved::Bool(false), "n|N|No|off|FALSE"),
            (
                Resolved::Int(493),
                "0755|0o755|493|+493|0x1ed|0b111101101|4_93",
            ),
            (Resolved::Int(u64::MAX.into()), "18446744073709551615"),
            (Resolved::Float(1000.0), "1e3|1E3|1000.|1_000.0|+1e+3"),
            (Resolved::Float(8.0), "08"),
            (
                Resolved::String,
                "yEs|nULL|1:20|2020-01-01|0x|1e400|--1|.|1.2.3|e3|+|-|0b2|_1",
            ),
        ];
        for (expected, texts) in table {
            for text in texts.split('|') {
                assert_eq!(resolve(text), expected, "{text}");
            }
        }
    }
}
