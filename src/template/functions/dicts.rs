//! Functions of maps.

use std::sync::Arc;

use super::{Call, Function, fixed, variadic};
use crate::template::error::Problem;
use crate::template::inputs::Inputs;
use crate::template::value::{Data, Entry, List, Map, MapKind, Nested, Type, Value};

/// The deepest nesting of maps that are merged or copied; a map can hold itself.
const DEEPEST: usize = 200;

const MAP: &[Type] = &[Type::Map];
const KEY: &[Type] = &[Type::Map, Type::String];
const TWO: &[Type] = &[Type::Map, Type::Map];
const ANY: &[Type] = &[Type::Any];

pub(super) static FUNCTIONS: &[Function] = &[
    variadic("dict", ANY, dict),
    fixed("get", KEY, |call| {
        let found = call.map(0).and_then(|map| map.get(call.str(1)));
        Ok(found.unwrap_or_else(|| Value::string("")))
    }),
    fixed("set", &[Type::Map, Type::String, Type::Any], |call| {
        let Some(map) = call.map(0).filter(|map| !map.is_nil) else {
            return Err("assignment to entry in nil map".into());
        };
        let key = call.value(1).inputs();
        let value = call.value(2).clone();
        map.insert(call.str(1).into(), Entry { value, key });
        Ok(call.value(0).clone())
    }),
    fixed("unset", KEY, |call| {
        if let Some(map) = call.map(0) {
            map.remove(call.str(1));
        }
        Ok(call.value(0).clone())
    }),
    fixed("hasKey", KEY, |call| {
        let found = call.map(0).is_some_and(|map| map.contains(call.str(1)));
        Ok(Value::bool(found))
    }),
    variadic("pluck", &[Type::String, Type::Map], |call| {
        let maps = call.from(1).iter().filter_map(Value::as_map);
        Ok(Value::list(
            maps.filter_map(|map| map.get(call.str(0))).collect(),
        ))
    }),
    variadic("keys", MAP, |call| {
        let mut keys = Vec::new();
        for map in call.arguments.iter().filter_map(Value::as_map) {
            call.budget.steps(map.len())?;
            let entries = map.entries().into_iter();
            keys.extend(entries.map(|(key, entry)| Value::string(key).with_inputs(entry.key)));
        }
        Ok(Value::strings(keys))
    }),
    fixed("values", MAP, |call| {
        let entries = entries(call, 0)?.into_iter();
        Ok(Value::list(entries.map(|(_, entry)| entry.value).collect()))
    }),
    variadic("pick", KEY, |call| {
        let picked = Map::new();
        if let Some(map) = call.map(0) {
            for key in call.from(1).iter().filter_map(Value::as_str) {
                if let Some(entry) = map.entry(key) {
                    picked.insert(key.into(), entry);
                }
            }
        }
        Ok(Value::map(picked).with_inputs(call.value(0).inputs.clone()))
    }),
    variadic("omit", KEY, |call| {
        let omitted = call.from(1);
        let mut kept = entries(call, 0)?;
        kept.retain(|(key, _)| !omitted.iter().any(|name| name.as_str() == Some(key)));
        let kept: Map = kept.into_iter().collect();
        Ok(Value::map(kept).with_inputs(call.value(0).inputs.clone()))
    }),
    variadic("merge", TWO, |call| merged(call, false)),
    variadic("mustMerge", TWO, |call| merged(call, false)),
    variadic("mergeOverwrite", TWO, |call| merged(call, true)),
    variadic("mustMergeOverwrite", TWO, |call| merged(call, true)),
    fixed("deepCopy", ANY, deep_copy),
    fixed("mustDeepCopy", ANY, deep_copy),
    variadic("dig", ANY, dig),
];

fn entries(call: &mut Call<'_>, index: usize) -> Result<Vec<(Arc<str>, Entry)>, Problem> {
    let entries = call.map(index).map(Map::entries).unwrap_or_default();
    call.budget.steps(entries.len())?;
    Ok(entries)
}

fn dict(call: &mut Call<'_>) -> Result<Value, Problem> {
    let map = Map::new();
    for pair in call.arguments.chunks(2) {
        let [name, rest @ ..] = pair else {
            continue;
        };
        let key = call.printed(name)?;
        let value = rest.first().cloned().unwrap_or_else(|| Value::string(""));
        let entry = Entry {
            value,
            key: key.inputs(),
        };
        map.insert(key.as_str().into(), entry);
    }
    Ok(Value::map(map))
}

