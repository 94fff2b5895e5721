//! Dates, durations, and windows of time: one-off, by cron or by a recurrence rule, in a time zone
//! with its daylight saving.
//!
//! `cron` and `recurrence` read schedules, `duration` and `time` read the rest, `window` says when a
//! window is open. What a window forbids is decided by `rules`.

mod cron;
mod duration;
mod recurrence;
mod schedule;
mod time;
mod window;

pub(crate) use cron::Dialect;
pub(crate) use duration::{duration, go_duration, spoken};
pub(crate) use schedule::Schedule;
pub(crate) use time::{end, moment, zone};
pub(crate) use window::Window;

/// A text that cannot be read: what is wrong with it, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}; {help}")]
pub struct CalendarError {
    /// The problem: `` `soon` is not a duration ``.
    pub message: String,
    /// The text to write: `write it as 64h, 90m or 2d`.
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
