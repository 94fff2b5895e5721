//! Windows of time: one-off, by cron or by a recurrence rule, in a time zone, with daylight saving
//! as the zone has it.
//!
//! Here: reading them, and whether a moment lies within. Not here: what a window forbids
//! (`rules`). Cron has five fields, read as crontab(5) or as Argo CD and GitOps Promoter do
//! ([`Cron`]): when both the day of the month and the day of the week are given, either is enough.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use rrule::RRuleSet;

use crate::wording;

/// A text that is not what it should be: what is wrong with it, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}; {help}")]
pub struct CalendarError {
    /// What is wrong: `` `soon` is not a duration ``.
    pub message: String,
    /// What to write: `write it as 64h, 90m or 2d`.
    pub help: String,
}

impl CalendarError {
    fn new(message: impl Into<String>, help: impl Into<String>) -> CalendarError {
        CalendarError {
            message: message.into(),
            help: help.into(),
        }
    }
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// The longest window that recurs.
const LONGEST: i64 = 366 * DAY;

/// Whose cron it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cron {
    /// crontab(5): 7 is Sunday as well, and a day that begins with `*` restricts nothing that the
    /// other day does not.
    Crontab,
    /// Go's robfig/cron, which Argo CD and GitOps Promoter use: no 7, and `*/2` is a day that is
    /// given.
    Robfig,
}

/// When something recurs.
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    /// By cron.
    Days(Days),
    /// By a recurrence rule, of local times that are told as if they were UTC: the zone comes in
    /// when they are used.
    Rule(Box<RRuleSet>),
}

/// The fields of cron.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Days {
    minutes: Vec<u8>,
    hours: Vec<u8>,
    days: Vec<u8>,
    months: Vec<u8>,
    /// Sunday is 0.
    weekdays: Vec<u8>,
    /// Whether one of the two days is enough, because both are given.
    either: bool,
}

/// The day from which a recurrence rule runs that does not count from a day of its own: a Monday,
/// and the first of a year.
const ANY_START: &str = "2024-01-01";

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A field of cron.
#[derive(Clone, Copy)]
struct Field {
    name: &'static str,
    low: u8,
    high: u8,
    /// Names for the numbers, from the lowest: `jan`, `sun`.
    words: &'static [&'static str],
}

impl Field {
    const fn new(name: &'static str, low: u8, high: u8, words: &'static [&'static str]) -> Field {
        Field {
            name,
            low,
            high,
            words,
        }
    }
}

/// The numbers of one field of cron.
fn field(text: &str, field: Field) -> Result<Vec<u8>, CalendarError> {
    let Field {
        name,
        low,
        high,
        words,
    } = field;
    let wrong = || {
        CalendarError::new(
            format!("`{text}` is not a valid {name} in cron syntax"),
            format!("write a number from {low} to {high}, a range, a list or *"),
        )
    };
    let number = |text: &str| -> Result<u8, CalendarError> {
        let lower = text.to_ascii_lowercase();
        let named = words
            .iter()
            .position(|word| *word == lower)
            .and_then(|index| u8::try_from(index).ok())
            .map(|index| index + low);
        let number = named.or_else(|| text.parse().ok()).ok_or_else(wrong)?;
        if (low..=high).contains(&number) {
            Ok(number)
        } else {
            Err(CalendarError::new(
                format!("`{text}` is not a valid {name}"),
                format!("write a number from {low} to {high}"),
            ))
        }
    };
    let mut found = Vec::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (
                range,
                step.parse::<u8>()
                    .ok()
                    .filter(|step| *step > 0)
                    .ok_or_else(wrong)?,
            ),
            None => (part, 1),
        };
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (number(from)?, number(to)?),
            None if range == "*" || range == "?" => (low, high),
            None if part.contains('/') => (number(range)?, high),
            None => (number(range)?, number(range)?),
        };
        if from > to {
            return Err(CalendarError::new(
                format!("the {name} range `{range}` ends before it begins"),
                "write the lower number first",
            ));
        }
        found.extend((from..=to).step_by(usize::from(step)));
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

impl Schedule {
    /// Reads `minute hour day month weekday` as crontab(5) does.
    pub fn cron(text: &str) -> Result<Schedule, CalendarError> {
        Schedule::read(text, Cron::Crontab)
    }

