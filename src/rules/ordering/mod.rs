//! Rules about the order in which objects are applied: sync waves, hooks, dependencies.

mod definition_order;
mod depends_on_cycle;
mod depends_on_missing;
mod invalid_hook;
mod invalid_sync_wave;
mod promotion_order;
mod sync_wave_order;
mod unawaited_dependency;

use super::Rule;

/// The rules of this category, in the order of the rule table.
pub(super) static RULES: &[&dyn Rule] = &[
    &sync_wave_order::SyncWaveOrder,
    &invalid_sync_wave::InvalidSyncWave,
    &invalid_hook::InvalidHook,
    &depends_on_missing::DependsOnMissing,
    &depends_on_cycle::DependsOnCycle,
    &unawaited_dependency::UnawaitedDependency,
    &promotion_order::PromotionOrder,
    &definition_order::DefinitionOrder,
];
