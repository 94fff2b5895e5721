//! Ranges of numbers, and shifts.

use super::arguments::{Arguments, Outcome, Stop};
use super::{Function, Value};

/// The most items of a range.
const MOST: u64 = 1_000_000;

pub(super) const FUNCTIONS: &[Function] = &[
    ("numbers.range", 2, |all| range(all, 1)),
    ("numbers.range_step", 3, |all| match all.int(2)? {
        step if step > 0 => range(all, step),
        _ => Err(Stop::Undefined),
    }),
    ("bits.lsh", 2, |all| {
        let bits = all.int(1)?;
        if !(0..=10_000).contains(&bits) {
            return Err(if bits < 0 {
                Stop::Undefined
            } else {
                all.too_large()
            });
        }
        let (Value::Number(number), Value::Number(by)) = (all.value(0), all.value(1)) else {
            return Err(Stop::Undefined);
        };
        number.lsh(by).map(Value::from).ok_or(Stop::Undefined)
    }),
];

/// The numbers from one to another, both included, upwards or downwards.
fn range(all: &Arguments<'_>, step: i64) -> Outcome {
    let (from, to) = (all.int(0)?, all.int(1)?);
    if from.abs_diff(to) / step.unsigned_abs() >= MOST {
        return Err(all.too_large());
    }
    let steps = i64::try_from(from.abs_diff(to) / step.unsigned_abs()).unwrap_or(0);
    let step = if from <= to { step } else { -step };
    let items = (0..=steps).map(|count| Value::from(from.saturating_add(count * step)));
    Ok(items.collect::<Vec<Value>>().into())
}
