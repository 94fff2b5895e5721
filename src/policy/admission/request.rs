//! The request that an admission controller judges.

use serde_json::{Value as Json, json};

use super::selector::selects;
use crate::finding::Severity;
use crate::yaml::Origin;

/// An object that is created or changed.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) object: &'a Json,
    /// The object before the change.
    pub(super) old: Option<&'a Json>,
    /// `CREATE`, `UPDATE` or `DELETE`; empty if it is not known.
    pub(super) operation: &'a str,
    /// The namespace, also if the object does not name it. None for cluster-scoped objects, and if
    /// it is not known.
    pub(super) namespace: Option<&'a str>,
    /// The Namespace object, if it is known.
    pub(super) namespace_object: Option<&'a Json>,
    /// True if the kind is cluster-scoped.
    pub(super) is_cluster_scoped: bool,
    /// The user and the like, if a test states them.
    pub(super) stated: Option<&'a Json>,
    /// Values of Kyverno's variables that a test states.
    pub(super) values: Option<&'a Json>,
}

impl<'a> Request<'a> {
    /// The object that is judged: on deletion, the old one.
    pub(super) fn subject(&self) -> &'a Json {
        match self.old {
            Some(old) if self.object.is_null() => old,
            _ => self.object,
        }
    }

    fn text(&self, pointer: &str) -> &'a str {
        let found = self.subject().pointer(pointer).and_then(Json::as_str);
        found.unwrap_or_default()
    }

    pub(super) fn kind(&self) -> &'a str {
        self.text("/kind")
    }

    pub(super) fn name(&self) -> &'a str {
        self.text("/metadata/name")
    }

    /// `apps` and `v1` of `apps/v1`.
    pub(super) fn group_version(&self) -> (&'a str, &'a str) {
        let version = self.text("/apiVersion");
        version.split_once('/').unwrap_or(("", version))
    }

    pub(super) fn is_namespace(&self) -> bool {
        self.kind() == "Namespace" && self.group_version().0.is_empty()
    }

    pub(super) fn labels(&self) -> &'a Json {
        let labels = self.subject().pointer("/metadata/labels");
        labels.unwrap_or(&Json::Null)
    }

    /// True if a selector selects the labels of the object's Namespace, or of the object if it is one.
    /// The labels of a Namespace that is made elsewhere are not known, and nothing selects them.
    pub(super) fn is_in_selected_namespace(self, selector: &Json) -> bool {
        if self.is_namespace() {
            return selects(selector, self.labels());
        }
        self.namespace_object.is_some_and(|namespace| {
            let labels = namespace.pointer("/metadata/labels");
            selects(selector, labels.unwrap_or(&Json::Null))
        })
    }

    /// The AdmissionRequest in JSON.
    pub(super) fn to_json(self) -> Json {
        let (group, version) = self.group_version();
        let mut request = json!({
            "uid": "",
            "kind": {"group": group, "version": version, "kind": self.kind()},
            "name": self.name(),
            "operation": self.operation,
            "userInfo": {},
            "object": self.object,
            "oldObject": self.old,
            "dryRun": false,
        });
        if let Some(namespace) = self.namespace {
            request["namespace"] = namespace.into();
        }
        if let Some(namespace) = self.namespace_object {
            request["_unstable"] = json!({"namespace": namespace});
        }
        for (key, value) in self.stated.and_then(Json::as_object).into_iter().flatten() {
            request[key] = value.clone();
        }
        request
    }
}

/// An object of the cluster, with its namespace if it has one.
pub(super) struct Object {
    pub(super) namespace: Option<String>,
    pub(super) json: Json,
}

/// A request that a policy refuses.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    /// The id in reports: `policy/gatekeeper/K8sRequiredLabels`.
    pub(super) id: String,
    pub(super) message: String,
    pub(super) severity: Severity,
    /// The pointer of the value at fault, if the policy tells.
    pub(super) path: Option<String>,
    /// Where the policy is written, and what to call it.
    pub(super) policy: Origin,
    pub(super) name: String,
}

/// A policy that is not evaluated, in whole or in part.
#[derive(Clone, Debug)]
pub(super) struct Gap {
    pub(super) origin: Origin,
    pub(super) message: String,
    /// Error for a mistake in the policy, info for what is not supported here.
    pub(super) severity: Severity,
}

impl Gap {
    pub(super) fn mistake(origin: Origin, message: impl Into<String>) -> Gap {
        Gap {
            origin,
            message: message.into(),
            severity: Severity::Error,
        }
    }

    pub(super) fn unsupported(origin: Origin, message: impl Into<String>) -> Gap {
        Gap {
            origin,
            message: message.into(),
            severity: Severity::Info,
        }
    }
}
