//! The conductor: one function that judges a loaded repo, from the scope of a change to the
//! outcome. Commands, tests, benchmarks and other front ends all call it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jiff::ZonedDateTime;

use super::policy_changes::policy_changes;
use super::scrub::Scrub;
use super::strict;
use super::unreadable::unreadable;
use super::{Base, Baseline, Judged, Known, Options, Outcome, Ran, Selection, conclude, known};
use crate::config::{Config, Level};
use crate::finding::{Finding, Identity};
use crate::history::{Authorship, Proofs};
use crate::policy::{self, Policies};
use crate::repo::Repo;
use crate::rules::scope::Scope;
use crate::rules::{self, Context, Inputs, RepoFacts, left_behind};

/// The input of a check.
pub struct Request<'a> {
    /// The repo under check.
    pub repo: &'a Repo,
    /// Its configuration.
    pub config: &'a Config,
    /// Levels that override those of every configuration, also of the base.
    pub levels: &'a [(String, Level)],
    /// The revision to compare with.
    pub base: Option<&'a Base>,
    /// Also report findings that already exist at the base.
    pub everything: bool,
    /// Judge every overlay, even if the change affects only a few.
    pub every_overlay: bool,
    /// The history of the base, or of the head if there is no base.
    pub proofs: Option<&'a dyn Proofs>,
    /// The current time.
    pub now: ZonedDateTime,
    /// Who made the change.
    pub authorship: Authorship,
    /// The policies of the head.
    pub policies: Option<PolicySet<'a>>,
    /// The part of the repo whose findings are reported.
    pub selection: Selection,
    /// Accepted findings.
    pub baseline: Option<&'a Baseline>,
}

/// Compiled policies, and how to compile those of the base the same way.
pub struct PolicySet<'a> {
    /// The policies.
    pub policies: &'a Policies,
    /// The packages that are evaluated.
    pub options: &'a policy::Options,
    /// Gets what the policies print.
    pub log: Option<&'a policy::Log>,
    /// True if the caller named policies besides the configured ones. They hold for the base too.
    pub named_by_caller: bool,
}

impl<'a> Request<'a> {
    /// The check of a whole repo without a base, policies or a past.
    pub fn new(repo: &'a Repo, config: &'a Config, now: ZonedDateTime) -> Request<'a> {
        Request {
            repo,
            config,
            levels: &[],
            base: None,
            everything: false,
            every_overlay: false,
            proofs: None,
            now,
            authorship: Authorship::default(),
            policies: None,
            selection: Selection::default(),
            baseline: None,
        }
    }
}

