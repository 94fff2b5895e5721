//! `test_*` rules of policies, run as `conftest verify` and `opa test` run them.

use super::Policies;
use super::opa::{Definition, Interpreter, Value};

/// The result of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestOutcome {
    /// It is true.
    Passed,
    /// It is false or undefined; of a table test the names of the cases that are.
    Failed(Vec<String>),
    /// It could not be evaluated.
    Broken(String),
    /// Its name begins with `todo_`.
    Skipped,
}

impl TestOutcome {
    /// True if the test failed or could not be evaluated.
    pub fn is_failure(&self) -> bool {
        matches!(self, TestOutcome::Failed(_) | TestOutcome::Broken(_))
    }
}

/// One test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestResult {
    /// The file.
    pub path: String,
    /// The line of its head.
    pub line: usize,
    /// Package and rule: `main.test_latest`. The second test of a name gets `#01`.
    pub name: String,
    /// Its result.
    pub outcome: TestOutcome,
    /// The lines that it printed.
    pub prints: Vec<String>,
}

/// The lines of a policy file that tests evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The file.
    pub path: String,
    /// The number of lines that were evaluated.
    pub covered: usize,
    /// The lines that were not.
    pub missed: Vec<u32>,
}

impl Policies {
    /// Runs the `test_*` rules whose names are wanted, in the order of files and lines. With
    /// coverage, also reports the lines of the policies that they evaluated.
    pub fn test(
        &self,
        wanted: &dyn Fn(&str) -> bool,
        with_coverage: bool,
    ) -> (Vec<TestResult>, Vec<Coverage>) {
        let mut interpreter = self.program.interpreter();
        if !with_coverage {
            return (self.run_tests(&mut interpreter, wanted), Vec::new());
        }
        interpreter.record_coverage();
        let results = self.run_tests(&mut interpreter, wanted);
        let lines = interpreter.coverage().into_iter();
        let coverage = lines
            .filter(|(path, _, _)| self.files.iter().any(|file| file.path == *path))
            .map(|(path, covered, missed)| Coverage {
                path,
                covered,
                missed,
            });
        (results, coverage.collect())
    }

    fn run_tests(
        &self,
        interpreter: &mut Interpreter,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Vec<TestResult> {
        let tests = self.program.definitions().iter().filter(|one| is_test(one));
        let mut results: Vec<TestResult> = Vec::new();
        for test in tests {
            let name = format!("{}.{}", test.package, test.name);
            if !wanted(&name) {
                continue;
            }
            let outcome = if test.name.starts_with("todo_") {
                TestOutcome::Skipped
            } else {
                match interpreter.value(&test.query) {
                    Ok(value) => judged(&value),
                    Err(failure) => {
                        interpreter.replace_by(self.program.interpreter());
                        TestOutcome::Broken(failure.to_string())
                    }
                }
            };
            let file = self.files.get(test.file);
            let same = results
                .iter()
                .filter(|one| one.name.split('#').next() == Some(&name));
            let name = match same.count() {
                0 => name,
                count => format!("{name}#{count:02}"),
            };
            results.push(TestResult {
                path: file.map_or_else(String::new, |file| file.path.clone()),
                line: test.at.line as usize,
                name,
                outcome,
                prints: interpreter.take_prints(),
            });
        }
        results
    }
}

fn is_test(definition: &Definition) -> bool {
    let name = definition.name.strip_prefix("todo_");
    let is_test = name.unwrap_or(&definition.name).starts_with("test_");
    is_test && !definition.is_function && !definition.is_default
}

/// A test passes if it is true. Each entry of a table test is a case.
fn judged(value: &Value) -> TestOutcome {
    let failed: Vec<String> = match value {
        Value::Bool(true) => return TestOutcome::Passed,
        Value::Object(cases) => cases
            .iter()
            .filter(|(_, result)| judged(result) != TestOutcome::Passed)
            .map(|(name, _)| match name {
                Value::String(text) => text.to_string(),
                other => other.to_string(),
            })
            .collect(),
        _ => return TestOutcome::Failed(Vec::new()),
    };
    if failed.is_empty() {
        TestOutcome::Passed
    } else {
        TestOutcome::Failed(failed)
    }
}
