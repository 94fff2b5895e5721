//! `policy test`: runs the `test_*` rules of policies.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use walkdir::WalkDir;

use super::options::{Now, complain, print};
use crate::policy::{Namespaces, Policies, PolicyFile, TestOutcome};
use crate::report::printable;

/// Arguments of `policy`.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// What to do with policies.
#[derive(Subcommand)]
enum Command {
    /// Run the `test_*` rules of Rego policies
    Test {
        /// Folder or file of Rego policies
        #[arg(default_value = "policies")]
        path: PathBuf,
        /// Evaluate as if it were this time
        #[arg(long, value_name = "TIME", value_parser = super::options::now)]
        now: Option<Now>,
    },
}

/// Runs the command: status 1 when a test fails, 2 when nothing could be tested.
pub fn run(arguments: &Arguments) -> ExitCode {
    let Command::Test { path, now } = &arguments.command;
    super::ended(test(path, now.as_ref()).map(|passed| u8::from(!passed)))
}

/// Reads the `.rego` files of a file or folder, sorted by path.
pub(super) fn files(path: &Path) -> Result<Vec<PolicyFile>, String> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in WalkDir::new(path).sort_by_file_name() {
        let entry = entry.map_err(|error| {
            let reason = error
                .io_error()
                .map_or_else(|| error.to_string(), ToString::to_string);
            format!(
                "{} cannot be read: {reason}",
                error.path().unwrap_or(path).display()
            )
        })?;
        let rego = entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "rego");
        if entry.file_type().is_file() && (rego || entry.depth() == 0) {
            paths.push(entry.into_path());
        }
    }
    if paths.is_empty() {
        return Err(format!("no .rego file found in {}", path.display()));
    }
    let read = |path: PathBuf| {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("{shown} cannot be read: {error}"))?;
        Ok(PolicyFile {
            path: shown,
            text: text.into(),
        })
    };
    paths.into_iter().map(read).collect()
}

fn test(path: &Path, now: Option<&Now>) -> Result<bool, String> {
    let now = Now::or_clock(now).timestamp().as_nanosecond();
    let policies = Policies::compile(files(path)?, Vec::new(), Namespaces::All, now, true);
    let policies = policies.map_err(|problems| {
        problems
            .iter()
            .for_each(|problem| complain(&format!("error: {}", printable(&problem.to_string()))));
        "the policies cannot be used, so nothing was tested".to_string()
    })?;
    let results = policies.test();
    if results.is_empty() {
        return Err(format!(
            "no test found in {}: tests are rules whose name begins with test_",
            path.display()
        ));
    }
    let mut failed = 0;
    for result in &results {
        let (word, why) = match &result.outcome {
            TestOutcome::Passed => ("pass", String::new()),
            TestOutcome::Failed => ("FAIL", String::new()),
            TestOutcome::Broken(message) => ("FAIL", format!(": {message}")),
        };
        failed += usize::from(result.outcome != TestOutcome::Passed);
        print(&format!(
            "{word} {}:{} {}{}\n",
            printable(&result.path),
            result.line,
            printable(&result.name),
            printable(&why)
        ));
    }
    print(&format!(
        "{}, {} passed, {failed} failed\n",
        crate::wording::count(results.len(), "test"),
        results.len() - failed
    ));
    Ok(failed == 0)
}
