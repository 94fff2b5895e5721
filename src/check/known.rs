//! Which findings a change causes: those of the head that the base does not have as well, each of
//! the base's counted once.
//!
//! Judged on what is rendered and on the value that a finding points at, not on where it stands: a
//! finding is the base's when rule, severity, overlay, object, value and message are the same,
//! wherever lines or files moved to. Not here: running the rules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::merge::{lasting_message, neutral_message};
use crate::finding::Located;
use crate::repo::Repo;
use crate::rules::structure::incomplete_checkout;
use crate::rules::without_lines;
use crate::source::{EntryKind, Source};

/// The findings of a base revision.
pub struct Known {
    findings: Vec<Traits>,
    source: Arc<dyn Source>,
    overlays: BTreeSet<String>,
}

/// What findings are compared by.
#[derive(Debug)]
struct Traits {
    /// What the finding says and of what: the same in every place.
    core: String,
    /// The same with the names taken out of it that belong to the overlay.
    neutral: String,
    file: String,
    overlay: String,
    environment: String,
    on_object: bool,
}

impl Traits {
    fn of(located: &Located, repo: &Repo) -> Traits {
        let finding = &located.finding;
        let text = repo.files.get(finding.origin.file).text.clone();
        let span = text
            .get(located.location.byte_start..located.location.byte_end)
            .unwrap_or_default();
        let value = span.lines().next().unwrap_or_default().trim();
        let object = finding.resource.as_ref().map(|id| {
            format!(
                "{} {} {:?} {}",
                id.api_version,
                id.kind,
                id.namespace,
                id.lasting_name()
            )
        });
        let rest = (
            &finding.rule,
            finding.severity.as_str(),
            &object,
            &finding.path,
            value,
        );
        Traits {
            core: format!("{rest:?} {}", without_lines(&lasting_message(finding))),
            neutral: format!("{rest:?} {}", without_lines(&neutral_message(finding))),
            file: located.location.file.to_string(),
            overlay: finding.overlay.clone().unwrap_or_default(),
            environment: finding.environment.clone().unwrap_or_default(),
            on_object: finding.resource.is_some(),
        }
    }
}

/// What findings of one pass are matched by.
type Key<'t> = (&'t str, &'t str, &'t str);
/// Which findings of the base and of the head a pass looks at, and by what it matches them.
type Pass<'p> = (
    &'p dyn Fn(&Traits) -> bool,
    &'p dyn Fn(&Traits) -> bool,
    for<'t> fn(&'t Traits) -> Key<'t>,
);

impl Known {
    /// Whether the base has a line in a file, or in any other that was read of it: a file may have
    /// had another name.
    pub fn has_line(&self, path: &str, line: &str, repo: &Repo) -> bool {
        let there = self
            .source
            .read(path)
            .is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(line));
        there
            || repo
                .files
                .all()
                .iter()
                .any(|(_, file)| file.revision.is_some() && file.text.contains(line))
    }

    /// The findings of a base.
    pub fn new(findings: Vec<Located>, base: &Repo) -> Known {
        let overlays = base
            .overlays
            .iter()
            .map(|overlay| overlay.path.clone())
            .collect();
        // what is not here now is no fact of the base
        let of_base = findings
            .iter()
            .filter(|located| located.finding.rule != incomplete_checkout::ID);
        let findings = of_base.map(|located| Traits::of(located, base)).collect();
        Known {
            findings,
            source: base.source.clone(),
            overlays,
        }
    }

    /// The findings of the head that the base has not.
    pub fn new_ones(&self, findings: Vec<Located>, head: &Repo) -> Vec<Located> {
        let own: Vec<Traits> = findings
            .iter()
            .map(|located| Traits::of(located, head))
            .collect();
        let mut left: Vec<bool> = own.iter().map(|_| true).collect();
        let mut used: Vec<bool> = self.findings.iter().map(|_| false).collect();
        let overlays: BTreeSet<&str> = head
            .overlays
            .iter()
            .map(|overlay| overlay.path.as_str())
            .collect();
        let has_file = |source: &dyn Source, file: &str| source.kind(file) == Some(EntryKind::File);
        // what went away, and what came, may be one thing that moved
        let gone = |traits: &Traits| {
            !overlays.contains(&*traits.overlay) || !has_file(&*head.source, &traits.file)
        };
        let came = |traits: &Traits| {
            !self.overlays.contains(&traits.overlay) || !has_file(&*self.source, &traits.file)
        };
        let passes: [Pass; 3] = [
            (&|_| true, &|_| true, |traits| {
                (&traits.core, &traits.overlay, &traits.file)
            }),
            (
                &|one| one.on_object || gone(one),
                &|one| one.on_object || came(one),
                |traits| (&traits.core, &traits.overlay, ""),
            ),
            (&gone, &came, |traits| {
                (&traits.neutral, &traits.environment, "")
            }),
        ];
        for (of_base, of_head, key) in passes {
            let mut waiting: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
            for (index, traits) in self
                .findings
                .iter()
                .enumerate()
                .filter(|(index, traits)| !used[*index] && of_base(traits))
            {
                waiting.entry(key(traits)).or_default().push(index);
            }
            for (index, traits) in own.iter().enumerate() {
                if left[index]
                    && of_head(traits)
                    && let Some(known) = waiting.get_mut(&key(traits)).and_then(Vec::pop)
                {
                    (left[index], used[known]) = (false, true);
                }
            }
        }
        // what a line of the base does to one more variant, as it did to another one, has its cause
        // there
        let of_line = |traits: &Traits| {
            (
                traits.neutral.clone(),
                traits.environment.clone(),
                traits.file.clone(),
            )
        };
        let lines: BTreeSet<_> = self
            .findings
            .iter()
            .filter(|traits| !traits.overlay.is_empty())
            .map(of_line)
            .collect();
        for (left, traits) in left.iter_mut().zip(&own) {
            *left &= self.overlays.contains(&traits.overlay) || !lines.contains(&of_line(traits));
        }
        let mut left = left.into_iter();
        findings
            .into_iter()
            .filter(|_| left.next().unwrap_or(true))
            .collect()
    }
}
