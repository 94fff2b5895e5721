//! OPA's built-in functions: their signatures, and those that regorus lacks or answers differently.
//!
//! Each function gets its arguments, whose number is checked when a policy is loaded. A function
//! never makes a value that is much larger than [`LARGEST`]: the interpreter stops loops, but looks
//! at nothing while one function runs.

mod arguments;
mod arithmetic;
mod casts;
mod collections;
mod crypto;
mod encoding;
mod format;
mod globs;
mod network;
mod numbers;
mod paths;
mod patterns;
mod schemas;
mod signature;
mod strings;
mod unavailable;
mod units;
mod urls;
mod versions;

use regorus::Engine;

use super::values::Value;
use arguments::{Arguments, Outcome, Stop};
pub(in crate::policy) use signature::{Signature, Types, signature};
pub(super) use unavailable::Notes;

/// The most bytes of text and items of collections that one call may take or make.
const LARGEST: usize = 4 << 20;

/// A function: its name, the number of its arguments, and itself.
type Function = (&'static str, u8, fn(&Arguments<'_>) -> Outcome);

/// Why a call ends the evaluation.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(String);

/// Adds the functions to an interpreter whose clock shows `now`, in nanoseconds since 1970. With
/// `notes`, functions that are not available are undefined instead of failing.
pub(super) fn install(engine: &mut Engine, now: i128, notes: Option<&Notes>) {
    let time = Value::from(now);
    let _ = engine.add_extension(
        "time.now_ns".to_string(),
        0,
        Box::new(move |_: Vec<Value>| Ok(time.clone())),
    );
    let families = [
        arithmetic::FUNCTIONS,
        casts::FUNCTIONS,
        collections::FUNCTIONS,
        crypto::FUNCTIONS,
        encoding::FUNCTIONS,
        format::FUNCTIONS,
        globs::FUNCTIONS,
        network::FUNCTIONS,
        numbers::FUNCTIONS,
        paths::FUNCTIONS,
        patterns::FUNCTIONS,
        schemas::FUNCTIONS,
        strings::FUNCTIONS,
        units::FUNCTIONS,
        urls::FUNCTIONS,
        versions::FUNCTIONS,
    ];
    for (name, arity, function) in families.into_iter().flatten() {
        let call = move |arguments: Vec<Value>| {
            let result = Arguments::checked(name, &arguments).and_then(|all| function(&all));
            match result {
                Ok(value) => Ok(value),
                // OPA takes the error of a function as an undefined value
                Err(Stop::Undefined) => Ok(Value::Undefined),
                Err(Stop::Fail(message)) => Err(Failed(message).into()),
            }
        };
        // a name that is taken already is a mistake of this list, which the tests find
        let _ = engine.add_extension((*name).to_string(), *arity, Box::new(call));
    }
    unavailable::install(engine, notes);
}

#[cfg(test)]
mod tests;
