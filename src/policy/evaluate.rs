//! Policies over a repo: every rendered resource is an input once, every pair of overlays an input
//! of package `promotion`.
//!
//! Here: `data.gitops`, exceptions, and where a finding points. Not here: compiling (the module
//! above).

use rayon::prelude::*;
use regorus::{Engine, Value};
use serde_json::{Map, Value as Json, json};

use super::{Policies, PolicyRule, Verdict, guarded, scan};
use crate::compare;
use crate::finding::{Finding, Severity};
use crate::kustomize::Resource;
use crate::repo::{Overlay, Repo};
use crate::rules::{Context, Draft, Sink};
use crate::yaml::{By, FileId, Origin, escape_pointer, write};

/// The package whose input is a pair.
const PROMOTION: &str = "promotion";

/// Runs every policy over every overlay and pair. A policy that fails is told at its line: its file
/// joins the repo's table.
pub fn run(policies: &Policies, context: &Context) -> Vec<Finding> {
    if policies.is_empty() {
        return Vec::new();
    }
    let repo = context.repo;
    let places: Vec<FileId> = policies
        .files
        .iter()
        .map(|file| repo.files.add(&file.path, None, file.text.clone()))
        .collect();
    let (pairs, single): (Vec<&PolicyRule>, Vec<&PolicyRule>) = policies
        .rules
        .iter()
        .partition(|rule| rule.package == PROMOTION);
    let mut findings: Vec<Finding> = Vec::new();
    let run = Run {
        policies,
        places: &places,
        context,
    };
    if !single.is_empty() {
        let indices: Vec<usize> = context
            .judged()
            .filter_map(|overlay| context.index(overlay))
            .collect();
        let each = indices.par_iter().map_init(
            || policies.engine.clone(),
            |engine, index| run.overlay(engine, *index, &single),
        );
        findings.extend(each.collect::<Vec<_>>().into_iter().flatten());
    }
    if !pairs.is_empty() {
        let judged: Vec<(&Overlay, &Overlay)> = context.judged_pairs().collect();
        let each = judged.par_iter().map_init(
            || policies.engine.clone(),
            |engine, (from, to)| run.pair(engine, from, to, &pairs),
        );
        findings.extend(each.collect::<Vec<_>>().into_iter().flatten());
    }
    findings
}

struct Run<'r, 'c> {
    policies: &'r Policies,
    places: &'r [FileId],
    context: &'r Context<'c>,
}

