//! `policy test`: runs the `test_*` rules of policies.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;
use walkdir::WalkDir;

use super::Ending;
use super::error::Error;
use super::options::{Color, Now, TextOrJson};
use super::output::{complain_of, write};
use super::paint::{self, Look};
use crate::policy::{
    self, Coverage, DataFile, Namespaces, Policies, PolicyFile, RegoVersion, TestOutcome,
    TestResult, is_policy_text,
};
use crate::report::printable;

/// Arguments of `policy`.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// The subcommands of `policy`.
#[derive(Subcommand)]
enum Command {
    /// Run the `test_*` rules of Rego policies, and test suites of Gatekeeper and Kyverno
    Test(TestArguments),
}

#[derive(Args)]
struct TestArguments {
    /// Folders or files of Rego policies
    #[arg(default_value = "policies")]
    paths: Vec<PathBuf>,
    /// JSON or YAML file, or folder of such files, with data for policies; may be given several
    /// times
    #[arg(long, value_name = "PATH")]
    data: Vec<PathBuf>,
    /// Only run tests whose name matches this regular expression
    #[arg(long, value_name = "REGEX")]
    run: Option<regex::Regex>,
    /// Report the lines of the policies that no test evaluates
    #[arg(long)]
    coverage: bool,
    /// Fail if the tests evaluate fewer lines than this percentage
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    threshold: Option<u8>,
    /// Version of Rego in which policies are written; detected for each file by default
    #[arg(long, value_name = "VERSION", value_parser = super::options::rego_version)]
    rego_version: Option<RegoVersion>,
    /// `text` or `json`
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: TextOrJson,
    /// Evaluate as if it were this time
    #[arg(long, value_name = "TIME", value_parser = super::options::now)]
    now: Option<Now>,
    /// When to use colors
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    color: Color,
}

/// Runs the command. It fails if a test fails.
pub(super) fn run(arguments: &Arguments) -> Result<Ending, Error> {
    let Command::Test(arguments) = &arguments.command;
    test(arguments)
}

/// Reads the data of `--data`: files, and the YAML and JSON files of folders.
pub(super) fn data(paths: &[PathBuf]) -> Result<Vec<DataFile>, Error> {
    let mut files = Vec::new();
    for path in paths {
        for entry in WalkDir::new(path).sort_by_file_name() {
            let entry = entry.map_err(|error| {
                let shown = format!("`{}`", error.path().unwrap_or(path).display());
                Error::reading(shown, &error.into()).of("--data")
            })?;
            let is_data = policy::is_data_file(&entry.path().to_string_lossy());
            if !entry.file_type().is_file() || (entry.depth() > 0 && !is_data) {
                continue;
            }
            let shown = entry.path().display().to_string();
            let text = std::fs::read_to_string(entry.path())
                .map_err(|error| Error::reading(format!("`{shown}`"), &error).of("--data"))?;
            files.push((shown, text));
        }
    }
    Ok(files)
}

/// Reads the policies of a file or folder, sorted by path.
pub(super) fn files(path: &Path) -> Result<Vec<PolicyFile>, Error> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in WalkDir::new(path).sort_by_file_name() {
        let entry = entry.map_err(|error| {
            let shown = format!("`{}`", error.path().unwrap_or(path).display());
            unreadable(shown, &error.into())
        })?;
        if entry.file_type().is_file() && (is_policy(entry.path()) || entry.depth() == 0) {
            paths.push(entry.into_path());
        }
    }
    if paths.is_empty() {
        return Err(Error::NoPolicy(path.to_path_buf()));
    }
    let read = |path: PathBuf| {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(&path)
            .map_err(|error| unreadable(format!("`{shown}`"), &error))?;
        Ok(PolicyFile {
            path: shown,
            text: text.into(),
        })
    };
    paths.into_iter().map(read).collect()
}

/// True for a Rego file, and for a YAML file with policies of an admission controller.
fn is_policy(path: &Path) -> bool {
    let is_rego = path
        .extension()
        .is_some_and(|extension| extension == "rego");
    let holds_policy = || std::fs::read_to_string(path).is_ok_and(|text| is_policy_text(&text));
    is_rego || (policy::is_data_file(&path.to_string_lossy()) && holds_policy())
}

fn unreadable(what: String, error: &std::io::Error) -> Error {
    match Error::reading(what, error) {
        Error::Missing { what, .. } => Error::Missing {
            what,
            help: "; name a folder or file of Rego policies".to_string(),
        },
        other => other,
    }
}

/// The policies, or the end of the command after their problems were printed.
fn compiled(arguments: &TestArguments) -> Result<Policies, Error> {
    let mut files = Vec::new();
    for path in &arguments.paths {
        // a folder may have suites only
        match self::files(path) {
            Ok(found) => files.extend(found),
            Err(Error::NoPolicy(_)) if path.is_dir() => {}
            Err(error) => return Err(error),
        }
    }
    files.retain(|file| !policy::is_data_file(&file.path));
    let options = policy::Options {
        namespaces: Namespaces::All,
        now: Now::or_clock(arguments.now.as_ref())
            .timestamp()
            .as_nanosecond(),
        version: arguments.rego_version,
        combined: false,
    };
    policy::load_tests(files, data(&arguments.data)?, &options).map_err(|problems| {
        for problem in &problems {
            complain_of("error", &problem.to_string());
        }
        Error::Policies { undone: "tested" }
    })
}

