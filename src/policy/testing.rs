//! `test_*` rules of policies, run as `conftest verify` runs them.

use serde_json::Value as Json;

use super::Policies;
use super::engine::value_of;
use super::scan::{Defined, Module};

/// The result of a test.
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
    /// Package and rule: `main.test_latest`.
    pub name: String,
    /// Its result.
    pub outcome: TestOutcome,
}

impl Policies {
    /// Runs every `test_*` rule, in the order of files and lines.
    pub fn test(&self) -> Vec<TestResult> {
        let mut results = Vec::new();
        for file in &self.files {
            let Module { package, rules } = Module::read(&file.text);
            let tests = rules.into_iter();
            for Defined { name, line } in tests.filter(|rule| rule.name.starts_with("test_")) {
                let mut engine = self.engine.clone();
                let outcome = match value_of(&mut engine, &format!("data.{package}.{name}")) {
                    Ok(Json::Bool(true)) => TestOutcome::Passed,
                    Ok(_) => TestOutcome::Failed,
                    Err(message) => TestOutcome::Broken(message),
                };
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
