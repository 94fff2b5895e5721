//! The policies of one cluster, and what they need to know about it.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::document::Document;
use super::gatekeeper::{Gatekeeper, inventory};
use super::request::{Gap, Refusal, Request};
use crate::policy::budget::Budget;
use crate::policy::opa::{Failure, Value};
use crate::yaml::Origin;

/// An object of the cluster, with its namespace if it has one.
pub(super) struct Object {
    pub(super) namespace: Option<String>,
    pub(super) json: Json,
}

/// The policies of a cluster.
pub(super) struct Cluster {
    gatekeeper: Gatekeeper,
    namespaces: BTreeMap<String, Json>,
    inventory: Value,
    budget: Budget,
    /// What is not evaluated.
    pub(super) gaps: Vec<Gap>,
}

impl Cluster {
    /// Prepares policies. `objects` are those of the cluster, as far as they are known; they are
    /// asked for only if a policy needs them.
    pub(super) fn new(
        documents: &[&Document],
        now: i128,
        objects: impl FnOnce() -> Vec<Object>,
    ) -> Cluster {
        let mut gaps = Vec::new();
        let gatekeeper = Gatekeeper::new(documents, now, &mut gaps);
        let mut cluster = Cluster {
            budget: Budget::new(gatekeeper.len()),
            gatekeeper,
            namespaces: BTreeMap::new(),
            inventory: Value::new_object(),
            gaps,
        };
        if cluster.is_empty() {
            return cluster;
        }
        let objects = objects();
        if cluster.gatekeeper.uses_inventory() {
            let all = objects.iter();
            cluster.inventory =
                inventory(all.map(|object| (object.namespace.as_deref(), &object.json)));
        }
        let is_namespace = |object: &Object| {
            object.json.get("kind").and_then(Json::as_str) == Some("Namespace")
                && object.json.get("apiVersion").and_then(Json::as_str) == Some("v1")
        };
        for object in objects.into_iter().filter(is_namespace) {
            if let Some(name) = object.json.pointer("/metadata/name").and_then(Json::as_str) {
                cluster.namespaces.insert(name.to_string(), object.json);
            }
        }
        cluster
    }

    /// True if there is no policy.
    pub(super) fn is_empty(&self) -> bool {
        self.gatekeeper.len() == 0
    }

    /// The Namespace object of a name, if an overlay has it.
    pub(super) fn namespace(&self, name: &str) -> Option<&Json> {
        self.namespaces.get(name)
    }

    /// Judges an object by all policies. Those that fail are returned with their place.
    pub(super) fn judge(&self, request: Request<'_>) -> (Vec<Refusal>, Vec<(Origin, Failure)>) {
        let mut refusals = Vec::new();
        let mut failures = Vec::new();
        for number in 0..self.gatekeeper.len() {
            if self.budget.is_given_up(number) {
                continue;
            }
            let judge = || self.gatekeeper.judge(number, request, &self.inventory);
            let judged = self.budget.spend(number, judge);
            match judged {
                Ok(found) => refusals.extend(found),
                Err(failure) => {
                    let place = self.gatekeeper.origin(number);
                    failures.extend(place.map(|place| (place, failure)));
                }
            }
        }
        (refusals, failures)
    }
}
