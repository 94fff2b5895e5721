//! `json.filter` and `json.remove`: parts of an object, by their paths.

use std::collections::{BTreeMap, BTreeSet};

use super::arguments::{Arguments, Stop};
use super::{Function, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    ("json.filter", 2, |all| {
        let paths = Paths::of(all)?;
        Ok(filtered(all.value(0), &paths))
    }),
    ("json.remove", 2, |all| {
        let paths = Paths::of(all)?;
        Ok(without(all.value(0), &paths).unwrap_or_else(Value::new_object))
    }),
];

/// The paths of parts, merged where they begin with the same key.
#[derive(Default)]
struct Paths {
    /// True for the end of a path, which is the whole part.
    is_end: bool,
    below: BTreeMap<Value, Paths>,
}

impl Paths {
    /// The second argument: texts such as `a/b`, or lists of keys. The first one is an object.
    fn of(all: &Arguments<'_>) -> Result<Paths, Stop> {
        if !matches!(all.value(0), Value::Object(_)) {
            return Err(Stop::Undefined);
        }
        let mut paths = Paths::default();
        for path in all.items(1)? {
            let keys: Vec<Value> = match path {
                Value::String(text) if text.is_empty() => Vec::new(),
                Value::String(text) => {
                    let keys = text.trim_start_matches('/').split('/');
                    keys.map(|key| key.replace("~1", "/").replace("~0", "~").into())
                        .collect()
                }
                Value::Array(keys) => keys.to_vec(),
                _ => return Err(Stop::Undefined),
            };
            paths.add(&keys);
        }
        Ok(paths)
    }

    fn add(&mut self, keys: &[Value]) {
        let Some((last, before)) = keys.split_last() else {
            return;
        };
        let mut paths = self;
        for key in before {
            paths = paths.below.entry(key.clone()).or_default();
            if paths.is_end {
                return;
            }
        }
        let end = paths.below.entry(last.clone()).or_default();
        *end = Paths {
            is_end: true,
            ..Paths::default()
        };
    }

    /// What is below the key of an item of an array, which is a text.
    fn item(&self, at: usize) -> Option<&Paths> {
        self.below.get(&Value::from(at.to_string()))
    }
}

/// The parts of a value that are at the end of a path.
fn filtered(value: &Value, paths: &Paths) -> Value {
    if paths.is_end {
        return value.clone();
    }
    match value {
        Value::Array(items) => {
            let items = items.iter().enumerate();
            let kept = items.filter_map(|(at, item)| Some(filtered(item, paths.item(at)?)));
            Value::from(kept.collect::<Vec<Value>>())
        }
        Value::Set(items) => {
            let kept = items
                .iter()
                .filter_map(|item| Some(filtered(item, paths.below.get(item)?)));
            Value::from(kept.collect::<BTreeSet<Value>>())
        }
        Value::Object(map) => {
            let kept = map.iter().filter_map(|(key, item)| {
                Some((key.clone(), filtered(item, paths.below.get(key)?)))
            });
            Value::from(kept.collect::<BTreeMap<Value, Value>>())
        }
        scalar => scalar.clone(),
    }
}

/// A value without the parts that are at the end of a path. Nothing if it is such a part.
fn without(value: &Value, paths: &Paths) -> Option<Value> {
    if paths.is_end {
        return None;
    }
    let left = |item: &Value, paths: Option<&Paths>| match paths {
        Some(paths) => without(item, paths),
        None => Some(item.clone()),
    };
    Some(match value {
        Value::Array(items) => {
            let items = items.iter().enumerate();
            let kept = items.filter_map(|(at, item)| left(item, paths.item(at)));
            Value::from(kept.collect::<Vec<Value>>())
        }
        Value::Set(items) => {
            let kept = items
                .iter()
                .filter_map(|item| left(item, paths.below.get(item)));
            Value::from(kept.collect::<BTreeSet<Value>>())
        }
        Value::Object(map) => {
            let kept = map
                .iter()
                .filter_map(|(key, item)| Some((key.clone(), left(item, paths.below.get(key))?)));
            Value::from(kept.collect::<BTreeMap<Value, Value>>())
        }
        scalar => scalar.clone(),
    })
}
