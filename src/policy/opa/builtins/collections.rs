//! Functions of arrays, sets and objects.

use super::arguments::{Arguments, Outcome, Stop};
use super::{Function, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    ("array.concat", 2, |all| {
        let (Value::Array(first), Value::Array(second)) = (all.value(0), all.value(1)) else {
            return Err(Stop::Undefined);
        };
        let items: Vec<Value> = first.iter().chain(second.iter()).cloned().collect();
        Ok(items.into())
    }),
    ("array.flatten", 1, flatten),
    ("object.subset", 2, subset),
    ("internal.member_2", 2, |all| {
        Ok(match (all.value(0), all.value(1)) {
            (Value::Undefined, _) | (_, Value::Undefined) => return Err(Stop::Undefined),
            (value, Value::Array(items)) => items.contains(value),
            (value, Value::Set(items)) => items.contains(value),
            (value, Value::Object(map)) => map.values().any(|held| held == value),
            _ => false,
        }
        .into())
    }),
    ("internal.member_3", 3, |all| {
        let (key, value) = (all.value(0), all.value(1));
        if *key == Value::Undefined || *value == Value::Undefined {
            return Err(Stop::Undefined);
        }
        Ok(match all.value(2) {
            Value::Undefined => return Err(Stop::Undefined),
            Value::Array(items) => {
                let at = key.as_i64().ok().and_then(|at| usize::try_from(at).ok());
                at.and_then(|at| items.get(at)) == Some(value)
            }
            Value::Set(items) => key == value && items.contains(key),
            Value::Object(map) => map.get(key) == Some(value),
            _ => false,
        }
        .into())
    }),
    ("__walk", 1, |all| {
        let mut pairs = Vec::new();
        walk(all, all.value(0), &mut Vec::new(), &mut pairs)?;
        Ok(pairs.into())
    }),
];

/// Every value in a value with its path, for `walk`.
fn walk(
    all: &Arguments<'_>,
    value: &Value,
    path: &mut Vec<Value>,
    pairs: &mut Vec<Value>,
) -> Result<(), Stop> {
    // the path of each pair is a copy
    all.sized(pairs.len().saturating_mul(path.len() + 1))?;
    pairs.push(vec![path.clone().into(), value.clone()].into());
    let mut below = |key: Value, inner: &Value| {
        path.push(key);
        let result = walk(all, inner, path, pairs);
        path.pop();
        result
    };
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                below(at.into(), item)?;
            }
        }
        Value::Object(map) => {
            for (key, item) in map.iter() {
                below(key.clone(), item)?;
            }
        }
        Value::Set(items) => {
            for item in items.iter() {
                below(item.clone(), item)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// The items of an array, and those of arrays in it.
fn flatten(all: &Arguments<'_>) -> Outcome {
    let Value::Array(items) = all.value(0) else {
        return Err(Stop::Undefined);
    };
    let mut flat: Vec<Value> = Vec::new();
    for item in items.iter() {
        match item {
            Value::Array(inner) => flat.extend(inner.iter().cloned()),
            other => flat.push(other.clone()),
        }
    }
    Ok(flat.into())
}

fn subset(all: &Arguments<'_>) -> Outcome {
    let (whole, part) = (all.value(0), all.value(1));
    let held = match (whole, part) {
        (Value::Object(_), Value::Object(_))
        | (Value::Set(_), Value::Set(_))
        | (Value::Array(_), Value::Array(_)) => is_subset(whole, part),
        (Value::Array(items), Value::Set(wanted)) => wanted.iter().all(|one| items.contains(one)),
        _ => return Err(Stop::Undefined),
    };
    Ok(held.into())
}

/// True if a value holds another one: objects by their keys, arrays as a run of items.
fn is_subset(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(key, value)| whole.get(key).is_some_and(|held| is_subset(held, value))),
        (Value::Set(whole), Value::Set(part)) => part.is_subset(whole),
        (Value::Array(whole), Value::Array(part)) => {
            let starts = 0..(whole.len() + 1).saturating_sub(part.len());
            part.is_empty()
                || starts.into_iter().any(|start| {
                    let run = whole.iter().skip(start).zip(part.iter());
                    run.into_iter().all(|(held, wanted)| held == wanted)
                })
        }
        _ => whole == part,
    }
}
