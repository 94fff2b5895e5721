//! Secrets, ConfigMaps and environment variables.

mod environment_variable_drift;
mod missing_configmap;
mod missing_configmap_key;
mod missing_secret;
mod missing_secret_key;
mod plaintext_secret;

use super::Rule;

/// The rules of this category, in the order of the rule table.
pub(super) static RULES: &[&dyn Rule] = &[
    &missing_secret::MissingSecret,
    &missing_secret_key::MissingSecretKey,
    &missing_configmap::MissingConfigMap,
    &missing_configmap_key::MissingConfigMapKey,
    &environment_variable_drift::EnvironmentVariableDrift,
    &plaintext_secret::PlaintextSecret,
];
