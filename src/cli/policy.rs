//! `policy test`: runs the `test_*` rules of policies.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use walkdir::WalkDir;

use super::Ending;
use super::error::Error;
use super::options::Now;
use super::output::{complain_of, write};
use crate::policy::{Namespaces, Policies, PolicyFile, TestOutcome};
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

/// Runs the command. It fails if a test fails.
pub(super) fn run(arguments: &Arguments) -> Result<Ending, Error> {
    let Command::Test { path, now } = &arguments.command;
    test(path, now.as_ref())
}

/// Reads the `.rego` files of a file or folder, sorted by path.
pub(super) fn files(path: &Path) -> Result<Vec<PolicyFile>, Error> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in WalkDir::new(path).sort_by_file_name() {
        let entry = entry.map_err(|error| {
            let shown = format!("`{}`", error.path().unwrap_or(path).display());
            unreadable(shown, &error.into())
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

fn unreadable(what: String, error: &std::io::Error) -> Error {
    match Error::reading(what, error) {
        Error::Missing { what, .. } => Error::Missing {
            what,
            help: "; name a folder or file of Rego policies",
        },
        other => other,
    }
}

fn test(path: &Path, now: Option<&Now>) -> Result<Ending, Error> {
    let now = Now::or_clock(now).timestamp().as_nanosecond();
    let policies = Policies::compile(files(path)?, Vec::new(), Namespaces::All, now, true);
    let policies = policies.map_err(|problems| {
        for problem in &problems {
            complain_of("error", &problem.to_string());
        }
        Error::Policies { undone: "tested" }
    })?;
    let results = policies.test();
    if results.is_empty() {
        return Err(Error::NoPolicyTest(path.to_path_buf()));
    }
    let mut failed = 0;
    for result in &results {
        let (word, why) = match &result.outcome {
            TestOutcome::Passed => ("pass", String::new()),
            TestOutcome::Failed => ("FAIL", String::new()),
            TestOutcome::Broken(message) => ("FAIL", format!(": {message}")),
        };
        failed += usize::from(result.outcome != TestOutcome::Passed);
        write(&format!(
            "{word} {}:{} {}{}\n",
            printable(&result.path),
            result.line,
            printable(&result.name),
            printable(&why)
        ))
        .map_err(Error::printing)?;
    }
    write(&format!(
        "{}, {} passed, {failed} failed\n",
        crate::wording::count(results.len(), "test"),
        results.len() - failed
    ))
    .map_err(Error::printing)?;
    Ok(if failed == 0 {
        Ending::Passed
    } else {
        Ending::Failed
    })
}
