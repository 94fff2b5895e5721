//! The findings that a check reports: `--select`, `--ignore` and `--min-severity`.

use clap::Args;

use super::error::Error;
use super::options::severity;
use crate::check::Outcome;
use crate::config::is_policy;
use crate::finding::Severity;
use crate::names::UnknownName;
use crate::rules::{Category, Metadata, registry};

/// Which findings are reported.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct SelectOptions {
    /// Report only these rules: ids, beginnings of ids, or categories such as `images`; may be given
    /// several times
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub(super) select: Vec<String>,
    /// Do not report these rules, in the same notation
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub(super) ignore: Vec<String>,
    /// Lowest severity that is reported [default: warning for people, info for programs]
    #[arg(long, value_name = "LEVEL", value_parser = severity())]
    pub(super) min_severity: Option<Severity>,
    /// Print only the number of findings of each rule
    #[arg(long)]
    pub(super) statistics: bool,
}

impl SelectOptions {
    /// An error if a name selects nothing: a misspelt rule would look clean.
    pub(super) fn require_known(&self) -> Result<(), Error> {
        let all: Vec<&Metadata> = registry()
            .all()
            .iter()
            .map(|rule| rule.metadata())
            .collect();
        for (option, names) in [("--select", &self.select), ("--ignore", &self.ignore)] {
            for name in names {
                let is_known = all.iter().any(|rule| fits(name, rule.id))
                    || is_policy(name)
                    || name == "policy";
                if !is_known {
                    let mut known: Vec<&str> = all.iter().map(|rule| rule.id).collect();
                    known.extend(Category::ALL.map(Category::as_str));
                    let error = UnknownName::new("rule or category", name, &known);
                    return Err(Error::from(error).of(option));
                }
            }
        }
        Ok(())
    }

    /// True if the findings of a rule are reported.
    fn has(&self, rule: &str) -> bool {
        let named = |names: &[String]| names.iter().any(|name| fits(name, rule));
        (self.select.is_empty() || named(&self.select)) && !named(&self.ignore)
    }

    /// Leaves out the findings of other rules, and counts only the rules that are reported.
    pub(super) fn apply(&self, outcome: &mut Outcome) {
        if outcome.failed || (self.select.is_empty() && self.ignore.is_empty()) {
            return;
        }
        outcome.keep(|finding| self.has(&finding.rule));
        let rules = registry().all().iter();
        let selected = rules.filter(|rule| self.has(rule.metadata().id)).count();
        outcome.counts.rules = outcome.counts.rules.min(selected);
    }
}

/// True if a name selects a rule: its id, the beginning of its id, or its category.
fn fits(name: &str, rule: &str) -> bool {
    let category = registry()
        .find(rule)
        .map(|rule| rule.metadata().category.as_str());
    !name.is_empty() && (rule.starts_with(name) || category == Some(name))
}
