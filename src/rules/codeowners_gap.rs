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

use std::collections::BTreeMap;

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
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        let repo = context.repo;
        let owners = context.base.and_then(|base| base.owners.as_ref()).or(repo.owners.as_ref());
        let Some(owners) = owners.filter(|_| repo.protected(overlay)) else { return };
        let name = repo.environment(overlay).map_or("this environment", |environment| environment.name.as_str());
        // one finding for each line that takes the owner away, and one for what no line matches
        let mut causes: BTreeMap<Option<(u32, u32)>, Vec<String>> = BTreeMap::new();
        let mut places: BTreeMap<(u32, u32), Origin> = BTreeMap::new();
        for file in &overlay.rendered.files {
            let path = repo.files.get(*file).path.to_string();
            match owners.owner(&path) {
                Some(line) if line.owned => {}
                Some(line) => {
                    let key = (line.origin.start, line.origin.end);
                    places.insert(key, line.origin);
                    causes.entry(Some(key)).or_default().push(path);
                }
                None => causes.entry(None).or_default().push(path),
            }
        }
        for (place, mut paths) in causes {
            paths.sort();
            let Some(first) = paths.first().cloned() else { continue };
            let more = if paths.len() > 1 { format!(" and {} more files", paths.len() - 1) } else { String::new() };
            let line = place.and_then(|place| places.get(&place)).copied();
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
