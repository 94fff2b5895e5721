//! The values of a release: read from files and arguments, merged as Helm merges them.
//!
//! Values are trees whose scalars know where they were written and what they replaced, so that a
//! rendered value leads to the line of the environment's own file first.

pub(super) mod index;
pub(crate) mod merge;
pub(crate) mod read;
pub(crate) mod set;
