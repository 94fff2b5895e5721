//! Prepared interpreters that threads share. The first evaluation of a new one is slow.

use std::sync::{Mutex, PoisonError};

use super::opa::Interpreter;

/// Interpreters of one program.
pub(super) struct Pool {
    prototype: Interpreter,
    idle: Mutex<Vec<Interpreter>>,
}

impl Pool {
    pub(super) fn new(prototype: Interpreter) -> Pool {
        Pool {
            prototype,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// A new interpreter, in place of one that failed.
    pub(super) fn fresh(&self) -> Interpreter {
        self.prototype.clone()
    }

    /// Lends an interpreter to a function.
    pub(super) fn lend<T>(&self, run: impl FnOnce(&mut Interpreter) -> T) -> T {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let free = idle().pop();
        let mut interpreter = free.unwrap_or_else(|| self.fresh());
        let result = run(&mut interpreter);
        idle().push(interpreter);
        result
    }
}
