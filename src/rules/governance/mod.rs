//! Rules about permissions: who may change production and when, and which exceptions a change adds.

mod automation_on_protected;
mod bot_write;
mod change_freeze;
mod changed_owner;
mod codeowners_gap;
mod codeowners_invalid;
mod configuration_mismatch;
mod expired_suppression;
mod loosened_check;
mod outside_project;
mod redirected_agent;
mod simultaneous_change;
mod submodule_change;
mod unchecked_addition;
mod unused_suppression;
mod wider_project;

use super::Rule;

/// The rules of this category, in the order of the rule table.
pub(super) static RULES: &[&dyn Rule] = &[
    &codeowners_gap::CodeownersGap,
    &codeowners_invalid::CodeownersInvalid,
    &changed_owner::ChangedOwner,
    &bot_write::BotWrite,
    &simultaneous_change::SimultaneousChange,
    &submodule_change::SubmoduleChange,
    &outside_project::OutsideProject,
    &redirected_agent::RedirectedAgent,
    &unchecked_addition::UncheckedAddition,
    &wider_project::WiderProject,
    &automation_on_protected::AutomationOnProtected,
    &change_freeze::ChangeFreeze,
    &configuration_mismatch::ConfigurationMismatch,
    &loosened_check::LoosenedCheck,
    &unused_suppression::UnusedSuppression,
    &expired_suppression::ExpiredSuppression,
];
