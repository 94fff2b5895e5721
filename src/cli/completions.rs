//! `completions`: a script for a shell, made from the same definition as the help.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::error::Error;

/// Arguments of `completions`.
#[derive(Args)]
pub(super) struct Arguments {
    /// Shell to complete in
    #[arg(value_enum)]
    shell: Shell,
}

/// Returns the completion script.
pub(super) fn run(arguments: &Arguments) -> Result<String, Error> {
    let mut script = Vec::new();
    generate(
        arguments.shell,
        &mut super::Arguments::command(),
        "gitops-lint",
        &mut script,
    );
    Ok(String::from_utf8_lossy(&script).into_owned())
}
