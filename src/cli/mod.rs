//! The command line: arguments, exit status, printing. Thin: one file a command.

mod render;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The required check of a GitOps config repo.
#[derive(Parser)]
#[command(name = "gitops-lint", version, about, max_term_width = 120)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Subcommand)]
enum Command {
    /// Print what `kustomize build` would print for a folder
    Render(render::Arguments),
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
    match arguments.command {
        Command::Render(arguments) => render::run(&arguments),
    }
}
