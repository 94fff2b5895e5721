//! # changed-owner
//!
//! ## What
//!
//! A change of CODEOWNERS gives files of a protected environment to other owners, asks for fewer
//! approvals, or takes a section of GitLab away that asked for one. The rule needs a
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
use crate::repo::codeowners::{Approval, CodeOwners, OwnerLine};
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

/// Files with the same approvals before and after the change.
struct Group<'o> {
    before: Approval<'o>,
    /// `None` if the section asks for none any more.
    now: Option<Approval<'o>>,
    /// A line that still asks for one.
    line: &'o OwnerLine,
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
        let after = now.approvals(path);
        // files without any owner are told by `codeowners-gap`
        let Some(still) = after.first() else {
            continue;
        };
        for old in before.approvals(path) {
            let mut same = after.iter();
            let new = same.find(|new| new.section == old.section).copied();
            let is_kept = new
                .is_some_and(|new| owners(new.line) == owners(old.line) && new.count >= old.count);
            if !is_kept {
                let line = new.as_ref().unwrap_or(still).line;
                let place = line.origin.start;
                let group = groups
                    .entry((place, old.line.origin.start))
                    .or_insert_with(|| Group {
                        before: old,
                        now: new,
                        line,
                        paths: BTreeSet::new(),
                    });
                group.paths.insert(path);
            }
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
    let old = group.before.line.owners.join(" ");
    let (message, new) = match group.now {
        Some(now) if owners(now.line) == owners(group.before.line) => {
            let (count, before) = (now.count, group.before.count);
            let approvals = wording::count(count as usize, "approval");
            let message = format!(
                "this change asks for {approvals} of {old} for {files}; until now it asked for {before}"
            );
            (message, old.clone())
        }
        Some(now) => {
            let new = now.line.owners.join(" ");
            let message =
                format!("this change gives {files} to {new}; until now {old} owned {them}");
            (message, new)
        }
        None => {
            let section = group.before.section;
            let message = format!(
                "this change asks nobody of section `{section}` about {files}; until now {old} owned {them}"
            );
            (message, String::new())
        }
    };
    let cause = Cause::new("changed-owner").with(&old).with(&new);
    let draft = Draft::new(Severity::Warning, group.line.origin, cause, message)
        .help("let the present owners approve it, or move the line above the one for production")
        .related(group.before.line.origin, format!("this line names {old}"));
    sink.report(context, None, draft);
}
