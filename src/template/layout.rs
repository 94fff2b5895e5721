//! Go's layouts of dates, in which `2006-01-02` stands for year, month and day.

use std::fmt::Write as _;

use jiff::ZonedDateTime;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// One part of a layout.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part<'l> {
    Literal(&'l str),
    LongMonth,
    Month,
    NumberMonth,
    ZeroMonth,
    LongDay,
    WeekDay,
    DayOfMonth,
    BlankDay,
    ZeroDay,
    ZeroYearDay,
    BlankYearDay,
    Hour24,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    Year4,
    Year2,
    Noon,
    SmallNoon,
    ZoneName,
    /// An offset: with `Z` for UTC, with colons, and how many of hours, minutes and seconds.
    Offset {
        z: bool,
        colon: bool,
        fields: u8,
    },
    /// A fraction of a second: digits, and whether zeros at its end are left out. The separator is
    /// part of it.
    Fraction {
        separator: char,
        digits: usize,
        trims: bool,
    },
}

/// Names in a layout and their parts, longer ones first.
const NAMES: [(&str, Part<'static>); 36] = [
    ("January", Part::LongMonth),
    ("Jan", Part::Month),
    ("Monday", Part::LongDay),
    ("Mon", Part::WeekDay),
    ("MST", Part::ZoneName),
    ("002", Part::ZeroYearDay),
    ("01", Part::ZeroMonth),
    ("02", Part::ZeroDay),
    ("03", Part::ZeroHour12),
    ("04", Part::ZeroMinute),
    ("05", Part::ZeroSecond),
    ("06", Part::Year2),
    ("15", Part::Hour24),
    ("1", Part::NumberMonth),
    ("2006", Part::Year4),
    ("2", Part::DayOfMonth),
    ("__2", Part::BlankYearDay),
    ("_2006", Part::Literal("_")),
    ("_2", Part::BlankDay),
    ("3", Part::Hour12),
    ("4", Part::Minute),
    ("5", Part::Second),
    ("PM", Part::Noon),
    ("pm", Part::SmallNoon),
    ("-07:00:00", offset(false, true, 3)),
    ("-070000", offset(false, false, 3)),
    ("-07:00", offset(false, true, 2)),
    ("-0700", offset(false, false, 2)),
    ("-07", offset(false, false, 1)),
    ("Z07:00:00", offset(true, true, 3)),
    ("Z070000", offset(true, false, 3)),
    ("Z07:00", offset(true, true, 2)),
    ("Z0700", offset(true, false, 2)),
    ("Z07", offset(true, false, 1)),
    ("\0", Part::Literal("")),
    ("\0", Part::Literal("")),
];

const fn offset(z: bool, colon: bool, fields: u8) -> Part<'static> {
    Part::Offset { z, colon, fields }
}

/// Splits the first part off a layout.
fn next(layout: &str) -> (Part<'_>, &str) {
    let mut at = 0;
    while at < layout.len() {
        if let Some((part, length)) = part_at(layout, at) {
            return match at {
                0 => (part, &layout[length..]),
                _ => (Part::Literal(&layout[..at]), &layout[at..]),
            };
        }
        at += layout[at..].chars().next().map_or(1, char::len_utf8);
    }
    (Part::Literal(layout), "")
}

fn part_at(layout: &str, at: usize) -> Option<(Part<'_>, usize)> {
    let rest = &layout[at..];
    if let Some(fraction) = fraction(rest) {
        return Some(fraction);
    }
    let (name, part) = NAMES.iter().find(|(name, _)| rest.starts_with(name))?;
    let after = &rest[name.len()..];
    let followed_by_letter = after.starts_with(|c: char| c.is_ascii_lowercase());
    match (*name, *part) {
        ("Jan" | "Mon", _) if followed_by_letter => None,
        // `_2006` is an underscore and a year
        ("_2006", _) => Some((Part::Literal("_"), 1)),
        (name, part) => Some((part, name.len())),
    }
}

/// `.000` or `,999`, unless more digits follow.
fn fraction(rest: &str) -> Option<(Part<'_>, usize)> {
    let separator = rest.chars().next().filter(|c| matches!(c, '.' | ','))?;
    let digit = rest.chars().nth(1).filter(|c| matches!(c, '0' | '9'))?;
    let digits = rest[1..].chars().take_while(|c| *c == digit).count();
    let ends = !rest[1 + digits..].starts_with(|c: char| c.is_ascii_digit());
    let part = Part::Fraction {
        separator,
        digits,
        trims: digit == '9',
    };
    ends.then_some((part, 1 + digits))
}

