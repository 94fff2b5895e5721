//! Rendering, references between files, and the layout of the repo.

mod contested_object;
mod coverage;
mod cross_environment_reference;
mod deprecated_field;
mod duplicate_key;
mod empty_overlay;
mod incomplete_checkout;
mod invalid_agent;
mod needs_plugin;
mod orphan_manifest;
mod policy_error;
mod remote_base;
mod render_error;
mod restricted_file;
mod shared_environment_path;
mod stale_copy;
mod unfollowed_agent;
mod unmatched_patch;
mod unreadable_file;

use super::Rule;

/// The rules of this category, in the order of the rule table.
pub(super) static RULES: &[&dyn Rule] = &[
    &render_error::RenderError,
    &incomplete_checkout::IncompleteCheckout,
    &unreadable_file::UnreadableFile,
    &needs_plugin::NeedsPlugin,
    &remote_base::RemoteBase,
    &stale_copy::StaleCopy,
    &orphan_manifest::OrphanManifest,
    &unmatched_patch::UnmatchedPatch,
    &restricted_file::RestrictedFile,
    &cross_environment_reference::CrossEnvironmentReference,
    &shared_environment_path::SharedEnvironmentPath,
    &contested_object::ContestedObject,
    &coverage::Coverage,
    &invalid_agent::InvalidAgent,
    &unfollowed_agent::UnfollowedAgent,
    &duplicate_key::DuplicateKey,
    &deprecated_field::DeprecatedField,
    &empty_overlay::EmptyOverlay,
    &policy_error::PolicyError,
];
