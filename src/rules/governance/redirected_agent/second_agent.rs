//! An agent's object that a change adds beside one that applies the same folder of production.
//!
//! Not here: an object in place of another one (`gone_application`).

use std::collections::BTreeSet;

use crate::finding::{Cause, Severity};
use crate::repo::agents::Pointer;
use crate::repo::{Overlay, Repo};
use crate::rules::{Context, Draft};

/// One finding for each object that is added while those of the base stay.
pub(super) fn drafts(context: &Context, base: &Repo) -> Vec<Draft> {
    let names = |repo: &Repo, folder: &str| -> BTreeSet<String> {
        let pointers = repo.pointers().iter();
        let here = pointers.filter(|one| !one.assumed && *one.folder == *folder);
        here.map(|one| one.agent.name.clone()).collect()
    };
    let mut folders: Vec<&Overlay> = context
        .judged()
        .filter(|overlay| context.repo.protected(overlay))
        .collect();
    folders.dedup_by(|one, other| one.path == other.path);
    let mut found = Vec::new();
    for overlay in folders {
        let (before, now) = (
            names(base, &overlay.path),
            names(context.repo, &overlay.path),
        );
        let Some(first) = before.first().filter(|_| before.is_subset(&now)) else {
            continue;
        };
        let added = now.difference(&before);
        let pointers = context.pointers_at(&overlay.path);
        let added = added.filter_map(|name| pointers.iter().find(|one| one.agent.name == *name));
        found.extend(added.map(|one| draft(one, overlay, first)));
    }
    found
}

fn draft(added: &Pointer, overlay: &Overlay, first: &str) -> Draft {
    let name = &added.agent.name;
    let message = format!(
        "this change adds {name}, which applies {} as {first} does",
        overlay.path
    );
    let cause = Cause::new("second-agent").with(name);
    Draft::new(Severity::Info, added.agent.origin, cause, message)
        .help("make sure that both do not apply it to the same cluster and namespace")
}
