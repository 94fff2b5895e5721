//! The Rego interpreter with its limits: the only place that sets regorus up.
//!
//! A policy is input: it gets limited time, no clock but `--now`, and a panic of the interpreter
//! becomes an error.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use super::guards;
use regorus::{Engine, Value};
use serde_json::Value as Json;

/// Time limit of one query.
const TIME_LIMIT: Duration = Duration::from_secs(2);
/// Steps of the interpreter between two looks at the clock.
const CHECK_INTERVAL: NonZeroU32 = NonZeroU32::new(1000).unwrap();
/// Longest line of a policy, in characters.
const MAX_COLUMNS: NonZeroU32 = NonZeroU32::new(100_000).unwrap();
/// Largest policy file, in bytes.
const MAX_BYTES: NonZeroUsize = NonZeroUsize::new(4 << 20).unwrap();
/// Most lines of a policy file.
const MAX_LINES: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();

/// An interpreter whose clock shows `now`, in nanoseconds since 1970.
pub(super) fn new_engine(now: i128) -> Engine {
    let mut engine = Engine::new();
    engine.set_strict_builtin_errors(false);
    engine.set_policy_length_config(regorus::PolicyLengthConfig {
        max_col: MAX_COLUMNS,
        max_file_bytes: MAX_BYTES,
        max_lines: MAX_LINES,
    });
    engine.set_execution_timer_config(regorus::utils::limits::ExecutionTimerConfig {
        limit: TIME_LIMIT,
        check_interval: CHECK_INTERVAL,
    });
    guards::install(&mut engine);
    let time = Value::from_json_str(&now.to_string()).unwrap_or(Value::Undefined);
    let _ = engine.add_extension(
        "time.now_ns".to_string(),
        0,
        Box::new(move |_: Vec<Value>| Ok(time.clone())),
    );
    engine
}

/// Runs the interpreter and turns its errors and panics into a message.
pub(super) fn guarded<T, E: std::fmt::Display>(
    run: impl FnOnce() -> Result<T, E>,
) -> Result<T, String> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(|error| error.to_string().trim().to_string()),
        Err(_) => Err("the Rego interpreter crashed on this policy".to_string()),
    }
}

/// The value of a rule as JSON; null if it is undefined.
pub(super) fn value_of(engine: &mut Engine, rule: &str) -> Result<Json, String> {
    let value = guarded(|| engine.eval_rule(rule.to_string()))?;
    if value == Value::Undefined {
        return Ok(Json::Null);
    }
    let text = guarded(|| value.to_json_str())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}
