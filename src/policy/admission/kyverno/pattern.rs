//! Patterns: the shape that a value must have, with wildcards, operators and anchors.
//!
//! An anchor is a key in parentheses: `(image)` makes the rest apply only if the image fits,
//! `=(key)` asks about a key only if it is there, `X(key)` forbids it, `^(list)` needs one item
//! that fits, and `<(key)` skips the whole rule if it does not fit.

use serde_json::{Map, Value as Json};

use super::compare::{Ordering, compared, glob};

/// Why a value does not fit a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// The value at the pointer is wrong.
    Wrong(String),
    /// A condition of the pattern does not hold, so that it does not apply.
    Skipped,
    /// A condition of the whole rule does not hold.
    RuleSkipped,
}

/// The deepest nesting of a pattern.
const DEEPEST: usize = 60;

/// Holds a value against a pattern.
pub(super) fn fits(value: &Json, pattern: &Json) -> Result<(), Misfit> {
    value_fits(value, pattern, "", 0)
}

fn wrong(at: &str) -> Misfit {
    Misfit::Wrong(at.to_string())
}

fn value_fits(value: &Json, pattern: &Json, at: &str, depth: usize) -> Result<(), Misfit> {
    if depth > DEEPEST {
        return Err(wrong(at));
    }
    match (pattern, value) {
        (Json::Object(pattern), Json::Object(map)) => map_fits(map, pattern, at, depth),
        (Json::Array(pattern), Json::Array(items)) => list_fits(items, pattern, at, depth),
        (Json::Object(_) | Json::Array(_), _) => Err(wrong(at)),
        (scalar, Json::Array(items)) => {
            let mut items = items.iter();
            let all = items.all(|item| scalar_fits(item, scalar));
            all.then_some(()).ok_or_else(|| wrong(at))
        }
        (scalar, value) => {
            let fits = scalar_fits(value, scalar);
            fits.then_some(()).ok_or_else(|| wrong(at))
        }
    }
}

