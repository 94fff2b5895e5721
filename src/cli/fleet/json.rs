//! The fleet as JSON, version 1. Nodes are a flat list that refers to itself by index, because
//! several agents may apply one object.

use serde_json::{Value, json};

use super::{Report, folder, objects};
use crate::finding::Location;
use crate::repo::AgentKind;
use crate::repo::fleet::{Applied, Change, Reads};
use crate::report::json;

/// Writes the fleet.
pub(super) fn write(report: &Report<'_>) -> String {
    let location = |origin| {
        json!(json::location(&Location::resolve(
            &report.repo.files,
            origin
        )))
    };
    let clusters: Vec<Value> = report
        .clusters()
        .into_iter()
        .map(|(name, roots)| json!({"name": name, "roots": roots}))
        .collect();
    let agents: Vec<Value> = report
        .fleet
        .applied
        .iter()
        .map(|one| agent(report, one, location(one.pointer.agent.origin)))
        .collect();
    let unfollowed: Vec<Value> = report
        .fleet
        .unfollowed
        .iter()
        .map(|one| json!({"reason": one.reason, "location": location(one.origin)}))
        .collect();
    let changes = report.changes.as_ref();
    let changes: Option<Vec<Value>> = changes.map(|all| all.iter().map(change).collect());
    let whole = json!({
        "version": 1, "clusters": clusters, "agents": agents, "not_followed": unfollowed,
        "changes": changes,
    });
    format!("{whole:#}\n")
}

fn agent(report: &Report<'_>, one: &Applied<'_>, location: Value) -> Value {
    let pointer = one.pointer;
    let environment = one
        .environment
        .and_then(|index| report.repo.environments.get(index));
    json!({
        "name": pointer.agent.name,
        "kind": match pointer.agent.kind {
            AgentKind::Flux => "flux",
            AgentKind::ArgoCd => "argocd",
        },
        "path": folder(&pointer.folder), "revision": one.revision,
        "environment": environment.map(|environment| &environment.name), "variant": one.variant,
        "app": one.overlay.map(|overlay| &overlay.app), "objects": objects(one),
        "complete": one.overlay.map(|overlay| overlay.rendered.complete),
        "waits_for": one.waits_for, "suspended": one.suspended, "applies": one.children,
        "location": location,
    })
}

fn change(change: &Change) -> Value {
    let (name, environment, variant) = &change.agent;
    let reads = |reads: &Option<Reads>| {
        let reads = reads.as_ref();
        reads.map(|(path, revision)| json!({"path": folder(path), "revision": revision}))
    };
    let kind = match (&change.from, &change.to) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "changed",
    };
    json!({
        "change": kind, "agent": name, "environment": environment, "variant": variant,
        "from": reads(&change.from), "to": reads(&change.to),
    })
}
