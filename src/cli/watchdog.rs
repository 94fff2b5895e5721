//! The budget of a command: time and memory, behind all limits of single steps. A command that
//! exceeds it ends with status 2, because what was not looked at must not look clean.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::options::Limits;
use super::output::complain_of;
use super::reports::Reports;

/// The interval at which time and memory are looked at.
const INTERVAL: Duration = Duration::from_millis(10);

/// Watches the process from now on. The first call counts. `reports` are written if the command has
/// to give up.
pub(super) fn start(limits: Limits, reports: Option<Reports>) {
    static STARTED: AtomicBool = AtomicBool::new(false);
    let wanted = limits.time_limit > 0 || limits.memory_limit > 0;
    if !wanted || STARTED.swap(true, Ordering::Relaxed) {
        return;
    }
    let start = Instant::now();
    let watch = move || loop {
        thread::sleep(INTERVAL);
        if let Some(message) = exceeded(limits, start) {
            give_up(&message, reports.as_ref());
        }
    };
    // without another thread there is no process to speak of either
    let _ = thread::Builder::new()
        .name("limits".to_string())
        .spawn(watch);
}

/// Which limit is exceeded.
fn exceeded(limits: Limits, start: Instant) -> Option<String> {
    let Limits {
        time_limit,
        memory_limit,
    } = limits;
    if time_limit > 0 && start.elapsed() >= Duration::from_secs(time_limit) {
        return Some(format!(
            "the check takes more than {time_limit} s, so it is not finished; --time-limit sets another limit"
        ));
    }
    let used =
        resident().filter(|used| memory_limit > 0 && *used > memory_limit.saturating_mul(1024));
    used.map(|_| {
        format!(
            "the check needs more than {memory_limit} MiB of memory, so it is not finished; --memory-limit sets another limit"
        )
    })
}

/// The memory of the process in KiB, as far as the system tells.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

#[allow(
    clippy::exit,
    reason = "the work that has to end runs in other threads"
)]
fn give_up(message: &str, reports: Option<&Reports>) {
    if let Some(reports) = reports {
        reports.write_failure(message);
    }
    complain_of("error", message);
    std::process::exit(2);
}
