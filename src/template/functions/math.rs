//! Arithmetic.

use super::decimal::Decimal;
use super::{Call, Function, fixed, variadic};
use crate::template::error::Problem;
use crate::template::format;
use crate::template::numbers::{to_float, to_int};
use crate::template::value::{Type, Value};

const ANY: &[Type] = &[Type::Any];
const TWO: &[Type] = &[Type::Any, Type::Any];

pub(super) static FUNCTIONS: &[Function] = &[
    fixed("int", ANY, |call| {
        call.computed(Value::int(to_int(call.value(0))))
    }),
    fixed("int64", ANY, |call| {
        call.computed(Value::int64(to_int(call.value(0))))
    }),
    fixed("float64", ANY, |call| {
        call.computed(Value::float(to_float(call.value(0))))
    }),
    fixed("atoi", &[Type::String], |call| {
        let text = call.str(0);
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        let value = text.parse::<i64>().ok().filter(|_| is_number);
        call.computed(Value::int(
            value.unwrap_or_else(|| overflowed(text, is_number)),
        ))
    }),
    fixed("toDecimal", ANY, |call| {
        let text = format::display(call.value(0), call.budget)?;
        let value = i64::from_str_radix(text.as_str(), 8).unwrap_or(0);
        call.computed(Value::int64(value))
    }),
    fixed("add1", ANY, |call| {
        call.computed(Value::int64(to_int(call.value(0)).wrapping_add(1)))
    }),
    variadic("add", ANY, |call| {
        let sum = call.arguments.iter().map(to_int);
        let sum = sum.fold(0, i64::wrapping_add);
        call.computed(Value::int64(sum))
    }),
    fixed("sub", TWO, |call| {
        let (a, b) = (to_int(call.value(0)), to_int(call.value(1)));
        call.computed(Value::int64(a.wrapping_sub(b)))
    }),
    variadic("mul", TWO, |call| {
        let product = call.arguments.iter().map(to_int);
        let product = product.fold(1, i64::wrapping_mul);
        call.computed(Value::int64(product))
    }),
    fixed("div", TWO, |call| divided(call, i64::wrapping_div)),
    fixed("mod", TWO, |call| divided(call, i64::wrapping_rem)),
    variadic("max", TWO, |call| whole(call, i64::max)),
    variadic("biggest", TWO, |call| whole(call, i64::max)),
    variadic("min", TWO, |call| whole(call, i64::min)),
    variadic("maxf", TWO, |call| float(call, larger)),
    variadic("minf", TWO, |call| float(call, smaller)),
    fixed("floor", ANY, |call| {
        call.computed(Value::float(to_float(call.value(0)).floor()))
    }),
    fixed("ceil", ANY, |call| {
        call.computed(Value::float(to_float(call.value(0)).ceil()))
    }),
    variadic("round", &[Type::Any, Type::Int, Type::Float], |call| {
        let half = match call.arguments.len() {
            3.. => call.float(2),
            _ => 0.5,
        };
        let rounded = round(to_float(call.value(0)), call.int(1), half);
        call.computed(Value::float(rounded))
    }),
    fixed("add1f", ANY, |call| {
        let sum = decimal(call, 0).add(&Decimal::of(1.0));
        call.computed(Value::float(sum.to_float()))
    }),
    variadic("addf", ANY, |call| {
        let each = (0..call.arguments.len()).map(|index| decimal(call, index));
        let sum = each.fold(Decimal::of(0.0), |sum, next| sum.add(&next));
        call.computed(Value::float(sum.to_float()))
    }),
    variadic("subf", TWO, |call| folded(call, |a, b| Some(a.subtract(b)))),
    variadic("mulf", TWO, |call| folded(call, |a, b| Some(a.multiply(b)))),
    variadic("divf", TWO, |call| folded(call, Decimal::divide)),
];

/// Go gives the nearest limit where digits do not fit, and 0 for what is no number.
fn overflowed(text: &str, is_number: bool) -> i64 {
    let has_digits = text.bytes().any(|byte| byte.is_ascii_digit());
    match (is_number && has_digits, text.starts_with('-')) {
        (false, _) => 0,
        (true, true) => i64::MIN,
        (true, false) => i64::MAX,
    }
}

fn divided(call: &mut Call<'_>, divide: fn(i64, i64) -> i64) -> Result<Value, Problem> {
    let (a, b) = (to_int(call.value(0)), to_int(call.value(1)));
    if b == 0 {
        return Err("runtime error: integer divide by zero".into());
    }
    call.computed(Value::int64(divide(a, b)))
}

fn whole(call: &mut Call<'_>, choose: fn(i64, i64) -> i64) -> Result<Value, Problem> {
    let chosen = call.arguments.iter().map(to_int).reduce(choose);
    call.computed(Value::int64(chosen.unwrap_or(0)))
}

fn float(call: &mut Call<'_>, choose: fn(f64, f64) -> f64) -> Result<Value, Problem> {
    let chosen = call.arguments.iter().map(to_float).reduce(choose);
    call.computed(Value::float(chosen.unwrap_or(0.0)))
}

fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.max(b)
    }
}

fn smaller(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.min(b)
    }
}

/// Rounds to places behind the point, up from a fraction on.
fn round(value: f64, places: i64, half: f64) -> f64 {
    let power = 10f64.powi(i32::try_from(places).unwrap_or(i32::MAX));
    let digit = power * value;
    let rounded = match digit.fract() >= half {
        true => digit.ceil(),
        false => digit.floor(),
    };
    rounded / power
}

fn decimal(call: &Call<'_>, index: usize) -> Decimal {
    Decimal::of(to_float(call.value(index)))
}

fn folded(
    call: &mut Call<'_>,
    step: fn(&Decimal, &Decimal) -> Option<Decimal>,
) -> Result<Value, Problem> {
    let mut result = decimal(call, 0);
    for index in 1..call.arguments.len() {
        result = step(&result, &decimal(call, index)).ok_or("decimal division by 0")?;
    }
    call.computed(Value::float(result.to_float()))
}