/// A time in a layout.
pub(super) fn format(layout: &str, time: &ZonedDateTime) -> String {
    let mut out = String::new();
    let mut rest = layout;
    while !rest.is_empty() {
        let (part, after) = next(rest);
        rest = after;
        print(&mut out, part, time);
    }
    out
}

fn print(out: &mut String, part: Part<'_>, time: &ZonedDateTime) {
    let month = usize::try_from(time.month() - 1).unwrap_or(0);
    let weekday = usize::try_from(time.weekday().to_sunday_zero_offset()).unwrap_or(0);
    let hour = time.hour();
    let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
    let year = time.year();
    _ = match part {
        Part::Literal(text) => write!(out, "{text}"),
        Part::LongMonth => write!(out, "{}", MONTHS[month]),
        Part::Month => write!(out, "{}", &MONTHS[month][..3]),
        Part::NumberMonth => write!(out, "{}", time.month()),
        Part::ZeroMonth => write!(out, "{:02}", time.month()),
        Part::LongDay => write!(out, "{}", DAYS[weekday]),
        Part::WeekDay => write!(out, "{}", &DAYS[weekday][..3]),
        Part::DayOfMonth => write!(out, "{}", time.day()),
        Part::BlankDay => write!(out, "{:2}", time.day()),
        Part::ZeroDay => write!(out, "{:02}", time.day()),
        Part::ZeroYearDay => write!(out, "{:03}", time.day_of_year()),
        Part::BlankYearDay => write!(out, "{:3}", time.day_of_year()),
        Part::Hour24 => write!(out, "{hour:02}"),
        Part::Hour12 => write!(out, "{hour12}"),
        Part::ZeroHour12 => write!(out, "{hour12:02}"),
        Part::Minute => write!(out, "{}", time.minute()),
        Part::ZeroMinute => write!(out, "{:02}", time.minute()),
        Part::Second => write!(out, "{}", time.second()),
        Part::ZeroSecond => write!(out, "{:02}", time.second()),
        Part::Year4 => write!(out, "{year:04}"),
        Part::Year2 => write!(out, "{:02}", year.rem_euclid(100)),
        Part::Noon => write!(out, "{}", if hour >= 12 { "PM" } else { "AM" }),
        Part::SmallNoon => write!(out, "{}", if hour >= 12 { "pm" } else { "am" }),
        Part::ZoneName => {
            let moment = time.timestamp();
            write!(
                out,
                "{}",
                time.time_zone().to_offset_info(moment).abbreviation()
            )
        }
        Part::Offset { z, colon, fields } => {
            out.push_str(&zone_offset(time.offset().seconds(), z, colon, fields));
            Ok(())
        }
        Part::Fraction {
            separator,
            digits,
            trims,
        } => {
            let all = format!("{:09}", time.subsec_nanosecond());
            let kept = &all[..digits.min(9)];
            let kept = if trims {
                kept.trim_end_matches('0')
            } else {
                kept
            };
            match kept.is_empty() {
                true => Ok(()),
                false => write!(out, "{separator}{kept}"),
            }
        }
    };
}

