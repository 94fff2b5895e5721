//! Printing to the terminal: standard output, standard error, and the width of the terminal.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};

use super::progress::hidden_while;
use crate::report::{printable, safe_text};
use crate::wording::wrapped;

/// Writes to standard output. A closed pipe is not a reason to fail.
pub(super) fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let written = hidden_while(|| out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Prints a warning to standard error.
pub(super) fn warn(message: &str) {
    complain_of("warning", message);
}

/// Prints a message as one line. It may quote files: a line end in a name would otherwise start a
/// line that a CI system takes for a command.
pub(super) fn complain_of(kind: &str, message: &str) {
    say(&printable(&format!("{kind}: {message}")));
}

/// Prints a sentence to standard error, wrapped if that is a terminal.
pub(super) fn say(text: &str) {
    match width_of(&io::stderr()) {
        Some(columns) => complain(&wrapped(text, columns, 2)),
        None => complain(text),
    }
}

/// Prints text to standard error. No line of it acts on the log of a CI system.
pub(super) fn complain(text: &str) {
    let _ = hidden_while(|| writeln!(io::stderr().lock(), "{}", safe_text(text)));
}

/// The columns to which text is wrapped: those of the terminal; `None` for a file or a pipe, whose
/// reader may search for whole lines.
pub(super) fn width_of(output: &impl IsTerminal) -> Option<usize> {
    output.is_terminal().then(columns)
}

/// Columns of the terminal: as `COLUMNS` says, or as wide as the terminal is.
fn columns() -> usize {
    /// The width of a terminal that does not say it.
    const USUAL: usize = 80;
    let set = std::env::var_os("COLUMNS")
        .as_ref()
        .and_then(|value: &OsString| value.to_str()?.parse().ok())
        .filter(|columns| *columns > 0);
    let own = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    set.or_else(own).unwrap_or(USUAL)
}
