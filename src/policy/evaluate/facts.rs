//! The documents that policies see: objects with masked Secrets, `data.gitops`, `data.conftest`, and
//! the input of package `promotion`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use crate::compare::{self, secrets};
use crate::evidence::Severity;
use crate::kustomize::Resource;
use crate::policy::opa::{Value, from_json, from_node};
use crate::repo::{Overlay, Repo};
use crate::rules::Context;
use crate::source::folder_of;
use crate::yaml::write;

/// An object as policies see it: the values of Secrets are replaced.
pub(super) fn masked(resource: &Resource) -> Value {
    from_node(&secrets::digested(resource))
}

/// The rendered resources of an overlay as policies see them.
pub(super) fn resources_of(overlay: &Overlay) -> Vec<Value> {
    overlay.rendered.resources.iter().map(masked).collect()
}

/// `data.gitops` for an overlay.
pub(super) fn about(repo: &Repo, overlay: &Overlay) -> BTreeMap<Value, Value> {
    let environment = repo.environment(overlay);
    values(json!({
        "app": overlay.app,
        "environment": environment.map(|environment| environment.name.clone()),
        "order": overlay.environment,
        "environments": repo.environments.iter().map(|one| one.name.clone()).collect::<Vec<_>>(),
        "protected": environment.is_some_and(|environment| environment.protected),
        "variant": overlay.variant,
        "overlay": overlay.path,
        "complete": overlay.rendered.complete,
    }))
}

/// `data.gitops.evidence`: the scan that counts for each digest, with the numbers of vulnerabilities.
/// `None` unless the configuration asks for scans.
pub(super) fn evidence(context: &Context) -> Option<Value> {
    context.config.evidence.as_ref()?;
    let digests = context.evidence().scans.keys();
    let scan = |digest: &Arc<str>| {
        let scan = context.scan(digest)?;
        let counts = Severity::ALL.map(|severity| {
            let name = severity.as_str().to_string();
            (name, Json::from(scan.count(severity)))
        });
        let mut facts: Map<String, Json> = counts.into_iter().collect();
        facts.insert("scanner".to_string(), scan.scanner.clone().into());
        facts.insert("path".to_string(), (*scan.path).into());
        facts.insert(
            "time".to_string(),
            scan.time.map(|time| time.to_string()).into(),
        );
        Some((digest.to_string(), Json::from(facts)))
    };
    let scans: Map<String, Json> = digests.filter_map(scan).collect();
    Some(from_json(&Json::from(scans)))
}

/// `data.gitops` for a file.
pub(super) fn about_file(context: &Context, path: &str) -> BTreeMap<Value, Value> {
    let changed = context.changed.map(|changed| changed.contains(path));
    values(json!({"path": path, "changed": changed}))
}

/// `data.conftest` for an object or document of a file.
pub(super) fn conftest(path: &str) -> Value {
    let folder = Some(folder_of(path)).filter(|folder| !folder.is_empty());
    let name = path.rsplit('/').next().unwrap_or(path);
    from_json(&json!({"file": {"name": name, "dir": folder.unwrap_or(".")}}))
}

fn values(facts: Json) -> BTreeMap<Value, Value> {
    let facts = facts.as_object().cloned().unwrap_or_default();
    let fact = |(key, value): (String, Json)| (Value::from(key), from_json(&value));
    facts.into_iter().map(fact).collect()
}

/// The input of package `promotion`: both sides, what differs, and who changes it.
pub(super) fn promotion(context: &Context, from: &Overlay, to: &Overlay) -> Value {
    let repo = context.repo;
    let mut input = values(json!({
        "changes": changes(repo, from, to),
        "images": images(context, from, to),
        "actor": actor(context),
        "changed_files": context.changed.map(|changed| {
            changed.iter().map(|path| Json::from(&**path)).collect::<Vec<Json>>()
        }),
    }));
    input.insert("from".into(), Value::from(resources_of(from)));
    input.insert("to".into(), Value::from(resources_of(to)));
    let before = context.at_base(to);
    let before = before.map_or(Value::Null, |before| Value::from(resources_of(before)));
    input.insert("before".into(), before);
    Value::from(input)
}

/// The person or bot that CI names; null if it names nobody.
fn actor(context: &Context) -> Option<String> {
    let actors = &context.authorship.actors;
    actors.first().map(|actor| actor.name.clone())
}

/// The images of the later overlay, each with the version of the earlier one.
fn images(context: &Context, from: &Overlay, to: &Overlay) -> Json {
    let earlier: BTreeMap<String, String> = context
        .facts(from)
        .images
        .iter()
        .map(|used| (used.name.clone(), used.text.clone()))
        .collect();
    let later: BTreeMap<String, String> = context
        .facts(to)
        .images
        .iter()
        .map(|used| (used.name.clone(), used.text.clone()))
        .collect();
    let image = |(name, to): (String, String)| {
        let from = earlier.get(&name);
        json!({"name": name, "from": from, "to": to})
    };
    later.into_iter().map(image).collect()
}

/// The differences between the overlays of a pair.
fn changes(repo: &Repo, from: &Overlay, to: &Overlay) -> Json {
    let resource = |resource: compare::ResourceChange| {
        let object = resource.resource();
        let value = |change: &compare::ValueChange| {
            let (from, to) = secrets::masked_change(object, change);
            json!({
                "path": change.path(),
                "from": from.as_ref().map(write::to_json),
                "to": to.as_ref().map(write::to_json),
                "expected": change.expected.is_some(),
            })
        };
        let id = resource.id();
        json!({
            "kind": id.kind,
            "name": id.name,
            "change": resource.change.as_str(),
            "changes": resource.changes.iter().map(value).collect::<Vec<Json>>(),
        })
    };
    let changed = compare::resources(from, to, repo);
    changed.into_iter().map(resource).collect()
}
