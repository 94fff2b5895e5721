//! Differences between environments.

mod cross_environment_value;
mod overlay_drift;
mod production_only_change;
mod ride_along;
mod stale_allowance;

use super::Rule;

/// The rules of this category, in the order of the rule table.
pub(super) static RULES: &[&dyn Rule] = &[
    &overlay_drift::OverlayDrift,
    &ride_along::RideAlong,
    &production_only_change::ProductionOnlyChange,
    &cross_environment_value::CrossEnvironmentValue,
    &stale_allowance::StaleAllowance,
];
