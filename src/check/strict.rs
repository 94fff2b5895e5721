//! A change does not judge itself: it is also judged by the configuration of the base, in which the
//! levels, options, environments and exceptions are as they were before the change.
//!
//! Only errors about protected environments count that the configuration of the head does not
//! report as such. A team that sets `loosened-check` to a lower level accepts such changes. Not here:
//! telling the reviewer about the edited configuration (`loosened-check`).

use std::collections::{BTreeMap, BTreeSet};

use super::Base;
use super::conclude::located;
use super::scrub::Scrub;
use super::suppression::{Suppressions, concerns_protected};
use crate::config::{Config, Level};
use crate::finding::{Finding, Located, Severity};
use crate::policy::{self, Policies};
use crate::repo::Repo;
use crate::rules::{self, Context, Inputs, Registry, RepoFacts};

/// The findings that the configuration of the base has in the head.
pub(super) struct Strict<'a> {
    pub(super) repo: &'a Repo,
    pub(super) config: &'a Config,
    pub(super) findings: Vec<Finding>,
}

/// The context in which the configuration of the base judges the head. `None` if the change does not
/// edit the configuration, or if the team accepts it.
pub(super) fn context<'a>(
    base: &'a Base,
    config: &'a Config,
    inputs: impl FnOnce(Inputs<'a>) -> Inputs<'a>,
) -> Option<Context<'a>> {
    let head = base.head.as_ref()?;
    let registry = rules::registry();
    if accepts_loosening(registry, config) {
        return None;
    }
    let inputs = inputs(Inputs::new(RepoFacts::new(&head.repo), config, registry));
    Some(Context::new(Inputs {
        base: Some(head.before.as_deref().unwrap_or(&base.repo)),
        ..inputs
    }))
}

/// True if the configuration says that a looser check fails nobody.
fn accepts_loosening(registry: &Registry, config: &Config) -> bool {
    let mut levels = registry
        .about_configuration()
        .filter_map(|rule| config.level(rule.metadata().id));
    levels.any(|level| level != Level::At(Severity::Error))
}

/// Judges the head in a context that [`context`] made.
pub(super) fn judge<'a>(context: &Context<'a>, policies: Option<&Policies>) -> Strict<'a> {
    context.repo.render_all();
    let mut findings = rules::run(context);
    if let Some(policies) = policies {
        findings.extend(policy::run(policies, context, None));
    }
    let files = &context.repo.files;
    Scrub::of(context).apply(&mut findings, files);
    Strict {
        repo: context.repo,
        config: context.config,
        findings,
    }
}

impl Strict<'_> {
    /// The errors about protected environments that the findings of the head lack. They replace
    /// findings that the head has with a lower severity.
    pub(super) fn besides(
        self,
        kept: &mut Vec<Located>,
        today: jiff::civil::Date,
        includes: impl Fn(&Finding) -> bool,
    ) -> Vec<Located> {
        let repo = self.repo;
        let mut suppressions = Suppressions::collect(repo, self.config, today);
        let errors = self.findings.into_iter().filter(|finding| {
            finding.severity == Severity::Error
                && !finding.ahead
                && concerns_protected(finding, repo)
                && includes(finding)
        });
        let mut errors = located(errors, &repo.files);
        errors.retain(|error| !suppressions.covers_known(error));
        let same = counterparts(kept, &errors);
        let mut others = Vec::new();
        let mut lower = BTreeSet::new();
        for (mut error, same) in errors.into_iter().zip(same) {
            let told = " (by the configuration as it is at the base)";
            error.finding.message.push_str(told);
            let known = same.and_then(|index| Some((index, kept.get(index)?.finding.severity)));
            match known {
                Some((_, Severity::Error)) => continue,
                Some((index, _)) => drop(lower.insert(index)),
                None => {}
            }
            others.push(error);
        }
        let mut index = 0..;
        kept.retain(|_| index.next().is_none_or(|index| !lower.contains(&index)));
        others
    }
}

/// For each error, the index of the same finding among those of the head.
fn counterparts(kept: &[Located], errors: &[Located]) -> Vec<Option<usize>> {
    let numbered = kept.iter().enumerate();
    let known: BTreeMap<_, usize> = numbered
        .map(|(index, one)| (key(&one.finding), index))
        .collect();
    let same = errors.iter();
    same.map(|error| known.get(&key(&error.finding)).copied())
        .collect()
}

/// The parts that the finding of one configuration shares with that of another.
fn key(finding: &Finding) -> impl Ord + '_ {
    (finding.identity(), finding.overlay_path())
}
