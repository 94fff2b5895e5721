//! Why Git could not answer.

use crate::source::Withheld;

/// Why Git could not answer, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    /// There is no repository.
    #[error("there is no Git repository here")]
    NotARepository,
    /// A branch without a commit.
    #[error("the branch has no commit yet")]
    Unborn,
    /// A revision that does not exist, and what may be the reason.
    #[error("there is no revision {0:?}{1}")]
    UnknownRevision(String, String),
    /// A name that means several things, and which.
    #[error("the revision {0:?} is ambiguous: {1}")]
    Ambiguous(String, String),
    /// The histories of two revisions do not meet in what was fetched, and what to do.
    #[error("{0} and {1} have no common ancestor{2}")]
    Unrelated(String, String, String),
    /// An object is missing or damaged.
    #[error("{what} is not here: {withheld}")]
    Missing {
        /// The kind of object: a commit, a folder.
        what: String,
        /// Why, and how to get it.
        withheld: Withheld,
    },
    /// Anything else.
    #[error("{0}")]
    Other(String),
}