    /// Reads `minute hour day month weekday`.
    pub fn read(text: &str, cron: Cron) -> Result<Schedule, CalendarError> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(CalendarError::new(
                format!("`{text}` is not a cron schedule"),
                "write five fields: minute hour day month weekday",
            ));
        };
        let latest = if cron == Cron::Crontab { 7 } else { 6 };
        let mut weekdays: Vec<u8> =
            field(weekday, Field::new("day of the week", 0, latest, &WEEKDAYS))?
                .into_iter()
                .map(|day| day % 7)
                .collect();
        weekdays.sort_unstable();
        weekdays.dedup();
        let open = |text: &str| match cron {
            Cron::Crontab => text.starts_with(['*', '?']),
            Cron::Robfig => text
                .split(',')
                .any(|part| matches!(part, "*" | "?" | "*/1" | "?/1")),
        };
        Ok(Schedule::Days(Days {
            minutes: field(minute, Field::new("minute", 0, 59, &[]))?,
            hours: field(hour, Field::new("hour", 0, 23, &[]))?,
            days: field(day, Field::new("day of the month", 1, 31, &[]))?,
            months: field(month, Field::new("month", 1, 12, &MONTHS))?,
            weekdays,
            either: !open(day) && !open(weekday),
        }))
    }

    /// Reads a recurrence rule of iCalendar (RFC 5545), such as `FREQ=WEEKLY;BYDAY=FR;BYHOUR=16`,
    /// that begins on `start`, a local time. Without a start it may not count (COUNT, INTERVAL),
    /// and says its days and hours itself. UNTIL is a local time, or with `Z` one of UTC.
    pub fn rrule(
        text: &str,
        start: Option<&str>,
        zone: &TimeZone,
    ) -> Result<Schedule, CalendarError> {
        let mut parts: Vec<(String, String)> = Vec::new();
        for part in text
            .trim_start_matches("RRULE:")
            .split(';')
            .filter(|part| !part.is_empty())
        {
            let (key, value) = part.split_once('=').ok_or_else(|| {
                CalendarError::new(
                    format!("`{part}` is not a part of a recurrence rule"),
                    "write KEY=VALUE parts separated by semicolons: FREQ=WEEKLY;BYDAY=FR",
                )
            })?;
            let (key, mut value) = (key.to_ascii_uppercase(), value.to_ascii_uppercase());
            if key == "UNTIL" {
                value = until(&value, zone)?;
            }
            parts.push((key, value));
        }
        let get = |key: &str| {
            parts
                .iter()
                .find(|(other, _)| other == key)
                .map(|(_, value)| value.as_str())
        };
        let frequency = get("FREQ")
            .filter(|frequency| ["DAILY", "WEEKLY", "MONTHLY", "YEARLY"].contains(frequency));
        let frequency = frequency.ok_or_else(|| {
            CalendarError::new(
                format!("the recurrence rule `{text}` has no usable FREQ"),
                "write FREQ=DAILY, WEEKLY, MONTHLY or YEARLY",
            )
        })?;
        if start.is_none() {
            if let Some(counts) = ["COUNT", "INTERVAL"]
                .into_iter()
                .find(|key| get(key).is_some_and(|value| *key == "COUNT" || value != "1"))
            {
                return Err(CalendarError::new(
                    format!("{counts} needs a day to count from"),
                    "write the first day as `from`",
                ));
            }
            let days = ["BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO"]
                .iter()
                .any(|key| get(key).is_some());
            if !days && frequency != "DAILY"
                || frequency == "YEARLY" && get("BYMONTHDAY").is_some() && get("BYMONTH").is_none()
            {
                return Err(CalendarError::new(
                    format!("FREQ={frequency} does not say on which days it recurs"),
                    "add BYDAY, BYMONTHDAY or BYMONTH, or write the first day as `from`",
                ));
            }
        }
        let start = local(start.unwrap_or(ANY_START)).ok_or_else(|| {
            CalendarError::new(
                format!("`{}` is not a local time", start.unwrap_or_default()),
                "write it as 2026-12-20T08:00",
            )
        })?;
        let rule = parts
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect::<Vec<_>>()
            .join(";");
        let whole = format!("DTSTART:{}Z\nRRULE:{rule}", start.strftime("%Y%m%dT%H%M%S"));
        let set: RRuleSet = whole.parse().map_err(|error| {
            CalendarError::new(
                format!("`{text}` is not a recurrence rule: {error}"),
                "write it as RFC 5545 does: FREQ=WEEKLY;BYDAY=FR;BYHOUR=16",
            )
        })?;
        let set = set.limit();
        if set.into_iter().next().is_none() {
            return Err(CalendarError::new(
                format!("the recurrence rule `{text}` never occurs"),
                "correct its days",
            ));
        }
        Ok(Schedule::Rule(Box::new(set)))
    }

    /// The moments at which it is due, from one day to another, in order. An hour that a clock
    /// change skips moves behind it; of one that comes twice the first counts.
    fn due(&self, from: Date, to: Date, zone: &TimeZone) -> Vec<i64> {
        let moment = |local: DateTime| {
            Some(
                local
                    .to_zoned_datetime(zone.clone())
                    .ok()?
                    .timestamp()
                    .as_second(),
            )
        };
        match self {
            Schedule::Days(days) => {
                let dates = std::iter::successors(Some(from), |date| date.tomorrow().ok())
                    .take_while(|date| *date <= to);
                let times = |date: Date| days.times().map(move |time| date.to_datetime(time));
                dates
                    .filter(|date| days.is_on(*date))
                    .flat_map(times)
                    .filter_map(moment)
                    .collect()
            }
            Schedule::Rule(set) => {
                let local = |second: i64| {
                    Some(
                        Timestamp::from_second(second)
                            .ok()?
                            .to_zoned_datetime(TimeZone::UTC)
                            .datetime(),
                    )
                };
                let times = set.into_iter().map_while(|time| local(time.timestamp()));
                times
                    .take_while(|time| time.date() <= to)
                    .filter(|time| time.date() >= from)
                    .filter_map(moment)
                    .collect()
            }
        }
    }
}

