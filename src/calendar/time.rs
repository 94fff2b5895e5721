//! Time zones, moments and local times.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use super::CalendarError;

/// The time zone of a name of the IANA database.
pub(crate) fn zone(name: &str) -> Result<TimeZone, CalendarError> {
    TimeZone::get(name).map_err(|_| {
        CalendarError::new(
            format!("`{name}` is not a time zone"),
            "write a name such as Europe/Berlin or UTC",
        )
    })
}

/// Reads a moment: with an offset, or as a local time of a zone.
pub(crate) fn moment(text: &str, zone: &TimeZone) -> Result<i64, CalendarError> {
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

/// Reads a moment at which something ends. A day is part of it: `2026-12-26` ends at midnight.
pub(crate) fn end(text: &str, zone: &TimeZone) -> Result<i64, CalendarError> {
    let is_day = text.len() <= "2026-12-26".len();
    let next = is_day.then(|| text.parse::<Date>().ok()?.tomorrow().ok());
    match next.flatten() {
        Some(next) => moment(&next.to_string(), zone),
        None => moment(text, zone),
    }
}

/// A local time, or the beginning of a day.
pub(super) fn local(text: &str) -> Option<DateTime> {
    text.parse::<DateTime>()
        .or_else(|_| {
            text.parse::<Date>()
                .map(|date| date.to_datetime(Time::midnight()))
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_and_moments_are_read() {
        assert!(zone("Europe/Berlin").is_ok() && zone("Europe/Atlantis").is_err());
        let berlin = zone("Europe/Berlin").unwrap();
        assert_eq!(
            moment("2026-12-20", &berlin),
            moment("2026-12-19T23:00:00Z", &berlin)
        );
        assert!(moment("tomorrow", &berlin).is_err());
        assert_eq!(end("2026-12-26", &berlin), moment("2026-12-27", &berlin));
        let exact = "2026-12-26T08:00";
        assert_eq!(end(exact, &berlin), moment(exact, &berlin));
        assert!(end("tomorrow", &berlin).is_err());
    }
}
