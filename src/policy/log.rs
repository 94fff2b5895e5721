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

impl Lines {
    /// Drops the last line in the order of the repo, whichever thread added it.
    fn drop_last(&mut self) {
        let Some(mut last) = self.by_place.last_entry() else {
            return;
        };
        last.get_mut().pop();
        if last.get().is_empty() {
            last.remove();
        }
        self.count -= 1;
        self.dropped += 1;
    }
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
            lines.by_place.entry(place).or_default().push(line);
            lines.count += 1;
            if lines.count > MOST {
                lines.drop_last();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_lines_are_kept_in_whatever_order_they_come() {
        let lines = |places: [usize; 3]| {
            let log = Log::default();
            for place in places {
                log.add(
                    (place, 0),
                    (0..MOST / 2).map(|line| format!("{place} {line}")),
                );
            }
            log.lines()
        };
        let kept = lines([0, 1, 2]);
        assert_eq!(kept.len(), MOST + 1);
        assert_eq!(
            kept.last().map(String::as_str),
            Some("5000 more lines are not shown")
        );
        assert_eq!(lines([2, 0, 1]), kept);
        assert_eq!(lines([1, 2, 0]), kept);
    }
}
