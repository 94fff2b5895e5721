//! Kyverno's tests of policies, as `kyverno test` runs them. The tests of rules that validate are
//! run, others are left out.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::cluster::Cluster;
use super::document::Document;
use super::request::{Object, Request};
use super::suite::{ReadBeside, documents, is_cluster_scoped};
use crate::finding::Location;
use crate::policy::testing::{TestOutcome, TestResult};
use crate::source::Files;
use crate::yaml::{Node, Origin, write};

/// Runs a file if it is a test of Kyverno. None if it is not.
pub fn run_kyverno_suite(
    path: &str,
    text: &str,
    read_beside: ReadBeside<'_>,
    now: i128,
) -> Option<Vec<TestResult>> {
    if !text.contains("cli.kyverno.io") {
        return None;
    }
    let test = documents(text).ok()?.into_iter().next()?;
    if test.get("kind").and_then(Node::text) != Some("Test") {
        return None;
    }
    let files = Files::default();
    let file = files.add(path, None, text.into());
    let suite = match Suite::read(&test, read_beside, now) {
        Ok(suite) => suite,
        Err(reason) => {
            return Some(vec![TestResult {
                path: path.to_string(),
                line: 1,
                name: "test".to_string(),
                outcome: TestOutcome::Broken(reason),
                prints: Vec::new(),
            }]);
        }
    };
    let mut results = Vec::new();
    for expected in test.get("results").map_or(&[][..], Node::items) {
        let origin = Origin {
            file,
            ..expected.origin
        };
        let line = Location::resolve(&files, origin).line;
        let expected = write::to_json(expected);
        for (name, outcome) in suite.results(&expected) {
            results.push(TestResult {
                path: path.to_string(),
                line,
                name,
                outcome,
                prints: Vec::new(),
            });
        }
    }
    Some(results)
}

struct Suite {
    /// For each policy by its name the policies of a cluster that has only this one.
    clusters: BTreeMap<String, Cluster>,
    resources: Vec<Json>,
    values: Json,
}

impl Suite {
    fn read(test: &Node, read_beside: ReadBeside<'_>, now: i128) -> Result<Suite, String> {
        let listed = |key: &str| {
            test.get(key)
                .map_or(&[][..], Node::items)
                .iter()
                .filter_map(Node::text)
        };
        let mut resources = Vec::new();
        for key in ["resources", "targetResources"] {
            for file in listed(key) {
                let nodes = documents(&read_beside(file)?)?;
                resources.extend(nodes.iter().map(write::to_json).flat_map(expanded));
            }
        }
        let variables = test.get("variables").and_then(Node::text);
        let values = match variables {
            Some(file) => {
                let nodes = documents(&read_beside(file)?)?;
                nodes.first().map_or(Json::Null, write::to_json)
            }
            None => test.get("values").map_or(Json::Null, write::to_json),
        };
        let values = values.get("spec").cloned().unwrap_or(values);
        let mut clusters = BTreeMap::new();
        for file in listed("policies") {
            for node in documents(&read_beside(file)?)? {
                let Some(document) = Document::of(&node) else {
                    continue;
                };
                let objects = resources.iter().cloned().map(object).collect();
                let name = document.json["metadata"]["name"]
                    .as_str()
                    .unwrap_or_default()
                    .to_string();
                clusters.insert(name, Cluster::new(&[&document], now, objects));
            }
        }
        Ok(Suite {
            clusters,
            resources,
            values,
        })
    }

    /// The results for each resource of an expectation.
    fn results(&self, expected: &Json) -> Vec<(String, TestOutcome)> {
        let text = |key: &str| expected.get(key).and_then(Json::as_str);
        let policy = text("policy").unwrap_or_default();
        let policy = policy.rsplit('/').next().unwrap_or(policy);
        let rule = text("rule").unwrap_or_default();
        let rule = rule.strip_prefix("autogen-cronjob-").unwrap_or(rule);
        let rule = rule.strip_prefix("autogen-").unwrap_or(rule);
        let wanted = text("result")
            .or_else(|| text("status"))
            .unwrap_or_default();
        let Some(cluster) = self.clusters.get(policy) else {
            return Vec::new();
        };
        let is_validating =
            cluster.ids().iter().any(|id| is_of(id, policy, rule)) || !cluster.gaps.is_empty();
        if !is_validating {
            return Vec::new();
        }
        let listed = expected.get("resources").and_then(Json::as_array);
        let named = listed.into_iter().flatten().chain(expected.get("resource"));
        let mut results = Vec::new();
        for name in named.filter_map(Json::as_str) {
            let shown = format!("{policy}/{rule}/{name}");
            let kind = text("kind").unwrap_or_default();
            let found = self.resources.iter().find(|one| is_named(one, kind, name));
            let outcome = match found {
                None => TestOutcome::Broken(format!("no resource {kind} {name}")),
                Some(resource) => self.outcome(cluster, (policy, rule), resource, wanted),
            };
            results.push((shown, outcome));
        }
        results
    }

