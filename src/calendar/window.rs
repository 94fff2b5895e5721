//! Windows of time, and whether a moment lies inside one.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

use super::{DAY, Schedule};

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
    /// When the window around a moment ends, in seconds since 1970. `None` if it is not open.
    pub(crate) fn open_until(&self, now: &ZonedDateTime) -> Option<i64> {
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

    /// In how many seconds it opens next, if that is less than `seconds` from now.
    pub(crate) fn opens_within(&self, now: &ZonedDateTime, seconds: i64) -> Option<i64> {
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
    use crate::calendar::{HOUR, duration, zone};

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
}
