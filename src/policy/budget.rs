//! The time that policies may take together.
//!
//! One evaluation has a limit of its own (`engine`). A loop that stays just below it, once for each
//! of a thousand objects, would still take an hour. Fast evaluations are not counted, however many
//! there are, so that the size of a repository does not matter.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::opa::Failure;

/// Evaluations up to this time are not counted.
const FAST: Duration = Duration::from_millis(20);

/// The slow evaluations of one policy, in all.
const POLICY_LIMIT: Duration = Duration::from_secs(4);

/// The slow evaluations of all policies, in all.
const TOTAL_LIMIT: Duration = Duration::from_secs(8);

/// The time that the slow evaluations took so far, in microseconds.
pub(super) struct Budget {
    all: AtomicU64,
    each: Vec<AtomicU64>,
    given_up: Vec<AtomicBool>,
}

impl Budget {
    /// Nothing was spent yet on any of some policies.
    pub(super) fn new(policies: usize) -> Budget {
        Budget {
            all: AtomicU64::new(0),
            each: (0..policies).map(|_| AtomicU64::new(0)).collect(),
            given_up: (0..policies).map(|_| AtomicBool::new(false)).collect(),
        }
    }

    /// True if a policy failed in a way that it would repeat for every object.
    pub(super) fn is_given_up(&self, policy: usize) -> bool {
        let flag = self.given_up.get(policy);
        flag.is_some_and(|flag| flag.load(Ordering::Relaxed))
    }

    /// Evaluates a policy by its number. After a failure of kind `Limit` it is given up.
    ///
    /// # Errors
    /// The failure, or which limit was reached before it.
    pub(super) fn spend<T>(
        &self,
        policy: usize,
        evaluate: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let is_over = |spent: &AtomicU64, limit: Duration| {
            Duration::from_micros(spent.load(Ordering::Relaxed)) >= limit
        };
        let own = self.each.get(policy);
        let start = Instant::now();
        let result = if own.is_some_and(|spent| is_over(spent, POLICY_LIMIT)) {
            Err(Failure::Limit(format!(
                "it took more than {} s for all objects together",
                POLICY_LIMIT.as_secs()
            )))
        } else if is_over(&self.all, TOTAL_LIMIT) {
            Err(Failure::Limit(format!(
                "all policies together took more than {} s",
                TOTAL_LIMIT.as_secs()
            )))
        } else {
            evaluate()
        };
        let took = start.elapsed();
        if took > FAST {
            let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            for spent in own.into_iter().chain([&self.all]) {
                spent.fetch_add(micros, Ordering::Relaxed);
            }
        }
        if matches!(result, Err(Failure::Limit(_)))
            && let Some(flag) = self.given_up.get(policy)
        {
            flag.store(true, Ordering::Relaxed);
        }
        result
    }
}
