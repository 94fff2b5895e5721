//! The type of a loosening: one way in which a change makes the check less strict.

use crate::finding::Cause;
use crate::yaml::Origin;

/// One way in which the check becomes less strict.
#[derive(Debug)]
pub(super) struct Loosening {
    /// The line that the change added or edited. `None` if the change removed a line.
    pub(super) origin: Option<Origin>,
    /// The identity of the finding.
    pub(super) cause: Cause,
    /// One sentence about it.
    pub(super) message: String,
}

impl Loosening {
    /// A setting that the change adds or edits.
    pub(super) fn at(origin: Origin, cause: Cause, message: String) -> Loosening {
        Loosening {
            origin: Some(origin),
            cause,
            message,
        }
    }

    /// A setting that the change removes.
    pub(super) fn removed(cause: Cause, message: String) -> Loosening {
        Loosening {
            origin: None,
            cause,
            message,
        }
    }
}
