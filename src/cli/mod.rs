//! The command line: arguments, exit status, printing. Thin: one file a command.

mod base;
mod check;
mod completions;
mod diff;
mod init;
mod options;
mod policy;
mod render;
mod rules;
mod status;
mod why;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::names::did_you_mean;
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
    /// Print what `kustomize build` would print for a folder
    Render(render::Arguments),
    /// Tell the life of a rendered value: who wrote it, what replaced it, what it is in each
    /// environment
    Why(why::Arguments),
    /// Compare what two environments or overlays render to
    Diff(diff::Arguments),
    /// Show which image runs in which environment, since when, by which commit
    Status(status::StatusArguments),
    /// List the promotions of an app
    History(status::HistoryArguments),
    /// List the rules, or explain one
    Rules(rules::Arguments),
    /// Test Rego policies
    Policy(policy::Arguments),
    /// Write a commented configuration from the discovered layout
    Init(init::Arguments),
    /// Print a completion script for a shell
    Completions(completions::Arguments),
}

/// The tool could not do its work.
const FAILED: u8 = 2;

/// Runs the program with the process's arguments.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let status = if error.use_stderr() { FAILED } else { 0 };
            // a closed pipe is no reason to fail
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

/// The exit status of a command that did its work; why it could not is printed.
fn ended(result: Result<u8, String>) -> ExitCode {
    let failed = |message: String| {
        complain(&format!("error: {message}"));
        FAILED
    };
    ExitCode::from(result.unwrap_or_else(failed))
}

/// The same for a command that makes a text, which is printed with one line end behind it.
fn printed(result: Result<String, String>) -> ExitCode {
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

/// The message for an unknown rule, with the nearest one.
fn unknown_rule(id: &str) -> String {
    let ids: Vec<&str> = crate::rules::all()
        .iter()
        .map(|rule| rule.metadata().id)
        .collect();
    let list = || "`gitops-lint rules` lists them".to_string();
    format!("unknown rule `{id}`; {}", did_you_mean(id, &ids, list))
}