/// Merges the further arguments into the first one, which changes.
fn merged(call: &mut Call<'_>, overwrites: bool) -> Result<Value, Problem> {
    let target = match call.map(0) {
        Some(map) if !map.is_nil => map.clone(),
        _ => Map::new(),
    };
    for source in call.from(1).iter().filter_map(Value::as_map) {
        merge(call, &target, source, overwrites, 0)?;
    }
    let inputs = call.value(0).inputs.clone();
    Ok(Value::map(target.as_kind(MapKind::Any)).with_inputs(inputs))
}

fn merge(
    call: &mut Call<'_>,
    target: &Map,
    source: &Map,
    overwrites: bool,
    depth: usize,
) -> Result<(), Problem> {
    if depth > DEEPEST {
        return Err(too_deep());
    }
    if target.is_same(source) {
        return Ok(());
    }
    for (key, entry) in source.entries() {
        call.budget.step()?;
        let present = target.get(&key);
        if entry.value.is_nil() {
            if overwrites {
                target.insert(key, entry);
            }
            continue;
        }
        let both = present
            .as_ref()
            .and_then(plain_map)
            .zip(plain_map(&entry.value));
        if let Some((inner, new)) = both {
            let (inner, new) = (inner.clone(), new.clone());
            merge(call, &inner, &new, overwrites, depth + 1)?;
            if inner.is_empty() {
                target.insert(key, entry);
            }
            continue;
        }
        if overwrites || !present.is_some_and(|value| value.is_true()) {
            target.insert(key, entry);
        }
    }
    Ok(())
}

fn plain_map(value: &Value) -> Option<&Map> {
    match &value.data {
        Data::Map(map) => Some(map),
        _ => None,
    }
}

fn too_deep() -> Problem {
    Problem::TooMuch {
        what: "levels of nested maps",
        most: DEEPEST as u64,
    }
}

fn deep_copy(call: &mut Call<'_>) -> Result<Value, Problem> {
    match call.value(0).is_nil() {
        true => Err("reflect: call of reflect.Value.Type on zero Value".into()),
        false => copied(call, call.value(0), 0),
    }
}

/// A copy that shares no map with the original.
fn copied(call: &mut Call<'_>, value: &Value, depth: usize) -> Result<Value, Problem> {
    call.budget.step()?;
    if depth > DEEPEST {
        return Err(too_deep());
    }
    let data = match &value.data {
        Data::Map(map) => {
            let copy = Map::of(map.kind);
            for (key, entry) in map.entries() {
                let value = copied(call, &entry.value, depth + 1)?;
                let key_inputs = entry.key;
                copy.insert(
                    key,
                    Entry {
                        value,
                        key: key_inputs,
                    },
                );
            }
            Data::Map(copy)
        }
        Data::List(list) => {
            let mut items = Vec::with_capacity(list.items.len());
            for item in list.items.iter() {
                items.push(copied(call, item, depth + 1)?);
            }
            Data::List(List {
                items: Arc::new(Nested(items)),
                ..*list
            })
        }
        other => other.clone(),
    };
    Ok(Value {
        data,
        inputs: value.inputs.clone(),
    })
}

/// The value below a path of keys, or the default where a key is missing.
fn dig(call: &mut Call<'_>) -> Result<Value, Problem> {
    let [path @ .., default, last] = call.arguments else {
        return Err("dig needs at least three arguments".into());
    };
    if path.is_empty() {
        return Err("dig needs at least three arguments".into());
    }
    let mut keys = Vec::new();
    for key in path {
        match key.as_str() {
            Some(key) => keys.push(key),
            None => return Err(not_a("string", key)),
        }
    }
    let mut at = last.clone();
    for key in keys {
        let map = match &at.data {
            Data::Map(map) if map.kind == MapKind::Any => map.clone(),
            _ => return Err(not_a("map[string]interface {}", &at)),
        };
        match map.get(key) {
            Some(value) => at = value,
            None => return Ok(default.clone()),
        }
    }
    Ok(at)
}

fn not_a(wanted: &str, value: &Value) -> Problem {
    let found = match value.is_nil() {
        true => "nil",
        false => value.type_name(),
    };
    format!("interface conversion: interface {{}} is {found}, not {wanted}").into()
}

/// A map of strings that were computed from the same places.
pub(super) fn map_of(
    pairs: impl IntoIterator<Item = (&'static str, String)>,
    inputs: &Inputs,
) -> Map {
    let map = Map::new();
    for (key, text) in pairs {
        map.set(key, Value::string(text).with_inputs(inputs.clone()));
    }
    map
}
