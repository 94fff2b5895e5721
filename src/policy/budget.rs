//! The time that policies may take together.
//!
//! One evaluation has a limit of its own (`engine`). A loop that stays just below it, once for each
//! of a thousand objects, would still take an hour. Fast evaluations are not counted, however many
//! there are, so that the size of a repository does not matter.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Evaluations up to this time are not counted.
const FAST: Duration = Duration::from_millis(20);

/// The slow evaluations of one policy, in all.
const POLICY_LIMIT: Duration = Duration::from_secs(4);

/// The slow evaluations of all policies, in all.
const TOTAL_LIMIT: Duration = Duration::from_secs(8);

/// What the slow evaluations took so far, in microseconds.
pub(super) struct Budget {
    all: AtomicU64,
    each: Vec<AtomicU64>,
}

impl Budget {
    /// Nothing was spent yet on any of some policies.
    pub(super) fn new(policies: usize) -> Budget {
        Budget {
            all: AtomicU64::new(0),
            each: (0..policies).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Evaluates a policy by its number.
    ///
    /// # Errors
    /// What the evaluation says, or which limit was reached before it.
    pub(super) fn spend<T>(
        &self,
        policy: usize,
        evaluate: impl FnOnce() -> Result<T, String>,
    ) -> Result<T, String> {
        let is_over = |spent: &AtomicU64, limit: Duration| {
            Duration::from_micros(spent.load(Ordering::Relaxed)) >= limit
        };
        let own = self.each.get(policy);
        if own.is_some_and(|spent| is_over(spent, POLICY_LIMIT)) {
            return Err(format!(
                "it took more than {} s for all objects together",
                POLICY_LIMIT.as_secs()
            ));
        }
        if is_over(&self.all, TOTAL_LIMIT) {
            return Err(format!(
                "all policies together took more than {} s",
                TOTAL_LIMIT.as_secs()
            ));
        }
        let start = Instant::now();
        let result = evaluate();
        let took = start.elapsed();
        if took > FAST {
            let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            for spent in own.into_iter().chain([&self.all]) {
                spent.fetch_add(micros, Ordering::Relaxed);
            }
        }
        result
    }
}
