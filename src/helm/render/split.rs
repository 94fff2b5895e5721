//! From the output of templates to documents in the order in which Helm prints them
//! (`SortManifests`).

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use crate::template::Text;
use crate::yaml::Node;

/// A document that a release prints.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// The template or file that it comes from: `web/templates/service.yaml`.
    pub(crate) source: Arc<str>,
    /// Its text.
    pub(crate) text: Text,
    /// Its part in a release.
    pub(crate) role: Role,
}

/// The part of a document in a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A file of `crds/`, which is not a template.
    Definition,
    /// An object of the release.
    Object,
    /// An object that runs at a certain time.
    Hook,
    /// A hook that runs only when somebody tests the release.
    Test,
}

/// The kinds that come first, in the order of their installation.
const ORDER: [&str; 38] = [
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// The times at which hooks run.
const HOOKS: [&str; 10] = [
    "pre-install",
    "post-install",
    "pre-delete",
    "post-delete",
    "pre-upgrade",
    "post-upgrade",
    "pre-rollback",
    "post-rollback",
    "test",
    "test-success",
];

/// The documents in a text: Helm splits it at lines that begin with `---`, whatever follows.
pub(super) fn documents(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = text.len() - text.trim_start().len();
    let mut add = |range: Range<usize>| {
        let document = text.get(range.clone()).unwrap_or_default();
        if !document.trim().is_empty() {
            let blank = document.len() - document.trim_start().len();
            found.push(range.start + blank..range.end);
        }
    };
    let first = start;
    for (at, mark) in text.match_indices("---") {
        // a longer run of dashes is one mark and the text behind it
        let begins_line = at == first || text.get(..at).is_some_and(|above| above.ends_with('\n'));
        if at < start || !begins_line {
            continue;
        }
        add(start..at);
        let behind = text.get(at + mark.len()..).unwrap_or_default();
        let blanks = behind.len() - behind.trim_start_matches([' ', '\t']).len();
        start = at + mark.len() + blanks;
    }
    add(start..text.len());
    found
}

/// The part of a document, by its annotations; `None` if Helm drops it because its hook is unknown.
pub(super) fn role(node: &Node) -> Option<Role> {
    let hook = node.at(&["metadata", "annotations", "helm.sh/hook"]);
    let Some(hook) = hook.filter(|hook| !hook.is_null()) else {
        return Some(Role::Object);
    };
    let names = hook
        .raw()
        .split(',')
        .map(|name| name.trim().to_ascii_lowercase());
    let mut is_test = false;
    for name in names {
        if !HOOKS.contains(&name.as_str()) {
            return None;
        }
        is_test |= name.starts_with("test");
    }
    Some(if is_test { Role::Test } else { Role::Hook })
}

/// The order of two kinds: known ones first, then by name.
pub(super) fn by_kind(one: &str, other: &str) -> Ordering {
    let place = |kind: &str| ORDER.iter().position(|known| *known == kind);
    match (place(one), place(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => one.cmp(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_split_at_dashes() {
        let split = |text: &'static str| -> Vec<&str> {
            documents(text)
                .into_iter()
                .map(|range| &text[range])
                .collect()
        };
        assert_eq!(split("a: 1\n---\nb: 2\n"), ["a: 1\n", "b: 2\n"]);
        assert_eq!(split("\n---\n\n---   # note\na: 1"), ["# note\na: 1"]);
        assert_eq!(
            split("a: |\n  ---\nb: 1\n---x: 2\n"),
            ["a: |\n  ---\nb: 1\n", "x: 2\n"]
        );
        assert_eq!(split("----\na: 1\n"), ["-\na: 1\n"]);
        assert_eq!(split("  --- \na: 1\n"), ["a: 1\n"]);
        assert_eq!(split("x--- y\n# only\n"), ["x--- y\n# only\n"]);
        assert!(split(" \n---\n\n").is_empty());
    }

    #[test]
    fn kinds_have_an_order() {
        let mut kinds = ["Zebra", "Deployment", "", "Namespace", "Apple", "Service"];
        kinds.sort_by(|one, other| by_kind(one, other));
        assert_eq!(
            kinds,
            ["Namespace", "Service", "Deployment", "", "Apple", "Zebra"]
        );
    }
}
