//! Dates and spans of time. The time of day differs in every run; here it is fixed and marked.

use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

use super::{Call, Function, fixed};
use crate::template::error::Problem;
use crate::template::format;
use crate::template::inputs::Inputs;
use crate::template::layout;
use crate::template::numbers::{float, truncated};
use crate::template::value::{Data, Time, Type, Value};

const ANY: &[Type] = &[Type::Any];
const TEXT_ANY: &[Type] = &[Type::String, Type::Any];
const TWO: &[Type] = &[Type::String, Type::String];
const MODIFY: &[Type] = &[Type::String, Type::Time];
const ZONED: &[Type] = &[Type::String, Type::Any, Type::String];

/// The second that counts as now: 2024-01-01T00:00:00Z.
const NOW: i64 = 1_704_067_200;

/// A second and an hour in nanoseconds.
const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3600 * SECOND;

pub(super) static FUNCTIONS: &[Function] = &[
    fixed("now", &[], |_| {
        Ok(time(NOW, 0, &TimeZone::UTC, Inputs::VOLATILE))
    }),
    fixed("date", TEXT_ANY, |call| {
        let pattern = call.str(0);
        formatted(call, pattern, 1, "Local")
    }),
    fixed("dateInZone", ZONED, in_zone),
    fixed("date_in_zone", ZONED, in_zone),
    fixed("htmlDate", ANY, |call| {
        formatted(call, "2006-01-02", 0, "Local")
    }),
    fixed("htmlDateInZone", &[Type::Any, Type::String], |call| {
        let zone = call.str(1);
        formatted(call, "2006-01-02", 0, zone)
    }),
    fixed("dateModify", MODIFY, |call| modified(call, false)),
    fixed("date_modify", MODIFY, |call| modified(call, false)),
    fixed("mustDateModify", MODIFY, |call| modified(call, true)),
    fixed("must_date_modify", MODIFY, |call| modified(call, true)),
    fixed("toDate", TWO, |call| parsed(call, false)),
    fixed("mustToDate", TWO, |call| parsed(call, true)),
    fixed("unixEpoch", &[Type::Time], |call| {
        let seconds = match &call.value(0).data {
            Data::Time(time) => time.seconds,
            _ => 0,
        };
        call.computed_text(seconds.to_string())
    }),
    fixed("ago", ANY, |call| {
        let seconds = moment(call.value(0)).map_or(0, |(seconds, _)| NOW - seconds);
        let text = format::duration(seconds.saturating_mul(1_000_000_000));
        let inputs = call.inputs().and(&Inputs::VOLATILE);
        Ok(Value::string(text).with_inputs(inputs))
    }),
    fixed("duration", ANY, |call| {
        let seconds = match &call.value(0).data {
            Data::String(text) => decimal(text.as_str()),
            Data::Int(crate::template::value::IntKind::Int64, value) => *value,
            _ => 0,
        };
        call.computed_text(format::duration(seconds.wrapping_mul(1_000_000_000)))
    }),
    fixed("durationRound", ANY, |call| {
        let nanoseconds = match &call.value(0).data {
            Data::String(text) => layout::parse_duration(text.as_str()).unwrap_or(0),
            Data::Int(crate::template::value::IntKind::Int64, value) => *value,
            Data::Time(time) => (NOW - time.seconds).saturating_mul(1_000_000_000),
            _ => 0,
        };
        call.computed_text(rounded(nanoseconds.unsigned_abs()))
    }),
    fixed("mustToDuration", ANY, |call| {
        let nanoseconds = span(call.value(0))?;
        call.computed(Data::Duration(nanoseconds).into())
    }),
    fixed("durationSeconds", ANY, |call| float_of(call, SECOND, 1.0)),
    fixed("durationMinutes", ANY, |call| {
        float_of(call, 60 * SECOND, 1.0)
    }),
    fixed("durationHours", ANY, |call| float_of(call, HOUR, 1.0)),
    fixed("durationDays", ANY, |call| float_of(call, HOUR, 24.0)),
    fixed("durationWeeks", ANY, |call| {
        let days = float_of(call, HOUR, 24.0)?;
        let weeks = Value::float(crate::template::numbers::to_float(&days) / 7.0);
        Ok(weeks.with_inputs(days.inputs))
    }),
    fixed("durationMilliseconds", ANY, |call| {
        whole_of(call, 1_000_000)
    }),
    fixed("durationMicroseconds", ANY, |call| whole_of(call, 1_000)),
    fixed("durationNanoseconds", ANY, |call| whole_of(call, 1)),
    fixed("durationRoundTo", &[Type::Any, Type::Any], |call| {
        let (value, unit) = spans(call);
        call.computed(Data::Duration(nearest(value, unit)).into())
    }),
    fixed("durationTruncateTo", &[Type::Any, Type::Any], |call| {
        let (value, unit) = spans(call);
        let kept = if unit > 0 {
            value - value % unit
        } else {
            value
        };
        call.computed(Data::Duration(kept).into())
    }),
];