/// The kinds of keys of a pattern.
enum Key<'k> {
    Plain(&'k str),
    Condition(&'k str),
    OfRule(&'k str),
    IfPresent(&'k str),
    Forbidden(&'k str),
    Existence(&'k str),
}

impl<'k> Key<'k> {
    fn of(key: &'k str) -> Key<'k> {
        let inner = |start: &str| key.strip_prefix(start)?.strip_suffix(')');
        if let Some(key) = inner("(") {
            Key::Condition(key)
        } else if let Some(key) = inner("<(") {
            Key::OfRule(key)
        } else if let Some(key) = inner("=(") {
            Key::IfPresent(key)
        } else if let Some(key) = inner("X(") {
            Key::Forbidden(key)
        } else if let Some(key) = inner("^(") {
            Key::Existence(key)
        } else {
            Key::Plain(key)
        }
    }

    fn is_condition(&self) -> bool {
        matches!(self, Key::Condition(_) | Key::OfRule(_))
    }
}

fn map_fits(
    map: &Map<String, Json>,
    pattern: &Map<String, Json>,
    at: &str,
    depth: usize,
) -> Result<(), Misfit> {
    let keys = || pattern.iter().map(|(key, pattern)| (Key::of(key), pattern));
    // conditions decide first whether the rest applies
    for (key, pattern) in keys().filter(|(key, _)| key.is_condition()) {
        key_fits(map, &key, pattern, at, depth)?;
    }
    let mut skipped = None;
    for (key, pattern) in keys().filter(|(key, _)| !key.is_condition()) {
        match key_fits(map, &key, pattern, at, depth) {
            Err(Misfit::Skipped) => skipped = Some(Misfit::Skipped),
            other => other?,
        }
    }
    skipped.map_or(Ok(()), Err)
}

fn key_fits(
    map: &Map<String, Json>,
    key: &Key<'_>,
    pattern: &Json,
    at: &str,
    depth: usize,
) -> Result<(), Misfit> {
    let below = |name: &str| format!("{at}/{}", crate::yaml::escape_pointer(name));
    match key {
        Key::Condition(name) | Key::OfRule(name) => {
            let fits = found(map, name).is_some_and(|(name, value)| {
                value_fits(value, pattern, &below(name), depth + 1).is_ok()
            });
            match (fits, key) {
                (true, _) => Ok(()),
                (false, Key::OfRule(_)) => Err(Misfit::RuleSkipped),
                (false, _) => Err(Misfit::Skipped),
            }
        }
        Key::IfPresent(name) => match found(map, name) {
            Some((name, value)) => value_fits(value, pattern, &below(name), depth + 1),
            None => Ok(()),
        },
        Key::Forbidden(name) => match found(map, name) {
            Some((name, _)) => Err(wrong(&below(name))),
            None => Ok(()),
        },
        Key::Existence(name) => {
            let Some((name, Json::Array(items))) = found(map, name) else {
                return Ok(());
            };
            let wanted = pattern.as_array().into_iter().flatten();
            let mut missing = wanted.filter(|wanted| {
                let mut items = items.iter();
                !items.any(|item| value_fits(item, wanted, "", depth + 1).is_ok())
            });
            match missing.next() {
                None => Ok(()),
                Some(_) => Err(wrong(&below(name))),
            }
        }
        Key::Plain(name) => match (found(map, name), pattern) {
            (Some((name, value)), Json::String(any)) if any == "*" => {
                let is_there = !value.is_null();
                is_there.then_some(()).ok_or_else(|| wrong(&below(name)))
            }
            (Some((name, value)), _) => value_fits(value, pattern, &below(name), depth + 1),
            (None, Json::Null) => Ok(()),
            (None, _) if is_optional(pattern) => Ok(()),
            (None, _) => Err(wrong(at)),
        },
    }
}

/// True for a pattern that an absent value fits: one that only negates.
fn is_optional(pattern: &Json) -> bool {
    match pattern {
        Json::String(_) => scalar_fits(&Json::Null, pattern),
        _ => false,
    }
}

/// The value of a key, which may have wildcards, with its name.
fn found<'m>(map: &'m Map<String, Json>, key: &'m str) -> Option<(&'m str, &'m Json)> {
    if let Some(value) = map.get(key) {
        return Some((key, value));
    }
    if !key.contains(['*', '?']) {
        return None;
    }
    let fitting = map.iter().find(|(name, _)| glob(key, name));
    fitting.map(|(name, value)| (name.as_str(), value))
}

fn list_fits(items: &[Json], pattern: &[Json], at: &str, depth: usize) -> Result<(), Misfit> {
    let Some(first) = pattern.first() else {
        return Err(wrong(at));
    };
    if !first.is_object() && pattern.len() > 1 {
        let pairs = pattern.iter().enumerate();
        for (number, pattern) in pairs {
            let item = items.get(number).ok_or_else(|| wrong(at))?;
            value_fits(item, pattern, &format!("{at}/{number}"), depth + 1)?;
        }
        return Ok(());
    }
    let (mut applied, mut skipped) = (0, 0);
    for (number, item) in items.iter().enumerate() {
        match value_fits(item, first, &format!("{at}/{number}"), depth + 1) {
            Ok(()) => applied += 1,
            Err(Misfit::Skipped) => skipped += 1,
            Err(other) => return Err(other),
        }
    }
    if applied == 0 && skipped > 0 {
        return Err(Misfit::Skipped);
    }
    Ok(())
}

/// True if a value fits a scalar of a pattern.
fn scalar_fits(value: &Json, pattern: &Json) -> bool {
    match pattern {
        Json::Null => match value {
            Json::Null => true,
            Json::Bool(value) => !value,
            Json::Number(number) => number.as_f64() == Some(0.0),
            Json::String(text) => text.is_empty(),
            _ => false,
        },
        Json::Bool(wanted) => {
            value.as_bool() == Some(*wanted) || value.as_str() == Some(&wanted.to_string())
        }
        Json::Number(wanted) => match value {
            Json::Number(number) => number.as_f64() == wanted.as_f64(),
            Json::String(text) => text.parse().ok() == wanted.as_f64(),
            _ => false,
        },
        Json::String(pattern) => pattern.split('|').any(|one| {
            let mut all = one.split('&');
            all.all(|one| text_fits(value, one.trim()))
        }),
        _ => false,
    }
}

/// True if a value fits one alternative of a pattern: `>=1`, `!*:latest`, `1-10`, `nginx*`.
fn text_fits(value: &Json, pattern: &str) -> bool {
    if value.as_str() == Some(pattern) {
        return true;
    }
    let operators = [">=", "<=", ">", "<", "!"];
    let operator = operators
        .iter()
        .find(|operator| pattern.starts_with(**operator));
    let is = |wanted: &str, orders: &[Ordering]| {
        compared(value, &Json::from(wanted.trim())).is_some_and(|order| orders.contains(&order))
    };
    let rest = operator.map_or(pattern, |operator| &pattern[operator.len()..]);
    match operator {
        Some(&">=") => is(rest, &[Ordering::Greater, Ordering::Equal]),
        Some(&"<=") => is(rest, &[Ordering::Less, Ordering::Equal]),
        Some(&">") => is(rest, &[Ordering::Greater]),
        Some(&"<") => is(rest, &[Ordering::Less]),
        Some(&"!") => match range(rest.trim_start_matches('-')) {
            Some((low, high)) if rest.starts_with('-') => {
                !(is(low, &[Ordering::Greater, Ordering::Equal])
                    && is(high, &[Ordering::Less, Ordering::Equal]))
            }
            _ => !value.is_null() && !equals(value, rest.trim()),
        },
        _ => match range(pattern) {
            Some((low, high)) => {
                is(low, &[Ordering::Greater, Ordering::Equal])
                    && is(high, &[Ordering::Less, Ordering::Equal])
            }
            None => equals(value, pattern),
        },
    }
}

/// The ends of `1-10` and `10Mi-1Gi`.
fn range(pattern: &str) -> Option<(&str, &str)> {
    let (low, high) = pattern.split_once('-')?;
    let is_amount = |text: &str| {
        text.starts_with(|letter: char| letter.is_ascii_digit())
            && text
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '.')
            && super::compare::is_amount(text)
    };
    (is_amount(low) && is_amount(high)).then_some((low, high))
}

fn equals(value: &Json, pattern: &str) -> bool {
    match value {
        Json::String(text) => {
            glob(pattern, text)
                || (super::compare::is_amount(pattern)
                    && compared(value, &Json::from(pattern)) == Some(Ordering::Equal))
        }
        Json::Number(number) => {
            glob(pattern, &number.to_string())
                || compared(value, &Json::from(pattern)) == Some(Ordering::Equal)
        }
        Json::Bool(value) => glob(pattern, &value.to_string()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_fit_patterns() {
        let at = |pointer: &str| Err(Misfit::Wrong(pointer.to_string()));
        let pod = json!({
            "metadata": {"labels": {"app": "api", "a.b/c": "x"}},
            "spec": {
                "hostNetwork": false,
                "replicas": 3,
                "containers": [
                    {"name": "web", "image": "nginx:1.2", "resources": {"limits": {"memory": "512Mi"}}},
                    {"name": "log", "image": "x/y:latest"},
                ],
            },
        });
        for (pattern, expected) in [
            (json!({"metadata": {"labels": {"app": "?*"}}}), Ok(())),
            (
                json!({"metadata": {"labels": {"team": "?*"}}}),
                at("/metadata/labels"),
            ),
            (
                json!({"metadata": {"annotations": {"a": "?*"}}}),
                at("/metadata"),
            ),
            (json!({"metadata": {"=(annotations)": {"a": "?*"}}}), Ok(())),
            (json!({"metadata": {"labels": {"a.b/*": "x | y"}}}), Ok(())),
            (
                json!({"spec": {"X(hostNetwork)": "null"}}),
                at("/spec/hostNetwork"),
            ),
            (json!({"spec": {"X(hostPID)": "null"}}), Ok(())),
            (json!({"spec": {"hostNetwork": "false"}}), Ok(())),
            (json!({"spec": {"replicas": ">=2"}}), Ok(())),
            (
                json!({"spec": {"replicas": ">3 | <2"}}),
                at("/spec/replicas"),
            ),
            (json!({"spec": {"replicas": "1-5"}}), Ok(())),
            (json!({"spec": {"replicas": "!-1-5"}}), at("/spec/replicas")),
            (
                json!({"spec": {"containers": [{"image": "!*:latest"}]}}),
                at("/spec/containers/1/image"),
            ),
            (
                json!({"spec": {"containers": [{"(image)": "nginx*", "resources": {"limits": {"memory": "<1Gi"}}}]}}),
                Ok(()),
            ),
            (
                json!({"spec": {"containers": [{"(image)": "redis*", "name": "x"}]}}),
                Err(Misfit::Skipped),
            ),
            (
                json!({"spec": {"^(containers)": [{"name": "log"}]}}),
                Ok(()),
            ),
            (
                json!({"spec": {"^(containers)": [{"name": "db"}]}}),
                at("/spec/containers"),
            ),
            (
                json!({"<(kind)": "Pod", "spec": {}}),
                Err(Misfit::RuleSkipped),
            ),
        ] {
            assert_eq!(fits(&pod, &pattern), expected, "{pattern}");
        }
    }
}
