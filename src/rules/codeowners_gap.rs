//! # codeowners-gap
//!
//! ## What
//!
//! A file that a protected environment renders from (its kustomization, the bases and components below it, patches, generator inputs) and that no line of CODEOWNERS gives an owner, or that a later, broader line takes the owner from. With `--base` the CODEOWNERS of the base revision counts, as it does on the pull request. A repo without the file is not judged. Ownership only blocks a merge when the branch is protected by a review from code owners, which the repo does not tell.
//!
//! ## Why
//!
//! A change of what production runs can then be merged without anybody who answers for it.
//!
//! ## Example
//!
//! ```text
//! /apps/*/overlays/production/   @acme/release-managers
//! /apps/storefront/              # no owner: what it matches has none
//! ```
//!
//! ## Fix
//!
//! Give the path an owner, below every broader line.
//!
//! ## Options
//!
//! None.

use std::collections::{BTreeMap, BTreeSet};

use super::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::finding::Severity;
use crate::repo::Overlay;
use crate::yaml::{By, Origin};

/// See the documentation above.
pub struct CodeownersGap;

const METADATA: Metadata = Metadata {
    id: "codeowners-gap",
    category: Category::Governance,
    level: "error in protected environments; silent without CODEOWNERS",
    severity: Severity::Error,
    summary: "a file that production renders from and nobody owns",
    options: &[],
    source: include_str!("codeowners_gap.rs"),
};

impl Rule for CodeownersGap {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let repo = context.repo;
        let owners = context.base.and_then(|base| base.owners.as_ref()).or(repo.owners.as_ref());
        let Some(owners) = owners else { return };
        // one finding for each line that takes owners away, and one for what no line matches, in each environment
        let mut causes: BTreeMap<(Option<usize>, Option<u32>), Cause> = BTreeMap::new();
        for overlay in repo.overlays.iter().filter(|overlay| repo.protected(overlay)) {
            for file in &overlay.rendered.files {
                let path = repo.files.get(*file).path.to_string();
                let line = owners.owner(&path);
                if line.is_some_and(|line| line.owned) {
                    continue;
                }
                let key = (overlay.environment, line.map(|line| line.origin.start));
                let cause =
                    causes.entry(key).or_insert_with(|| Cause { overlay, line: line.map(|line| line.origin), paths: BTreeSet::new() });
                cause.paths.insert(path);
            }
        }
        for Cause { overlay, line, paths } in causes.into_values() {
            let Some(first) = paths.first() else { continue };
            let name = repo.environment(overlay).map_or("this environment", |environment| environment.name.as_str());
            let more = if paths.len() > 1 { format!(" and {} more files", paths.len() - 1) } else { String::new() };
            let message = match line {
                Some(_) => format!("this line leaves {first}{more} of {name} without an owner"),
                None => format!("no line of CODEOWNERS gives {first}{more} of {name} an owner"),
            };
            let start = Origin { file: owners.file, start: 0, end: 0, by: By::Manifest };
            let draft = Draft::new(Severity::Error, line.unwrap_or(start), message);
            let draft = draft
                .help("name an owner for the path, below every broader line")
                .related(overlay.origin, format!("{name} renders from it"));
            sink.report(context, Some(overlay), draft);
        }
    }
}

/// Files without owner for one reason.
struct Cause<'r> {
    /// An overlay that renders from them.
    overlay: &'r Overlay,
    /// The line that takes the owner away; `None` where no line matches.
    line: Option<Origin>,
    paths: BTreeSet<String>,
}