/// A local time, or the beginning of a day.
fn local(text: &str) -> Option<DateTime> {
    text.parse::<DateTime>()
        .or_else(|_| {
            text.parse::<Date>()
                .map(|date| date.to_datetime(Time::midnight()))
        })
        .ok()
}

/// The end of a recurrence rule as a local time that is told as if it was UTC.
fn until(text: &str, zone: &TimeZone) -> Result<String, CalendarError> {
    let wrong = || {
        CalendarError::new(
            format!("UNTIL of the recurrence rule is `{text}`, which is not a time"),
            "write it as 20271231T235959",
        )
    };
    let (digits, utc) = text
        .strip_suffix('Z')
        .map_or((text, false), |digits| (digits, true));
    // a day counts to its end
    let mut local = match digits.len() {
        8 => Date::strptime("%Y%m%d", digits)
            .map_err(|_| wrong())?
            .to_datetime(Time::MAX),
        _ => DateTime::strptime("%Y%m%dT%H%M%S", digits).map_err(|_| wrong())?,
    };
    if utc {
        let moment = local
            .to_zoned_datetime(TimeZone::UTC)
            .map_err(|_| wrong())?;
        local = moment
            .timestamp()
            .to_zoned_datetime(zone.clone())
            .datetime();
    }
    Ok(format!("{}Z", local.strftime("%Y%m%dT%H%M%S")))
}

impl Days {
    fn is_on(&self, date: Date) -> bool {
        let number = |number: i8| u8::try_from(number).unwrap_or_default();
        let day = self.days.contains(&number(date.day()));
        let weekday = self
            .weekdays
            .contains(&number(date.weekday().to_sunday_zero_offset()));
        let fits = if self.either {
            day || weekday
        } else {
            day && weekday
        };
        fits && self.months.contains(&number(date.month()))
    }

    /// The times of a day, in order.
    fn times(&self) -> impl Iterator<Item = Time> + '_ {
        let time = |hour: u8, minute: u8| {
            Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()
        };
        self.hours.iter().flat_map(move |hour| {
            self.minutes
                .iter()
                .filter_map(move |minute| time(*hour, *minute))
        })
    }
}

/// Reads a duration such as `64h`, `1h30m`, `2d`: seconds, more than none.
pub fn duration(text: &str) -> Result<i64, CalendarError> {
    let wrong = || {
        CalendarError::new(
            format!("`{text}` is not a duration"),
            "write it as 64h, 90m or 2d",
        )
    };
    let (mut total, mut number) = (0i64, String::new());
    for character in text.trim().chars() {
        let unit = match character {
            '0'..='9' => {
                number.push(character);
                continue;
            }
            's' => 1,
            'm' => MINUTE,
            'h' => HOUR,
            'd' => DAY,
            'w' => 7 * DAY,
            _ => return Err(wrong()),
        };
        let count = number.parse::<i64>().map_err(|_| wrong())?;
        total = count
            .checked_mul(unit)
            .and_then(|part| total.checked_add(part))
            .ok_or_else(wrong)?;
        number.clear();
    }
    if number.is_empty() && (1..=LONGEST).contains(&total) {
        Ok(total)
    } else {
        Err(wrong())
    }
}

