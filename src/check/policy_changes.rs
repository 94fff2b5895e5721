//! The policy files and the data files of policies that a change touches. Not here: how serious
//! such a change is (`loosened-check`).

use std::sync::Arc;

use super::Base;
use crate::config::Config;
use crate::policy;
use crate::repo::Repo;
use crate::rules::{PolicyChange, PolicyFileChange};
use crate::source::{EntryKind, Source, is_below};
use crate::yaml::Origin;

/// The files that the configuration of the base names and that the change touches, sorted by path.
pub(super) fn policy_changes(base: &Base, head: &Repo) -> Vec<PolicyFileChange> {
    let Some((config, config_file)) = &base.written else {
        return Vec::new();
    };
    let before: &dyn Source = &*base.repo.source;
    let touched = base
        .changed
        .iter()
        .filter(|path| is_policy_input(config, path) || is_for_clusters(before, config, path));
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
                origin: Origin::start_of(file),
            }
        })
        .collect()
}

/// True if the configuration names a file, or a folder above it, as policies or as their data.
pub(super) fn names_for_policies(config: &Config, path: &str) -> bool {
    let mut named = config.policies.iter().chain(&config.data);
    named.any(|named| is_below(path, named))
}

/// True if the evaluation of policies uses a file. In a folder, only `.rego` files count.
fn is_policy_input(config: &Config, path: &str) -> bool {
    let mut named = config.policies.iter().chain(&config.data);
    names_for_policies(config, path)
        && (path.ends_with(".rego") || named.any(|named| named == path))
}

/// True for a YAML file of policies of an admission controller in a folder of policies.
fn is_for_clusters(before: &dyn Source, config: &Config, path: &str) -> bool {
    let holds_policy = || {
        let text = before.read(path).ok();
        text.is_some_and(|text| std::str::from_utf8(&text).is_ok_and(policy::is_policy_text))
    };
    config.policies.iter().any(|named| is_below(path, named))
        && policy::is_data_file(path)
        && holds_policy()
}

/// True if a file holds rules or data. One that cannot be read as text counts as one that does.
fn has_content(source: &dyn Source, path: &str) -> bool {
    if source.kind(path) != Some(EntryKind::File) {
        return false;
    }
    let Ok(bytes) = source.read(path) else {
        return true;
    };
    std::str::from_utf8(&bytes).map_or(true, |text| !policy::is_empty(path, text))
}
