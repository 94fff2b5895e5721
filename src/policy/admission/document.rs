//! The objects that admission controllers read.

use serde_json::Value as Json;

use crate::yaml::{Node, Origin, write};

/// Texts of which every file with such an object has one.
const MARKS: [&str; 4] = [
    "ConstraintTemplate",
    "constraints.gatekeeper.sh",
    "ValidatingAdmissionPolicy",
    "kyverno.io/",
];

/// True if a file may hold policies of an admission controller.
pub fn is_policy_text(text: &str) -> bool {
    MARKS.iter().any(|mark| text.contains(mark))
}

/// The part that an object has in admission control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Gatekeeper's ConstraintTemplate.
    Template,
    /// An object of a kind that a ConstraintTemplate defines.
    Constraint,
    /// Gatekeeper's Config, with namespaces that it leaves alone.
    GatekeeperConfig,
    /// A ValidatingAdmissionPolicy.
    Validating,
    /// A ValidatingAdmissionPolicyBinding.
    ValidatingBinding,
    /// Kyverno's ClusterPolicy or Policy.
    KyvernoPolicy,
    /// Kyverno's ValidatingPolicy.
    KyvernoValidating,
}

impl Role {
    /// The role of an object by its kind.
    pub(super) fn of(api_version: &str, kind: &str) -> Option<Role> {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        match (group, kind) {
            ("templates.gatekeeper.sh", "ConstraintTemplate") => Some(Role::Template),
            ("constraints.gatekeeper.sh", _) => Some(Role::Constraint),
            ("config.gatekeeper.sh", "Config") => Some(Role::GatekeeperConfig),
            ("kyverno.io", "ClusterPolicy" | "Policy") => Some(Role::KyvernoPolicy),
            ("policies.kyverno.io", "ValidatingPolicy") => Some(Role::KyvernoValidating),
            ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy") => Some(Role::Validating),
            ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding") => {
                Some(Role::ValidatingBinding)
            }
            _ => None,
        }
    }
}

/// An object with the place where it is written.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Document {
    pub(super) role: Role,
    pub(super) json: Json,
    pub(super) origin: Origin,
}

impl Document {
    /// The document of an object, if it has a part in admission control.
    pub(in crate::policy) fn of(node: &Node) -> Option<Document> {
        let text = |key: &str| node.get(key).and_then(Node::text);
        let role = Role::of(text("apiVersion")?, text("kind")?)?;
        let first = node
            .get("apiVersion")
            .map_or(node.origin, |first| first.origin);
        Some(Document {
            role,
            json: write::to_json(node),
            origin: first,
        })
    }

    pub(super) fn text(&self, pointer: &str) -> Option<&str> {
        self.json.pointer(pointer)?.as_str()
    }

    /// True for a template of Gatekeeper that mentions `data.inventory`.
    pub(super) fn may_read_inventory(&self) -> bool {
        self.role == Role::Template && self.json.to_string().contains("inventory")
    }

    pub(super) fn name(&self) -> &str {
        self.text("/metadata/name").unwrap_or_default()
    }

    pub(super) fn kind(&self) -> &str {
        self.text("/kind").unwrap_or_default()
    }

    /// `ConstraintTemplate k8srequiredlabels`, for messages.
    pub(super) fn describe(&self) -> String {
        format!("{} `{}`", self.kind(), self.name())
    }
}
