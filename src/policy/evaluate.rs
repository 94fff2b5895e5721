//! Evaluates policies: package `promotion` once for every pair of overlays, all others once for
//! every rendered resource.
//!
//! This includes `data.gitops` and exceptions.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use serde_json::{Value as Json, json};

use super::budget::Budget;
use super::conventions::{PROMOTION, PolicyRule};
use super::opa::{Document, Failure, Interpreter, Value, from_json, from_node, to_json};
use super::target::target;
use super::{Policies, PolicyFile};
use crate::compare::{self, secrets};
use crate::finding::{Cause, Finding, Severity};
use crate::kustomize::Resource;
use crate::repo::{Overlay, Repo};
use crate::rules::{Context, Draft, Sink};
use crate::yaml::{By, FileId, Origin, write};

/// The stack of a thread that evaluates policies. A deep chain of rules needs much of it.
const STACK: usize = 256 << 20;

/// Runs every policy over every overlay and pair. A policy that fails is a finding at its line, so
/// the policy files join the repo's table of files.
pub fn run(policies: &Policies, context: &Context) -> Vec<Finding> {
    if policies.is_empty() {
        return Vec::new();
    }
    let add = |file: &PolicyFile| {
        let files = &context.repo.files;
        files.add(&file.path, None, file.text.clone())
    };
    let run = Run {
        policies,
        file_ids: policies.files.iter().map(add).collect(),
        context,
        budget: Budget::new(policies.rules.len()),
        idle: Mutex::new(Vec::new()),
    };
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(rayon::current_num_threads())
        .stack_size(STACK)
        .build();
    match threads {
        Ok(threads) => threads.install(|| run.all()),
        Err(_) => run.all(),
    }
}

/// One run of the policies over a repo.
struct Run<'r, 'c> {
    policies: &'r Policies,
    /// For each policy file its id in the repo's table of files.
    file_ids: Vec<FileId>,
    context: &'r Context<'c>,
    /// The time that all evaluations may take.
    budget: Budget,
    /// Interpreters that no thread uses at the moment. The first evaluation of a new one is slow.
    idle: Mutex<Vec<Interpreter>>,
}

/// A rule and its number.
type Numbered<'r> = (usize, &'r PolicyRule);

/// What one evaluation is about.
#[derive(Clone, Copy)]
struct Subject<'r> {
    overlay: &'r Overlay,
    resource: Option<&'r Resource>,
}

