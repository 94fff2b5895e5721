//! `man`: a manual page, made from the same definition as the help.

use clap::{Args, Command, CommandFactory};

use super::error::Error;
use crate::names::UnknownName;

/// Arguments of `man`.
#[derive(Args)]
pub(super) struct Arguments {
    /// Command to describe, such as `check` or `policy test` [default: the program]
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
}

/// Returns the page in the format of `man`.
pub(super) fn run(arguments: &Arguments) -> Result<String, Error> {
    let mut command = super::Arguments::command();
    // gives the subcommands their whole names
    command.build();
    let mut chosen: &Command = &command;
    let mut name = command.get_name().to_string();
    for word in &arguments.command {
        let known: Vec<&str> = chosen.get_subcommands().map(Command::get_name).collect();
        let found = chosen.find_subcommand(word);
        chosen = found.ok_or_else(|| UnknownName::new("command", word, &known))?;
        name = format!("{name}-{word}");
    }
    let page = clap_mangen::Man::new(chosen.clone()).title(name);
    let mut text = Vec::new();
    page.render(&mut text).map_err(Error::printing)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
