//! Durations such as `64h`, `1h30m` and `2d`.

use super::{CalendarError, DAY, HOUR, MINUTE};
use crate::wording;

/// The longest duration, in seconds.
const LONGEST: i64 = 366 * DAY;

/// Reads a duration such as `64h`, `1h30m` or `2d`, in seconds. It is at least one second.
pub(crate) fn duration(text: &str) -> Result<i64, CalendarError> {
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

/// Reads a duration as Go does (`1h30m`, `1.5h`, `90m`, no days), in seconds. It is at least one
/// second.
pub(crate) fn go_duration(text: &str) -> Result<i64, CalendarError> {
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
pub(crate) fn spoken(seconds: i64) -> String {
    let (count, unit) = match seconds {
        ..HOUR => (seconds / MINUTE, "minute"),
        HOUR..DAY => (seconds / HOUR, "hour"),
        _ => (seconds / DAY, "day"),
    };
    wording::count(usize::try_from(count).unwrap_or_default(), unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_spoken() {
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
        assert_eq!(
            (spoken(90), spoken(3 * HOUR), spoken(DAY)),
            ("1 minute".into(), "3 hours".into(), "1 day".into())
        );
    }
}
