//! Compares two versions of `.gitops-lint.yaml` and lists the ways in which the new one is less
//! strict.
//!
//! Each part of the configuration has a module beside this one: [`levels`] for rules and their
//! options, [`environments`] for protection and pairs, [`allowances`] for accepted exceptions,
//! [`freezes`] for windows, [`evidence`] for scans, [`lists`] for all other lists of names.

use super::loosening::Loosening;
use super::{allowances, environments, evidence, freezes, levels, lists};
use crate::config::Config;
use crate::rules::Registry;

/// Every way in which `now` is less strict than `before`, in the order of the modules. `existed`
/// returns true if the base has an overlay in a folder; a setting for a new overlay loosens
/// nothing.
pub(super) fn loosened(
    before: &Config,
    now: &Config,
    registry: &Registry,
    existed: &dyn Fn(&str) -> bool,
) -> Vec<Loosening> {
    // a new key of the configuration must be compared in one of the modules, or be excused here
    let Config {
        rules: _,
        environments: _,
        // a place in the file
        environment_origins: _,
        pairs: _,
        mirrors: _,
        image_fields: _,
        layout: _,
        suppress: _,
        drift_allow: _,
        external: _,
        freeze: _,
        break_glass: _,
        bots: _,
        policies: _,
        data: _,
        drift_kinds: _,
        records: _,
        evidence: _,
        schemas: _,
        baseline: _,
        dependencies: _,
        clusters: _,
        // the copy of a remote base or chart is a file of the change, and is compared as one
        remotes: _,
    } = before;
    let mut found = levels::loosened(before, now, registry);
    found.extend(environments::loosened(before, now, existed));
    found.extend(allowances::loosened(before, now));
    found.extend(freezes::loosened(before, now));
    found.extend(evidence::loosened(before, now));
    found.extend(lists::loosened(before, now));
    found
}