fn zone_offset(seconds: i32, z: bool, colon: bool, fields: u8) -> String {
    if z && seconds == 0 {
        return "Z".to_string();
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let total = seconds.unsigned_abs();
    let parts = [total / 3600, total / 60 % 60, total % 60];
    let texts: Vec<String> = parts[..usize::from(fields)]
        .iter()
        .map(|part| format!("{part:02}"))
        .collect();
    format!("{sign}{}", texts.join(if colon { ":" } else { "" }))
}

/// The fields that a text in a layout gives.
struct Fields {
    year: i16,
    month: i8,
    day: i8,
    hour: i8,
    minute: i8,
    second: i8,
    nanosecond: i32,
    afternoon: Option<bool>,
    offset: i32,
}

/// The seconds since 1970 and the nanoseconds of a text in a layout. Zones that only have a name
/// count as UTC.
pub(super) fn parse(layout: &str, text: &str) -> Result<(i64, u32), String> {
    let fail = || format!("parsing time {text:?} as {layout:?}: cannot parse {text:?}");
    let mut fields = Fields {
        year: 0,
        month: 1,
        day: 1,
        hour: 0,
        minute: 0,
        second: 0,
        nanosecond: 0,
        afternoon: None,
        offset: 0,
    };
    let mut rest = text;
    let mut pattern = layout;
    while !pattern.is_empty() {
        let (part, after) = next(pattern);
        pattern = after;
        rest = read(&mut fields, part, rest, pattern).ok_or_else(fail)?;
    }
    if !rest.is_empty() {
        return Err(format!("parsing time {text:?}: extra text: {rest:?}"));
    }
    match fields.afternoon {
        Some(true) if fields.hour < 12 => fields.hour += 12,
        Some(false) if fields.hour == 12 => fields.hour = 0,
        _ => {}
    }
    let date = Date::new(fields.year, fields.month, fields.day).map_err(|_| fail())?;
    let time = Time::new(fields.hour, fields.minute, fields.second, fields.nanosecond);
    let moment = date.to_datetime(time.map_err(|_| fail())?);
    let moment = moment
        .to_zoned_datetime(TimeZone::UTC)
        .map_err(|_| fail())?
        .timestamp();
    let nanoseconds = u32::try_from(moment.subsec_nanosecond().rem_euclid(1_000_000_000));
    let seconds = moment.as_second() - i64::from(moment.subsec_nanosecond() < 0);
    Ok((seconds - i64::from(fields.offset), nanoseconds.unwrap_or(0)))
}

/// Reads one part. `following` is the rest of the layout.
fn read<'t>(
    fields: &mut Fields,
    part: Part<'_>,
    text: &'t str,
    following: &str,
) -> Option<&'t str> {
    match part {
        Part::Literal(literal) => text.strip_prefix(literal),
        Part::Year4 => {
            let (year, rest) = digits(text, 4, 4)?;
            fields.year = i16::try_from(year).ok()?;
            Some(rest)
        }
        Part::Year2 => {
            let (year, rest) = digits(text, 2, 2)?;
            fields.year = i16::try_from(if year >= 69 { 1900 + year } else { 2000 + year }).ok()?;
            Some(rest)
        }
        Part::LongMonth | Part::Month => {
            let length = if part == Part::Month { 3 } else { usize::MAX };
            let (index, rest) = name(&MONTHS, length, text)?;
            fields.month = i8::try_from(index + 1).ok()?;
            Some(rest)
        }
        Part::LongDay => Some(name(&DAYS, usize::MAX, text)?.1),
        Part::WeekDay => Some(name(&DAYS, 3, text)?.1),
        Part::Second | Part::ZeroSecond => {
            let rest = read_number(fields, part, text)?;
            // a fraction may follow even if the layout has none
            match fraction(following) {
                Some(_) => Some(rest),
                None => Some(read_fraction(fields, rest).unwrap_or(rest)),
            }
        }
        Part::Noon | Part::SmallNoon => {
            let (half, rest) = text.split_at_checked(2)?;
            fields.afternoon = match half {
                "PM" | "pm" => Some(true),
                "AM" | "am" => Some(false),
                _ => return None,
            };
            Some(rest)
        }
        Part::ZoneName => {
            let length = text
                .find(|c: char| !c.is_ascii_uppercase())
                .unwrap_or(text.len());
            (3..=5).contains(&length).then(|| &text[length..])
        }
        Part::Offset {
            z,
            colon,
            fields: count,
        } => read_offset(fields, text, z, colon, count),
        Part::Fraction {
            digits: wanted,
            trims,
            ..
        } => match trims {
            true => Some(read_fraction(fields, text).unwrap_or(text)),
            false => {
                let rest = read_fraction(fields, text)?;
                (text.len() - rest.len() == wanted + 1).then_some(rest)
            }
        },
        number => read_number(fields, number, text),
    }
}

