//! The order of the rendered documents: as accumulated, or the old order that puts namespaces first
//! and webhooks last.

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
const LAST: [&str; 2] = [
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// Orders resources by `sortOptions`, or by the option of the command if the kustomization has
/// none.
pub(super) fn apply(
    resources: &mut [Resource],
    options: Option<&SortOptions>,
    reorder: Reorder,
    problems: &mut Vec<Problem>,
) {
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
            problems.push(
                Problem::error(
                    kinds.origin,
                    "legacySortOptions only go with the order legacy",
                )
                .with_help("write order: legacy"),
            );
        }
        (other, _) => {
            let origin = options
                .order
                .as_ref()
                .map_or(options.origin, |order| order.origin());
            let found = other.map_or_else(|| "missing".to_string(), |other| format!("{other:?}"));
            problems.push(
                Problem::error(
                    origin,
                    format!("sortOptions.order must be legacy or fifo, but it is {found}"),
                )
                .with_help(
                    "write order: legacy, or order: fifo to keep the order of the resources",
                ),
            );
        }
    }
}

/// Rank and text by which kustomize orders types: first namespaces and similar kinds, then others
/// by text, webhooks last.
pub(super) fn type_rank(group: &str, version: &str, kind: &str) -> (i64, String) {
    let rank = match (
        FIRST.iter().position(|first| *first == kind),
        LAST.iter().position(|last| *last == kind),
    ) {
        (Some(index), _) => index as i64 - FIRST.len() as i64,
        (_, Some(index)) => 1 + index as i64,
        _ => 0,
    };
    (rank, type_text(group, version, kind))
}

fn type_text(group: &str, version: &str, kind: &str) -> String {
    format!(
        "{}_{}_{}",
        or(group, "~G"),
        or(version, "~V"),
        or(kind, "~K")
    )
}

fn or<'t>(text: &'t str, instead: &'t str) -> &'t str {
    if text.is_empty() { instead } else { text }
}

fn legacy(resources: &mut [Resource], first: &[&str], last: &[&str]) {
    let mut ranks: HashMap<&str, i64> = HashMap::new();
    for (index, kind) in first.iter().enumerate() {
        ranks.insert(kind, index as i64 - first.len() as i64);
    }
    for (index, kind) in last.iter().enumerate() {
        ranks.insert(kind, 1 + index as i64);
    }
    resources.sort_by_cached_key(|resource| {
        // by its text the core group is last, but its namespaces precede those of other groups
        let namespace = resource.kind() == "Namespace" && ranks.contains_key("Namespace");
        let core_namespace = namespace && resource.group().is_empty();
        let group_kind = if core_namespace {
            String::new()
        } else {
            type_text(resource.group(), resource.version(), resource.kind())
        };
        let rank = ranks.get(resource.kind()).copied().unwrap_or_default();
        let id = format!(
            "{}|{}",
            or(resource.namespace().unwrap_or_default(), "~X"),
            or(resource.name(), "~N")
        );
        (rank, namespace && !core_namespace, group_kind, id)
    });
}
