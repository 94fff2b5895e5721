//! Printing to the terminal: standard output, standard error, and the width of the terminal.

use std::ffi::OsString;
use std::io::Write;

use crate::report::printable;

/// Prints to standard output. A closed pipe is not a reason to fail.
pub(super) fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Prints a warning to standard error.
pub(super) fn warn(message: &str) {
    complain_of("warning", message);
}

/// Prints a message as one line. It may quote files: a line end in a name would otherwise start a
/// line that a CI system takes for a command.
pub(super) fn complain_of(kind: &str, message: &str) {
    complain(&printable(&format!("{kind}: {message}")));
}

/// Prints a line to standard error.
pub(super) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Columns of the terminal, as the shell says.
pub(super) fn columns() -> usize {
    let columns = std::env::var_os("COLUMNS")
        .as_ref()
        .and_then(|value: &OsString| value.to_str()?.parse().ok());
    columns.unwrap_or(120)
}