/// Reads a part of one or two digits.
fn read_number<'t>(fields: &mut Fields, part: Part<'_>, text: &'t str) -> Option<&'t str> {
    let (slot, least) = match part {
        Part::NumberMonth => (&mut fields.month, 1),
        Part::ZeroMonth => (&mut fields.month, 2),
        Part::DayOfMonth | Part::BlankDay => (&mut fields.day, 1),
        Part::ZeroDay => (&mut fields.day, 2),
        Part::Hour24 | Part::ZeroHour12 => (&mut fields.hour, 2),
        Part::Hour12 => (&mut fields.hour, 1),
        Part::Minute => (&mut fields.minute, 1),
        Part::ZeroMinute => (&mut fields.minute, 2),
        Part::Second => (&mut fields.second, 1),
        Part::ZeroSecond => (&mut fields.second, 2),
        _ => return None,
    };
    let text = match part {
        Part::BlankDay => text.trim_start_matches(' '),
        _ => text,
    };
    let (value, rest) = digits(text, least, 2)?;
    *slot = i8::try_from(value).ok()?;
    Some(rest)
}

fn digits(text: &str, least: usize, most: usize) -> Option<(i64, &str)> {
    let count = text
        .bytes()
        .take(most)
        .take_while(u8::is_ascii_digit)
        .count();
    let (number, rest) = text.split_at(count);
    (count >= least).then(|| number.parse().ok().map(|number| (number, rest)))?
}

/// The index of the name that a text begins with, in any case.
fn name<'t>(names: &[&str], length: usize, text: &'t str) -> Option<(usize, &'t str)> {
    names.iter().enumerate().find_map(|(index, name)| {
        let name = &name[..name.len().min(length)];
        let (start, rest) = text.split_at_checked(name.len())?;
        start.eq_ignore_ascii_case(name).then_some((index, rest))
    })
}

fn read_fraction<'t>(fields: &mut Fields, text: &'t str) -> Option<&'t str> {
    let inner = text.strip_prefix(['.', ','])?;
    let count = inner.bytes().take_while(u8::is_ascii_digit).count();
    if count == 0 {
        return None;
    }
    let padded = format!("{:0<9}", &inner[..count]);
    fields.nanosecond = padded[..9].parse().ok()?;
    Some(&inner[count..])
}

fn read_offset<'t>(
    fields: &mut Fields,
    text: &'t str,
    z: bool,
    colon: bool,
    count: u8,
) -> Option<&'t str> {
    if let Some(rest) = text.strip_prefix('Z').filter(|_| z) {
        return Some(rest);
    }
    let sign = match text.bytes().next()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let mut rest = &text[1..];
    let mut total = 0;
    for (index, unit) in [3600, 60, 1]
        .into_iter()
        .take(usize::from(count))
        .enumerate()
    {
        if colon && index > 0 {
            rest = rest.strip_prefix(':')?;
        }
        let (value, after) = digits(rest, 2, 2)?;
        total += i32::try_from(value).ok()? * unit;
        rest = after;
    }
    fields.offset = sign * total;
    Some(rest)
}

/// A span of time such as `1h30m` or `-1.5s`, in nanoseconds.
pub(super) fn parse_duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0i128;
    while !rest.is_empty() {
        let length = rest
            .bytes()
            .take_while(|b| b.is_ascii_digit() || *b == b'.')
            .count();
        let (number, after) = rest.split_at(length);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') || length > 40 {
            return Err(invalid());
        }
        let name_length = after.find(|c: char| c == '.' || c.is_ascii_digit());
        let (name, after) = after.split_at(name_length.unwrap_or(after.len()));
        let unit: i128 = match name {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "" => return Err(format!("time: missing unit in duration {text:?}")),
            _ => return Err(format!("time: unknown unit {name:?} in duration {text:?}")),
        };
        let whole: i128 = if whole.is_empty() {
            0
        } else {
            whole.parse().map_err(|_| invalid())?
        };
        let part: i128 = if fraction.is_empty() {
            0
        } else {
            fraction.parse().map_err(|_| invalid())?
        };
        let scale = 10i128.checked_pow(fraction.len() as u32);
        let scaled = part
            .checked_mul(unit)
            .zip(scale)
            .map(|(part, scale)| part / scale);
        let value = whole
            .checked_mul(unit)
            .zip(scaled)
            .map(|(whole, part)| whole + part);
        total = total.saturating_add(value.ok_or_else(invalid)?);
        rest = after;
    }
    i64::try_from(sign * total).map_err(|_| invalid())
}
