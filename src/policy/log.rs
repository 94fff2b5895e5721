//! The lines that policies print and, on request, which rules were evaluated with how many results.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The most lines that are kept.
const MOST: usize = 10_000;

/// The place of an evaluation in the order of the repo, so that the output does not depend on which
/// thread is first.
pub(super) type Place = (usize, usize);

/// Collects what policies print.
#[derive(Default)]
pub struct Log {
    /// True if every evaluation is noted.
    traces: bool,
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    by_place: BTreeMap<Place, Vec<String>>,
    count: usize,
    dropped: usize,
}

impl Log {
    /// An empty log. With `traces`, it also gets a line for every evaluation.
    pub fn new(traces: bool) -> Log {
        Log {
            traces,
            lines: Mutex::default(),
        }
    }

    /// The lines, in the order of the repo.
    pub fn lines(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<String> = lines.by_place.values().flatten().cloned().collect();
        if lines.dropped > 0 {
            all.push(format!("{} more lines are not shown", lines.dropped));
        }
        all
    }

    pub(super) fn add(&self, place: Place, added: impl IntoIterator<Item = String>) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        for line in added {
            if lines.count < MOST {
                lines.count += 1;
                lines.by_place.entry(place).or_default().push(line);
            } else {
                lines.dropped += 1;
            }
        }
    }

    /// Notes an evaluation, if that is wanted.
    pub(super) fn trace(&self, place: Place, line: impl FnOnce() -> String) {
        if self.traces {
            self.add(place, [line()]);
        }
    }
}