/// The steps of a run with their durations, in order.
#[derive(Default)]
pub(crate) struct Timings(Vec<(&'static str, Duration)>);

impl Timings {
    /// Runs a step and notes how long it took.
    pub(crate) fn step<T>(&mut self, name: &'static str, step: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = step();
        self.0.push((name, start.elapsed()));
        result
    }

    /// Adds the steps of something that was timed apart.
    pub(crate) fn extend(&mut self, steps: &[(&'static str, Duration)]) {
        self.0.extend(steps);
    }

    /// The steps, in order.
    pub(crate) fn into_steps(self) -> Vec<(&'static str, Duration)> {
        self.0
    }
}

/// A configuration with some levels overridden.
pub(super) fn with_levels<'c>(config: &'c Config, levels: &[(String, Level)]) -> Cow<'c, Config> {
    let mut config = Cow::Borrowed(config);
    for (rule, level) in levels {
        let rules = &mut config.to_mut().rules;
        rules.entry(rule.clone()).or_default().level = Some(*level);
    }
    config
}

/// Judges a repo: runs rules and policies, compares with the base, and concludes.
pub fn run(request: Request<'_>) -> Outcome {
    conduct(request, &mut |_| ())
}

/// The same. Also returns the findings of all rules and policies, of which the outcome leaves some
/// out, so that [`run_again`](super::run_again) can use them.
pub fn run_keeping(request: Request<'_>) -> (Outcome, Vec<Finding>) {
    let mut kept = Vec::new();
    let outcome = conduct(request, &mut |findings| kept.extend_from_slice(findings));
    (outcome, kept)
}

fn conduct(request: Request<'_>, keep: &mut dyn FnMut(&[Finding])) -> Outcome {
    let mut timings = Timings::default();
    let config = with_levels(request.config, request.levels);
    let written = request
        .base
        .and_then(|base| base.written.as_ref())
        .map(|(config, file)| (with_levels(config, request.levels).into_owned(), *file));
    let written_at_base = written.as_ref().map(|(config, _)| config.clone());
    let compared = request.base.filter(|_| !request.everything);
    let config_at_base = compared.map(|base| with_levels(&base.config, request.levels));
    let facts = RepoFacts::new(request.repo);
    let facts_at_base = compared.map(|base| (base, RepoFacts::new(&base.repo)));
    let scope = match &facts_at_base {
        Some((base, before)) if !request.every_overlay => {
            timings.step("scope", || scope(base, &facts, before, &config))
        }
        _ => Scope::default(),
    };
    if scope.head.is_none() {
        timings.step("render", || request.repo.render_all());
    }
    let context = Context::new(Inputs {
        base_config: written,
        judged: scope.head.clone(),
        ..inputs(&request, Inputs::new(facts, &config, rules::registry()))
    });
    let strict = request.base.zip(written_at_base.as_ref());
    let strict = strict
        .and_then(|(base, config)| strict::context(base, config, |empty| inputs(&request, empty)));
    let own_policies = request.policies.as_ref().zip(request.base);
    let own_policies = own_policies.and_then(|(set, base)| policies_at_base(base, set));
    let own_policies = own_policies.as_ref();
    let policies_of_base = own_policies.or(request.policies.as_ref().map(|set| set.policies));
    let findings = timings.step("rules and policies", || {
        judged_findings(&request, &context, strict.as_ref(), own_policies)
    });
    keep(&findings);
    let narrowed_by = compared.filter(|_| scope.head.is_some());
    let judged = Judged {
        overlays: scope.head.clone(),
        files: narrowed_by.map(|base| &base.changed),
    };
    let mut options = Options {
        selection: &request.selection,
        baseline: request.baseline,
        today: request.now.date(),
        known: None,
        strict: strict.as_ref().map(|context| {
            timings.step("by the configuration of the base", || {
                strict::judge(context, policies_of_base)
            })
        }),
        judged,
    };
    if let Some(((_, facts), config)) = facts_at_base.zip(config_at_base.as_deref()) {
        options.known = Some(timings.step("rules at the base", || {
            let before = Context::new(Inputs {
                now: Some(request.now.clone()),
                judged: scope.base,
                ..Inputs::new(facts, config, rules::registry())
            });
            findings_at_base(policies_of_base, &options, &before, &context)
        }));
    }
    let ran = ran(&request, &context);
    let outcome = timings.step("conclude", || {
        conclude(&context, &mut options, findings, ran)
    });
    let policies = request.policies.as_ref().map(|set| set.policies);
    let described = policies.into_iter().flat_map(Policies::descriptions);
    Outcome {
        described: described.cloned().collect(),
        timings: timings.into_steps(),
        ..outcome
    }
}

/// The findings of rules and policies in the judged part of the head. `strict` is the context that
/// judges by the configuration of the base, if that is done apart; `own_policies` are the policies of
/// the base, if the change may have altered them.
pub(super) fn judged_findings(
    request: &Request<'_>,
    context: &Context<'_>,
    strict: Option<&Context<'_>>,
    own_policies: Option<&Policies>,
) -> Vec<Finding> {
    if let Some(proofs) = request.proofs {
        let mut wanted = rules::proofs_wanted(context);
        if let Some(strict) = strict {
            wanted
                .versions
                .extend(rules::proofs_wanted(strict).versions);
        }
        proofs.expect(&wanted);
    }
    let mut findings = rules::run(context);
    if let Some(set) = &request.policies {
        findings.extend(policy::run(set.policies, context, set.log));
        findings.extend(policy::unloaded(set.policies, context));
    }
    if let Some(own) = own_policies {
        findings.extend(by_base_policies(own, context, &findings));
    }
    findings.extend(unreadable(context, &findings));
    let files = &context.repo.files;
    Scrub::of(context).apply(&mut findings, files);
    findings
}

/// Adds the parts of a request that rules use, besides configuration and scope.
pub(super) fn inputs<'a>(request: &Request<'a>, inputs: Inputs<'a>) -> Inputs<'a> {
    let base = request.base;
    Inputs {
        base: base.map(Base::compared),
        proofs: request.proofs,
        now: Some(request.now.clone()),
        authorship: request.authorship.clone(),
        changed: base.map(|base| &base.changed),
        submodules: base.map_or_else(Vec::new, |base| base.submodules.clone()),
        policy_changes: base.map_or_else(Vec::new, |base| policy_changes(base, request.repo)),
        policy_ids: request.policies.as_ref().map(|set| set.policies.ids()),
        ..inputs
    }
}

/// The number of rules and policies that a check ran.
pub(super) fn ran(request: &Request<'_>, context: &Context<'_>) -> Ran {
    let rules = context.rules().all().iter();
    let policies = request.policies.as_ref();
    Ran {
        rules: rules.filter(|rule| context.is_on(**rule)).count(),
        policies: policies.map_or(0, |set| set.policies.len()),
    }
}

/// The overlays that a change affects; all overlays if it touches the configuration, policies or
/// code owners.
fn scope(base: &Base, head: &RepoFacts, before: &RepoFacts, config: &Config) -> Scope {
    if base.affects_every_overlay(config) {
        Scope::default()
    } else {
        Scope::of_change(head, before, config)
    }
}

/// The findings of the base, judged by its own configuration and policies. They are not reported
/// again for the head.
fn findings_at_base(
    policies: Option<&Policies>,
    options: &Options<'_>,
    before: &Context<'_>,
    head: &Context<'_>,
) -> Known {
    let mut findings = rules::run(before);
    left_behind::forget(&mut findings, head, before);
    if let Some(policies) = policies {
        findings.extend(policy::run(policies, before, None));
    }
    // to ask the base lists its whole tree, which only matters if the head has such a file
    if !head.repo.source.unreadable().is_empty() {
        findings.extend(unreadable(before, &findings));
    }
    known(before, options, findings)
}

/// The findings in the head that only the policies of the base have: a change cannot weaken the
/// policies that judge it.
fn by_base_policies(own: &Policies, context: &Context<'_>, known: &[Finding]) -> Vec<Finding> {
    let known: BTreeSet<Identity> = known.iter().map(Finding::identity).collect();
    let mut found = policy::run(own, context, None);
    found.retain(|finding| !known.contains(&finding.identity()));
    for finding in &mut found {
        finding
            .message
            .push_str(" (by the policy as it is at the base)");
    }
    found
}

/// The policies of the base. `None` if those of the head are used for both: the change touches no
/// policy, the caller named other policies, or those of the base do not compile.
fn policies_at_base(base: &Base, set: &PolicySet<'_>) -> Option<Policies> {
    let own = !base.config.policies.is_empty()
        && base.affects_every_overlay(&base.config)
        && !set.named_by_caller;
    let source = &*base.repo.source;
    let load = || {
        let added = policy::Added::default();
        policy::load(source, &base.config, added, set.options)
    };
    own.then(load)?.ok()
}
