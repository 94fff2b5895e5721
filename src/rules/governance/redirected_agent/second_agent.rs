//! An agent's object that a change adds beside one that applies the same folder of production.
//!
//! Not here: an object in place of another one (`gone_application`).

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{Cause, Severity};
use crate::repo::agents::{Pointer, destination};
use crate::repo::{Overlay, Repo};
use crate::rules::{Context, Draft};

/// One finding for each object that is added while those of the base stay.
pub(super) fn drafts(context: &Context, base: &Repo) -> Vec<Draft> {
    let (before, now) = (by_folder(base), by_folder(context.repo));
    let mut found = Vec::new();
    let mut done = BTreeSet::new();
    // the overlay itself does not change by it
    let overlays = context.repo.overlays.iter();
    let protected = overlays.filter(|one| context.repo.protected(one));
    for overlay in protected.filter(|overlay| done.insert(overlay.path.as_str())) {
        let folder = overlay.path.as_str();
        let (Some(before), Some(now)) = (before.get(folder), now.get(folder)) else {
            continue;
        };
        let Some(first) = before.first().filter(|_| before.is_subset(now)) else {
            continue;
        };
        let pointers = context.pointers_at(folder);
        let added = now.difference(before);
        let added = added.filter_map(|name| pointers.iter().find(|one| one.agent.name == *name));
        let known = pointers.iter().find(|one| one.agent.name == *first);
        let known = known.and_then(|one| destination(&one.object));
        found.extend(added.map(|one| {
            // an Application without a cluster is refused, and Flux has no such field
            let is_elsewhere = destination(&one.object) != known;
            draft(one, overlay, first, is_elsewhere)
        }));
    }
    found
}

/// The names of the agents' objects, by the folder that they apply.
fn by_folder(repo: &Repo) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for pointer in repo.pointers().iter().filter(|one| !one.assumed) {
        let names = found.entry(&pointer.folder).or_default();
        names.insert(&pointer.agent.name);
    }
    found
}

fn draft(added: &Pointer, overlay: &Overlay, first: &str, is_elsewhere: bool) -> Draft {
    let name = &added.agent.name;
    let path = &overlay.path;
    let (severity, message) = match is_elsewhere {
        true => (
            Severity::Warning,
            format!(
                "this change adds {name}, which applies {path} to another cluster than {first}"
            ),
        ),
        false => (
            Severity::Info,
            format!("this change adds {name}, which applies {path} as {first} does"),
        ),
    };
    let cause = Cause::new("second-agent").with(name);
    Draft::new(severity, added.agent.origin, cause, message)
        .help("make sure that both do not apply it to the same cluster and namespace")
}
