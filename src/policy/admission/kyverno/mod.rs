//! Kyverno: `validate` rules of ClusterPolicies and Policies, and ValidatingPolicies.
//!
//! A rule about pods also judges the pods that workloads make: their template stands in for the
//! pod.

mod compare;
mod conditions;
mod functions;
mod matching;
mod pattern;
mod rule;
mod validating;
mod variables;

use jmespath::Runtime;
use serde_json::Value as Json;

use super::document::{Document, Role};
use super::request::{Gap, Object, Refusal, Request};
use crate::finding::Severity;
use crate::yaml::Origin;
use rule::Rule;
use validating::ValidatingPolicy;

/// The policies of a cluster.
pub(super) struct Kyverno {
    rules: Vec<Rule>,
    policies: Vec<ValidatingPolicy>,
    runtime: Runtime,
}

/// The verdict of a rule about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It does not apply, or holds.
    Admitted,
    /// The message, and the pointer of the value at fault if it is known.
    Refused(String, Option<String>),
    /// It cannot be evaluated for this object.
    Unknown(String),
    /// A limit was reached.
    TooMuch(String),
}

impl Kyverno {
    /// Reads policies. What is not evaluated goes to `gaps`.
    pub(super) fn new(documents: &[&Document], objects: &[Object], gaps: &mut Vec<Gap>) -> Kyverno {
        let of_role = |role| documents.iter().filter(move |one| one.role == role);
        let mut rules = Vec::new();
        for document in of_role(Role::KyvernoPolicy) {
            rules.extend(rule::of_policy(document, objects, gaps));
        }
        let mut policies = Vec::new();
        for document in of_role(Role::KyvernoValidating) {
            match ValidatingPolicy::read(document) {
                Ok(policy) => policies.extend(policy),
                Err(gap) => gaps.push(gap),
            }
        }
        Kyverno {
            rules,
            policies,
            runtime: variables::runtime(),
        }
    }

    /// The ids of all rules.
    pub(super) fn ids(&self) -> Vec<String> {
        let rules = self.rules.iter().map(Rule::id);
        rules
            .chain(self.policies.iter().map(|policy| policy.about().id))
            .collect()
    }

    /// The number of rules.
    pub(super) fn len(&self) -> usize {
        self.rules.len() + self.policies.len()
    }

    /// The place of a rule, by its number.
    pub(super) fn origin(&self, number: usize) -> Option<Origin> {
        let rule = self.rules.get(number).map(Rule::origin);
        rule.or_else(|| Some(self.policy(number)?.origin()))
    }

    /// The policy of a number: those in CEL follow the rules.
    fn policy(&self, number: usize) -> Option<&ValidatingPolicy> {
        self.policies.get(number.checked_sub(self.rules.len())?)
    }

    /// Judges an object by one rule, by its number. What cannot be told goes to `gaps`.
    pub(super) fn judge(
        &self,
        number: usize,
        request: Request<'_>,
        gaps: &mut Vec<Gap>,
    ) -> Vec<Refusal> {
        let rule = self.rules.get(number);
        let policy = self.policy(number);
        let verdict = match (rule, policy) {
            (Some(rule), _) => rule.judge(request, &self.runtime),
            (None, Some(policy)) => policy.judge(request),
            (None, None) => Verdict::Admitted,
        };
        // most objects are admitted, and need no names
        if verdict == Verdict::Admitted {
            return Vec::new();
        }
        let about = rule.map(|rule| rule.about(request));
        let Some(about) = about.or_else(|| Some(policy?.about())) else {
            return Vec::new();
        };
        match verdict {
            Verdict::Admitted => Vec::new(),
            Verdict::Refused(message, path) => vec![Refusal {
                id: about.id,
                message,
                severity: about.severity,
                path,
                policy: about.origin,
                name: about.name,
            }],
            Verdict::TooMuch(reason) => {
                let name = &about.name;
                let message = format!("{name} cannot be evaluated for some objects: {reason}");
                gaps.push(Gap::mistake(about.origin, message));
                Vec::new()
            }
            Verdict::Unknown(reason) => {
                let message = format!("{} has no result for some objects: {reason}", about.name);
                gaps.push(Gap::unsupported(about.origin, message));
                Vec::new()
            }
        }
    }
}

/// A rule in findings.
struct About {
    id: String,
    name: String,
    severity: Severity,
    origin: Origin,
}

/// The kinds of workloads that make pods, with the pointer of their template.
const MAKERS: [(&str, &str, &str); 7] = [
    ("apps", "Deployment", "/spec/template"),
    ("apps", "DaemonSet", "/spec/template"),
    ("apps", "StatefulSet", "/spec/template"),
    ("apps", "ReplicaSet", "/spec/template"),
    ("", "ReplicationController", "/spec/template"),
    ("batch", "Job", "/spec/template"),
    ("batch", "CronJob", "/spec/jobTemplate/spec/template"),
];

/// The pod that a workload makes, with the pointer of its template.
fn made_pod(request: Request<'_>) -> Option<(Json, &'static str)> {
    let (group, _) = request.group_version();
    let maker = MAKERS
        .iter()
        .find(|(of, kind, _)| *of == group && *kind == request.kind());
    let (_, _, pointer) = maker?;
    Some((pod_of(request.object, pointer)?, pointer))
}

fn pod_of(object: &Json, pointer: &str) -> Option<Json> {
    let template = object.pointer(pointer)?.as_object()?;
    let mut pod = serde_json::json!({"apiVersion": "v1", "kind": "Pod"});
    let map = pod.as_object_mut()?;
    for (key, value) in template {
        map.insert(key.clone(), value.clone());
    }
    if !map.get("metadata").is_some_and(Json::is_object) {
        map.insert("metadata".to_string(), serde_json::json!({}));
    }
    let namespace = object.pointer("/metadata/namespace");
    let metadata = map.get_mut("metadata").and_then(Json::as_object_mut);
    if let (Some(metadata), Some(namespace)) = (metadata, namespace) {
        metadata.insert("namespace".to_string(), namespace.clone());
    }
    Some(pod)
}
