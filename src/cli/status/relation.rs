//! The relation of an image to the same image in the previous environment: equal, ahead or behind.

use crate::history::Version;

/// The relation of an image to the previous environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Same,
    /// It is this many versions behind.
    Behind(usize),
    Ahead,
    Unknown,
}

impl Relation {
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Relation::Same => "same",
            Relation::Behind(_) => "behind",
            Relation::Ahead => "ahead",
            Relation::Unknown => "unknown",
        }
    }

    /// Compares a version with the one of the environment before, by the versions that both went
    /// through, newest first.
    pub(super) fn new(
        version: &Version,
        earlier: &Version,
        past: &[Version],
        earlier_past: &[Version],
    ) -> Relation {
        if version.same(earlier) {
            return Relation::Same;
        }
        if let Some(steps) = earlier_past.iter().position(|old| old.same(version)) {
            return Relation::Behind(steps + 1);
        }
        if past.iter().any(|old| old.same(earlier)) {
            Relation::Ahead
        } else {
            Relation::Unknown
        }
    }
}
