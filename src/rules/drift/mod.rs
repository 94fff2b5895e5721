//! Differences between environments.

mod overlay_drift;
mod ride_along;
mod stale_allowance;

use super::Rule;

/// The rules of this category, in the order of the rule table.
pub(super) static RULES: &[&dyn Rule] = &[
    &overlay_drift::OverlayDrift,
    &ride_along::RideAlong,
    &stale_allowance::StaleAllowance,
];
