//! The command line: arguments, exit status, printing. Thin: one file a command.

mod base;
mod check;
mod completions;
mod diff;
mod error;
mod init;
mod options;
mod policy;
mod render;
mod rules;
mod status;
mod why;
mod workspace;

use std::fmt::Display;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use options::{complain, print};

/// The required check of a GitOps config repo.
#[derive(Parser)]
#[command(name = "gitops-lint", version, about, max_term_width = 120)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    check: check::Arguments,
}

/// What to do.
#[derive(Subcommand)]
#[allow(clippy::large_enum_variant, reason = "made once")]
enum Command {
    /// Check a config repo (the default)
    Check(check::Arguments),
    /// Print what `kustomize build` prints for a folder
    Render(render::Arguments),
    /// Show where a rendered value comes from, what changed it, and its value in each environment
    Why(why::Arguments),
    /// Compare the rendered manifests of two environments, overlays or revisions
    Diff(diff::Arguments),
    /// Show which image runs in which environment, since when and by which commit
    Status(status::StatusArguments),
    /// List the promotions of an app
    History(status::HistoryArguments),
    /// List the rules, or explain one of them
    Rules(rules::Arguments),
    /// Test Rego policies
    Policy(policy::Arguments),
    /// Write a commented configuration for the apps and environments that were found
    Init(init::Arguments),
    /// Print a completion script for a shell
    Completions(completions::Arguments),
}

/// Exit status when the program could not do its work: bad usage, bad configuration, an unreadable
/// repository.
const FAILED: u8 = 2;

/// Runs the program with the process's arguments.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let status = if error.use_stderr() { FAILED } else { 0 };
            // a closed pipe is not a failure: `gitops-lint --help | head -1`
            let _ = error.print();
            return ExitCode::from(status);
        }
    };
    let Some(command) = arguments.command else {
        return check::run(&arguments.check);
    };
    match command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Render(arguments) => render::run(&arguments),
        Command::Why(arguments) => why::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Status(arguments) => status::run_status(&arguments),
        Command::History(arguments) => status::run_history(&arguments),
        Command::Rules(arguments) => rules::run(&arguments),
        Command::Policy(arguments) => policy::run(&arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
    }
}

/// The exit status that a command returned, or [`FAILED`] with its error printed.
fn ended(result: Result<u8, impl Display>) -> ExitCode {
    ExitCode::from(result.unwrap_or_else(|error| {
        complain(&format!("error: {error}"));
        FAILED
    }))
}

/// The same for a command whose result is a text; it is printed with one line end behind it.
fn printed(result: Result<String, impl Display>) -> ExitCode {
    ended(result.map(|text| {
        let text = text.trim_end_matches('\n');
        print(&if text.is_empty() {
            String::new()
        } else {
            format!("{text}\n")
        });
        0
    }))
}
