//! Logic that several rules share, one topic in each file. Not here: rules.

pub(super) mod apps;
pub(super) mod availability;
pub(super) mod deletion;
pub(super) mod digests;
pub(super) mod drift;
pub(super) mod flux_markers;
pub(super) mod left_alone;
pub(super) mod listed;
pub(super) mod losses;
pub(super) mod objects;
pub(super) mod problems;
pub(super) mod settings;
