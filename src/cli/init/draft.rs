//! Entries of the configuration that fit what a check found, as comments.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::check::Outcome;
use crate::finding::{Located, Severity};
use crate::repo::{Overlay, Repo};
use crate::report::printable;
use crate::wording::count;

/// Entries of one list.
const MOST: usize = 30;

/// The pairs whose folders do not tell them: variants that differ, or other folders.
pub(super) fn pairs(repo: &Repo) -> String {
    let overlay = |index: usize| repo.overlays.get(index);
    let name = |overlay: &Overlay| {
        let environment = repo.environment(overlay);
        environment
            .map(|environment| environment.name.clone())
            .unwrap_or_default()
    };
    let found = repo.pairs.iter().filter_map(|pair| {
        let (from, to) = (overlay(pair.from)?, overlay(pair.to)?);
        (from.variant != to.variant).then(|| {
            format!(
                "#   - {{from: {}, to: {}}}   # {}: {} -> {}\n",
                quoted(&from.path),
                quoted(&to.path),
                printable(&to.app),
                printable(&name(from)),
                printable(&name(to)),
            )
        })
    });
    listed(found.collect())
}

/// A lower level for rules with many findings: a start that can be tightened rule by rule.
pub(super) fn levels(outcome: &Outcome) -> String {
    /// Findings that nobody mends in one go.
    const MANY: usize = 10;
    let mut numbers: BTreeMap<(&str, Severity), usize> = BTreeMap::new();
    for located in &outcome.findings {
        let finding = &located.finding;
        *numbers
            .entry((&finding.rule, finding.severity))
            .or_default() += 1;
    }
    let mut many: Vec<(usize, &str, Severity)> = numbers
        .into_iter()
        .filter(|((_, severity), number)| *severity > Severity::Info && *number >= MANY)
        .map(|((rule, severity), number)| (number, rule, severity))
        .collect();
    many.sort_by_key(|(number, rule, _)| (std::cmp::Reverse(*number), *rule));
    // the worst level of a rule decides
    let mut known = BTreeSet::new();
    let lines = many.into_iter().filter(|(_, rule, _)| known.insert(*rule));
    let line = |(number, rule, severity): (usize, &str, Severity)| {
        let lower = match severity {
            Severity::Error => "warning",
            _ => "info",
        };
        let found = count(number, severity.as_str());
        format!("#   {}: {lower}   # {found} at present\n", quoted(rule))
    };
    listed(lines.map(line).collect())
}

/// The Secrets and ConfigMaps that are missing: they may be made elsewhere.
pub(super) fn external(outcome: &Outcome) -> String {
    let mut missing: BTreeMap<(String, String), BTreeSet<&str>> = BTreeMap::new();
    for located in &outcome.findings {
        if let Some(object) = missing_object(located) {
            let environments = missing.entry(object).or_default();
            environments.extend(located.finding.environment());
        }
    }
    let line = |((kind, name), environments): ((String, String), BTreeSet<&str>)| {
        let environments: Vec<String> = environments.into_iter().map(quoted).collect();
        let environments = match environments.len() {
            0 => String::new(),
            _ => format!(", environments: [{}]", environments.join(", ")),
        };
        format!(
            "#   - {{kind: {kind}, name: {}{environments}}}\n",
            quoted(&name)
        )
    };
    listed(missing.into_iter().map(line).collect())
}

/// The kind and name of an object that a finding misses.
fn missing_object(located: &Located) -> Option<(String, String)> {
    let finding = &located.finding;
    let kind = match finding.rule.as_str() {
        "missing-secret" => "Secret",
        "missing-configmap" => "ConfigMap",
        _ => return None,
    };
    let is_missing = finding.cause.kind == "missing";
    let name = finding.cause.facts.last().filter(|_| is_missing)?;
    Some((kind.to_string(), name.clone()))
}

/// A text for YAML: as it is where that is safe, else in quotes.
fn quoted(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
    let begins = text.starts_with(|letter: char| letter.is_ascii_alphabetic());
    if begins && text.chars().all(is_plain) {
        text.to_string()
    } else {
        printable(&json!(text).to_string()).into_owned()
    }
}

fn listed(mut lines: Vec<String>) -> String {
    let more = lines.len().saturating_sub(MOST);
    lines.truncate(MOST);
    if more > 0 {
        lines.push(format!("#   and {more} more\n"));
    }
    lines.concat()
}