fn time(seconds: i64, nanoseconds: u32, zone: &TimeZone, inputs: Inputs) -> Value {
    let moment = Timestamp::new(seconds, nanoseconds as i32).unwrap_or_default();
    let offset = zone.to_offset_info(moment);
    Value::from(Data::Time(Time {
        seconds,
        nanoseconds,
        zone: Arc::from(offset.abbreviation()),
        offset: offset.offset().seconds(),
    }))
    .with_inputs(inputs)
}

/// Seconds and nanoseconds of a time or of a number of seconds; `None` for anything else, which
/// Go takes for now.
fn moment(value: &Value) -> Option<(i64, u32)> {
    match &value.data {
        Data::Time(time) => Some((time.seconds, time.nanoseconds)),
        Data::Int(kind, seconds) if !kind.is_unsigned() => Some((*seconds, 0)),
        _ => None,
    }
}

fn in_zone(call: &mut Call<'_>) -> Result<Value, Problem> {
    let (pattern, zone) = (call.str(0), call.str(2));
    formatted(call, pattern, 1, zone)
}

fn formatted(
    call: &mut Call<'_>,
    pattern: &str,
    index: usize,
    zone: &str,
) -> Result<Value, Problem> {
    let found = moment(call.value(index));
    let (seconds, nanoseconds) = found.unwrap_or((NOW, 0));
    let zone = match zone {
        "" | "UTC" | "Local" => TimeZone::UTC,
        name => TimeZone::get(name).unwrap_or(TimeZone::UTC),
    };
    let moment =
        Timestamp::new(seconds, nanoseconds as i32).map_err(|_| "the date is out of range")?;
    let text = layout::format(pattern, &ZonedDateTime::new(moment, zone));
    let value = call.computed_text(text)?;
    Ok(match found {
        Some(_) => value,
        None => {
            let inputs = value.inputs.clone().and(&Inputs::VOLATILE);
            value.with_inputs(inputs)
        }
    })
}

fn modified(call: &mut Call<'_>, is_strict: bool) -> Result<Value, Problem> {
    let change = match layout::parse_duration(call.str(0)) {
        Ok(change) => change,
        Err(message) if is_strict => return Err(message.into()),
        Err(_) => return Ok(call.value(1).clone()),
    };
    let Data::Time(old) = &call.value(1).data else {
        return Ok(call.value(1).clone());
    };
    let total = i128::from(old.seconds) * 1_000_000_000 + i128::from(old.nanoseconds);
    let total = total + i128::from(change);
    let seconds = i64::try_from(total.div_euclid(1_000_000_000)).unwrap_or(i64::MAX);
    let new = Time {
        seconds,
        nanoseconds: total.rem_euclid(1_000_000_000) as u32,
        ..old.clone()
    };
    call.computed(Data::Time(new).into())
}

