//! Findings of one rule and kind as a group, and the table of rules at the end of a report for
//! people.

use std::collections::BTreeMap;

use super::{ShownPaths, count, printable};
use crate::check::Outcome;
use crate::finding::{Located, Severity};
use crate::rules;

/// The findings of one problem: the same rule, severity and kind of cause.
pub(super) struct Group<'o> {
    pub(super) findings: Vec<&'o Located>,
}

/// The most findings of a group that are all drawn.
const DRAWN: usize = 3;
/// Further places of a group that are listed; of findings that fail the check, more.
const LISTED: usize = 3;
const LISTED_FAILING: usize = 20;

/// The groups of the findings of at least a severity: the worst last, else in the order of their
/// first findings.
pub(super) fn groups(outcome: &Outcome, least: Severity) -> Vec<Group<'_>> {
    let mut at: BTreeMap<(Severity, &str, &str), usize> = BTreeMap::new();
    let mut groups: Vec<(Severity, Group)> = Vec::new();
    for located in &outcome.findings {
        let finding = &located.finding;
        if finding.severity < least {
            continue;
        }
        let key = (
            finding.severity,
            finding.rule.as_str(),
            &*finding.cause.kind,
        );
        let index = *at.entry(key).or_insert_with(|| {
            groups.push((
                finding.severity,
                Group {
                    findings: Vec::new(),
                },
            ));
            groups.len() - 1
        });
        groups[index].1.findings.push(located);
    }
    groups.sort_by_key(|(severity, _)| *severity);
    groups.into_iter().map(|(_, group)| group).collect()
}

impl<'o> Group<'o> {
    /// The findings that are drawn, and those that are listed below.
    pub(super) fn parts(&self) -> (&[&'o Located], &[&'o Located]) {
        let drawn = if self.findings.len() > DRAWN {
            1
        } else {
            DRAWN
        };
        self.findings.split_at(drawn.min(self.findings.len()))
    }

    /// The lines about the findings that are not drawn. `paths` shows paths of the repo.
    pub(super) fn rest(
        &self,
        fail_on: Option<Severity>,
        width: Option<usize>,
        paths: &ShownPaths,
    ) -> Vec<String> {
        let (drawn, rest) = self.parts();
        let Some(first) = drawn.first().filter(|_| !rest.is_empty()) else {
            return Vec::new();
        };
        let rule = printable(&first.finding.rule);
        let fails = fail_on.is_some_and(|level| first.finding.severity >= level);
        let most = if fails { LISTED_FAILING } else { LISTED };
        let severity = first.finding.severity.as_str();
        let number = count(rest.len(), severity).replacen(' ', " more ", 1);
        let mut lines = vec![format!("{number} like this:")];
        for located in rest.iter().take(most) {
            let (place, finding) = (&located.location, &located.finding);
            let message = printable(finding.message.trim_start_matches([':', ' ']).trim_end());
            let shown = format!("{}:{}", paths.of(&place.file), place.line);
            let line = format!("  {shown}: {message}");
            let line = match width {
                Some(width) => cut(&line, width),
                None => line,
            };
            lines.push(line.replacen(&shown, &paths.linked(&shown, &place.file), 1));
        }
        if rest.len() > most {
            lines.push(format!(
                "  and {} more; `gitops-lint check --select {rule} --format concise` lists all",
                rest.len() - most
            ));
        }
        lines
    }
}

/// The number of findings of each rule, the worst last: `12 warnings  mutable-tag  an image …`.
pub(super) fn table(outcome: &Outcome, width: Option<usize>) -> Vec<String> {
    let mut numbers: BTreeMap<(Severity, &str), usize> = BTreeMap::new();
    for located in &outcome.findings {
        let key = (located.finding.severity, located.finding.rule.as_str());
        *numbers.entry(key).or_default() += 1;
    }
    let mut rows: Vec<(Severity, usize, &str)> = numbers
        .into_iter()
        .map(|((severity, rule), number)| (severity, number, rule))
        .collect();
    rows.sort_by_key(|(severity, number, rule)| (*severity, *number, *rule));
    let counted =
        |(severity, number, _): &(Severity, usize, &str)| count(*number, severity.as_str());
    let widest = |cell: &dyn Fn(&(Severity, usize, &str)) -> usize| {
        rows.iter().map(cell).max().unwrap_or_default()
    };
    let first = widest(&|row| counted(row).chars().count());
    let second = widest(&|row| row.2.chars().count());
    let line = |row: &(Severity, usize, &str)| {
        let rule = printable(row.2);
        let summary = rules::find(row.2).map_or("", |rule| rule.metadata().summary);
        let line = format!("{:>first$}  {rule:second$}  {summary}", counted(row));
        let line = match width {
            Some(width) => cut(&line, width),
            None => line,
        };
        line.trim_end().to_string()
    };
    rows.iter().map(line).collect()
}

/// A line of at most so many characters. Its beginning tells the most.
fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_string();
    }
    let kept: String = line.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}
