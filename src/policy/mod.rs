//! Rego policies with conftest's conventions.
//!
//! `load` finds policies and their data, `compile` prepares them, `evaluate` runs them over a repo,
//! and `testing` runs `test_*` rules. `opa` is Rego itself; `budget` limits the time that all
//! policies may take together. Policies reach no network, no clock but `--now`, and no environment.

mod budget;
mod built_in;
mod compile;
mod conventions;
mod evaluate;
mod load;
mod opa;
mod target;
mod testing;

use std::sync::Arc;

pub use compile::{Options, RegoVersion};
pub use conventions::Namespaces;
use conventions::PolicyRule;
pub use evaluate::run;
pub(crate) use load::is_empty;
pub use load::{Added, DataFile, is_data_file, load, load_tests};
pub use testing::{Coverage, TestOutcome, TestResult};

/// A Rego file.
#[derive(Clone, Debug)]
pub struct PolicyFile {
    /// Its path in messages, or `builtin/NAME`.
    pub path: String,
    /// Its text.
    pub text: Arc<str>,
}

/// Why policies cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct PolicyProblem {
    /// The file.
    pub path: String,
    /// The problem, with its line if regorus knows it.
    pub message: String,
}

impl PolicyProblem {
    fn new(path: impl Into<String>, message: impl Into<String>) -> PolicyProblem {
        PolicyProblem {
            path: path.into(),
            message: message.into(),
        }
    }
}

/// Compiled policies.
pub struct Policies {
    program: opa::Program,
    files: Vec<PolicyFile>,
    rules: Vec<PolicyRule>,
}

impl Policies {
    /// The number of rules that are evaluated.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// The ids of the rules that are evaluated, such as `policy/main/deny`.
    pub fn ids(&self) -> Vec<String> {
        self.rules.iter().map(|rule| rule.id.clone()).collect()
    }

    /// True if there is no rule to evaluate.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }
}
