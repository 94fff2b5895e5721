//! The policy files, and files of data for policies, that a change touches. Not here: how serious
//! that is (`loosened-check`).

use std::sync::Arc;

use super::Base;
use crate::config::Config;
use crate::kustomize::context::is_below;
use crate::repo::Repo;
use crate::rules::{PolicyChange, PolicyFileChange};
use crate::source::{EntryKind, Source};
use crate::yaml::{By, Origin};

/// The files that the configuration of the base names, as far as the change touches them, in the
/// order of their paths.
pub(super) fn policy_changes(base: &Base, head: &Repo) -> Vec<PolicyFileChange> {
    let Some((config, config_file)) = &base.written else {
        return Vec::new();
    };
    let before: &dyn Source = &*base.repo.source;
    let touched = base.changed.iter().filter(|path| is_named(config, path));
    let touched = touched.filter(|path| has_content(before, path));
    touched
        .map(|path| {
            let kept = head.source.kind(path) == Some(EntryKind::File);
            let change = match (kept, has_content(&*head.source, path)) {
                (false, _) => PolicyChange::Removed,
                (true, false) => PolicyChange::Emptied,
                (true, true) => PolicyChange::Edited,
            };
            let text = kept.then(|| head.source.read(path).ok()).flatten();
            let text = text.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
            let file = text.map_or(*config_file, |text| {
                head.files.add(
                    path,
                    head.source.revision_of(path).as_deref(),
                    Arc::from(text),
                )
            });
            PolicyFileChange {
                path: path.to_string(),
                change,
                origin: Origin {
                    file,
                    start: 0,
                    end: 0,
                    by: By::Manifest,
                },
            }
        })
        .collect()
}

/// Whether the configuration names a file as data, as a policy, or as a policy of a folder.
fn is_named(config: &Config, path: &str) -> bool {
    let names = |named: &str| is_below(path, named.trim_start_matches("./").trim_end_matches('/'));
    config.data.iter().any(|named| names(named))
        || path.ends_with(".rego") && config.policies.iter().any(|named| names(named))
}

/// Whether a file holds more than blank lines, comments, an empty document, and the head of a Rego
/// module. A file that cannot be read as text counts as one with content.
fn has_content(source: &dyn Source, path: &str) -> bool {
    if source.kind(path) != Some(EntryKind::File) {
        return false;
    }
    let Ok(bytes) = source.read(path) else {
        return true;
    };
    std::str::from_utf8(&bytes).map_or(true, |text| {
        text.lines().map(str::trim).any(|line| {
            let empty = ["", "---", "{}", "[]", "null", "~"].contains(&line);
            let head = ["#", "package ", "import "]
                .iter()
                .any(|start| line.starts_with(start));
            !empty && !head
        })
    })
}
