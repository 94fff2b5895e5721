//! The `clusters` generator: the clusters of the configuration, and those whose Secrets are in the
//! repository, also as the templates of sealed and external Secrets.
//!
//! Argo CD's rules (`applicationset/generators/cluster.go`): a selector matches the labels of the
//! Secret, and without one the cluster that Argo CD runs in counts as well.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::template::normalized;
use crate::config::Cluster;
use crate::repo::agents::OWN_CLUSTER;
use crate::yaml::Node;
use crate::yaml::scalar::base64;

/// The label of the Secrets with which Argo CD knows clusters.
pub(in crate::repo::agents) const LABEL: &str = "argocd.argoproj.io/secret-type";

/// The cluster that an object registers: a Secret, or an object from which one is made.
pub(in crate::repo::agents) fn of_object(object: &Node) -> Option<Cluster> {
    let template = match object.get("kind").and_then(Node::text)? {
        "Secret" => object,
        "SealedSecret" => object.at(&["spec", "template"])?,
        "ExternalSecret" => object.at(&["spec", "target", "template"])?,
        _ => return None,
    };
    let metadata = template.get("metadata")?;
    let labels = texts(metadata.get("labels"));
    if labels.get(LABEL).map(String::as_str) != Some("cluster") {
        return None;
    }
    let value = |key: &str| {
        let plain = || template.at(&["stringData", key]).and_then(Node::text);
        let encoded = || {
            let text = template.at(&["data", key]).and_then(Node::text)?;
            match object.get("kind").and_then(Node::text) {
                Some("Secret") => String::from_utf8(base64(text.trim())?).ok(),
                _ => Some(text.to_string()),
            }
        };
        let found = plain().map(str::to_string).or_else(encoded);
        // an encrypted value, or one that another template fills in
        found.filter(|text| !text.starts_with("ENC[") && !text.contains("{{"))
    };
    let own = object.at(&["metadata", "name"]).and_then(Node::text);
    Some(Cluster {
        name: value("name").or(own.map(str::to_string))?,
        server: value("server").unwrap_or_default(),
        project: value("project").unwrap_or_default(),
        annotations: texts(metadata.get("annotations")),
        labels,
        origin: object.origin,
    })
}

fn texts(map: Option<&Node>) -> BTreeMap<String, String> {
    let entries = map.map_or(&[][..], Node::entries).iter();
    entries
        .filter_map(|entry| Some((entry.key.to_string(), entry.value.text()?.to_string())))
        .collect()
}

/// The parameters of the clusters that a generator selects, by `selects`.
pub(super) fn parameters(
    generator: &Node,
    known: &[Cluster],
    selects: &dyn Fn(&Node, &BTreeMap<String, String>) -> bool,
) -> Vec<Map<String, Value>> {
    let selector = generator.get("selector");
    let empty = selector.is_none_or(|selector| {
        ["matchLabels", "matchExpressions"].iter().all(|key| {
            let part = selector.get(key);
            part.is_none_or(|part| part.entries().is_empty() && part.items().is_empty())
        })
    });
    let chosen = known.iter().filter(|cluster| {
        empty || selector.is_some_and(|selector| selects(selector, &cluster.labels))
    });
    let mut sets: Vec<Map<String, Value>> = chosen.map(values).collect();
    if empty && known.iter().all(|cluster| cluster.server != OWN_CLUSTER.0) {
        sets.push(values(&Cluster {
            name: OWN_CLUSTER.1.to_string(),
            server: OWN_CLUSTER.0.to_string(),
            project: String::new(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            origin: generator.origin,
        }));
    }
    match generator.get("flatList").and_then(Node::as_bool) {
        Some(true) => {
            let all = sets.into_iter().map(Value::Object).collect();
            vec![Map::from_iter([(
                "clusters".to_string(),
                Value::Array(all),
            )])]
        }
        _ => sets,
    }
}

fn values(cluster: &Cluster) -> Map<String, Value> {
    let mut values = Map::new();
    for (key, value) in [
        ("name", json!(cluster.name)),
        ("nameNormalized", json!(normalized(&cluster.name))),
        ("server", json!(cluster.server)),
        ("project", json!(cluster.project)),
        (
            "metadata",
            json!({"labels": cluster.labels, "annotations": cluster.annotations}),
        ),
    ] {
        values.insert(key.to_string(), value);
    }
    values
}
