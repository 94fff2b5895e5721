//! Printing to the terminal: standard output, standard error, and the width of the terminal.

use std::ffi::OsString;
use std::io::{self, Write};

use crate::report::{printable, safe_text};

/// Writes to standard output. A closed pipe is not a reason to fail.
pub(super) fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
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
    complain(&printable(&format!("{kind}: {message}")));
}

/// Prints text to standard error. No line of it acts on the log of a CI system.
pub(super) fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", safe_text(text));
}

/// Columns of the terminal, as the shell says.
pub(super) fn columns() -> usize {
    let columns = std::env::var_os("COLUMNS")
        .as_ref()
        .and_then(|value: &OsString| value.to_str()?.parse().ok());
    columns.unwrap_or(120)
}
