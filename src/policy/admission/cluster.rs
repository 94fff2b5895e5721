//! The policies of one cluster, and what they need to know about it.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::document::Document;
use super::gatekeeper::{Gatekeeper, inventory};
use super::kyverno::Kyverno;
use super::request::{Gap, Object, Refusal, Request};
use super::validating::Validating;
use crate::policy::budget::Budget;
use crate::policy::opa::{Failure, Value};
use crate::yaml::Origin;

/// The policies of a cluster.
pub(super) struct Cluster {
    gatekeeper: Gatekeeper,
    validating: Validating,
    kyverno: Kyverno,
    namespaces: BTreeMap<String, Json>,
    inventory: Value,
    budget: Budget,
    /// The parts that are not evaluated.
    pub(super) gaps: Vec<Gap>,
}

impl Cluster {
    /// Prepares policies. `objects` are those of the cluster, as far as they are known.
    pub(super) fn new(documents: &[&Document], now: i128, objects: Vec<Object>) -> Cluster {
        let mut gaps = Vec::new();
        let gatekeeper = Gatekeeper::new(documents, now, &mut gaps);
        let validating = Validating::new(documents, &objects, &mut gaps);
        let kyverno = Kyverno::new(documents, &objects, &mut gaps);
        let inventory = if gatekeeper.uses_inventory() {
            let all = objects.iter();
            inventory(all.map(|object| (object.namespace.as_deref(), &object.json)))
        } else {
            Value::new_object()
        };
        let is_namespace = |object: &Object| {
            object.json.get("kind").and_then(Json::as_str) == Some("Namespace")
                && object.json.get("apiVersion").and_then(Json::as_str) == Some("v1")
        };
        let namespaces = objects.into_iter().filter(is_namespace);
        let named = namespaces.filter_map(|object| {
            let name = object.json.pointer("/metadata/name")?.as_str()?.to_string();
            let mut namespace = object.json;
            with_name_label(&mut namespace, &name);
            Some((name, namespace))
        });
        Cluster {
            budget: Budget::new(gatekeeper.len() + validating.len() + kyverno.len()),
            namespaces: named.collect(),
            gatekeeper,
            validating,
            kyverno,
            inventory,
            gaps,
        }
    }

    /// True if there is no policy.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn len(&self) -> usize {
        self.gatekeeper.len() + self.validating.len() + self.kyverno.len()
    }

    /// The ids of Kyverno's rules.
    pub(super) fn ids(&self) -> Vec<String> {
        self.kyverno.ids()
    }

    /// The Namespace object of a name, if an overlay has it.
    pub(super) fn namespace(&self, name: &str) -> Option<&Json> {
        self.namespaces.get(name)
    }

    /// The place of a policy, by its number.
    fn origin(&self, number: usize) -> Option<Origin> {
        let Some(other) = number.checked_sub(self.gatekeeper.len()) else {
            return self.gatekeeper.origin(number);
        };
        match other.checked_sub(self.validating.len()) {
            None => self.validating.origin(other),
            Some(rule) => self.kyverno.origin(rule),
        }
    }

    /// Judges an object by all policies. Also returns what could not be evaluated.
    pub(super) fn judge(&self, request: Request<'_>) -> (Vec<Refusal>, Vec<Gap>) {
        let mut refusals = Vec::new();
        let mut gaps = Vec::new();
        let (constraints, bindings) = (self.gatekeeper.len(), self.validating.len());
        for number in 0..self.len() {
            if self.budget.is_given_up(number) {
                continue;
            }
            let judged = self.budget.spend(number, || {
                let Some(other) = number.checked_sub(constraints) else {
                    return self.gatekeeper.judge(number, request, &self.inventory);
                };
                Ok(match other.checked_sub(bindings) {
                    None => self.validating.judge(other, request, &mut gaps),
                    Some(rule) => self.kyverno.judge(rule, request, &mut gaps),
                })
            });
            match judged {
                Ok(found) => refusals.extend(found),
                Err(failure) => {
                    let gap = |origin| match &failure {
                        Failure::Undecided(reason) => Gap::unsupported(
                            origin,
                            format!("the policy has no result for some objects: {reason}"),
                        ),
                        other => Gap::mistake(origin, format!("the policy failed: {other}")),
                    };
                    gaps.extend(self.origin(number).map(gap));
                }
            }
        }
        (refusals, gaps)
    }
}

/// Sets the label that the API server gives each Namespace.
fn with_name_label(namespace: &mut Json, name: &str) {
    let Some(metadata) = namespace.get_mut("metadata").and_then(Json::as_object_mut) else {
        return;
    };
    let labels = metadata
        .entry("labels")
        .or_insert_with(|| Json::Object(Map::new()));
    if labels.is_null() {
        *labels = Json::Object(Map::new());
    }
    if let Some(labels) = labels.as_object_mut() {
        labels.insert("kubernetes.io/metadata.name".to_string(), name.into());
    }
}
