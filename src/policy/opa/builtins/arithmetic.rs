//! Operators, computed as OPA does. OPA takes `"a" + 1` and `1 / 0` as undefined, where regorus ends
//! the evaluation, and 0.1 + 0.2 is 0.3 in OPA, which does not compute with binary fractions of 53
//! bits. `lower` calls these functions instead of the operators.

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
    ("sum", 1, |all| fold(all, 0, "+")),
    ("product", 1, |all| fold(all, 1, "*")),
];

fn numeric(all: &Arguments<'_>, operator: &str) -> Outcome {
    computed(all.value(0), operator, all.value(1))
}

/// The sum or product of an array or a set.
fn fold(all: &Arguments<'_>, start: i64, operator: &str) -> Outcome {
    let mut items = all.items(0)?.into_iter();
    items.try_fold(Value::from(start), |sum, item| {
        computed(&sum, operator, item)
    })
}

/// The result for two numbers. A number has no quotient and no remainder by zero, and a fraction no
/// remainder.
fn computed(left: &Value, operator: &str, right: &Value) -> Outcome {
    let (Value::Number(first), Value::Number(second)) = (left, right) else {
        return Err(Stop::Undefined);
    };
    let are_whole = first.is_integer() && second.is_integer();
    if operator == "%" && !are_whole {
        return Err(Stop::Undefined);
    }
    if !are_whole || operator == "/" {
        let decimal = match (Decimal::of(left), Decimal::of(right)) {
            (Some(left), Some(right)) => left.computed(operator, right),
            _ => None,
        };
        if let Some(value) = decimal {
            return Ok(value);
        }
    }
    let result = match operator {
        "+" => first.add(second),
        "-" => first.sub(second),
        "*" => first.mul(second),
        "/" => first.clone().divide(second),
        _ => first.clone().modulo(second),
    };
    result.map(Value::from).map_err(|_| Stop::Undefined)
}

/// `digits` × 10^`exponent`: 1.5 is 15 × 10^-1.
#[derive(Clone, Copy)]
struct Decimal {
    digits: i128,
    exponent: i32,
}

impl Decimal {
    /// The number that was written: one of up to 15 digits is exact. Nothing for a longer fraction,
    /// which is the result of a division.
    fn of(value: &Value) -> Option<Decimal> {
        const MOST: usize = 15;
        let Value::Number(number) = value else {
            return None;
        };
        if let (true, Some(digits)) = (number.is_integer(), number.as_i64()) {
            let digits = i128::from(digits);
            return Some(Decimal {
                digits,
                exponent: 0,
            });
        }
        let text = format!("{:e}", number.as_f64()?);
        let (mantissa, exponent) = text.split_once('e')?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        if digits.trim_start_matches('-').len() > MOST {
            return None;
        }
        let exponent: i32 = exponent.parse().ok()?;
        Some(Decimal {
            digits: digits.parse().ok()?,
            exponent: exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?,
        })
    }

    fn computed(self, operator: &str, other: Decimal) -> Option<Value> {
        match operator {
            "+" => self.plus(other, 1)?.value(),
            "-" => self.plus(other, -1)?.value(),
            "*" => Decimal {
                digits: self.digits.checked_mul(other.digits)?,
                exponent: self.exponent.checked_add(other.exponent)?,
            }
            .value(),
            _ => self.divided_by(other)?.value(),
        }
    }

    fn plus(self, other: Decimal, sign: i128) -> Option<Decimal> {
        let exponent = self.exponent.min(other.exponent);
        let scaled = |number: Decimal| {
            let places = u32::try_from(number.exponent - exponent).ok()?;
            number.digits.checked_mul(10i128.checked_pow(places)?)
        };
        let other = scaled(other)?.checked_mul(sign)?;
        Some(Decimal {
            digits: scaled(self)?.checked_add(other)?,
            exponent,
        })
    }

    /// The quotient with so many digits that it rounds to the right number.
    fn divided_by(self, other: Decimal) -> Option<Decimal> {
        if other.digits == 0 {
            return None;
        }
        let places = 37 - self.digits.unsigned_abs().max(1).ilog10();
        let dividend = self.digits.checked_mul(10i128.checked_pow(places)?)?;
        let exponent = self.exponent - i32::try_from(places).ok()? - other.exponent;
        let (quotient, rest) = (dividend / other.digits, dividend % other.digits);
        if rest == 0 {
            return Some(Decimal {
                digits: quotient,
                exponent,
            });
        }
        // one more digit tells that the quotient goes on
        let sign = if (dividend < 0) == (other.digits < 0) {
            1
        } else {
            -1
        };
        Some(Decimal {
            digits: quotient.checked_mul(10)?.checked_add(sign)?,
            exponent: exponent - 1,
        })
    }

    /// The nearest number; a whole one is exact.
    fn value(self) -> Option<Value> {
        let (mut digits, mut exponent) = (self.digits, self.exponent);
        while exponent < 0 && digits % 10 == 0 && digits != 0 {
            digits /= 10;
            exponent += 1;
        }
        if digits == 0 {
            return Some(Value::from(0));
        }
        if exponent >= 0
            && let Some(scale) = u32::try_from(exponent)
                .ok()
                .and_then(|exponent| 10i128.checked_pow(exponent))
            && let Some(whole) = digits.checked_mul(scale)
        {
            return Some(Value::from(whole));
        }
        let number: f64 = format!("{digits}e{exponent}").parse().ok()?;
        number.is_finite().then(|| Value::from(number))
    }
}
