//! Why a command could not do its work. `cli` prints it and exits with [`super::FAILED`].

use thiserror::Error;

use crate::names::UnknownName;
use crate::source::git::GitError;

/// The error of a command.
#[derive(Debug, Error)]
pub enum Error {
    /// An app, environment, overlay or rule that does not exist.
    #[error(transparent)]
    UnknownName(#[from] UnknownName),
    /// Git could not answer.
    #[error(transparent)]
    Git(#[from] GitError),
    /// Arguments that do not fit together, or files that cannot be read or written.
    #[error("{0}")]
    Other(String),
}

impl From<String> for Error {
    fn from(message: String) -> Error {
        Error::Other(message)
    }
}

impl From<&str> for Error {
    fn from(message: &str) -> Error {
        Error::Other(message.to_string())
    }
}
