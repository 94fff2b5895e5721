//! Old functions of v0 that convert and check.

use std::collections::BTreeSet;

use super::arguments::{Outcome, Stop};
use super::{Function, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    ("any", 1, |all| {
        let found = all
            .items(0)?
            .into_iter()
            .any(|item| *item == Value::Bool(true));
        Ok(found.into())
    }),
    ("all", 1, |all| {
        let held = all
            .items(0)?
            .into_iter()
            .all(|item| *item == Value::Bool(true));
        Ok(held.into())
    }),
    ("cast_array", 1, |all| {
        let items: Vec<Value> = all.items(0)?.into_iter().cloned().collect();
        Ok(items.into())
    }),
    ("cast_set", 1, |all| {
        let items: BTreeSet<Value> = all.items(0)?.into_iter().cloned().collect();
        Ok(items.into())
    }),
    ("cast_string", 1, |all| {
        same(all.value(0), |value| matches!(value, Value::String(_)))
    }),
    ("cast_boolean", 1, |all| {
        same(all.value(0), |value| matches!(value, Value::Bool(_)))
    }),
    ("cast_null", 1, |all| {
        same(all.value(0), |value| *value == Value::Null)
    }),
    ("cast_object", 1, |all| {
        same(all.value(0), |value| matches!(value, Value::Object(_)))
    }),
];

fn same(value: &Value, is_right: fn(&Value) -> bool) -> Outcome {
    if is_right(value) {
        Ok(value.clone())
    } else {
        Err(Stop::Undefined)
    }
}
