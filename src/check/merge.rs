//! One cause, one finding: what a base brings into several overlays is said once, for the most
//! protected of them, with the others listed. Also the fingerprint that survives lines moving.
//!
//! Not here: the order of findings (`finding`), suppressions.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::finding::{Finding, Located};
use crate::kustomize::ResourceId;
use crate::repo::Repo;
use crate::source::Files;

/// Joins findings with one cause: same rule, same place, and the same message once the names that
/// differ from overlay to overlay are taken out of it.
pub fn merge(findings: Vec<Finding>, repo: &Repo) -> Vec<Finding> {
    let environments: BTreeMap<&str, (bool, usize)> = repo
        .environments
        .iter()
        .enumerate()
        .map(|(at, known)| (known.name.as_str(), (known.protected, at)))
        .collect();
    let mut causes: BTreeMap<_, Vec<Finding>> = BTreeMap::new();
    for finding in findings {
        let place = (
            finding.origin.file,
            finding.origin.start,
            finding.origin.end,
        );
        causes
            .entry((finding.rule.clone(), place, neutral_message(&finding)))
            .or_default()
            .push(finding);
    }
    let mut merged = Vec::with_capacity(causes.len());
    for (_, mut group) in causes {
        let rank = |finding: &Finding| {
            let found = finding
                .environment
                .as_deref()
                .and_then(|name| environments.get(name))
                .copied();
            found.map_or((false, None), |(protected, at)| (protected, Some(at)))
        };
        group.sort_by(|a, b| {
            let (a_rank, b_rank) = (rank(a), rank(b));
            let importance =
                (b_rank.0, b.severity, b_rank.1).cmp(&(a_rank.0, a.severity, a_rank.1));
            importance.then_with(|| {
                (&a.overlay, &a.resource, &a.path, &a.message).cmp(&(
                    &b.overlay,
                    &b.resource,
                    &b.path,
                    &b.message,
                ))
            })
        });
        let mut group = group.into_iter();
        let Some(mut kept) = group.next() else {
            continue;
        };
        for other in group {
            kept.also_in.extend(
                other
                    .overlay
                    .filter(|overlay| Some(overlay) != kept.overlay.as_ref()),
            );
            kept.also_in.extend(other.also_in);
        }
        kept.also_in.sort();
        kept.also_in.dedup();
        merged.push(kept);
    }
    merged
}

/// The message without the hash of what the object holds.
pub(super) fn lasting_message(finding: &Finding) -> String {
    match &finding.resource {
        Some(id) if id.lasting_name() != id.name => {
            finding.message.replace(&*id.name, id.lasting_name())
        }
        _ => finding.message.clone(),
    }
}

/// The message without the names that belong to the overlay rather than to the cause.
pub(super) fn neutral_message(finding: &Finding) -> String {
    let mut message = lasting_message(finding);
    let resource = finding.resource.as_ref();
    let names = [
        finding.overlay.as_deref(),
        resource.map(ResourceId::lasting_name),
        resource.and_then(|resource| resource.namespace.as_deref()),
        finding.variant.as_deref(),
        finding.app.as_deref(),
        finding.environment.as_deref(),
    ];
    for name in names.into_iter().flatten().filter(|name| !name.is_empty()) {
        message = replace_word(&message, name);
    }
    message
}

/// Replaces a name by a blank wherever it stands as a word of its own.
fn replace_word(text: &str, name: &str) -> String {
    let is_word = |character: Option<char>| {
        character.is_some_and(|c| c.is_alphanumeric() || c == '-' || c == '_' || c == '/')
    };
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(index) = rest.find(name) {
        let (before, after) = (&rest[..index], &rest[index + name.len()..]);
        let joined = is_word(
            before
                .chars()
                .next_back()
                .or_else(|| result.chars().next_back()),
        ) || is_word(after.chars().next());
        result.push_str(before);
        result.push_str(if joined { name } else { "\u{0}" });
        rest = after;
    }
    result.push_str(rest);
    result
}

/// Gives each finding its fingerprint: rule, file, the text of the line, the object and the value;
/// equal ones are told apart by overlay, then counted. Expects the final order.
pub fn fingerprint(findings: &mut [Located], files: &Files) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for located in findings {
        let finding = &located.finding;
        let file = files.get(finding.origin.file);
        let (kind, name) = finding.resource.as_ref().map_or(("", ""), |resource| {
            (&*resource.kind, resource.lasting_name())
        });
        let parts = [
            finding.rule.as_str(),
            &located.location.file,
            file.line(located.location.line).trim(),
            kind,
            name,
            finding.path.as_deref().unwrap_or_default(),
        ];
        let mut print = digest(&parts);
        while let Some(count) = seen.get_mut(&print) {
            *count += 1;
            print = digest(&[
                &print,
                finding.overlay.as_deref().unwrap_or_default(),
                &count.to_string(),
            ]);
        }
        seen.insert(print.clone(), 0);
        located.finding.fingerprint = print;
    }
}

fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_as_whole_words_only() {
        assert_eq!(
            replace_word("production pulls `api` for api-production", "production"),
            "\u{0} pulls `api` for api-production"
        );
        assert_eq!(replace_word("api api", "api"), "\u{0} \u{0}");
        assert_eq!(replace_word("", "api"), "");
    }
}