fn parsed(call: &mut Call<'_>, is_strict: bool) -> Result<Value, Problem> {
    match layout::parse(call.str(0), call.str(1)) {
        Ok((seconds, nanoseconds)) => Ok(time(seconds, nanoseconds, &TimeZone::UTC, call.inputs())),
        Err(message) if is_strict => Err(message.into()),
        Err(_) => {
            // Go's zero time, in the year 1
            let zero = DateTime::constant(1, 1, 1, 0, 0, 0, 0).to_zoned_datetime(TimeZone::UTC);
            let seconds = zero.map_or(0, |zero| zero.timestamp().as_second());
            Ok(time(seconds, 0, &TimeZone::UTC, call.inputs()))
        }
    }
}

fn decimal(text: &str) -> i64 {
    text.parse().unwrap_or(0)
}

/// The largest whole unit of a span of time.
fn rounded(nanoseconds: u64) -> String {
    const SECOND: u64 = 1_000_000_000;
    const UNITS: [(u64, &str); 6] = [
        (365 * 24 * 3600 * SECOND, "y"),
        (30 * 24 * 3600 * SECOND, "mo"),
        (24 * 3600 * SECOND, "d"),
        (3600 * SECOND, "h"),
        (60 * SECOND, "m"),
        (SECOND, "s"),
    ];
    let found = UNITS.iter().find(|(unit, _)| nanoseconds > *unit);
    found.map_or("0s".to_string(), |(unit, name)| {
        format!("{}{name}", nanoseconds / unit)
    })
}

/// A span of time in nanoseconds: `1h30m`, or a number of seconds.
fn span(value: &Value) -> Result<i64, Problem> {
    let of_seconds = |seconds: f64| match (seconds * 1e9).abs() < 9.2e18 {
        true => Ok(truncated(seconds * 1e9)),
        false => Err(Problem::from("duration seconds overflow")),
    };
    match &value.data {
        Data::Duration(nanoseconds) => Ok(*nanoseconds),
        Data::String(text) => {
            let text = text.as_str().trim();
            if text.is_empty() {
                return Err("empty duration".into());
            }
            if let Ok(nanoseconds) = layout::parse_duration(text) {
                return Ok(nanoseconds);
            }
            match float(text) {
                Some(seconds) => of_seconds(seconds),
                None => Err(format!("could not parse duration {text:?}").into()),
            }
        }
        Data::Int(_, seconds) => seconds
            .checked_mul(1_000_000_000)
            .ok_or_else(|| format!("duration seconds overflow: {seconds}").into()),
        Data::Float(seconds) => of_seconds(*seconds),
        Data::Nil | Data::Missing => Err("invalid duration".into()),
        _ => Err(format!("unsupported duration type {}", value.type_name()).into()),
    }
}

fn spans(call: &Call<'_>) -> (i64, i64) {
    let span = |index: usize| span(call.value(index)).unwrap_or(0);
    (span(0), span(1))
}

fn nearest(value: i64, unit: i64) -> i64 {
    if unit <= 0 {
        return value;
    }
    let rest = value % unit;
    let down = value - rest;
    match rest.unsigned_abs().saturating_mul(2) >= unit.unsigned_abs() {
        true => down.saturating_add(unit * value.signum()),
        false => down,
    }
}

/// A span of time in `count` units. Like Go, it adds the whole units and their fraction, which
/// rounds otherwise than one division.
fn float_of(call: &mut Call<'_>, unit: i64, count: f64) -> Result<Value, Problem> {
    let nanoseconds = span(call.value(0)).unwrap_or(0);
    let (whole, rest) = (nanoseconds / unit, nanoseconds % unit);
    let units = whole as f64 + rest as f64 / unit as f64;
    call.computed(Value::float(units / count))
}

fn whole_of(call: &mut Call<'_>, unit: i64) -> Result<Value, Problem> {
    let nanoseconds = span(call.value(0)).unwrap_or(0);
    call.computed(Value::int64(nanoseconds / unit))
}