/// Reads a duration as Go does (`1h30m`, `1.5h`, `90m`, no days): seconds, more than none.
pub fn go_duration(text: &str) -> Result<i64, CalendarError> {
    let wrong = || {
        CalendarError::new(
            format!("`{text}` is not a duration"),
            "write it as 64h or 1h30m, without days",
        )
    };
    let mut rest = text.trim();
    let mut total = 0.0;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .ok_or_else(wrong)?;
        let (number, after) = rest.split_at(digits);
        let letters = after
            .find(|letter: char| letter.is_ascii_digit() || letter == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(wrong()),
        };
        total += number.parse::<f64>().map_err(|_| wrong())? * seconds;
        rest = after;
    }
    // far below the limits of both types
    if (1.0..=LONGEST as f64).contains(&total) {
        Ok(total as i64)
    } else {
        Err(wrong())
    }
}

/// Seconds as people write them: `3 hours`.
pub fn spoken(seconds: i64) -> String {
    let (count, unit) = match seconds {
        ..HOUR => (seconds / MINUTE, "minute"),
        HOUR..DAY => (seconds / HOUR, "hour"),
        _ => (seconds / DAY, "day"),
    };
    wording::count(usize::try_from(count).unwrap_or_default(), unit)
}

/// The time zone of a name of the IANA database.
pub fn zone(name: &str) -> Result<TimeZone, CalendarError> {
    TimeZone::get(name).map_err(|_| {
        CalendarError::new(
            format!("`{name}` is not a time zone"),
            "write a name such as Europe/Berlin or UTC",
        )
    })
}

/// Reads a moment: with an offset, or as a local time of a zone.
pub fn moment(text: &str, zone: &TimeZone) -> Result<i64, CalendarError> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment.as_second());
    }
    let moment = local(text).and_then(|local| local.to_zoned_datetime(zone.clone()).ok());
    moment
        .map(|moment| moment.timestamp().as_second())
        .ok_or_else(|| {
            CalendarError::new(
                format!("`{text}` is not a time"),
                "write it as 2026-12-20T08:00",
            )
        })
}

/// When a window is open.
#[derive(Clone, Debug, PartialEq)]
pub enum Window {
    /// From one moment up to another, in seconds since 1970.
    Once {
        /// The first second.
        from: i64,
        /// One past the last.
        to: i64,
        /// The zone in which its ends are shown.
        zone: TimeZone,
    },
    /// Again and again.
    Recurring {
        /// When it begins.
        schedule: Schedule,
        /// For how many seconds.
        duration: i64,
        /// The zone of the schedule.
        zone: TimeZone,
    },
}

impl Window {
    /// When the window that holds a moment ends, in seconds since 1970.
    pub fn open_until(&self, now: &ZonedDateTime) -> Option<i64> {
        let second = now.timestamp().as_second();
        match self {
            Window::Once { from, to, .. } => (*from..*to).contains(&second).then_some(*to),
            Window::Recurring {
                schedule,
                duration,
                zone,
            } => {
                let begins = schedule.due(
                    day(second - duration - DAY, zone)?,
                    day(second, zone)?,
                    zone,
                );
                let open = begins
                    .into_iter()
                    .filter(|begin| (*begin..begin + duration).contains(&second));
                open.map(|begin| begin + duration).max()
            }
        }
    }

    /// A moment in the window's own zone: `2026-11-30 08:00 Europe/Berlin`.
    pub fn shown(&self, second: i64) -> String {
        let (Window::Once { zone, .. } | Window::Recurring { zone, .. }) = self;
        let Ok(moment) = Timestamp::from_second(second) else {
            return String::new();
        };
        let local = moment.to_zoned_datetime(zone.clone()).datetime();
        let name = zone.iana_name().unwrap_or("UTC");
        format!(
            "{} {:02}:{:02} {name}",
            local.date(),
            local.hour(),
            local.minute()
        )
    }

