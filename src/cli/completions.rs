//! `completions`: a script for a shell, made from the same definition as the help.

use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::options::print;

/// Arguments of `completions`.
#[derive(Args)]
pub struct Arguments {
    /// Shell to complete in
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> ExitCode {
    let mut script = Vec::new();
    generate(
        arguments.shell,
        &mut super::Arguments::command(),
        "gitops-lint",
        &mut script,
    );
    print(&String::from_utf8_lossy(&script));
    ExitCode::SUCCESS
}
