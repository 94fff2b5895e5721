//! Evaluates policies: package `promotion` once for every pair of overlays, package `source` once for
//! every document of a YAML file, all others once for every rendered object.

mod facts;
mod results;
mod sources;
mod subject;
mod target;

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde_json::{Value as Json, json};

use super::budget::Budget;
use super::conventions::{PROMOTION, PolicyRule, SOURCE};
use super::log::Log;
use super::opa::{Document, Interpreter, Value, from_json};
use super::pool::Pool;
use super::{Policies, PolicyFile, admission};
use crate::compare;
use crate::finding::{Cause, Finding, Severity};
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::{Context, Draft, Sink};
use crate::yaml::{By, FileId, Origin, read};

use facts::{about, conftest, masked, resources_of};
use results::{excepted, holds_results, results_of};
use subject::Subject;
use target::target;

/// The most results of one policy about one input that are findings.
const MOST_RESULTS: usize = 1_000;

/// The most findings of one policy.
const MOST_FINDINGS: usize = 20_000;

/// The stack of a thread that evaluates policies. A deep chain of rules needs much of it.
const STACK: usize = 256 << 20;

/// Runs every policy over every overlay, pair and file. A policy that fails is a finding at its
/// line, so the policy files join the repo's table of files. The log gets what policies print.
pub fn run(policies: &Policies, context: &Context, log: Option<&Log>) -> Vec<Finding> {
    let run = Run {
        policies,
        file_ids: file_ids(policies, context),
        context,
        budget: Budget::new(policies.rules.len()),
        pool: Pool::new(policies.program.interpreter()),
        log,
        uses_base: policies.mention("gitops") && policies.mention("base"),
        evidence: facts::evidence(context),
    };
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(rayon::current_num_threads())
        .stack_size(STACK)
        .build();
    let all = || {
        let mut findings = run.all();
        let given = given(policies, context);
        findings.extend(admission::run(&given, policies.now, context));
        findings
    };
    match threads {
        Ok(threads) => threads.install(all),
        Err(_) => all(),
    }
}

/// The findings that policies could not be loaded, each at its line. The others are evaluated
/// nevertheless.
pub fn unloaded(policies: &Policies, context: &Context) -> Vec<Finding> {
    if policies.problems.is_empty() {
        return Vec::new();
    }
    let file_ids = file_ids(policies, context);
    let Some(rule) = context.rules().for_failing_policies() else {
        return Vec::new();
    };
    let mut sink = Sink::new(rule.metadata().id);
    for problem in &policies.problems {
        let Some(file) = file_ids.get(problem.file) else {
            continue;
        };
        let (start, end) = problem.at.unwrap_or_default();
        let origin = Origin {
            file: *file,
            start,
            end,
            by: By::Manifest,
        };
        let cause = Cause::new("unloaded").with(&*problem.message);
        let message = format!("this policy cannot be loaded: {}", problem.message);
        let draft = Draft::new(Severity::Error, origin, cause, message);
        let help = "fix the policy; none of its rules are evaluated until then";
        sink.report(context, None, draft.help(help));
    }
    sink.findings
}

fn file_ids(policies: &Policies, context: &Context) -> Vec<FileId> {
    let add = |file: &PolicyFile| {
        let files = &context.repo.files;
        files.add(&file.path, None, file.text.clone())
    };
    policies.files.iter().map(add).collect()
}

/// The policies of admission controllers that were named.
fn given(policies: &Policies, context: &Context) -> Vec<admission::Document> {
    let mut found = Vec::new();
    for file in &policies.admission {
        let id = context.repo.files.add(&file.path, None, file.text.clone());
        // a file that cannot be read was refused when it was loaded
        if let Ok(read) = read::read(&file.text, id) {
            found.extend(read.documents.iter().filter_map(admission::Document::of));
        }
    }
    found
}

/// One run of the policies over a repo.
struct Run<'r, 'c> {
    policies: &'r Policies,
    /// For each policy file its id in the repo's table of files.
    file_ids: Vec<FileId>,
    context: &'r Context<'c>,
    /// The time that all evaluations may take.
    budget: Budget,
    pool: Pool,
    log: Option<&'r Log>,
    /// True if a policy may read objects of the base.
    uses_base: bool,
    /// `data.gitops.evidence`, if the configuration asks for scans.
    evidence: Option<Value>,
}

