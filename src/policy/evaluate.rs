//! Evaluates policies: package `promotion` once for every pair of overlays, all others once for
//! every rendered resource.
//!
//! This includes `data.gitops`, exceptions, and the place of each finding.

use rayon::prelude::*;
use regorus::{Engine, Value};
use serde_json::{Map, Value as Json, json};

use super::budget::Budget;
use super::engine::{guarded, value_of};
use super::{Policies, PolicyRule, Verdict};
use crate::compare::{self, secrets};
use crate::finding::{Cause, Finding, Severity};
use crate::kustomize::Resource;
use crate::repo::{Overlay, Repo};
use crate::rules::{Context, Draft, Sink};
use crate::yaml::{By, FileId, Origin, escape_pointer, write};

/// The package whose input is a pair of overlays.
const PROMOTION: &str = "promotion";

/// Runs every policy over every overlay and pair. A policy that fails is a finding at its line, so
/// the policy files join the repo's table of files.
pub fn run(policies: &Policies, context: &Context) -> Vec<Finding> {
    if policies.is_empty() {
        return Vec::new();
    }
    let add = |file: &super::PolicyFile| {
        let files = &context.repo.files;
        files.add(&file.path, None, file.text.clone())
    };
    let run = Run {
        policies,
        file_ids: policies.files.iter().map(add).collect(),
        context,
        budget: Budget::new(policies.rules.len()),
    };
    let (of_pairs, of_overlays): (Vec<&PolicyRule>, Vec<&PolicyRule>) = policies
        .rules
        .iter()
        .partition(|rule| rule.package == PROMOTION);
    let mut findings = Vec::new();
    if !of_overlays.is_empty() {
        findings.extend(run.overlays(&of_overlays));
    }
    if !of_pairs.is_empty() {
        findings.extend(run.pairs(&of_pairs));
    }
    findings
}

/// One run of the policies over a repo.
struct Run<'r, 'c> {
    policies: &'r Policies,
    /// For each policy file its id in the repo's table of files.
    file_ids: Vec<FileId>,
    context: &'r Context<'c>,
    /// The time that all evaluations may take.
    budget: Budget,
}

impl Run<'_, '_> {
    fn overlays(&self, rules: &[&PolicyRule]) -> Vec<Finding> {
        let judged = self.context.judged();
        let indices: Vec<usize> = judged
            .filter_map(|overlay| self.context.index(overlay))
            .collect();
        let each = indices.par_iter().map_init(
            || self.policies.engine.clone(),
            |engine, index| self.overlay(engine, *index, rules),
        );
        each.collect::<Vec<_>>().into_iter().flatten().collect()
    }

    fn pairs(&self, rules: &[&PolicyRule]) -> Vec<Finding> {
        let judged: Vec<(&Overlay, &Overlay)> = self.context.judged_pairs().collect();
        let each = judged.par_iter().map_init(
            || self.policies.engine.clone(),
            |engine, (from, to)| self.pair(engine, from, to, rules),
        );
        each.collect::<Vec<_>>().into_iter().flatten().collect()
    }

    fn overlay(&self, engine: &mut Engine, index: usize, rules: &[&PolicyRule]) -> Vec<Finding> {
        let repo = self.context.repo;
        let Some(overlay) = repo.overlays.get(index) else {
            return Vec::new();
        };
        let partners = repo.earlier(overlay).map_or(Vec::new(), |before| {
            compare::partners(before, overlay, &repo.environments)
        });
        let inputs = resources_of(overlay);
        let mut facts = about(repo, overlay);
        facts.insert("resources".to_string(), Json::Array(inputs.clone()));
        let mut findings = Vec::new();
        let mut facts = match value_from(&Json::Object(facts)) {
            Ok(facts) => facts,
            Err(message) => return self.failed(rules.first().copied(), overlay, &message),
        };
        for (resource, input) in overlay.rendered.resources.iter().zip(&inputs) {
            let previous = partners
                .iter()
                .find(|(_, later)| std::ptr::eq(*later, resource));
            let previous = previous.map_or(Json::Null, |(earlier, _)| {
                write::to_json(&secrets::digested(earlier))
            });
            let set = value_from(&previous).and_then(|previous| {
                if let Ok(map) = facts.as_object_mut() {
                    map.insert("previous".into(), previous);
                }
                self.set(engine, &facts, input)
            });
            if let Err(message) = set {
                findings.extend(self.failed(rules.first().copied(), overlay, &message));
                continue;
            }
            for rule in rules {
                findings.extend(self.rule(engine, rule, overlay, Some(resource)));
            }
        }
        findings
    }

