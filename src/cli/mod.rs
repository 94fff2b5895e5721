//! The command line: arguments, exit status, printing. Each command has a module.

mod base;
mod check;
mod chosen;
mod ci;
mod completions;
mod config;
mod diff;
mod error;
mod fleet;
mod history;
mod hook;
mod init;
mod lsp;
mod man;
mod markdown;
mod mcp;
mod options;
mod output;
mod paint;
mod patch;
mod policy;
mod progress;
mod promote;
mod render;
mod reports;
mod root;
mod rules;
mod select;
mod status;
mod table;
mod watchdog;
mod why;
mod workspace;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::report::safe_text;
use error::Error;
use progress::Progress;

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

/// The subcommands.
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
    Status(status::Arguments),
    /// Give an environment the versions that the one before it runs
    Promote(promote::Arguments),
    /// List the promotions of an app
    History(history::Arguments),
    /// Show what each cluster gets: agents, their folders, and what is not followed
    Fleet(fleet::Arguments),
    /// List the rules, or explain one of them
    Rules(rules::Arguments),
    /// Test Rego policies
    Policy(policy::Arguments),
    /// Write a commented configuration for the apps and environments that were found
    Init(init::Arguments),
    /// Print the effective configuration with the origin of each value, or its JSON Schema
    Config(config::Arguments),
    /// Run a language server for editors, over standard input and output
    Lsp(lsp::Arguments),
    /// Run an MCP server for assistants, over standard input and output
    Mcp(mcp::Arguments),
    /// Print a completion script for a shell
    Completions(completions::Arguments),
    /// Print a manual page of the program or of a command
    Man(man::Arguments),
}

/// The end of a command that could do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Passed,
    /// A finding or a test fails.
    Failed,
}

/// Runs the program with the process's arguments. The exit status is 0 if it passes, 1 if a finding
/// or test fails, and 2 if the program could not do its work.
pub fn run() -> ExitCode {
    let status = match execute() {
        Ok(Ending::Passed) => 0,
        Ok(Ending::Failed) => 1,
        Err(error) => {
            error.print();
            2
        }
    };
    ExitCode::from(status)
}

fn execute() -> Result<Ending, Error> {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // clap returns the text of --help and --version as an error
        Err(text) if !text.use_stderr() => {
            return print_help(&text).map(|()| Ending::Passed);
        }
        Err(error) => return Err(error.into()),
    };
    let is_server = matches!(arguments.command, Some(Command::Lsp(_) | Command::Mcp(_)));
    let has_own = matches!(
        arguments.command,
        None | Some(Command::Check(_) | Command::Diff(_))
    );
    let progress = Progress::start("reading the repository", is_server || has_own);
    // what a manifest holds must be printed as it is
    let verbatim = matches!(
        arguments.command,
        Some(Command::Render(_) | Command::Init(_) | Command::Completions(_) | Command::Man(_))
    );
    let text = match &arguments.command {
        None => return check::run(&arguments.check),
        Some(Command::Check(arguments)) => return check::run(arguments),
        Some(Command::Policy(arguments)) => return policy::run(arguments),
        Some(Command::Promote(arguments)) => return promote::run(arguments),
        Some(Command::Diff(arguments)) => return diff::run(arguments),
        Some(Command::Lsp(arguments)) => return lsp::run(arguments),
        Some(Command::Mcp(arguments)) => return mcp::run(arguments),
        Some(Command::Render(arguments)) => render::run(arguments),
        Some(Command::Why(arguments)) => why::run(arguments),
        Some(Command::Status(arguments)) => status::run(arguments),
        Some(Command::History(arguments)) => history::run(arguments),
        Some(Command::Fleet(arguments)) => fleet::run(arguments),
        Some(Command::Rules(arguments)) => rules::run(arguments),
        Some(Command::Init(arguments)) => init::run(arguments),
        Some(Command::Completions(arguments)) => completions::run(arguments),
        Some(Command::Config(arguments)) => config::run(arguments),
        Some(Command::Man(arguments)) => man::run(arguments),
    };
    drop(progress);
    let text = text?;
    let text = if verbatim {
        text.into()
    } else {
        safe_text(&text)
    };
    output::write(&text).map_err(Error::printing)?;
    Ok(Ending::Passed)
}

/// The names of the commands.
fn command_names() -> Vec<String> {
    let arguments = Arguments::command();
    let commands = arguments.get_subcommands();
    commands
        .map(|command| command.get_name().to_string())
        .collect()
}

/// Prints the text of `--help` or `--version`.
fn print_help(text: &clap::Error) -> Result<(), Error> {
    match text.print() {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::printing(error)),
        _ => Ok(()),
    }
}

/// A text whose last line ends, without blank lines behind it.
fn ended_once(mut text: String) -> String {
    text.truncate(text.trim_end_matches('\n').len());
    if !text.is_empty() {
        text.push('\n');
    }
    text
}