    /// In how many seconds it opens next, when that is within a time from now.
    pub fn opens_within(&self, now: &ZonedDateTime, seconds: i64) -> Option<i64> {
        let second = now.timestamp().as_second();
        let ahead = |begin: i64| Some(begin - second).filter(|ahead| (1..=seconds).contains(ahead));
        match self {
            Window::Once { from, .. } => ahead(*from),
            Window::Recurring { schedule, zone, .. } => schedule
                .due(day(second, zone)?, day(second + seconds, zone)?, zone)
                .into_iter()
                .find_map(ahead),
        }
    }
}

fn day(second: i64, zone: &TimeZone) -> Option<Date> {
    Some(
        Timestamp::from_second(second)
            .ok()?
            .to_zoned_datetime(zone.clone())
            .date(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> ZonedDateTime {
        text.parse().unwrap()
    }

    fn recurring(cron: &str, length: &str, name: &str) -> Window {
        Window::Recurring {
            schedule: Schedule::cron(cron).unwrap(),
            duration: duration(length).unwrap(),
            zone: zone(name).unwrap(),
        }
    }

    #[test]
    fn a_weekend_lasts_from_friday_to_monday_in_its_own_zone() {
        let weekend = recurring("0 16 * * 5", "64h", "Europe/Berlin");
        for (moment, open) in [
            ("2026-11-27T15:59:59+01:00[Europe/Berlin]", false),
            ("2026-11-27T16:00:00+01:00[Europe/Berlin]", true),
            ("2026-11-30T06:59:00Z[UTC]", true),
            ("2026-11-30T07:00:00Z[UTC]", false),
            // the clock goes back on Sunday, and the window is as long as it says
            ("2026-10-26T06:59:00+01:00[Europe/Berlin]", true),
            ("2026-10-26T07:00:00+01:00[Europe/Berlin]", false),
        ] {
            assert_eq!(weekend.open_until(&at(moment)).is_some(), open, "{moment}");
        }
        assert_eq!(
            weekend.opens_within(&at("2026-11-27T13:00:00+01:00[Europe/Berlin]"), DAY),
            Some(3 * HOUR)
        );
        assert_eq!(
            weekend.opens_within(&at("2026-11-24T13:00:00+01:00[Europe/Berlin]"), DAY),
            None
        );
    }

    #[test]
    fn an_hour_that_does_not_exist_moves() {
        // at 2 o'clock of that Sunday it is 3 o'clock
        let early = recurring("30 2 * * *", "1h", "Europe/Berlin");
        assert!(
            early
                .open_until(&at("2026-03-29T03:45:00+02:00[Europe/Berlin]"))
                .is_some()
        );
        assert!(
            early
                .open_until(&at("2026-03-29T01:45:00+01:00[Europe/Berlin]"))
                .is_none()
        );
    }

    #[test]
    fn cron_is_read_as_crontab_has_it() {
        let days = |text: &str, cron: Cron| match Schedule::read(text, cron) {
            Ok(Schedule::Days(days)) => days,
            other => panic!("{text}: {other:?}"),
        };
        let either = days("0 9-17/4 1,15 jan-MAR mon", Cron::Crontab);
        assert_eq!(either.hours, [9, 13, 17]);
        assert_eq!(either.months, [1, 2, 3]);
        let date = |text: &str| text.parse::<Date>().unwrap();
        assert!(
            either.is_on(date("2026-01-01"))
                && either.is_on(date("2026-01-05"))
                && !either.is_on(date("2026-01-06"))
        );
        assert!(days("0 0 * * 7", Cron::Crontab).is_on(date("2026-11-29")));
        // every second day that is a Monday, and for Go every second day or a Monday
        let (crontab, robfig) = (
            days("0 0 */2 * 1", Cron::Crontab),
            days("0 0 */2 * 1", Cron::Robfig),
        );
        let dates = ["2026-11-23", "2026-11-16", "2026-11-25"].map(date);
        assert_eq!(dates.map(|day| crontab.is_on(day)), [true, false, false]);
        assert_eq!(dates.map(|day| robfig.is_on(day)), [true, true, true]);
        assert!(
            Schedule::read("0 0 * * 7", Cron::Robfig).is_err()
                && Schedule::read("0 22 ? JAN-mar sat", Cron::Robfig).is_ok()
        );
        for wrong in [
            "",
            "* * * *",
            "60 * * * *",
            "* * 0 * *",
            "5-1 * * * *",
            "*/0 * * * *",
            "@daily",
            "a * * * *",
        ] {
            assert!(Schedule::cron(wrong).is_err(), "{wrong}");
        }
    }

    /// The days of a year on which a rule is due.
    fn due(rule: &str, start: Option<&str>, zone_name: &str) -> Vec<String> {
        let zone = zone(zone_name).unwrap();
        let date = |text: &str| text.parse::<Date>().unwrap();
        let schedule = Schedule::rrule(rule, start, &zone).unwrap();
        let moments = schedule.due(date("2026-01-01"), date("2026-12-31"), &zone);
        let shown = |second| {
            Timestamp::from_second(second)
                .unwrap()
                .to_zoned_datetime(zone.clone())
                .datetime()
                .strftime("%m-%d %H:%M")
                .to_string()
        };
        moments.into_iter().map(shown).collect()
    }

    #[test]
    fn recurrence_rules_are_read_as_icalendar_has_them() {
        assert_eq!(
            due(
                "RRULE:FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=16;BYMONTH=3,4",
                None,
                "UTC"
            ),
            ["03-27 16:00", "04-24 16:00"]
        );
        assert_eq!(
            due("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24", None, "UTC"),
            ["12-24 00:00"]
        );
        assert_eq!(
            due(
                "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;BYMONTH=5",
                None,
                "UTC"
            ),
            ["05-29 00:00"]
        );
        let fortnight = due(
            "FREQ=WEEKLY;INTERVAL=2;UNTIL=20260301",
            Some("2026-01-30T18:00"),
            "Europe/Berlin",
        );
        assert_eq!(fortnight, ["01-30 18:00", "02-13 18:00", "02-27 18:00"]);
        assert_eq!(
            due("FREQ=DAILY;COUNT=2", Some("2026-12-24"), "UTC"),
            ["12-24 00:00", "12-25 00:00"]
        );
        // in the zone: the same hour before and after the clock changes, and an hour that does not
        // exist moves
        assert_eq!(
            due(
                "FREQ=WEEKLY;BYDAY=SU;BYHOUR=2;BYMINUTE=30;UNTIL=20260401",
                None,
                "Europe/Berlin"
            )
            .last()
            .unwrap(),
            "03-29 03:30"
        );
        // seven in the evening of that day is after six o'clock UTC
        assert_eq!(
            due(
                "FREQ=DAILY;BYHOUR=19;UNTIL=20260102T180000Z",
                None,
                "Europe/Berlin"
            ),
            ["01-01 19:00", "01-02 19:00"]
        );
        assert_eq!(
            due(
                "FREQ=DAILY;BYHOUR=19;UNTIL=20260102T175959Z",
                None,
                "Europe/Berlin"
            ),
            ["01-01 19:00"]
        );
        for wrong in [
            "BYDAY=FR",
            "FREQ=WEEKLY",
            "FREQ=DAILY;COUNT=3",
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR",
            "FREQ=HOURLY",
            "FREQ=MONTHLY",
            "nonsense",
            "FREQ=DAILY;BYDAY=XX",
            "FREQ=DAILY;UNTIL=soon",
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
            "FREQ=DAILY;BYHOUR=25",
            "",
        ] {
            assert!(
                Schedule::rrule(wrong, None, &TimeZone::UTC).is_err(),
                "{wrong}"
            );
        }
        assert!(Schedule::rrule("FREQ=WEEKLY", Some("friday"), &TimeZone::UTC).is_err());
    }

    #[test]
    fn durations_zones_and_moments() {
        assert_eq!(
            (duration("64h"), duration("1h30m"), duration("2d")),
            (Ok(64 * HOUR), Ok(90 * MINUTE), Ok(2 * DAY))
        );
        for wrong in ["", "64", "h", "-1h", "0h", "9999999999999999d", "1y"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        let go = ["1h30m", "1.5h", "90m", "1d", "", "h", "5", "0s", "-1h"]
            .map(|text| go_duration(text).ok());
        assert_eq!(
            go,
            [
                Some(5400),
                Some(5400),
                Some(5400),
                None,
                None,
                None,
                None,
                None,
                None
            ]
        );
        assert!(zone("Europe/Berlin").is_ok() && zone("Europe/Atlantis").is_err());
        let berlin = zone("Europe/Berlin").unwrap();
        assert_eq!(
            moment("2026-12-20", &berlin),
            moment("2026-12-19T23:00:00Z", &berlin)
        );
        assert!(moment("tomorrow", &berlin).is_err());
        assert_eq!(
            (spoken(90), spoken(3 * HOUR), spoken(DAY)),
            ("1 minute".into(), "3 hours".into(), "1 day".into())
        );
    }
}
