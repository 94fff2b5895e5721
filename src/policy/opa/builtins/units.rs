//! `units.*`: amounts with units, computed exactly.

use super::arguments::{Arguments, Outcome, Stop};
use super::{Function, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    ("units.parse", 1, parse),
    ("units.parse_bytes", 1, parse_bytes),
];

/// An amount as digits and the power of ten that divides them: `1.5` is 15 and 1.
struct Amount {
    digits: i128,
    divided: u32,
}

/// The number at the start of a text, and its unit.
fn split(text: &str) -> Result<(Amount, &str), Stop> {
    if text.contains(' ') {
        return Err(Stop::Undefined);
    }
    let bytes = text.as_bytes();
    let mut end = 0;
    while let Some(byte) = bytes.get(end) {
        let next = bytes.get(end + 1);
        match byte {
            b'0'..=b'9' | b'.' | b'+' | b'-' => end += 1,
            b'e' | b'E'
                if next.is_some_and(|next| next.is_ascii_digit() || b"+-".contains(next)) =>
            {
                end += 2;
            }
            _ => break,
        }
    }
    let (number, unit) = text.split_at(end);
    Ok((amount(number).ok_or(Stop::Undefined)?, unit))
}

fn amount(number: &str) -> Option<Amount> {
    let lower = number.to_ascii_lowercase();
    let (mantissa, exponent) = lower.split_once('e').unwrap_or((&lower, "0"));
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.trim_start_matches(['+', '-']).is_empty() && fraction.is_empty() {
        return None;
    }
    let mut digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let mut divided = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    if divided < 0 {
        digits = digits.checked_mul(10i128.checked_pow(divided.unsigned_abs())?)?;
        divided = 0;
    }
    Some(Amount {
        digits,
        divided: divided.unsigned_abs(),
    })
}

fn power(base: i128, exponent: u32) -> Option<i128> {
    base.checked_pow(exponent)
}

/// The factor of a prefix in lower case: `k` is 1,000, `ki` is 1,024, none is 1.
fn prefix(unit: &str) -> Option<i128> {
    let (letter, base) = match unit.strip_suffix('i') {
        Some(letter) => (letter, 1024),
        None => (unit, 1000),
    };
    match letter.len() {
        0 => unit.is_empty().then_some(1),
        1 => power(base, u32::try_from("kmgtpe".find(letter)?).ok()? + 1),
        _ => None,
    }
}

/// Kubernetes quantities: `100m`, `1Gi`. After the first letter, upper and lower case are the same.
fn parse(all: &Arguments<'_>) -> Outcome {
    let text = all.text(0)?.replace('"', "");
    let (mut amount, unit) = split(&text)?;
    let mut letters = unit.chars();
    let first = letters.next().map(String::from).unwrap_or_default();
    let unit = first + &letters.as_str().to_lowercase();
    let factor = if unit == "m" {
        amount.divided += 3;
        Some(1)
    } else {
        prefix(&unit.to_ascii_lowercase())
    };
    let scaled = factor.and_then(|factor| amount.digits.checked_mul(factor));
    quotient(scaled.ok_or(Stop::Undefined)?, amount.divided).ok_or(Stop::Undefined)
}

/// A number divided by a power of ten, with up to ten decimals.
fn quotient(number: i128, divided: u32) -> Option<Value> {
    let divisor = power(10, divided)?;
    if number % divisor == 0 {
        return Some(Value::from(number / divisor));
    }
    let (whole, rest) = ((number / divisor).abs(), (number % divisor).abs());
    let decimals = rest.checked_mul(power(10, 10)?)? / divisor;
    let sign = if number < 0 { "-" } else { "" };
    Value::from_numeric_string(&format!("{sign}{whole}.{decimals:010}")).ok()
}

/// `10KB`, `1.5GiB`, whole bytes.
fn parse_bytes(all: &Arguments<'_>) -> Outcome {
    let text = all.text(0)?.to_lowercase().replace('"', "");
    let (amount, unit) = split(&text)?;
    let factor = match unit.strip_suffix('b') {
        Some("") => None,
        Some(unit) => prefix(unit),
        None => prefix(unit),
    };
    let scaled = factor.and_then(|factor| amount.digits.checked_mul(factor));
    let divisor = power(10, amount.divided).ok_or(Stop::Undefined)?;
    Ok(Value::from(scaled.ok_or(Stop::Undefined)? / divisor))
}