    fn outcome(
        &self,
        cluster: &Cluster,
        (policy, rule): (&str, &str),
        resource: &Json,
        wanted: &str,
    ) -> TestOutcome {
        if let Some(gap) = cluster.gaps.iter().find(|gap| gap.message.contains(rule)) {
            return TestOutcome::Broken(gap.message.clone());
        }
        let object = object(resource.clone());
        let values = self.values_for(policy, rule, resource);
        let text = |key: &str| values.get(key).and_then(Json::as_str);
        let operation = text("request.operation").unwrap_or("CREATE").to_string();
        let labels = self.namespace_labels(object.namespace.as_deref());
        let old = (operation == "DELETE").then_some(resource);
        let known = object
            .namespace
            .as_deref()
            .and_then(|name| cluster.namespace(name));
        let (refusals, gaps) = cluster.judge(Request {
            object: if old.is_some() { &Json::Null } else { resource },
            old,
            operation: &operation,
            namespace: object.namespace.as_deref(),
            namespace_object: labels.as_ref().or(known),
            is_cluster_scoped: object.namespace.is_none(),
            stated: None,
            values: Some(&values),
        });
        let mut refusals = refusals.iter();
        let is_refused = refusals.any(|refusal| is_of(&refusal.id, policy, rule));
        let told = gaps.first().map(|gap| gap.message.clone());
        match (wanted, is_refused) {
            ("fail", true) | ("pass" | "skip" | "warn" | "error", false) => {
                if let Some(gap) = told.filter(|_| wanted == "pass") {
                    return TestOutcome::Broken(gap);
                }
                TestOutcome::Passed
            }
            _ => {
                let found = if is_refused { "fail" } else { "pass" };
                let gap = told.map_or(String::new(), |gap| format!(" ({gap})"));
                TestOutcome::Failed(vec![format!("expected {wanted}, found {found}{gap}")])
            }
        }
    }

    /// The values of variables for a rule and a resource, by their names with dots.
    fn values_for(&self, policy: &str, rule: &str, resource: &Json) -> Json {
        let mut found = Map::new();
        let mut add = |values: Option<&Json>| {
            for (key, value) in values.and_then(Json::as_object).into_iter().flatten() {
                found.insert(key.clone(), value.clone());
            }
        };
        add(self.values.get("globalValues"));
        let named = |list: Option<&Json>, wanted: &str| -> Vec<Json> {
            let items = list.and_then(Json::as_array).into_iter().flatten();
            items
                .filter(|item| item["name"].as_str() == Some(wanted))
                .cloned()
                .collect()
        };
        let name = resource["metadata"]["name"].as_str().unwrap_or_default();
        for policy in named(self.values.get("policies"), policy) {
            for rule in named(policy.get("rules"), rule) {
                add(rule.get("values"));
            }
            for resource in named(policy.get("resources"), name) {
                add(resource.get("values"));
            }
        }
        Json::Object(found)
    }

    fn namespace_labels(&self, name: Option<&str>) -> Option<Json> {
        let selectors = self.values.get("namespaceSelector")?.as_array()?;
        let found = selectors.iter().find(|one| one["name"].as_str() == name)?;
        Some(serde_json::json!({"metadata": {"name": name, "labels": found["labels"]}}))
    }
}

/// True for the id of a rule, or of a policy without rules.
fn is_of(id: &str, policy: &str, rule: &str) -> bool {
    let id = id.strip_prefix("policy/kyverno/").unwrap_or(id);
    id == format!("{policy}/{rule}") || id == policy
}

fn is_named(resource: &Json, kind: &str, name: &str) -> bool {
    let (namespace, name) = match name.rsplit_once('/') {
        Some((namespace, name)) => (namespace.rsplit('/').next(), name),
        None => (None, name),
    };
    let own = resource["metadata"]["namespace"]
        .as_str()
        .unwrap_or("default");
    let is_kind = kind.is_empty() || resource["kind"].as_str() == Some(kind);
    is_kind
        && resource["metadata"]["name"].as_str() == Some(name)
        && namespace.is_none_or(|namespace| namespace == own)
}

/// The objects of a list.
fn expanded(object: Json) -> Vec<Json> {
    match object.get("items").and_then(Json::as_array) {
        Some(items)
            if object["kind"]
                .as_str()
                .is_some_and(|kind| kind.ends_with("List")) =>
        {
            items.clone()
        }
        _ => vec![object],
    }
}

/// An object, in the namespace `default` if it states none.
fn object(json: Json) -> Object {
    let stated = json["metadata"]["namespace"].as_str().unwrap_or("default");
    let namespace = (!is_cluster_scoped(&json)).then(|| stated.to_string());
    Object { namespace, json }
}
