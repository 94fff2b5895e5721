//! Decimal arithmetic, in which `addf 0.1 0.2` is 0.3.

/// A decimal number, or a float where the digits would not fit.
#[derive(Clone, Copy, Debug)]
pub(super) enum Decimal {
    Exact { digits: i128, exponent: i32 },
    Float(f64),
}

/// Digits behind the point that a division keeps.
const PRECISION: i32 = 16;

impl Decimal {
    /// The shortest decimal number that identifies a float.
    pub(super) fn of(value: f64) -> Decimal {
        let text = format!("{value:e}");
        let exact = text.split_once('e').and_then(|(mantissa, exponent)| {
            let fraction = mantissa
                .split_once('.')
                .map_or(0, |(_, fraction)| fraction.len());
            let digits: i128 = mantissa.replace('.', "").parse().ok()?;
            let exponent: i32 = exponent.parse().ok()?;
            Some(Decimal::Exact {
                digits,
                exponent: exponent - fraction as i32,
            })
        });
        exact.unwrap_or(Decimal::Float(value))
    }

    /// The nearest float.
    pub(super) fn to_float(self) -> f64 {
        match self {
            Decimal::Exact { digits, exponent } => {
                format!("{digits}e{exponent}").parse().unwrap_or(f64::NAN)
            }
            Decimal::Float(value) => value,
        }
    }

    pub(super) fn add(&self, other: &Decimal) -> Decimal {
        self.aligned(other, i128::checked_add)
            .unwrap_or_else(|| Decimal::Float(self.to_float() + other.to_float()))
    }

    pub(super) fn subtract(&self, other: &Decimal) -> Decimal {
        self.aligned(other, i128::checked_sub)
            .unwrap_or_else(|| Decimal::Float(self.to_float() - other.to_float()))
    }

    pub(super) fn multiply(&self, other: &Decimal) -> Decimal {
        let exact = self.exact().zip(other.exact()).and_then(|(a, b)| {
            Some(Decimal::Exact {
                digits: a.0.checked_mul(b.0)?,
                exponent: a.1.checked_add(b.1)?,
            })
        });
        exact.unwrap_or_else(|| Decimal::Float(self.to_float() * other.to_float()))
    }

    /// `None` for a division by zero.
    pub(super) fn divide(&self, other: &Decimal) -> Option<Decimal> {
        if other.to_float() == 0.0 {
            return None;
        }
        let exact = self.exact().zip(other.exact()).and_then(|(a, b)| {
            // a · 10^shift / b has PRECISION digits behind the point
            let shift = PRECISION.checked_add(a.1)?.checked_sub(b.1)?;
            let (numerator, denominator) = match u32::try_from(shift) {
                Ok(up) => (a.0.checked_mul(10i128.checked_pow(up)?)?, b.0),
                Err(_) => {
                    let down = shift.unsigned_abs();
                    (a.0, b.0.checked_mul(10i128.checked_pow(down)?)?)
                }
            };
            Some(Decimal::Exact {
                digits: rounded(numerator, denominator),
                exponent: -PRECISION,
            })
        });
        Some(exact.unwrap_or_else(|| Decimal::Float(self.to_float() / other.to_float())))
    }

    fn exact(&self) -> Option<(i128, i32)> {
        match self {
            Decimal::Exact { digits, exponent } => Some((*digits, *exponent)),
            Decimal::Float(_) => None,
        }
    }

    fn aligned(&self, other: &Decimal, combine: fn(i128, i128) -> Option<i128>) -> Option<Decimal> {
        let (a, b) = self.exact().zip(other.exact())?;
        let exponent = a.1.min(b.1);
        let scaled = |(digits, own): (i128, i32)| {
            let up = u32::try_from(own.checked_sub(exponent)?).ok()?;
            digits.checked_mul(10i128.checked_pow(up)?)
        };
        Some(Decimal::Exact {
            digits: combine(scaled(a)?, scaled(b)?)?,
            exponent,
        })
    }
}

/// A quotient, rounded half away from zero.
fn rounded(numerator: i128, denominator: i128) -> i128 {
    let (quotient, rest) = (numerator / denominator, numerator % denominator);
    let is_half = rest.unsigned_abs() >= denominator.unsigned_abs().div_ceil(2) && rest != 0;
    match is_half {
        true if (numerator < 0) != (denominator < 0) => quotient - 1,
        true => quotient + 1,
        false => quotient,
    }
}
