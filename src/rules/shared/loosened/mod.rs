//! Compares two versions of `.gitops-lint.yaml` and lists the ways in which the new one is less
//! strict.
//!
//! Each part of the configuration has a module here: [`levels`] for rules and their options,
//! [`environments`] for protection and pairs, [`allowances`] for accepted exceptions, [`freezes`]
//! for windows, [`lists`] for all other lists of names. Not here: how serious that is
//! (`loosened-check`).

mod allowances;
mod environments;
mod freezes;
mod levels;
mod lists;

use crate::config::Config;
use crate::finding::Cause;
use crate::rules::Registry;
use crate::yaml::Origin;

/// One way in which the check becomes less strict.
#[derive(Debug)]
pub(in crate::rules) struct Loosening {
    /// The line that the change added or edited. `None` if the change removed a line.
    pub origin: Option<Origin>,
    /// The identity of the finding.
    pub cause: Cause,
    /// One sentence about it.
    pub message: String,
}

impl Loosening {
    /// A setting that the change adds or edits.
    pub fn at(origin: Origin, cause: Cause, message: String) -> Loosening {
        Loosening {
            origin: Some(origin),
            cause,
            message,
        }
    }

    /// A setting that the change removes.
    pub fn removed(cause: Cause, message: String) -> Loosening {
        Loosening {
            origin: None,
            cause,
            message,
        }
    }
}

/// Every way in which `now` is less strict than `before`, in the order of the modules. `existed`
/// returns true if the base has an overlay in a folder; a setting for a new overlay loosens
/// nothing.
pub(in crate::rules) fn loosened(
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
        dependencies: _,
        // the copy of a remote base or chart is a file of the change, and is compared as one
        remotes: _,
    } = before;
    let mut found = levels::loosened(before, now, registry);
    found.extend(environments::loosened(before, now, existed));
    found.extend(allowances::loosened(before, now));
    found.extend(freezes::loosened(before, now));
    found.extend(lists::loosened(before, now));
    found
}

#[cfg(test)]
mod tests;
