//! Operators whose operands may have the wrong type. OPA takes `"a" + 1` and `1 / 0` as undefined,
//! regorus ends the evaluation; `lower` calls these functions instead of the operators.

use super::arguments::{Arguments, Outcome, Stop};
use super::{Function, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    ("__plus", 2, |all| numeric(all, "+")),
    ("__minus", 2, |all| match (all.value(0), all.value(1)) {
        (Value::Set(left), Value::Set(right)) => Ok(Value::from(left.difference(right))),
        _ => numeric(all, "-"),
    }),
    ("__times", 2, |all| numeric(all, "*")),
    ("__divide", 2, |all| numeric(all, "/")),
    ("__remainder", 2, |all| numeric(all, "%")),
    ("__union", 2, |all| match (all.value(0), all.value(1)) {
        (Value::Set(left), Value::Set(right)) => Ok(Value::from(left.union(right))),
        _ => Err(Stop::Undefined),
    }),
    ("__intersection", 2, |all| {
        match (all.value(0), all.value(1)) {
            (Value::Set(left), Value::Set(right)) => Ok(Value::from(left.intersection(right))),
            _ => Err(Stop::Undefined),
        }
    }),
];

/// The result for two numbers. A number has no quotient and no remainder by zero, and a fraction no
/// remainder.
fn numeric(all: &Arguments<'_>, operator: &str) -> Outcome {
    let (Value::Number(left), Value::Number(right)) = (all.value(0), all.value(1)) else {
        return Err(Stop::Undefined);
    };
    let result = match operator {
        "+" => left.add(right),
        "-" => left.sub(right),
        "*" => left.mul(right),
        "/" => left.clone().divide(right),
        _ => left.clone().modulo(right),
    };
    result.map(Value::from).map_err(|_| Stop::Undefined)
}
