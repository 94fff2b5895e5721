//! Functions that choose between values.

use super::{Function, fixed, variadic};
use crate::template::error::Problem;
use crate::template::value::{Type, Value};

const ANY: &[Type] = &[Type::Any];
const TWO: &[Type] = &[Type::Any, Type::Any];

pub(super) static FUNCTIONS: &[Function] = &[
    variadic("default", TWO, |call| {
        let given = call.arguments.get(1).filter(|given| !is_empty(given));
        Ok(given.unwrap_or(call.value(0)).clone())
    }),
    fixed("empty", ANY, |call| {
        call.computed(Value::bool(is_empty(call.value(0))))
    }),
    variadic("coalesce", ANY, |call| {
        let found = call.arguments.iter().find(|value| !is_empty(value));
        Ok(found.cloned().unwrap_or_else(Value::nil))
    }),
    variadic("all", ANY, |call| {
        let all = !call.arguments.iter().any(is_empty);
        call.computed(Value::bool(all))
    }),
    variadic("any", ANY, |call| {
        let any = call.arguments.iter().any(|value| !is_empty(value));
        call.computed(Value::bool(any))
    }),
    fixed("ternary", &[Type::Any, Type::Any, Type::Bool], |call| {
        let index = usize::from(call.value(2).as_bool() != Some(true));
        Ok(call.value(index).clone())
    }),
    fixed("fail", &[Type::String], |call| {
        Err(Problem::Refused(call.str(0).to_string()))
    }),
];

/// The opposite of truth: null, false, zero and what is empty.
fn is_empty(value: &Value) -> bool {
    !value.is_true()
}
