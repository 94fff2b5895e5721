//! The rights that roles and bindings give.

use super::{Access, Kind, Strength};
use crate::kustomize::Resource;
use crate::yaml::Node;

/// The most combinations of groups, resources and verbs that are compared in one role.
const MOST: usize = 5_000;

/// Verbs that give rights which the role itself does not list.
const STRONG_VERBS: [&str; 4] = ["*", "escalate", "bind", "impersonate"];

/// Resources that hold credentials or run commands.
const STRONG_RESOURCES: [&str; 7] = [
    "*",
    "secrets",
    "pods/exec",
    "pods/attach",
    "nodes/proxy",
    "serviceaccounts/token",
    "pods/ephemeralcontainers",
];

/// Resources that decide about rights; who writes them has them all.
const GUARDS: [&str; 6] = [
    "roles",
    "clusterroles",
    "rolebindings",
    "clusterrolebindings",
    "mutatingwebhookconfigurations",
    "validatingwebhookconfigurations",
];

const WRITE_VERBS: [&str; 4] = ["create", "update", "patch", "delete"];

/// Roles that Kubernetes itself defines and that allow nearly everything.
const STRONG_ROLES: [&str; 3] = ["cluster-admin", "admin", "edit"];

/// The rights of a role or a binding.
pub(super) fn rights(resource: &Resource) -> Vec<Access<'_>> {
    if resource.group() != "rbac.authorization.k8s.io" {
        return Vec::new();
    }
    match resource.kind() {
        "ClusterRoleBinding" | "RoleBinding" => bindings(resource),
        "ClusterRole" | "Role" => verbs(resource),
        _ => Vec::new(),
    }
}

/// True if a binding gives every right in the cluster, or something to everybody.
fn is_total(binding: &Resource, role: &str, subject: &str) -> bool {
    const EVERYBODY: [&str; 3] = [
        "system:anonymous",
        "system:authenticated",
        "system:unauthenticated",
    ];
    binding.kind() == "ClusterRoleBinding" && role == "cluster-admin"
        || EVERYBODY.contains(&subject)
}

fn bindings(resource: &Resource) -> Vec<Access<'_>> {
    let text = |node: &Node, key: &str| {
        let text = node.get(key).and_then(Node::text);
        text.unwrap_or_default().to_string()
    };
    let Some(role) = resource.node.get("roleRef") else {
        return Vec::new();
    };
    let (kind, name) = (text(role, "kind"), text(role, "name"));
    let is_strong =
        resource.kind() == "ClusterRoleBinding" || STRONG_ROLES.contains(&name.as_str());
    let subjects = resource.node.get("subjects");
    let subjects = subjects.map_or(&[][..], Node::items).iter().enumerate();
    let access = subjects.map(|(index, subject)| {
        let namespace = text(subject, "namespace");
        let within = match namespace.as_str() {
            "" => String::new(),
            namespace => format!(" of namespace `{namespace}`"),
        };
        Access {
            resource,
            kind: Kind::Binding,
            holder: "",
            what: format!(
                "{} `{}`{within} the {kind} `{name}`",
                text(subject, "kind"),
                text(subject, "name")
            ),
            strength: match is_strong {
                _ if is_total(resource, &name, &text(subject, "name")) => Strength::Total,
                true => Strength::Strong,
                false => Strength::Ordinary,
            },
            origin: subject.origin,
            pointer: format!("/subjects/{index}"),
        }
    });
    access.collect()
}

fn verbs(resource: &Resource) -> Vec<Access<'_>> {
    let rules = resource.node.get("rules").map_or(&[][..], Node::items);
    let mut found = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let texts = |key: &str| -> Vec<&str> {
            let items = rule.get(key).map_or(&[][..], Node::items).iter();
            items.filter_map(Node::text).collect()
        };
        let named = match texts("resourceNames")[..] {
            [] => String::new(),
            ref names => format!(" named {}", names.join(", ")),
        };
        let mut targets = texts("resources");
        targets.extend(texts("nonResourceURLs"));
        let verbs = rule.get("verbs").map_or(&[][..], Node::items);
        for (at, verb) in verbs.iter().enumerate() {
            let Some(word) = verb.text() else { continue };
            for group in texts("apiGroups").into_iter().chain(is_url(rule)) {
                for target in &targets {
                    if found.len() == MOST {
                        return found;
                    }
                    let of_group = match group {
                        "" => String::new(),
                        group => format!(" of {group}"),
                    };
                    found.push(Access {
                        resource,
                        kind: Kind::Verb,
                        holder: "",
                        what: format!("{word} {target}{of_group}{named}"),
                        strength: match is_strong(word, target) && named.is_empty() {
                            true => Strength::Strong,
                            false => Strength::Ordinary,
                        },
                        origin: verb.origin,
                        pointer: format!("/rules/{index}/verbs/{at}"),
                    });
                }
            }
        }
    }
    found
}

/// The group that stands for URLs, which have none.
fn is_url(rule: &Node) -> Option<&'static str> {
    rule.get("nonResourceURLs").map(|_| "")
}

fn is_strong(verb: &str, resource: &str) -> bool {
    STRONG_VERBS.contains(&verb)
        || STRONG_RESOURCES.contains(&resource)
        || GUARDS.contains(&resource) && WRITE_VERBS.contains(&verb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_that_lead_to_others_are_strong() {
        for (verb, resource, expected) in [
            ("get", "secrets", true),
            ("get", "configmaps", false),
            ("*", "configmaps", true),
            ("create", "pods/exec", true),
            ("get", "clusterroles", false),
            ("patch", "clusterroles", true),
            ("impersonate", "users", true),
        ] {
            assert_eq!(is_strong(verb, resource), expected, "{verb} {resource}");
        }
    }
}
