//! Rego policies with conftest's conventions, evaluated by regorus.
//!
//! `load` finds policies and their data, `compile` prepares them, `evaluate` runs them over a repo,
//! `testing` runs `test_*` rules. `scan` reads from a policy's text what regorus does not offer,
//! `engine` sets the interpreter and its limits up, with `guards` before functions that
//! make large values, and `budget` for what all policies may take together. Policies reach no network, no clock but
//! `--now`, and no environment.

mod budget;
mod built_in;
mod compile;
mod engine;
mod evaluate;
mod guards;
mod load;
mod scan;
mod testing;

use std::sync::Arc;

use regorus::{Engine, Value};

pub use evaluate::run;
pub(crate) use load::is_empty;
pub use load::{Added, DataFile, load};
pub use testing::{TestOutcome, TestResult};

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

/// The severity that a rule's name asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// `deny` and `violation`: an error.
    Deny,
    /// `warn`: a warning.
    Warn,
}

impl Verdict {
    /// The verdict of a rule's name: `deny`, `deny_latest`, `violation`, `warn`, …; nothing for
    /// names such as `allow` and `denied`, which are not findings.
    fn of(name: &str) -> Option<Verdict> {
        let is = |word: &str| {
            name.strip_prefix(word).is_some_and(|rest| {
                let suffix = rest.strip_prefix('_').unwrap_or_default();
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
                rest.is_empty() || (!suffix.is_empty() && suffix.bytes().all(plain))
            })
        };
        if is("deny") || is("violation") {
            Some(Verdict::Deny)
        } else if is("warn") {
            Some(Verdict::Warn)
        } else {
            None
        }
    }
}

/// A rule whose results are findings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PolicyRule {
    /// `main`
    package: String,
    /// `deny_latest`
    name: String,
    verdict: Verdict,
    /// Index of the first file that defines it.
    file: usize,
    /// The 1-based line there.
    line: usize,
    /// True if its package has a rule `exception`.
    may_be_excepted: bool,
}

impl PolicyRule {
    /// Its id in the configuration and in reports: `policy/main/deny_latest`.
    fn id(&self) -> String {
        format!("policy/{}/{}", self.package, self.name)
    }

    /// The path of its value: `data.main.deny_latest`.
    fn path(&self) -> String {
        format!("data.{}.{}", self.package, self.name)
    }
}

/// Compiled policies.
pub struct Policies {
    engine: Engine,
    files: Vec<PolicyFile>,
    rules: Vec<PolicyRule>,
    data: Value,
}

impl Policies {
    /// The number of rules that are evaluated.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// The ids of the rules that are evaluated, such as `policy/main/deny`.
    pub fn ids(&self) -> Vec<String> {
        self.rules.iter().map(PolicyRule::id).collect()
    }

    /// True if there is no rule to evaluate.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }
}

/// Which packages are evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Namespaces {
    /// `main`, `promotion` and those of the built-in policies.
    #[default]
    Default,
    /// Every package.
    All,
}
