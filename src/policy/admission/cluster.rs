//! The policies of one cluster, and what they need to know about it.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::document::Document;
use super::gatekeeper::{Gatekeeper, inventory};
use super::request::{Gap, Object, Refusal, Request};
use super::validating::Validating;
use crate::policy::budget::Budget;
use crate::policy::opa::Value;

/// The policies of a cluster.
pub(super) struct Cluster {
    gatekeeper: Gatekeeper,
    validating: Validating,
    namespaces: BTreeMap<String, Json>,
    inventory: Value,
    budget: Budget,
    /// What is not evaluated.
    pub(super) gaps: Vec<Gap>,
}

impl Cluster {
    /// Prepares policies. `objects` are those of the cluster, as far as they are known.
    pub(super) fn new(documents: &[&Document], now: i128, objects: Vec<Object>) -> Cluster {
        let mut gaps = Vec::new();
        let gatekeeper = Gatekeeper::new(documents, now, &mut gaps);
        let validating = Validating::new(documents, &objects, &mut gaps);
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
            let name = object.json.pointer("/metadata/name")?.as_str()?;
            Some((name.to_string(), object.json))
        });
        Cluster {
            budget: Budget::new(gatekeeper.len() + validating.len()),
            namespaces: named.collect(),
            gatekeeper,
            validating,
            inventory,
            gaps,
        }
    }

    /// True if there is no policy.
    pub(super) fn is_empty(&self) -> bool {
        self.gatekeeper.len() + self.validating.len() == 0
    }

    /// The Namespace object of a name, if an overlay has it.
    pub(super) fn namespace(&self, name: &str) -> Option<&Json> {
        self.namespaces.get(name)
    }

    /// Judges an object by all policies. Also returns what could not be evaluated.
    pub(super) fn judge(&self, request: Request<'_>) -> (Vec<Refusal>, Vec<Gap>) {
        let mut refusals = Vec::new();
        let mut gaps = Vec::new();
        let constraints = self.gatekeeper.len();
        for number in 0..constraints + self.validating.len() {
            if self.budget.is_given_up(number) {
                continue;
            }
            let judged = self
                .budget
                .spend(number, || match number.checked_sub(constraints) {
                    None => self.gatekeeper.judge(number, request, &self.inventory),
                    Some(number) => Ok(self.validating.judge(number, request, &mut gaps)),
                });
            match judged {
                Ok(found) => refusals.extend(found),
                Err(failure) => {
                    let origin = self.gatekeeper.origin(number);
                    let gap =
                        |origin| Gap::mistake(origin, format!("the policy failed: {failure}"));
                    gaps.extend(origin.map(gap));
                }
            }
        }
        (refusals, gaps)
    }
}
