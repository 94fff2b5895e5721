//! A line on standard error while a command works for longer than half a second.

use std::io::IsTerminal;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// The time without a line.
const QUIET: Duration = Duration::from_millis(500);
/// The time between two pictures of the line.
const TICK: Duration = Duration::from_millis(100);

/// The line that is drawn, if there is one.
static DRAWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Prints something while the line is hidden.
pub(super) fn hidden_while<T>(print: impl FnOnce() -> T) -> T {
    let drawn = DRAWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match drawn {
        Some(line) => line.suspend(print),
        None => print(),
    }
}

fn set_drawn(line: Option<ProgressBar>) {
    *DRAWN.lock().unwrap_or_else(PoisonError::into_inner) = line;
}

/// The line, as long as this is not dropped.
pub(super) struct Progress {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// A line that says what the command does. Only a terminal shows it.
    pub(super) fn start(doing: &'static str, quiet: bool) -> Progress {
        let is_seen = std::io::stderr().is_terminal() && std::env::var_os("CI").is_none();
        if quiet || !is_seen {
            return Progress {
                end: None,
                thread: None,
            };
        }
        let (end, ended) = mpsc::channel();
        let show = move || {
            if ended.recv_timeout(QUIET) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let line = ProgressBar::new_spinner().with_message(doing);
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
                line.set_style(style);
            }
            set_drawn(Some(line.clone()));
            while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                line.tick();
            }
            set_drawn(None);
            line.finish_and_clear();
        };
        Progress {
            end: Some(end),
            thread: std::thread::Builder::new().spawn(show).ok(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.end.take());
        // the line is cleared before anything else is printed
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}
