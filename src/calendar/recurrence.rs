//! Recurrence rules of iCalendar (RFC 5545), such as `FREQ=WEEKLY;BYDAY=FR;BYHOUR=16`.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use rrule::RRuleSet;

use super::CalendarError;
use super::time::local;

/// The day from which a rule without a first day runs: a Monday, and the first of a year.
const ANY_START: &str = "2024-01-01";

/// Reads a rule that begins on `start`, a local time. Without a start it must not count (COUNT,
/// INTERVAL), and it must name its days. UNTIL is a local time, or a time in UTC if it ends in `Z`.
///
/// The set has local times as if they were UTC; the zone is applied when they are used.
pub(super) fn read(
    text: &str,
    start: Option<&str>,
    zone: &TimeZone,
) -> Result<RRuleSet, CalendarError> {
    let parts = Parts::read(text, zone)?;
    let frequency = parts.frequency(text)?;
    if start.is_none() {
        parts.require_no_counting()?;
        parts.require_days(frequency)?;
    }
    let begins = local(start.unwrap_or(ANY_START)).ok_or_else(|| {
        CalendarError::new(
            format!("`{}` is not a local time", start.unwrap_or_default()),
            "write it as 2026-12-20T08:00",
        )
    })?;
    let begins = begins.strftime("%Y%m%dT%H%M%S");
    let whole = format!("DTSTART:{begins}Z\nRRULE:{}", parts.text());
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
    Ok(set)
}

/// The parts of a rule: `("FREQ", "WEEKLY")`.
struct Parts(Vec<(String, String)>);

impl Parts {
    fn read(text: &str, zone: &TimeZone) -> Result<Parts, CalendarError> {
        let mut parts = Vec::new();
        let written = text.trim_start_matches("RRULE:").split(';');
        for part in written.filter(|part| !part.is_empty()) {
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
        Ok(Parts(parts))
    }

    fn get(&self, key: &str) -> Option<&str> {
        let part = self.0.iter().find(|(other, _)| other == key);
        part.map(|(_, value)| value.as_str())
    }

    fn frequency(&self, text: &str) -> Result<&str, CalendarError> {
        let known = ["DAILY", "WEEKLY", "MONTHLY", "YEARLY"];
        let frequency = self
            .get("FREQ")
            .filter(|frequency| known.contains(frequency));
        frequency.ok_or_else(|| {
            CalendarError::new(
                format!("the recurrence rule `{text}` has no usable FREQ"),
                "write FREQ=DAILY, WEEKLY, MONTHLY or YEARLY",
            )
        })
    }

    fn require_no_counting(&self) -> Result<(), CalendarError> {
        let counts = if self.get("COUNT").is_some() {
            "COUNT"
        } else if self.get("INTERVAL").is_some_and(|value| value != "1") {
            "INTERVAL"
        } else {
            return Ok(());
        };
        Err(CalendarError::new(
            format!("{counts} needs a day to count from"),
            "write the first day as `from`",
        ))
    }

    fn require_days(&self, frequency: &str) -> Result<(), CalendarError> {
        let has = |key: &str| self.get(key).is_some();
        let names_days = ["BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO"]
            .into_iter()
            .any(has);
        let is_open = !names_days && frequency != "DAILY"
            || frequency == "YEARLY" && has("BYMONTHDAY") && !has("BYMONTH");
        if !is_open {
            return Ok(());
        }
        Err(CalendarError::new(
            format!("FREQ={frequency} does not say on which days it recurs"),
            "add BYDAY, BYMONTHDAY or BYMONTH, or write the first day as `from`",
        ))
    }

    fn text(&self) -> String {
        let parts = self.0.iter().map(|(key, value)| format!("{key}={value}"));
        parts.collect::<Vec<_>>().join(";")
    }
}

/// The end of a rule: its local time, written as if it were UTC.
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