impl<'r> Run<'r, '_> {
    fn all(&self) -> Vec<Finding> {
        let rules = self.policies.rules.iter().enumerate();
        let (of_pairs, of_overlays): (Vec<Numbered<'_>>, Vec<Numbered<'_>>) =
            rules.partition(|(_, rule)| rule.package == PROMOTION);
        let mut findings = Vec::new();
        if !of_overlays.is_empty() {
            findings.extend(self.overlays(&of_overlays));
        }
        if !of_pairs.is_empty() {
            findings.extend(self.pairs(&of_pairs));
        }
        findings
    }

    /// Lends an interpreter to a function.
    fn with_interpreter<T>(&self, run: impl FnOnce(&mut Interpreter) -> T) -> T {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let free = idle().pop();
        let mut interpreter = free.unwrap_or_else(|| self.policies.program.interpreter());
        let result = run(&mut interpreter);
        idle().push(interpreter);
        result
    }

    fn overlays(&self, rules: &[Numbered<'_>]) -> Vec<Finding> {
        let judged = self.context.judged();
        let indices: Vec<usize> = judged
            .filter_map(|overlay| self.context.index(overlay))
            .collect();
        let each = indices.par_iter().map(|index| self.overlay(*index, rules));
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
        let partners = repo.earlier(overlay).map_or(Vec::new(), |before| {
            compare::partners(before, overlay, &repo.environments)
        });
        // by address, as an integer: pointers cannot be sent to other threads
        let address = |resource: &Resource| std::ptr::from_ref(resource).addr();
        let previous: BTreeMap<usize, &Resource> = partners
            .iter()
            .map(|(earlier, later)| (address(later), *earlier))
            .collect();
        let inputs = resources_of(overlay);
        let mut facts = about(repo, overlay);
        facts.insert("resources".into(), Value::from(inputs.clone()));
        let resources = &overlay.rendered.resources;
        let each = resources.par_iter().zip(&inputs).map(|(resource, input)| {
            let earlier = previous.get(&address(resource));
            let earlier = earlier.map_or(Value::Null, |earlier| masked(earlier));
            let mut facts = facts.clone();
            facts.insert("previous".into(), earlier);
            let subject = Subject {
                overlay,
                resource: Some(resource),
            };
            self.subject(subject, input.clone(), Value::from(facts), rules)
        });
        each.collect::<Vec<_>>().into_iter().flatten().collect()
    }

    fn pair(&self, from: &'r Overlay, to: &'r Overlay, rules: &[Numbered<'_>]) -> Vec<Finding> {
        let repo = self.context.repo;
        let input: BTreeMap<Value, Value> = [
            ("from".into(), Value::from(resources_of(from))),
            ("to".into(), Value::from(resources_of(to))),
            ("changes".into(), from_json(&changes(repo, from, to))),
        ]
        .into();
        let subject = Subject {
            overlay: to,
            resource: None,
        };
        let facts = Value::from(about(repo, to));
        self.subject(subject, Value::from(input), facts, rules)
    }

    /// The findings of all rules about one input.
    fn subject(
        &self,
        subject: Subject<'r>,
        input: Value,
        facts: Value,
        rules: &[Numbered<'_>],
    ) -> Vec<Finding> {
        self.with_interpreter(|interpreter| {
            interpreter.set(Document::Input, input);
            interpreter.set(Document::Gitops, facts);
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
        subject: Subject<'r>,
    ) -> Vec<Finding> {
        if self.budget.is_given_up(number) {
            return Vec::new();
        }
        let evaluated = self.budget.spend(number, || {
            let value = interpreter.value(&rule.query)?;
            let is_excepted = holds_results(&value) && excepted(interpreter, rule)?;
            Ok(if is_excepted { Value::Undefined } else { value })
        });
        match evaluated {
            Ok(value) => results_of(value)
                .iter()
                .flat_map(|result| self.finding(rule, subject, result))
                .collect(),
            Err(failure) => {
                interpreter.replace_by(self.policies.program.interpreter());
                self.failed(rule, subject.overlay, &failure.to_string())
            }
        }
    }

    /// The finding of one result: a text, or an object with `msg` and optionally `path` and `help`.
    fn finding(&self, rule: &PolicyRule, subject: Subject<'r>, result: &Json) -> Vec<Finding> {
        let text = |key: &str| result.get(key).and_then(Json::as_str);
        let Some(message) = result.as_str().or_else(|| text("msg")) else {
            let query = &rule.query;
            let wrong = format!("{query} returned {result}: expected a text or an object with msg");
            return self.failed(rule, subject.overlay, &wrong);
        };
        let target = target(subject.overlay, subject.resource, result);
        // a result of Rego is only a text, so two results of one policy differ in nothing else
        let cause = Cause::new("result").with(message.trim());
        let mut draft = Draft::new(rule.severity, target.origin, cause, message.trim());
        draft.help = text("help")
            .map(str::to_string)
            .or_else(|| rule.help.clone());
        if let Some((resource, pointer)) = target.value {
            draft = draft.on(resource, pointer);
        }
        let mut sink = Sink::new(rule.id.clone());
        sink.report(self.context, Some(subject.overlay), draft);
        sink.findings
    }

    /// The finding that a policy could not be evaluated, at the rule's line.
    fn failed(&self, rule: &PolicyRule, overlay: &Overlay, reason: &str) -> Vec<Finding> {
        let PolicyRule { package, name, .. } = rule;
        let draft = Draft::new(
            Severity::Error,
            self.line_of(rule).unwrap_or(overlay.origin),
            Cause::new("failed").with(package).with(name).with(reason),
            format!("policy `{package}.{name}` failed: {reason}"),
        );
        let Some(rule) = self.context.rules().for_failing_policies() else {
            return Vec::new();
        };
        let mut sink = Sink::new(rule.metadata().id);
        let help = "fix the policy; it checks nothing until then";
        sink.report(self.context, Some(overlay), draft.help(help));
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
}

/// True if an `exception` of the package names the rule, as in conftest: `exception contains rules
/// if rules := ["latest"]` exempts `deny_latest`.
fn excepted(interpreter: &mut Interpreter, rule: &PolicyRule) -> Result<bool, Failure> {
    let Some(exception) = &rule.exception else {
        return Ok(false);
    };
    let lists = interpreter.value(exception)?;
    let names = |list: &Json| match list {
        Json::Array(names) => names
            .iter()
            .any(|name| name.as_str() == Some(rule.exemption())),
        _ => false,
    };
    Ok(match to_json(&lists) {
        Some(Json::Array(lists)) => lists.iter().any(names),
        _ => false,
    })
}

/// The differences between the overlays of a pair.
fn changes(repo: &Repo, from: &Overlay, to: &Overlay) -> Json {
    let resource = |resource: compare::ResourceChange| {
        let object = resource.resource();
        let value = |change: &compare::ValueChange| {
            let (from, to) = secrets::masked_change(object, change);
            json!({
                "path": change.path(),
                "from": from.as_ref().map(write::to_json),
                "to": to.as_ref().map(write::to_json),
                "expected": change.expected.is_some(),
            })
        };
        let id = resource.id();
        json!({
            "kind": id.kind,
            "name": id.name,
            "change": resource.change.as_str(),
            "changes": resource.changes.iter().map(value).collect::<Vec<Json>>(),
        })
    };
    let changed = compare::resources(from, to, &repo.environments);
    changed.into_iter().map(resource).collect()
}

/// True if a value may hold results.
fn holds_results(value: &Value) -> bool {
    match value {
        Value::Set(items) => !items.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Undefined | Value::Null | Value::Bool(false) => false,
        _ => true,
    }
}

/// The results in a rule's value: the items of a set, the values of an object, or the value itself.
fn results_of(value: Value) -> Vec<Json> {
    if !holds_results(&value) {
        return Vec::new();
    }
    match to_json(&value) {
        Some(Json::Array(items)) => items,
        Some(result @ Json::Object(_)) if is_result(&result) => vec![result],
        Some(Json::Object(map)) => map.into_iter().map(|(_, value)| value).collect(),
        other => other.into_iter().collect(),
    }
}

fn is_result(value: &Json) -> bool {
    value.get("msg").is_some_and(Json::is_string)
}

/// An object as policies see it: the values of Secrets are replaced.
fn masked(resource: &Resource) -> Value {
    from_node(&secrets::digested(resource))
}

/// The rendered resources of an overlay as policies see them.
fn resources_of(overlay: &Overlay) -> Vec<Value> {
    overlay.rendered.resources.iter().map(masked).collect()
}

/// `data.gitops` for an overlay.
fn about(repo: &Repo, overlay: &Overlay) -> BTreeMap<Value, Value> {
    let environment = repo.environment(overlay);
    let facts = json!({
        "app": overlay.app,
        "environment": environment.map(|environment| environment.name.clone()),
        "protected": environment.is_some_and(|environment| environment.protected),
        "variant": overlay.variant,
        "overlay": overlay.path,
        "complete": overlay.rendered.complete,
    });
    let facts = facts.as_object().cloned().unwrap_or_default();
    let fact = |(key, value): (String, Json)| (Value::from(key), from_json(&value));
    facts.into_iter().map(fact).collect()
}
