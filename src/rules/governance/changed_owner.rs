//! # changed-owner
//!
//! ## What
//!
//! A change of CODEOWNERS gives files of a protected environment to other owners. The rule needs a
//! base revision (`--base`). `codeowners-gap` reports files that lose all their owners.
//!
//! ## Why
//!
//! Owners decide who has to approve a change of production. Nothing that is rendered shows that
//! somebody else may do so from now on.
//!
//! ## Example
//!
//! ```text
//! /apps/*/overlays/production/ @acme/platform
//! /apps/api/                   @acme/interns   # added below; the last line that matches counts
//! ```
//!
//! ## Fix
//!
//! Move the line above the one for production, or let the present owners approve it. A finding about
//! a change is gone once the change is merged.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{Cause, Severity};
use crate::repo::codeowners::{CodeOwners, OwnerLine, Ownership};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::wording;

/// See the documentation above.
pub(super) struct ChangedOwner;

static METADATA: Metadata = Metadata {
    id: "changed-owner",
    category: Category::Governance,
    level: "warning; needs a base revision",
    severity: Severity::Warning,
    summary: "a change of CODEOWNERS that gives files of production to other owners",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("changed_owner.rs"),
};

/// Files with the same lines before and after the change.
struct Group<'o> {
    before: &'o OwnerLine,
    now: &'o OwnerLine,
    paths: BTreeSet<&'o str>,
}

impl Rule for ChangedOwner {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let before = context.base.and_then(|base| base.owners.as_ref());
        let now = context.repo.owners.as_ref();
        let Some((before, now)) = before.zip(now).filter(|(old, new)| old.file != new.file) else {
            return;
        };
        for group in groups(context, before, now) {
            report(context, &group, sink);
        }
    }
}

fn groups<'o>(
    context: &Context<'o>,
    before: &'o CodeOwners,
    now: &'o CodeOwners,
) -> Vec<Group<'o>> {
    let repo = context.repo;
    let mut files = BTreeSet::new();
    for overlay in context.judged().filter(|overlay| repo.protected(overlay)) {
        files.extend(overlay.rendered.files.iter().copied());
    }
    // the lines are told apart by their places
    let mut groups: BTreeMap<(u32, u32), Group> = BTreeMap::new();
    let paths = repo.paths().iter().map(|path| &**path);
    let read: BTreeSet<_> = files
        .into_iter()
        .map(|file| repo.files.get(file))
        .map(|file| file.path.clone())
        .collect();
    for path in paths.filter(|path| read.contains(*path)) {
        let (Ownership::Owned(old), Ownership::Owned(new)) =
            (before.ownership(path), now.ownership(path))
        else {
            continue;
        };
        if owners(old) != owners(new) {
            let group = groups
                .entry((new.origin.start, old.origin.start))
                .or_insert_with(|| Group {
                    before: old,
                    now: new,
                    paths: BTreeSet::new(),
                });
            group.paths.insert(path);
        }
    }
    groups.into_values().collect()
}

fn owners(line: &OwnerLine) -> BTreeSet<&str> {
    line.owners.iter().map(String::as_str).collect()
}

fn report(context: &Context, group: &Group, sink: &mut Sink) {
    let first = group.paths.first().copied().unwrap_or_default();
    let (files, them) = match group.paths.len() {
        1 => (first.to_string(), "it"),
        number => {
            let files = wording::count(number, "file");
            (format!("{files} of production (first: {first})"), "them")
        }
    };
    let (old, new) = (group.before.owners.join(" "), group.now.owners.join(" "));
    let message = format!("this change gives {files} to {new}; until now {old} owned {them}");
    let cause = Cause::new("changed-owner").with(&old).with(&new);
    let draft = Draft::new(Severity::Warning, group.now.origin, cause, message)
        .help("let the present owners approve it, or move the line above the one for production")
        .related(group.before.origin, format!("this line names {old}"));
    sink.report(context, None, draft);
}
