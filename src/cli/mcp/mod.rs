//! `mcp`: a server for assistants. Each tool is one of the commands, run in this process with
//! `--format json`, so that an assistant gets the answers that a person would get. Only the root
//! given at the start is read, and nothing is ever written.
//!
//! `tools` describes the tools, `arguments` turns the arguments of a call into those of a command.

mod arguments;
mod tools;

use std::io::{BufReader, stdin, stdout};
use std::path::PathBuf;

use clap::{Args, Parser};
use serde_json::{Value, json};

use super::error::Error;
use super::{Command, Ending, check, diff, promote, root, status, why};
use crate::check::configuration;
use crate::config::CONFIG_FILE;
use crate::finding::Location;
use crate::report::{self, Format};
use crate::server::mcp::{Tool, Tools, serve};
use crate::server::{Broken, Ended};
use crate::source::Files;
use arguments::Call;

/// Arguments of `mcp`.
#[derive(Args)]
pub(super) struct Arguments {
    /// Any path inside the repository; nothing outside of it is read
    #[arg(value_name = "PATH", default_value = ".")]
    path: PathBuf,
    /// Give up above this memory, with status 2; 0 sets no limit (Linux only)
    #[arg(long, value_name = "MIB", default_value_t = 4096)]
    memory_limit: u64,
}

/// Serves until the assistant closes the stream.
pub(super) fn run(arguments: &Arguments) -> Result<Ending, Error> {
    crate::check::free_repos();
    let commands = Commands {
        root: root::find(&arguments.path)?.root,
        memory_limit: arguments.memory_limit,
    };
    match serve(BufReader::new(stdin()), stdout().lock(), &commands) {
        Ok(Ended::Properly | Ended::Abruptly) => Ok(Ending::Passed),
        Err(Broken::Stream(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            Ok(Ending::Passed)
        }
        Err(broken) => Err(broken.into()),
    }
}

/// The commands as tools for one repo.
struct Commands {
    /// Absolute, with links resolved.
    root: PathBuf,
    memory_limit: u64,
}

impl Tools for Commands {
    fn list(&self) -> Vec<Tool> {
        tools::all()
    }

    fn call(&self, name: &str, arguments: &Value) -> Result<Value, String> {
        let call = Call::new(&self.root, self.memory_limit, arguments)?;
        let words = match name {
            "check" => call.check()?,
            "why" => call.why()?,
            "diff" => call.diff()?,
            "status" => call.status()?,
            _ => call.promote()?,
        };
        let parsed = super::Arguments::try_parse_from(words);
        let parsed = parsed.map_err(|error| plain(&error.to_string()))?;
        let text = answer(&parsed.command).map_err(|error| self.explained(&error))?;
        let value = serde_json::from_str(&text)
            .map_err(|error| format!("the result cannot be read: {error}"))?;
        Ok(call.shortened(value))
    }

    fn instructions(&self) -> &'static str {
        "Ask before you open a pull request against this GitOps repository. `check` with `base` \
         tells which findings your edits cause, `why` where a value comes from and which line to \
         edit, `diff` what the clusters would get, `status` what runs where, and `promote` which \
         edits a promotion needs. Nothing is written: make the edits yourself."
    }
}

impl Commands {
    /// An error as one text. The mistakes of a configuration, which a command prints apart, are
    /// part of it.
    fn explained(&self, error: &Error) -> String {
        let mut text = plain(&error.to_string());
        let file = self.root.join(CONFIG_FILE);
        let written = match error {
            Error::Configuration(_) => std::fs::read_to_string(file).ok(),
            _ => None,
        };
        let Some(written) = written else {
            return text;
        };
        let files = Files::default();
        let id = files.add(CONFIG_FILE, None, written.as_str().into());
        let problems = configuration(&written, id).err().unwrap_or_default();
        for problem in problems {
            let place = Location::resolve(&files, problem.origin);
            let help = problem
                .help
                .map_or(String::new(), |help| format!("; {help}"));
            text.push_str(&format!("\n{place}: {}{help}", problem.message));
        }
        text
    }
}

/// Runs a command and returns its JSON.
fn answer(command: &Option<Command>) -> Result<String, Error> {
    match command {
        Some(Command::Check(arguments)) => {
            let outcome = check::outcome(arguments)?;
            report::text(Format::Json, &outcome, &report::Options::default())
                .map_err(Error::printing)
        }
        Some(Command::Why(arguments)) => why::run(arguments),
        Some(Command::Diff(arguments)) => diff::text(arguments),
        Some(Command::Status(arguments)) => status::run(arguments),
        Some(Command::Promote(arguments)) => Ok(promote::promote(arguments)?.0),
        _ => Ok(json!({}).to_string()),
    }
}

/// An error without the parts that are about a command line.
fn plain(text: &str) -> String {
    let text = text.trim().trim_start_matches("error: ");
    let text = text.split("\n\nUsage:").next().unwrap_or(text);
    text.trim_end().to_string()
}
