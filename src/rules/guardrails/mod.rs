//! Rules about limits, probes, budgets and objects that production must not lose.

mod autoscaler_conflict;
mod blocked_disruption;
mod changed_program;
mod dangling_reference;
mod deprecated_api;
mod immutable_field;
mod limits_below_requests;
mod missing_limits;
mod removed_api;
mod removed_limits;
mod removed_probe;
mod removed_protection;
mod removed_requests;
mod removed_resource;
mod removed_security_context;
mod resource_deletion;
mod schema_violation;
mod suspended_resource;
mod unknown_field;
mod weaker_guard;
mod wider_access;

use super::Rule;

/// The rules of this category, in the order of the rule table.
pub(super) static RULES: &[&dyn Rule] = &[
    &removed_limits::RemovedLimits,
    &removed_requests::RemovedRequests,
    &removed_probe::RemovedProbe,
    &removed_security_context::RemovedSecurityContext,
    &removed_protection::RemovedProtection,
    &removed_resource::RemovedResource,
    &resource_deletion::ResourceDeletion,
    &missing_limits::MissingLimits,
    &limits_below_requests::LimitsBelowRequests,
    &schema_violation::SchemaViolation,
    &unknown_field::UnknownField,
    &removed_api::RemovedApi,
    &deprecated_api::DeprecatedApi,
    &immutable_field::ImmutableField,
    &dangling_reference::DanglingReference,
    &blocked_disruption::BlockedDisruption,
    &autoscaler_conflict::AutoscalerConflict,
    &suspended_resource::SuspendedResource,
    &weaker_guard::WeakerGuard,
    &wider_access::WiderAccess,
    &changed_program::ChangedProgram,
];
