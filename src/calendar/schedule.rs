//! When something recurs: by cron or by a recurrence rule.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use rrule::RRuleSet;

use super::cron::{Cron, Dialect};
use super::{CalendarError, recurrence};

/// When something recurs.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule(Kind);

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Cron(Cron),
    /// Its times are local times as if they were UTC.
    Rule(Box<RRuleSet>),
}

impl Schedule {
    /// Reads `minute hour day month weekday` as crontab(5) does.
    pub(crate) fn cron(text: &str) -> Result<Schedule, CalendarError> {
        let schedule = Cron::read(text, Dialect::Crontab)?;
        if schedule.is_ever_due() {
            Ok(Schedule(Kind::Cron(schedule)))
        } else {
            Err(CalendarError::new(
                format!("`{text}` names a day that does not exist"),
                "write a day of the month that one of the months has",
            ))
        }
    }

    /// Reads `minute hour day month weekday`.
    pub fn read(text: &str, dialect: Dialect) -> Result<Schedule, CalendarError> {
        Ok(Schedule(Kind::Cron(Cron::read(text, dialect)?)))
    }

    /// Reads a recurrence rule of iCalendar, such as `FREQ=WEEKLY;BYDAY=FR;BYHOUR=16`, that begins
    /// on `start`, a local time.
    pub(crate) fn rrule(
        text: &str,
        start: Option<&str>,
        zone: &TimeZone,
    ) -> Result<Schedule, CalendarError> {
        let set = recurrence::read(text, start, zone)?;
        Ok(Schedule(Kind::Rule(Box::new(set))))
    }

    /// The moments at which it is due between two days, in order. If a clock change skips the hour,
    /// the moment comes an hour later; if the hour comes twice, the first one counts.
    pub(super) fn due(&self, from: Date, to: Date, zone: &TimeZone) -> Vec<i64> {
        let moment = |local: DateTime| {
            let zoned = local.to_zoned_datetime(zone.clone()).ok()?;
            Some(zoned.timestamp().as_second())
        };
        match &self.0 {
            Kind::Cron(cron) => {
                let dates = std::iter::successors(Some(from), |date| date.tomorrow().ok())
                    .take_while(|date| *date <= to);
                let times = |date: Date| cron.times().map(move |time| date.to_datetime(time));
                dates
                    .filter(|date| cron.is_on(*date))
                    .flat_map(times)
                    .filter_map(moment)
                    .collect()
            }
            Kind::Rule(set) => {
                let local = |second: i64| {
                    let moment = Timestamp::from_second(second).ok()?;
                    Some(moment.to_zoned_datetime(TimeZone::UTC).datetime())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::zone;

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
    }

    #[test]
    fn a_rule_ends_at_its_until() {
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
    }

    #[test]
    fn wrong_rules_are_refused() {
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
}
