//! Cron: `minute hour day month weekday`.
//!
//! If both the day of the month and the day of the week are given, either of them is enough.

use jiff::civil::{Date, Time};

use super::CalendarError;

/// The way in which cron is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// crontab(5): 7 is Sunday as well, and a day that begins with `*` counts as not given.
    Crontab,
    /// Go's robfig/cron, which Argo CD and GitOps Promoter use: 7 is not a day, and `*/2` counts as
    /// given.
    Robfig,
}

/// A schedule in cron syntax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: Vec<u8>,
    hours: Vec<u8>,
    days: Vec<u8>,
    months: Vec<u8>,
    /// Sunday is 0.
    weekdays: Vec<u8>,
    /// True if both days are given, so that one of them is enough.
    either: bool,
}

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

    /// The error of the whole field.
    fn wrong(self, text: &str) -> CalendarError {
        let Field {
            name, low, high, ..
        } = self;
        CalendarError::new(
            format!("`{text}` is not a valid {name} in cron syntax"),
            format!("write a number from {low} to {high}, a range, a list or *"),
        )
    }

    /// One number or word of the field `text`.
    fn number(self, number: &str, text: &str) -> Result<u8, CalendarError> {
        let Field {
            name, low, high, ..
        } = self;
        let lower = number.to_ascii_lowercase();
        let named = self
            .words
            .iter()
            .position(|word| *word == lower)
            .and_then(|index| u8::try_from(index).ok())
            .map(|index| index + low);
        let value = named
            .or_else(|| number.parse().ok())
            .ok_or_else(|| self.wrong(text))?;
        if (low..=high).contains(&value) {
            Ok(value)
        } else {
            Err(CalendarError::new(
                format!("`{number}` is not a valid {name}"),
                format!("write a number from {low} to {high}"),
            ))
        }
    }
}

/// The numbers of one field of cron.
fn field(text: &str, field: Field) -> Result<Vec<u8>, CalendarError> {
    let mut found = Vec::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => {
                let step = step.parse::<u8>().ok().filter(|step| *step > 0);
                (range, step.ok_or_else(|| field.wrong(text))?)
            }
            None => (part, 1),
        };
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (field.number(from, text)?, field.number(to, text)?),
            None if range == "*" || range == "?" => (field.low, field.high),
            None if part.contains('/') => (field.number(range, text)?, field.high),
            None => (field.number(range, text)?, field.number(range, text)?),
        };
        if from > to {
            return Err(CalendarError::new(
                format!("the {} range `{range}` ends before it begins", field.name),
                "write the lower number first",
            ));
        }
        found.extend((from..=to).step_by(usize::from(step)));
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

impl Cron {
    /// Reads `minute hour day month weekday`.
    pub(super) fn read(text: &str, dialect: Dialect) -> Result<Cron, CalendarError> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(CalendarError::new(
                format!("`{text}` is not a cron schedule"),
                "write five fields: minute hour day month weekday",
            ));
        };
        let latest = if dialect == Dialect::Crontab { 7 } else { 6 };
        let mut weekdays: Vec<u8> =
            field(weekday, Field::new("day of the week", 0, latest, &WEEKDAYS))?
                .into_iter()
                .map(|day| day % 7)
                .collect();
        weekdays.sort_unstable();
        weekdays.dedup();
        let open = |text: &str| match dialect {
            Dialect::Crontab => text.starts_with(['*', '?']),
            Dialect::Robfig => text
                .split(',')
                .any(|part| matches!(part, "*" | "?" | "*/1" | "?/1")),
        };
        Ok(Cron {
            minutes: field(minute, Field::new("minute", 0, 59, &[]))?,
            hours: field(hour, Field::new("hour", 0, 23, &[]))?,
            days: field(day, Field::new("day of the month", 1, 31, &[]))?,
            months: field(month, Field::new("month", 1, 12, &MONTHS))?,
            weekdays,
            either: !open(day) && !open(weekday),
        })
    }

    /// True if there is a day on which it is due: 31 February never comes.
    pub(super) fn is_ever_due(&self) -> bool {
        let longest = |month: &u8| match month {
            2 => 29,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let first = self.days.first().copied().unwrap_or_default();
        self.either || self.months.iter().any(|month| first <= longest(month))
    }

    /// True if it is due on a day.
    pub(super) fn is_on(&self, date: Date) -> bool {
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
    pub(super) fn times(&self) -> impl Iterator<Item = Time> + '_ {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cron_is_read_as_crontab_has_it() {
        let days = |text: &str, dialect: Dialect| Cron::read(text, dialect).unwrap();
        let either = days("0 9-17/4 1,15 jan-MAR mon", Dialect::Crontab);
        assert_eq!(either.hours, [9, 13, 17]);
        assert_eq!(either.months, [1, 2, 3]);
        let date = |text: &str| text.parse::<Date>().unwrap();
        assert!(
            either.is_on(date("2026-01-01"))
                && either.is_on(date("2026-01-05"))
                && !either.is_on(date("2026-01-06"))
        );
        assert!(days("0 0 * * 7", Dialect::Crontab).is_on(date("2026-11-29")));
        // every second day that is a Monday, and for Go every second day or a Monday
        let (crontab, robfig) = (
            days("0 0 */2 * 1", Dialect::Crontab),
            days("0 0 */2 * 1", Dialect::Robfig),
        );
        let dates = ["2026-11-23", "2026-11-16", "2026-11-25"].map(date);
        assert_eq!(dates.map(|day| crontab.is_on(day)), [true, false, false]);
        assert_eq!(dates.map(|day| robfig.is_on(day)), [true, true, true]);
        assert!(
            Cron::read("0 0 * * 7", Dialect::Robfig).is_err()
                && Cron::read("0 22 ? JAN-mar sat", Dialect::Robfig).is_ok()
        );
        let comes = |text: &str| days(text, Dialect::Crontab).is_ever_due();
        assert!(comes("0 0 29 2 *") && comes("0 0 31 2 1") && comes("0 0 31 2,3 *"));
        assert!(!comes("0 0 31 2 *") && !comes("0 0 31 4,6 *"));
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
            assert!(Cron::read(wrong, Dialect::Crontab).is_err(), "{wrong}");
        }
    }
}
