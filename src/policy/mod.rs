//! Policies: Rego with conftest's conventions, and those of admission controllers.
//!
//! `load` finds policies and their data, `compile` prepares them, `evaluate` runs them over a repo,
//! and `testing` runs `test_*` rules. `admission` judges by the policies that clusters enforce. `opa` is Rego itself; `budget` limits the time that all
//! policies may take together. Policies reach no network, no clock but `--now`, and no environment.

mod admission;
mod budget;
mod built_in;
mod compile;
mod conventions;
mod evaluate;
mod load;
mod log;
mod opa;
mod place;
mod pool;
mod testing;

use std::sync::Arc;

use crate::finding::RuleDescription;
pub use admission::{ReadBeside, is_policy_text, run_kyverno_suite, run_suite};
pub use compile::{Options, RegoVersion};
pub use conventions::Namespaces;
use conventions::PolicyRule;
pub use evaluate::{run, unloaded};
pub(crate) use load::is_empty;
pub use load::{Added, DataFile, is_data_file, load, load_tests};
pub use log::Log;
pub use testing::{Coverage, TestOutcome, TestResult};

/// A Rego file, or a YAML file with policies of admission controllers.
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
    /// Why some files were left out.
    problems: Vec<LoadProblem>,
    /// True if each overlay is one input.
    combined: bool,
    /// Policies of admission controllers that were named.
    admission: Vec<PolicyFile>,
    /// The time, in nanoseconds since 1970.
    now: i128,
}

/// Why a file was left out.
#[derive(Clone, Debug)]
struct LoadProblem {
    /// Index of the file.
    file: usize,
    /// The first and last byte of the place in it.
    at: Option<(u32, u32)>,
    line: Option<u32>,
    message: String,
}

impl LoadProblem {
    /// The message, with the line if there is one.
    fn with_line(&self) -> String {
        match self.line {
            Some(line) => format!("line {line}: {}", self.message),
            None => self.message.clone(),
        }
    }
}

impl Policies {
    /// The number of rules that are evaluated, and of files for admission controllers.
    pub fn len(&self) -> usize {
        self.rules.len() + self.admission.len()
    }

    /// The ids of the rules that are evaluated, such as `policy/main/deny`.
    pub fn ids(&self) -> Vec<String> {
        self.rules.iter().map(|rule| rule.id.clone()).collect()
    }

    /// The descriptions that the rules give of themselves.
    pub fn descriptions(&self) -> impl Iterator<Item = &RuleDescription> {
        self.rules.iter().map(|rule| &rule.description)
    }

    /// True if a policy contains a word.
    fn mention(&self, word: &str) -> bool {
        self.files.iter().any(|file| file.text.contains(word))
    }

    /// True if there is no rule to evaluate.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