fn test(arguments: &TestArguments) -> Result<Ending, Error> {
    let policies = compiled(arguments)?;
    let wanted = |name: &str| {
        let pattern = arguments.run.as_ref();
        pattern.is_none_or(|pattern| pattern.is_match(name))
    };
    let with_coverage = arguments.coverage || arguments.threshold.is_some();
    let (mut results, coverage) = policies.test(&wanted, with_coverage);
    let mut suites = suites(arguments)?;
    suites.retain(|result| wanted(&result.name));
    results.extend(suites);
    if results.is_empty() {
        let path = arguments.paths.first().cloned().unwrap_or_default();
        return Err(Error::NoPolicyTest(path));
    }
    let failed = results
        .iter()
        .filter(|result| result.outcome.is_failure())
        .count();
    let percent = covered(&coverage);
    let text = match arguments.format {
        TextOrJson::Json => json_report(&results, &coverage),
        TextOrJson::Text => paint::for_output(
            text_report(&results, &coverage),
            Look::Results,
            arguments.color,
        ),
    };
    write(&text).map_err(Error::printing)?;
    let too_low = arguments
        .threshold
        .filter(|wanted| percent < f64::from(*wanted));
    if let Some(wanted) = too_low {
        complain_of(
            "error",
            &format!("the tests evaluate {percent:.1} % of the lines, less than {wanted} %"),
        );
    }
    Ok(if failed == 0 && too_low.is_none() {
        Ending::Passed
    } else {
        Ending::Failed
    })
}

/// Runs the suites of Gatekeeper and Kyverno in the paths.
fn suites(arguments: &TestArguments) -> Result<Vec<TestResult>, Error> {
    let now = Now::or_clock(arguments.now.as_ref());
    let now = now.timestamp().as_nanosecond();
    let mut results = Vec::new();
    for path in &arguments.paths {
        for entry in WalkDir::new(path).sort_by_file_name() {
            let entry = entry.map_err(|error| {
                let shown = format!("`{}`", error.path().unwrap_or(path).display());
                unreadable(shown, &error.into())
            })?;
            let file = entry.path();
            if !entry.file_type().is_file() || !policy::is_data_file(&file.to_string_lossy()) {
                continue;
            }
            let Ok(text) = std::fs::read_to_string(file) else {
                continue;
            };
            let folder = file.parent().unwrap_or(Path::new("."));
            let beside = |name: &str| {
                let read = std::fs::read_to_string(folder.join(name));
                read.map_err(|error| format!("{name}: {error}"))
            };
            let shown = file.display().to_string();
            let found = policy::run_suite(&shown, &text, &beside, now);
            let found = found.or_else(|| policy::run_kyverno_suite(&shown, &text, &beside, now));
            results.extend(found.unwrap_or_default());
        }
    }
    Ok(results)
}

/// The percentage of lines that were evaluated.
fn covered(coverage: &[Coverage]) -> f64 {
    let covered: usize = coverage.iter().map(|file| file.covered).sum();
    let missed: usize = coverage.iter().map(|file| file.missed.len()).sum();
    let all = covered + missed;
    if all == 0 {
        100.0
    } else {
        covered as f64 * 100.0 / all as f64
    }
}

/// A word for the outcome, and what explains it.
fn outcome(result: &TestResult) -> (&'static str, String) {
    match &result.outcome {
        TestOutcome::Passed => ("pass", String::new()),
        TestOutcome::Skipped => ("skip", String::new()),
        TestOutcome::Failed(cases) if cases.is_empty() => ("FAIL", String::new()),
        TestOutcome::Failed(cases) => ("FAIL", format!(": {}", cases.join(", "))),
        TestOutcome::Broken(message) => ("FAIL", format!(": {message}")),
    }
}

fn text_report(results: &[TestResult], coverage: &[Coverage]) -> String {
    let mut text = String::new();
    for result in results {
        let (word, why) = outcome(result);
        let (path, name) = (printable(&result.path), printable(&result.name));
        let line = result.line;
        text.push_str(&format!("{word} {path}:{line} {name}{}\n", printable(&why)));
        if result.outcome.is_failure() {
            for print in &result.prints {
                text.push_str(&format!("     {}\n", printable(print)));
            }
        }
    }
    for file in coverage.iter().filter(|file| !file.missed.is_empty()) {
        let lines: Vec<String> = file.missed.iter().map(u32::to_string).collect();
        let path = printable(&file.path);
        text.push_str(&format!(
            "not evaluated: {path}: lines {}\n",
            lines.join(", ")
        ));
    }
    if !coverage.is_empty() {
        text.push_str(&format!(
            "{:.1} % of the lines are evaluated\n",
            covered(coverage)
        ));
    }
    let failed = results
        .iter()
        .filter(|result| result.outcome.is_failure())
        .count();
    let skips = |result: &&TestResult| result.outcome == TestOutcome::Skipped;
    let skipped = results.iter().filter(skips).count();
    let count = crate::wording::count(results.len(), "test");
    let passed = results.len() - failed - skipped;
    text.push_str(&format!("{count}, {passed} passed, {failed} failed"));
    if skipped > 0 {
        text.push_str(&format!(", {skipped} skipped"));
    }
    text.push('\n');
    text
}

fn json_report(results: &[TestResult], coverage: &[Coverage]) -> String {
    let test = |result: &TestResult| {
        let (word, why) = outcome(result);
        json!({
            "file": result.path,
            "line": result.line,
            "name": result.name,
            "result": word.to_lowercase(),
            "reason": why.strip_prefix(": "),
            "prints": result.prints,
        })
    };
    let file = |file: &Coverage| json!({"file": file.path, "covered": file.covered, "not_covered": file.missed});
    let report = json!({
        "tests": results.iter().map(test).collect::<Vec<_>>(),
        "coverage": (!coverage.is_empty()).then(|| json!({
            "percent": covered(coverage),
            "files": coverage.iter().map(file).collect::<Vec<_>>(),
        })),
    });
    format!("{report:#}\n")
}
