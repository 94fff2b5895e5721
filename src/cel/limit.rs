//! The limit on the work of expressions, counted while they run: each round of a loop and each sum is a
//! call of a function here.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use kube_cel::cel::common::ast::operators::ADD;
use kube_cel::cel::common::ast::{CallExpr, ComprehensionExpr, Expr};
use kube_cel::cel::objects::Value;
use kube_cel::cel::{Context, ExecutionError, IdedExpr};

use super::{LARGEST, size_of};

/// The most steps of one evaluation.
const MOST: u64 = 1_000_000;
/// The most steps that all evaluations of one policy take which are not short.
const MOST_OF_ALL: u64 = 2_000_000;
/// Evaluations up to this number of steps are not counted, so that the number of objects does not
/// matter.
const SHORT: u64 = 1_000;
/// The elements and bytes of a value that count as one step.
const SIZE_A_STEP: usize = 64;

/// The function that stands for `+`. No expression can name it.
const SUM: &str = "@sum";
/// The function around the condition of a loop.
const ROUND: &str = "@round";

/// An evaluation took too many steps.
pub(super) const TOO_MANY: &str = "the expression takes too many steps";
/// An evaluation made a value that is too large.
const TOO_LARGE: &str = "the value of the expression is too large";

thread_local! {
    /// The steps of the evaluation that this thread runs.
    static TAKEN: Cell<u64> = const { Cell::new(0) };
}

/// The steps of the longer evaluations so far.
#[derive(Default)]
pub(super) struct Spent(AtomicU64);

impl Spent {
    /// True if the steps of all evaluations are used up.
    pub(super) fn is_used_up(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= MOST_OF_ALL
    }

    /// Runs an evaluation and counts its steps.
    pub(super) fn count<T>(&self, evaluate: impl FnOnce() -> T) -> T {
        TAKEN.set(0);
        let result = evaluate();
        let taken = TAKEN.get();
        if taken > SHORT {
            self.0.fetch_add(taken, Ordering::Relaxed);
        }
        result
    }
}

/// The reason, if an error is that of a limit.
pub(super) fn reached(error: &ExecutionError) -> Option<&str> {
    match error {
        ExecutionError::FunctionError { function, message }
            if [SUM, ROUND].contains(&&**function) =>
        {
            [TOO_MANY, TOO_LARGE]
                .into_iter()
                .find(|limit| limit == message)
        }
        _ => None,
    }
}

/// Adds the functions that count.
pub(super) fn add_to(context: &mut Context<'_>) {
    context.add_function(SUM, sum);
    context.add_function(ROUND, round);
}

fn step(function: &str, size: usize) -> Result<(), ExecutionError> {
    if size > LARGEST {
        return Err(ExecutionError::function_error(function, TOO_LARGE));
    }
    let taken = TAKEN.get() + 1 + (size / SIZE_A_STEP) as u64;
    TAKEN.set(taken);
    match taken > MOST {
        true => Err(ExecutionError::function_error(function, TOO_MANY)),
        false => Ok(()),
    }
}

fn sum(one: Value, other: Value) -> Result<Value, ExecutionError> {
    step(SUM, size_of(&one, LARGEST) + size_of(&other, LARGEST))?;
    one + other
}

/// `result` is what the loop has so far.
fn round(goes_on: bool, result: Value) -> Result<bool, ExecutionError> {
    step(ROUND, size_of(&result, LARGEST))?;
    Ok(goes_on)
}

/// Makes a call of `+` one that counts.
pub(super) fn count_sum(call: &mut CallExpr) {
    if call.func_name == ADD && call.target.is_none() && call.args.len() == 2 {
        call.func_name = SUM.to_string();
    }
}

/// Makes a loop count its rounds.
pub(super) fn count_rounds(one: &mut ComprehensionExpr) {
    let id = one.loop_cond.id;
    let result = IdedExpr {
        id,
        expr: Expr::Ident(one.accu_var.clone()),
    };
    let condition = std::mem::take(&mut one.loop_cond);
    one.loop_cond = IdedExpr {
        id,
        expr: Expr::Call(CallExpr {
            func_name: ROUND.to_string(),
            target: None,
            args: vec![condition, result],
        }),
    };
}
