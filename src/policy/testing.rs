//! `test_*` rules of policies, run as `conftest verify` runs them.

use super::{Policies, guarded, scan};
use regorus::Value;

/// What a test came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestOutcome {
    /// It is true.
    Passed,
    /// It is false or undefined.
    Failed,
    /// It could not be evaluated.
    Broken(String),
}

/// One test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestResult {
    /// The file.
    pub path: String,
    /// The line of its head.
    pub line: usize,
    /// `data.main.test_x` without `data.`.
    pub name: String,
    /// What it came to.
    pub outcome: TestOutcome,
}

impl Policies {
    /// Runs every `test_*` rule, in the order of files and lines.
    pub fn test(&self) -> Vec<TestResult> {
        let mut results = Vec::new();
        for file in &self.files {
            let package = scan::package(&file.text).unwrap_or_default();
            for name in scan::rule_names(&file.text)
                .into_iter()
                .filter(|name| name.starts_with("test_"))
            {
                let mut engine = self.engine.clone();
                let result = guarded(|| {
                    engine
                        .eval_rule(format!("data.{package}.{name}"))
                        .map_err(|error| error.to_string())
                });
                let outcome = match result {
                    Ok(Value::Bool(true)) => TestOutcome::Passed,
                    Ok(_) => TestOutcome::Failed,
                    Err(message) => TestOutcome::Broken(message.trim().to_string()),
                };
                let line = scan::line_of(&file.text, &name);
                results.push(TestResult {
                    path: file.path.clone(),
                    line,
                    name: format!("{package}.{name}"),
                    outcome,
                });
            }
        }
        results
    }
}