impl Run<'_, '_> {
    fn overlay(&self, engine: &mut Engine, index: usize, rules: &[&PolicyRule]) -> Vec<Finding> {
        let repo = self.context.repo;
        let Some(overlay) = repo.overlays.get(index) else {
            return Vec::new();
        };
        let before = repo
            .pairs
            .iter()
            .find(|pair| pair.to == index)
            .and_then(|pair| repo.overlays.get(pair.from));
        let partners = before.map_or(Vec::new(), |before| {
            compare::partners(before, overlay, &repo.environments)
        });
        let all: Vec<Json> = overlay
            .rendered
            .resources
            .iter()
            .map(|resource| write::to_json(&resource.node))
            .collect();
        let mut findings = Vec::new();
        let mut facts = about(repo, overlay);
        facts.insert("resources".to_string(), Json::Array(all.clone()));
        for (resource, input) in overlay.rendered.resources.iter().zip(&all) {
            let previous = partners
                .iter()
                .find(|(_, later)| std::ptr::eq(*later, resource));
            facts.insert(
                "previous".to_string(),
                previous.map_or(Json::Null, |(earlier, _)| write::to_json(&earlier.node)),
            );
            if let Err(message) = self.set(engine, &facts, input) {
                findings.extend(self.failed(rules.first().copied(), overlay, &message));
                continue;
            }
            for rule in rules {
                self.rule(engine, rule, overlay, Some(resource), &mut findings);
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
        let side = |overlay: &Overlay| -> Vec<Json> {
            overlay
                .rendered
                .resources
                .iter()
                .map(|r| write::to_json(&r.node))
                .collect()
        };
        let mut changes = Vec::new();
        for resource in compare::resources(from, to, &repo.environments) {
            let id = resource.id();
            let values: Vec<Json> = resource
                .changes
                .iter()
                .map(|change| {
                    json!({
                        "path": change.path(),
                        "from": change.from.as_ref().map(write::to_json),
                        "to": change.to.as_ref().map(write::to_json),
                        "expected": change.expected.is_some(),
                    })
                })
                .collect();
            changes.push(json!({
                "kind": id.kind, "name": id.name, "change": resource.change.as_str(), "changes": values,
            }));
        }
        let input = json!({"from": side(from), "to": side(to), "changes": changes});
        let mut findings = Vec::new();
        if let Err(message) = self.set(engine, &about(repo, to), &input) {
            findings.extend(self.failed(rules.first().copied(), to, &message));
            return findings;
        }
        for rule in rules {
            self.rule(engine, rule, to, None, &mut findings);
        }
        findings
    }

    fn set(
        &self,
        engine: &mut Engine,
        facts: &Map<String, Json>,
        input: &Json,
    ) -> Result<(), String> {
        guarded(|| {
            let value = |json: &str| Value::from_json_str(json).map_err(|error| error.to_string());
            engine.clear_data();
            engine
                .add_data(self.policies.data.clone())
                .map_err(|error| error.to_string())?;
            engine
                .add_data(value(&json!({"gitops": facts}).to_string())?)
                .map_err(|error| error.to_string())?;
            engine.set_input(value(&input.to_string())?);
            Ok(())
        })
    }

    fn rule(
        &self,
        engine: &mut Engine,
        rule: &PolicyRule,
        overlay: &Overlay,
        resource: Option<&Resource>,
        findings: &mut Vec<Finding>,
    ) {
        let path = format!("data.{}.{}", rule.package, rule.name);
        let result = guarded(|| {
            let value = engine
                .eval_rule(path.clone())
                .map_err(|error| error.to_string())?;
            if value == Value::Undefined {
                Ok(Json::Null)
            } else {
                json_of(&value)
            }
        });
        let result = match result {
            Ok(result) => result,
            Err(message) => {
                // an engine that failed in the middle of something is not trusted any further
                *engine = self.policies.engine.clone();
                findings.extend(self.failed(Some(rule), overlay, &message));
                return;
            }
        };
        let items = match result {
            Json::Array(items) => items,
            Json::Object(map) => map.into_iter().map(|(_, value)| value).collect(),
            Json::Null | Json::Bool(false) => Vec::new(),
            other => vec![other],
        };
        if items.is_empty() || self.excepted(engine, rule) {
            return;
        }
        for item in items {
            let message = match &item {
                Json::String(text) => Some(text.clone()),
                Json::Object(map) => map.get("msg").and_then(Json::as_str).map(str::to_string),
                _ => None,
            };
            let Some(message) = message else {
                let wrong =
                    format!("{path} gives {item}, which is neither a text nor an object with msg");
                findings.extend(self.failed(Some(rule), overlay, &wrong));
                continue;
            };
            let severity = if rule.verdict == Verdict::Deny {
                Severity::Error
            } else {
                Severity::Warning
            };
            let named = item.get("path").and_then(Json::as_str).map(pointer);
            let (origin, resource, named) = place(overlay, resource, &item, named.as_deref());
            let mut draft = Draft::new(severity, origin, message.trim().to_string());
            draft.help = item.get("help").and_then(Json::as_str).map(str::to_string);
            if let Some(resource) = resource {
                draft = draft.on(resource, named.unwrap_or_default());
            }
            let mut sink = Sink::new(format!("policy/{}/{}", rule.package, rule.name));
            sink.report(self.context, Some(overlay), draft);
            findings.append(&mut sink.findings);
        }
    }

    /// Whether an `exception` of the package names the rule.
    fn excepted(&self, engine: &mut Engine, rule: &PolicyRule) -> bool {
        let suffix = rule.name.split_once('_').map_or("", |(_, suffix)| suffix);
        let declared = self.policies.files.iter().any(|file| {
            scan::package(&file.text).as_deref() == Some(&rule.package)
                && scan::rule_names(&file.text)
                    .iter()
                    .any(|name| name == "exception")
        });
        if !declared {
            return false;
        }
        let value = guarded(|| {
            let value = engine
                .eval_rule(format!("data.{}.exception", rule.package))
                .map_err(|error| error.to_string())?;
            if value == Value::Undefined {
                Ok(Json::Null)
            } else {
                json_of(&value)
            }
        });
        let lists = match value {
            Ok(Json::Array(lists)) => lists,
            _ => return false,
        };
        lists.iter().any(|list| {
            list.as_array()
                .is_some_and(|names| names.iter().any(|name| name.as_str() == Some(suffix)))
        })
    }

    fn failed(&self, rule: Option<&PolicyRule>, overlay: &Overlay, message: &str) -> Vec<Finding> {
        let file = rule
            .and_then(|rule| self.policies.files.get(rule.file))
            .zip(rule);
        let place = rule
            .and_then(|rule| self.places.get(rule.file))
            .zip(file)
            .map(|(place, (file, rule))| {
                let line = scan::line_of(&file.text, &rule.name);
                let start: usize = file
                    .text
                    .split_inclusive('\n')
                    .take(line - 1)
                    .map(str::len)
                    .sum();
                Origin {
                    file: *place,
                    start: start as u32,
                    end: (start + rule.name.len()) as u32,
                    by: By::Manifest,
                }
            });
        let name = rule.map_or_else(String::new, |rule| {
            format!("{}.{}", rule.package, rule.name)
        });
        let message = format!(
            "the policy {name} failed: {}",
            message.trim().lines().last().unwrap_or_default()
        );
        let mut sink = Sink::new("policy-error");
        let draft = Draft::new(Severity::Error, place.unwrap_or(overlay.origin), message);
        sink.report(
            self.context,
            Some(overlay),
            draft.help("correct the policy: what it should have judged was not judged"),
        );
        sink.findings
    }
}

fn json_of(value: &Value) -> Result<Json, String> {
    let text = value.to_json_str().map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

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

/// A path as policies write it: a pointer, or `spec.template.spec.containers[0].image`.
fn pointer(path: &str) -> String {
    if path.starts_with('/') || path.is_empty() {
        return path.to_string();
    }
    let parts = path.split(['.', '[', ']']).filter(|part| !part.is_empty());
    parts
        .map(|part| format!("/{}", escape_pointer(part)))
        .collect()
}

/// Where a result points: the value that it names, as far as it is there; else the object's first
/// line; else the overlay.
fn place<'r>(
    overlay: &'r Overlay,
    resource: Option<&'r Resource>,
    item: &Json,
    named: Option<&str>,
) -> (Origin, Option<&'r Resource>, Option<String>) {
    let text = |key: &str| item.get(key).and_then(Json::as_str);
    // a policy over a pair may say which object it means
    let resource = resource.or_else(|| {
        let (kind, name) = (text("kind")?, text("name")?);
        overlay
            .rendered
            .resources
            .iter()
            .find(|resource| resource.kind() == kind && resource.name() == name)
    });
    let Some(resource) = resource else {
        return (overlay.origin, None, None);
    };
    let whole = resource
        .node
        .entries()
        .first()
        .map_or(resource.node.origin, |entry| entry.value.origin);
    let first = resource
        .node
        .get("apiVersion")
        .map_or(whole, |node| node.origin);
    let mut pointer = named.unwrap_or_default();
    while !pointer.is_empty() {
        if let Some(node) = resource.node.pointer(pointer) {
            return (node.origin, Some(resource), Some(pointer.to_string()));
        }
        pointer = pointer
            .rfind('/')
            .and_then(|at| pointer.get(..at))
            .unwrap_or_default();
    }
    (first, Some(resource), Some(String::new()))
}
