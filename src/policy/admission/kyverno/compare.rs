//! Comparisons of values: numbers, quantities, durations and versions; and wildcards.

use serde_json::Value as Json;

pub(super) use std::cmp::Ordering;

use crate::kubernetes::quantity;

/// True if a text fits a pattern with `*` and `?`.
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == text[from] => {
                at += 1;
                from += 1;
            }
            _ => match star {
                Some((star_at, matched)) => {
                    star = Some((star_at, matched + 1));
                    at = star_at + 1;
                    from = matched + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|letter| *letter == '*')
}

/// True for texts that are compared as amounts: numbers, quantities and durations.
pub(super) fn is_amount(text: &str) -> bool {
    quantity::parse(text).is_some() || seconds(text).is_some()
}

/// The order of two values; none if they cannot be compared.
pub(super) fn compared(left: &Json, right: &Json) -> Option<Ordering> {
    if let (Some(left), Some(right)) = (duration(left), duration(right)) {
        return left.partial_cmp(&right);
    }
    if let (Some(left), Some(right)) = (amount(left), amount(right)) {
        return left.partial_cmp(&right);
    }
    let (left, right) = (left.as_str()?, right.as_str()?);
    if let (Some(left), Some(right)) = (version(left), version(right)) {
        return Some(left.cmp(&right));
    }
    (left == right).then_some(Ordering::Equal)
}

fn amount(value: &Json) -> Option<f64> {
    match value {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => quantity::parse(text.trim()),
        _ => None,
    }
}

/// The seconds of a value that is a duration with a unit, and of numbers beside one.
fn duration(value: &Json) -> Option<f64> {
    seconds(value.as_str()?)
}

/// The seconds of `1h30m` and `10s`. `5m` is a quantity as well; two durations are compared as such.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let number: f64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let units = [
            ("ms", 0.001),
            ("us", 1e-6),
            ("ns", 1e-9),
            ("h", 3600.0),
            ("m", 60.0),
            ("s", 1.0),
        ];
        let (unit, factor) = units.iter().find(|(unit, _)| rest.starts_with(unit))?;
        rest = rest.get(unit.len()..)?;
        total += number * factor;
    }
    Some(total)
}

/// The parts of `v1.2.3`.
fn version(text: &str) -> Option<(u64, u64, u64)> {
    let core = text.trim_start_matches('v').split(['-', '+']).next()?;
    let mut parts = core.split('.').map(str::parse);
    let mut part = || parts.next()?.ok();
    let version = (part()?, part()?, part()?);
    part().is_none().then_some(version)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_ordered_as_what_they_are() {
        for (left, right, expected) in [
            (json!("1Gi"), json!("512Mi"), Some(Ordering::Greater)),
            (json!(3), json!("3"), Some(Ordering::Equal)),
            (json!("1h"), json!("90m"), Some(Ordering::Less)),
            (json!("1.10.0"), json!("1.9.9"), Some(Ordering::Greater)),
            (json!("a"), json!("b"), None),
        ] {
            assert_eq!(compared(&left, &right), expected, "{left} {right}");
        }
        for (pattern, text, expected) in [
            ("*:*", "a:b", true),
            ("?*", "", false),
            ("a*c?e", "abbcde", true),
            ("*", "", true),
            ("a", "b", false),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }
}
