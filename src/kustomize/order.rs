//! The order of the rendered documents: as accumulated, or the old order that puts namespaces first and webhooks last.

use std::collections::HashMap;

use super::context::Reorder;
use super::kustomization::SortOptions;
use super::{Problem, Resource};

const FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];
const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// Orders resources by `sortOptions`, or by the option of the command where the kustomization says nothing.
pub fn apply(resources: &mut Vec<Resource>, options: Option<&SortOptions>, reorder: Reorder, problems: &mut Vec<Problem>) {
    let Some(options) = options else {
        if reorder == Reorder::Legacy {
            legacy(resources, &FIRST, &LAST);
        }
        return;
    };
    let order = options.order.as_deref();
    match (order, &options.legacy) {
        (Some("legacy"), None) => legacy(resources, &FIRST, &LAST),
        (Some("legacy"), Some(kinds)) => {
            let first: Vec<&str> = kinds.first.iter().map(|kind| &**kind).collect();
            let last: Vec<&str> = kinds.last.iter().map(|kind| &**kind).collect();
            legacy(resources, &first, &last);
        }
        (Some("fifo"), None) => {}
        (Some("fifo"), Some(kinds)) => {
            problems.push(Problem::error(kinds.origin, "legacySortOptions only go with the order legacy").with_help("write order: legacy"));
        }
        (other, _) => {
            let origin = options.order.as_ref().map_or(options.origin, |order| order.origin());
            let found = other.map_or_else(|| "missing".to_string(), |other| format!("{other:?}"));
            problems.push(Problem::error(origin, format!("sortOptions.order must be legacy or fifo, but it is {found}")));
        }
    }
}

fn legacy(resources: &mut Vec<Resource>, first: &[&str], last: &[&str]) {
    let mut ranks: HashMap<&str, i64> = HashMap::new();
    for (index, kind) in first.iter().enumerate() {
        ranks.insert(kind, index as i64 - first.len() as i64);
    }
    for (index, kind) in last.iter().enumerate() {
        ranks.insert(kind, 1 + index as i64);
    }
    let or = |text: &str, instead: &str| if text.is_empty() { instead.to_string() } else { text.to_string() };
    resources.sort_by_cached_key(|resource| {
        let group_kind = format!("{}_{}_{}", or(resource.group(), "~G"), or(resource.version(), "~V"), or(resource.kind(), "~K"));
        let rank = ranks.get(resource.kind()).copied().unwrap_or_default();
        let id = format!("{}|{}", or(resource.namespace().unwrap_or_default(), "~X"), or(resource.name(), "~N"));
        (rank, group_kind, id)
    });
}
