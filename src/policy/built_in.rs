//! The policies that ship with the tool, named `builtin/NAME` in the configuration.

use crate::names::UnknownName;

/// Registers a policy by the name of its file in `policies/`.
macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../policies/", $name, ".rego")))),*]
    };
}

/// Names and texts.
const BUILT_IN: &[(&str, &str)] = shipped![
    "allowed-projects",
    "allowed-registries",
    "approved-base-images",
    "cost-labels-required",
    "digest-required",
    "disruption-budget-required",
    "autoscaler-required",
    "no-host-access",
    "no-latest-tag",
    "no-privileged-containers",
    "owner-label-required",
    "probes-required",
    "promotion-image-only",
    "promotion-size",
    "resources-as-before",
    "scan-evidence",
    "scan-required",
];

/// The text of a built-in policy.
pub(super) fn built_in(name: &str) -> Result<&'static str, UnknownName> {
    let found = BUILT_IN.iter().find(|(known, _)| *known == name);
    found.map(|(_, text)| *text).ok_or_else(|| {
        let known: Vec<&str> = BUILT_IN.iter().map(|(known, _)| *known).collect();
        UnknownName::new("built-in policy", name, &known)
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::BUILT_IN;

    #[test]
    fn every_policy_of_the_folder_ships() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let Some(name) = name.strip_suffix(".rego") else {
                continue;
            };
            let ships = BUILT_IN.iter().any(|(known, _)| *known == name);
            assert!(ships || name.ends_with("_test"), "{name} is not registered");
        }
    }
}