    fn pair(
        &self,
        engine: &mut Engine,
        from: &Overlay,
        to: &Overlay,
        rules: &[&PolicyRule],
    ) -> Vec<Finding> {
        let repo = self.context.repo;
        let input = json!({
            "from": resources_of(from),
            "to": resources_of(to),
            "changes": changes(repo, from, to),
        });
        let set = value_from(&Json::Object(about(repo, to)))
            .and_then(|facts| self.set(engine, &facts, &input));
        if let Err(message) = set {
            return self.failed(rules.first().copied(), to, &message);
        }
        rules
            .iter()
            .flat_map(|rule| self.rule(engine, rule, to, None))
            .collect()
    }

    /// Gives an engine its input, and the facts as `data.gitops`.
    fn set(&self, engine: &mut Engine, facts: &Value, input: &Json) -> Result<(), String> {
        let input = value_from(input)?;
        let mut data = Value::new_object();
        guarded(|| {
            data.as_object_mut()
                .map(|map| map.insert("gitops".into(), facts.clone()))
        })?;
        engine.clear_data();
        guarded(|| engine.add_data(self.policies.data.clone()))?;
        guarded(|| engine.add_data(data))?;
        engine.set_input(input);
        Ok(())
    }

    /// The findings of one rule about the input that the engine has.
    fn rule(
        &self,
        engine: &mut Engine,
        rule: &PolicyRule,
        overlay: &Overlay,
        resource: Option<&Resource>,
    ) -> Vec<Finding> {
        let number = self.policies.rules.iter().position(|one| one == rule);
        let evaluated = self.budget.spend(number.unwrap_or(usize::MAX), || {
            value_of(engine, &rule.path())
        });
        let results = match evaluated {
            Ok(value) => results_of(value),
            Err(message) => {
                // an engine that failed halfway keeps its state: take a fresh one
                *engine = self.policies.engine.clone();
                return self.failed(Some(rule), overlay, &message);
            }
        };
        if results.is_empty() || self.excepted(engine, rule) {
            return Vec::new();
        }
        results
            .iter()
            .flat_map(|result| self.finding(rule, overlay, resource, result))
            .collect()
    }

    /// The finding of one result: a text, or an object with `msg` and optionally `path` and `help`.
    fn finding(
        &self,
        rule: &PolicyRule,
        overlay: &Overlay,
        resource: Option<&Resource>,
        result: &Json,
    ) -> Vec<Finding> {
        let text = |key: &str| result.get(key).and_then(Json::as_str);
        let Some(message) = result.as_str().or_else(|| text("msg")) else {
            let path = rule.path();
            let wrong = format!("{path} returned {result}: expected a text or an object with msg");
            return self.failed(Some(rule), overlay, &wrong);
        };
        let severity = match rule.verdict {
            Verdict::Deny => Severity::Error,
            Verdict::Warn => Severity::Warning,
        };
        let target = target(overlay, resource, result);
        // a result of Rego is only a text, so two results of one policy differ in nothing else
        let cause = Cause::new("result").with(message.trim());
        let mut draft = Draft::new(severity, target.origin, cause, message.trim());
        draft.help = text("help").map(str::to_string);
        if let Some((resource, pointer)) = target.value {
            draft = draft.on(resource, pointer);
        }
        let mut sink = Sink::new(rule.id());
        sink.report(self.context, Some(overlay), draft);
        sink.findings
    }

    /// True if an `exception` of the package names the rule, as in conftest: `exception contains
    /// rules if rules := ["latest"]` exempts `deny_latest`.
    fn excepted(&self, engine: &mut Engine, rule: &PolicyRule) -> bool {
        let suffix = rule.name.split_once('_').map_or("", |(_, suffix)| suffix);
        if !rule.may_be_excepted {
            return false;
        }
        let names = value_of(engine, &format!("data.{}.exception", rule.package));
        let Ok(Json::Array(lists)) = names else {
            return false;
        };
        let named = |list: &Json| {
            let names = list.as_array();
            names.is_some_and(|names| names.iter().any(|name| name.as_str() == Some(suffix)))
        };
        lists.iter().any(named)
    }

    /// The finding that a policy could not be evaluated, at the rule's line.
    fn failed(&self, rule: Option<&PolicyRule>, overlay: &Overlay, message: &str) -> Vec<Finding> {
        let reason = message.trim().lines().last().unwrap_or_default();
        let name = rule.map_or("", |rule| rule.name.as_str());
        let package = rule.map_or("", |rule| rule.package.as_str());
        let origin = rule.and_then(|rule| self.line_of(rule));
        let draft = Draft::new(
            Severity::Error,
            origin.unwrap_or(overlay.origin),
            Cause::new("failed").with(package).with(name).with(reason),
            format!("policy `{package}.{name}` failed: {reason}"),
        );
        let Some(rule) = self.context.rules().for_failing_policies() else {
            return Vec::new();
        };
        let mut sink = Sink::new(rule.metadata().id);
        let help = "fix the policy; until then it checks nothing here";
        sink.report(self.context, Some(overlay), draft.help(help));
        sink.findings
    }