/// A rule and its number.
type Numbered<'r> = (usize, &'r PolicyRule);

/// The documents that one evaluation reads.
struct Documents {
    input: Value,
    gitops: BTreeMap<Value, Value>,
    conftest: Value,
}

impl<'r> Run<'r, '_> {
    fn all(&self) -> Vec<Finding> {
        let rules = || self.policies.rules.iter().enumerate();
        let of = |package: &str| -> Vec<Numbered<'_>> {
            rules()
                .filter(|(_, rule)| rule.package == package)
                .collect()
        };
        let is_general = |rule: &PolicyRule| rule.package != PROMOTION && rule.package != SOURCE;
        let of_overlays: Vec<Numbered<'_>> = rules().filter(|(_, rule)| is_general(rule)).collect();
        let mut findings = Vec::new();
        if !of_overlays.is_empty() {
            findings.extend(self.overlays(&of_overlays));
        }
        let of_pairs = of(PROMOTION);
        if !of_pairs.is_empty() {
            findings.extend(self.pairs(&of_pairs));
        }
        let of_files = of(SOURCE);
        if !of_files.is_empty() {
            findings.extend(self.sources(&of_files));
        }
        self.limited(findings)
    }

    /// The findings up to a number for each policy. One more says how many are left out.
    fn limited(&self, findings: Vec<Finding>) -> Vec<Finding> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut kept = Vec::new();
        for finding in findings {
            match counts.get_mut(&finding.rule) {
                Some(count) => *count += 1,
                None => drop(counts.insert(finding.rule.clone(), 1)),
            }
            if counts
                .get(&finding.rule)
                .is_none_or(|count| *count <= MOST_FINDINGS)
            {
                kept.push(finding);
            }
        }
        for rule in &self.policies.rules {
            let count = counts.remove(&rule.id).unwrap_or_default();
            let more = count.saturating_sub(MOST_FINDINGS);
            let Some(line) = self.line_of(rule).filter(|_| more > 0) else {
                continue;
            };
            let cause = Cause::new("more findings")
                .with(&rule.package)
                .with(&rule.name);
            let message = format!(
                "policy `{}.{}` has {more} more findings, which are not listed",
                rule.package, rule.name
            );
            let mut sink = Sink::new(rule.id.clone());
            let draft = Draft::new(rule.severity, line, cause, message);
            sink.report(self.context, None, draft);
            kept.extend(sink.findings);
        }
        kept
    }

    /// `data.gitops` for an overlay.
    fn about(&self, overlay: &Overlay) -> BTreeMap<Value, Value> {
        let mut facts = about(self.context.repo, overlay);
        let evidence = self.evidence.iter();
        facts.extend(evidence.map(|scans| ("evidence".into(), scans.clone())));
        facts
    }

    fn overlays(&self, rules: &[Numbered<'_>]) -> Vec<Finding> {
        let judged = self.context.judged();
        let indices: Vec<usize> = judged
            .filter_map(|overlay| self.context.index(overlay))
            .collect();
        let each = indices.par_iter().map(|index| {
            if self.policies.combined {
                self.combined(*index, rules)
            } else {
                self.overlay(*index, rules)
            }
        });
        each.collect::<Vec<_>>().into_iter().flatten().collect()
    }

    fn pairs(&self, rules: &[Numbered<'_>]) -> Vec<Finding> {
        let judged: Vec<(&Overlay, &Overlay)> = self.context.judged_pairs().collect();
        let each = judged
            .par_iter()
            .map(|(from, to)| self.pair(from, to, rules));
        each.collect::<Vec<_>>().into_iter().flatten().collect()
    }

    fn overlay(&self, index: usize, rules: &[Numbered<'_>]) -> Vec<Finding> {
        let repo = self.context.repo;
        let Some(overlay) = repo.overlays.get(index) else {
            return Vec::new();
        };
        let previous = self.partners(repo.earlier(overlay), overlay);
        let base = self.context.at_base(overlay);
        let base = self.partners(base.filter(|_| self.uses_base), overlay);
        let inputs = resources_of(overlay);
        let mut facts = self.about(overlay);
        facts.insert("resources".into(), Value::from(inputs.clone()));
        let resources = overlay.rendered.resources.par_iter().enumerate();
        let each = resources.zip(&inputs).map(|((number, resource), input)| {
            let partner = |partners: &BTreeMap<usize, &Resource>| {
                let partner = partners.get(&address(resource));
                partner.map_or(Value::Null, |partner| masked(partner))
            };
            let mut facts = facts.clone();
            facts.insert("previous".into(), partner(&previous));
            facts.insert("base".into(), partner(&base));
            let subject = Subject {
                overlay: Some(overlay),
                resource: Some(resource),
                document: None,
                place: (index, number),
            };
            let documents = Documents {
                input: input.clone(),
                gitops: facts,
                conftest: conftest(&self.file_of(resource)),
            };
            self.subject(subject, documents, rules)
        });
        each.collect::<Vec<_>>().into_iter().flatten().collect()
    }

    /// All objects of an overlay as one input, as `conftest --combine` passes them: a list of
    /// `path` and `contents`, sorted by path.
    fn combined(&self, index: usize, rules: &[Numbered<'_>]) -> Vec<Finding> {
        let repo = self.context.repo;
        let Some(overlay) = repo.overlays.get(index) else {
            return Vec::new();
        };
        let resources = &overlay.rendered.resources;
        let mut files: Vec<(String, Value)> = resources
            .iter()
            .map(|resource| (self.file_of(resource), masked(resource)))
            .collect();
        files.sort_by(|(one, _), (other, _)| one.cmp(other));
        let file = |(path, contents): (String, Value)| {
            let entries: BTreeMap<Value, Value> =
                [("path".into(), path.into()), ("contents".into(), contents)].into();
            Value::from(entries)
        };
        let input = Value::from(files.into_iter().map(file).collect::<Vec<Value>>());
        let subject = Subject {
            overlay: Some(overlay),
            resource: None,
            document: None,
            place: (index, 0),
        };
        let documents = Documents {
            input,
            gitops: self.about(overlay),
            conftest: from_json(&json!({})),
        };
        self.subject(subject, documents, rules)
    }

    /// The file that wrote an object.
    fn file_of(&self, resource: &Resource) -> String {
        let file = self.context.repo.files.get(resource.node.origin.file);
        file.path.to_string()
    }

    /// For each object of an overlay the same one in another overlay.
    fn partners<'o>(
        &self,
        other: Option<&'o Overlay>,
        overlay: &'o Overlay,
    ) -> BTreeMap<usize, &'o Resource> {
        let environments = &self.context.repo.environments;
        let partners = other.map_or(Vec::new(), |other| {
            compare::partners(other, overlay, environments)
        });
        let pairs = partners.iter();
        pairs.map(|(other, own)| (address(own), *other)).collect()
    }

    fn pair(&self, from: &'r Overlay, to: &'r Overlay, rules: &[Numbered<'_>]) -> Vec<Finding> {
        let subject = Subject {
            overlay: Some(to),
            resource: None,
            document: None,
            place: (self.context.index(to).unwrap_or_default(), usize::MAX),
        };
        let documents = Documents {
            input: facts::promotion(self.context, from, to),
            gitops: self.about(to),
            conftest: from_json(&json!({})),
        };
        self.subject(subject, documents, rules)
    }

    /// The findings of all rules about one input.
    fn subject(
        &self,
        subject: Subject<'_>,
        documents: Documents,
        rules: &[Numbered<'_>],
    ) -> Vec<Finding> {
        self.pool.lend(|interpreter| {
            interpreter.set(Document::Input, documents.input);
            interpreter.set(Document::Gitops, Value::from(documents.gitops));
            interpreter.set(Document::Conftest, documents.conftest);
            let each = rules.iter();
            each.flat_map(|rule| self.rule(interpreter, *rule, subject))
                .collect()
        })
    }

    /// The findings of one rule about the documents that the interpreter has.
    fn rule(
        &self,
        interpreter: &mut Interpreter,
        (number, rule): Numbered<'_>,
        subject: Subject<'_>,
    ) -> Vec<Finding> {
        if self.budget.is_given_up(number) {
            return Vec::new();
        }
        let evaluated = self.budget.spend(number, || {
            let value = interpreter.value(&rule.query)?;
            let is_excepted = holds_results(&value) && excepted(interpreter, rule)?;
            Ok((value, is_excepted))
        });
        let prints = interpreter.take_prints();
        if let Some(log) = self.log {
            log.add(subject.place, prints);
        }
        match evaluated {
            Ok((value, is_excepted)) => {
                let results = results_of(value);
                self.trace(rule, subject, || {
                    let count = crate::wording::count(results.len(), "result");
                    let excepted = if is_excepted { ", excepted" } else { "" };
                    format!("{count}{excepted}")
                });
                if is_excepted {
                    return Vec::new();
                }
                let shown = results.iter().take(MOST_RESULTS);
                let mut findings: Vec<Finding> = shown
                    .flat_map(|result| self.finding(rule, subject, result))
                    .collect();
                let more = results.len().saturating_sub(MOST_RESULTS);
                if more > 0 {
                    let cause = Cause::new("more results")
                        .with(&rule.package)
                        .with(&rule.name);
                    let message = format!(
                        "policy `{}.{}` has {more} more results for this object, which are not listed",
                        rule.package, rule.name
                    );
                    let mut sink = Sink::new(rule.id.clone());
                    let draft = Draft::new(rule.severity, subject.origin(), cause, message);
                    sink.report(self.context, subject.overlay, draft);
                    findings.extend(sink.findings);
                }
                findings
            }
            Err(failure) => {
                interpreter.replace_by(self.pool.fresh());
                self.trace(rule, subject, || format!("failed: {failure}"));
                self.failed(rule, subject, &failure.to_string())
            }
        }
    }

    fn trace(&self, rule: &PolicyRule, subject: Subject<'_>, outcome: impl FnOnce() -> String) {
        if let Some(log) = self.log {
            log.trace(subject.place, || {
                let input = subject.describe(self.context);
                format!("trace: {} with {input}: {}", rule.query, outcome())
            });
        }
    }

    /// The finding of one result: a text, or an object with `msg` and optionally `path` and `help`.
    fn finding(&self, rule: &PolicyRule, subject: Subject<'_>, result: &Json) -> Vec<Finding> {
        let text = |key: &str| result.get(key).and_then(Json::as_str);
        let Some(message) = result.as_str().or_else(|| text("msg")) else {
            let query = &rule.query;
            let wrong = format!("{query} returned {result}: expected a text or an object with msg");
            return self.failed(rule, subject, &wrong);
        };
        let target = target(self.context, &subject, result, message);
        // a result of Rego is only a text, so two results of one policy differ in nothing else
        let cause = Cause::new("result").with(message.trim());
        let mut draft = Draft::new(rule.severity, target.origin, cause, message.trim());
        draft.help = text("help")
            .map(str::to_string)
            .or_else(|| rule.help.clone());
        if let Some((resource, pointer)) = target.value {
            draft = draft.on(resource, pointer);
        }
        if let Some(line) = self.line_of(rule).filter(|line| self.is_in_repo(*line)) {
            draft = draft.related(line, "the policy");
        }
        let mut sink = Sink::new(rule.id.clone());
        sink.report(self.context, subject.overlay, draft);
        sink.findings
    }

    /// The finding that a policy could not be evaluated, at the rule's line.
    fn failed(&self, rule: &PolicyRule, subject: Subject<'_>, reason: &str) -> Vec<Finding> {
        let PolicyRule { package, name, .. } = rule;
        let draft = Draft::new(
            Severity::Error,
            self.line_of(rule).unwrap_or(subject.origin()),
            Cause::new("failed").with(package).with(name).with(reason),
            format!("policy `{package}.{name}` failed: {reason}"),
        );
        let Some(rule) = self.context.rules().for_failing_policies() else {
            return Vec::new();
        };
        let mut sink = Sink::new(rule.metadata().id);
        let help = "fix the policy; it checks nothing until then";
        sink.report(self.context, subject.overlay, draft.help(help));
        sink.findings
    }

    /// Where a rule is defined.
    fn line_of(&self, rule: &PolicyRule) -> Option<Origin> {
        let (start, end) = rule.head;
        Some(Origin {
            file: *self.file_ids.get(rule.file)?,
            start,
            end,
            by: By::Manifest,
        })
    }

    /// False for built-in policies, and for those of other folders.
    fn is_in_repo(&self, origin: Origin) -> bool {
        let file = self.context.repo.files.get(origin.file);
        self.context.repo.has_path(&file.path)
    }
}

/// An object by its address, as an integer: pointers cannot be sent to other threads.
fn address(resource: &Resource) -> usize {
    std::ptr::from_ref(resource).addr()
}