    /// Where a rule is defined.
    fn line_of(&self, rule: &PolicyRule) -> Option<Origin> {
        let text = &self.policies.files.get(rule.file)?.text;
        let above = rule.line.saturating_sub(1);
        let start: usize = text.split_inclusive('\n').take(above).map(str::len).sum();
        Some(Origin {
            file: *self.file_ids.get(rule.file)?,
            start: start as u32,
            end: (start + rule.name.len()) as u32,
            by: By::Manifest,
        })
    }
}

/// A value for the interpreter.
fn value_from(json: &Json) -> Result<Value, String> {
    guarded(|| Value::from_json_str(&json.to_string()))
}

/// The rendered resources of an overlay as policies see them.
fn resources_of(overlay: &Overlay) -> Vec<Json> {
    let resources = overlay.rendered.resources.iter();
    resources
        .map(|resource| write::to_json(&secrets::digested(resource)))
        .collect()
}

/// The differences between the overlays of a pair.
fn changes(repo: &Repo, from: &Overlay, to: &Overlay) -> Vec<Json> {
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
    compare::resources(from, to, &repo.environments)
        .into_iter()
        .map(resource)
        .collect()
}

/// The results in a rule's value: the items of a set, the values of an object, or the value itself.
fn results_of(value: Json) -> Vec<Json> {
    match value {
        Json::Array(items) => items,
        Json::Object(map) => map.into_iter().map(|(_, value)| value).collect(),
        Json::Null | Json::Bool(false) => Vec::new(),
        other => vec![other],
    }
}

/// `data.gitops` for an overlay.
fn about(repo: &Repo, overlay: &Overlay) -> Map<String, Json> {
    let environment = repo.environment(overlay);
    let facts = json!({
        "app": overlay.app,
        "environment": environment.map(|environment| environment.name.clone()),
        "protected": environment.is_some_and(|environment| environment.protected),
        "variant": overlay.variant,
        "overlay": overlay.path,
        "complete": overlay.rendered.complete,
    });
    match facts {
        Json::Object(map) => map,
        _ => Map::new(),
    }
}

/// A path as policies write it, `/spec/replicas` or `spec.template.spec.containers[0].image`, as a
/// pointer.
fn pointer(path: &str) -> String {
    if path.starts_with('/') || path.is_empty() {
        return path.to_string();
    }
    let parts = path.split(['.', '[', ']']).filter(|part| !part.is_empty());
    parts
        .map(|part| format!("/{}", escape_pointer(part)))
        .collect()
}

/// The object or value that a result is about.
struct Target<'r> {
    origin: Origin,
    /// The object, and the pointer of the value in it (empty for the object itself).
    value: Option<(&'r Resource, String)>,
}

/// The value that a result names, or the nearest existing value above it. Without one it is the
/// first line of the object, or else the overlay.
fn target<'r>(overlay: &'r Overlay, input: Option<&'r Resource>, result: &Json) -> Target<'r> {
    let text = |key: &str| result.get(key).and_then(Json::as_str);
    // the input of a `promotion` policy is a pair: the result says which object it means
    let named = || {
        let (kind, name) = (text("kind")?, text("name")?);
        let is_named = |one: &&Resource| one.kind() == kind && one.name() == name;
        overlay.rendered.resources.iter().find(is_named)
    };
    let Some(resource) = input.or_else(named) else {
        return Target {
            origin: overlay.origin,
            value: None,
        };
    };
    let whole = text("path").map(pointer).unwrap_or_default();
    let mut pointer = whole.as_str();
    while !pointer.is_empty() {
        if let Some(node) = resource.node.pointer(pointer) {
            return Target {
                origin: node.origin,
                value: Some((resource, pointer.to_string())),
            };
        }
        let above = pointer.rfind('/').and_then(|at| pointer.get(..at));
        pointer = above.unwrap_or_default();
    }
    let first_entry = resource.node.entries().first().map(|entry| &entry.value);
    let first = resource.node.get("apiVersion").or(first_entry);
    Target {
        origin: first.map_or(resource.node.origin, |node| node.origin),
        value: Some((resource, String::new())),
    }
}
