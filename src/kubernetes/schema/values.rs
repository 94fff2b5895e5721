//! Rules of the API server about values: names, ports, and lists whose items have to differ.
//!
//! Not here: types and fields (the parent module).

use std::collections::BTreeMap;

use super::refusal::Refusal;
use super::{is_open, syntax};
use crate::kubernetes::part::Part;
use crate::kubernetes::workload::{self, Workload};
use crate::kustomize::Resource;
use crate::yaml::Node;

/// The values of `restartPolicy`.
const RESTART: [&str; 3] = ["Always", "OnFailure", "Never"];
/// Kinds whose pods have to start again when they end.
const ALWAYS: [&str; 4] = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"];

/// The values of an object that the API server refuses, of Kubernetes' own kinds.
pub(crate) fn refused(resource: &Resource) -> Vec<Refusal<'_>> {
    let mut found = Vec::new();
    let workloads = workload::of(resource);
    syntax::refused(resource, &workloads, &mut found);
    let object = Part::new(&resource.node, "");
    if resource.group().contains('.') && !resource.group().ends_with(".k8s.io") {
        return found;
    }
    for workload in &workloads {
        pod(workload, &mut found);
        selector(resource, workload, &mut found);
    }
    if (resource.kind(), resource.group()) == ("Service", "") {
        let ports: Vec<Part> = object.items(&["spec", "ports"]).collect();
        for port in &ports {
            number(port, &["port", "nodePort", "targetPort"], &mut found);
        }
        differ(&ports, |port| key(port, &["name"]), "port name", &mut found);
        differ(&ports, numbered, "port", &mut found);
        if ports.len() > 1 {
            for port in ports.iter().filter(|port| port.node.get("name").is_none()) {
                found.push(Refusal::new(
                    port,
                    "unnamed-port",
                    "has no name, although the Service has several ports",
                    "give every port a `name`",
                ));
            }
        }
    }
    found
}

/// The rules about a pod.
fn pod<'a>(workload: &Workload<'a>, found: &mut Vec<Refusal<'a>>) {
    let pod = Part::new(workload.pod, &*workload.pointer);
    let mut containers = Vec::new();
    for list in ["initContainers", "containers"] {
        containers.extend(pod.items(&[list]));
    }
    differ(
        &containers,
        |one| key(one, &["name"]),
        "container name",
        found,
    );
    let volumes: Vec<Part> = pod.items(&["volumes"]).collect();
    differ(&volumes, |one| key(one, &["name"]), "volume name", found);
    for container in &containers {
        label(container, "container", found);
        let mounts: Vec<Part> = container.items(&["volumeMounts"]).collect();
        differ(&mounts, |one| key(one, &["mountPath"]), "mount path", found);
        let ports: Vec<Part> = container.items(&["ports"]).collect();
        differ(&ports, |one| key(one, &["name"]), "port name", found);
        for port in &ports {
            number(port, &["containerPort", "hostPort"], found);
        }
        mounted(workload, &mounts, &volumes, found);
    }
    if ALWAYS.contains(&workload.resource.kind()) {
        restart(&pod, &["Always"], found);
    }
    if matches!(workload.resource.kind(), "Job" | "CronJob") {
        restart(&pod, &["Never", "OnFailure"], found);
        if pod.node.get("restartPolicy").is_none() {
            found.push(Refusal::new(
                &pod,
                "restart-policy",
                "has no `restartPolicy`, and the default `Always` is not allowed for a Job",
                "set `restartPolicy: Never` or `OnFailure`",
            ));
        }
    }
}

/// Every mount needs a volume of its name. A StatefulSet makes volumes from its claim templates.
fn mounted<'a>(
    workload: &Workload<'a>,
    mounts: &[Part<'a>],
    volumes: &[Part<'a>],
    found: &mut Vec<Refusal<'a>>,
) {
    let claims = workload
        .resource
        .node
        .at(&["spec", "volumeClaimTemplates"])
        .map_or(&[][..], Node::items);
    let claimed = |name: &str| {
        claims
            .iter()
            .any(|claim| claim.at(&["metadata", "name"]).and_then(Node::text) == Some(name))
    };
    let open = |part: &Part| key(part, &["name"]).is_none_or(|(name, _)| is_open(name));
    if volumes.iter().any(open) {
        return;
    }
    for mount in mounts {
        let Some((name, node)) = key(mount, &["name"]).filter(|(name, _)| !is_open(name)) else {
            continue;
        };
        let there = volumes
            .iter()
            .any(|volume| key(volume, &["name"]).is_some_and(|(other, _)| other == name));
        if !there && !claimed(name) {
            found.push(Refusal {
                node,
                pointer: format!("{}/name", mount.pointer),
                kind: "unknown-volume",
                reason: format!("mounts volume `{name}`, which the pod does not have"),
                help: "correct the name, or add the volume to `volumes`",
                first: None,
            });
        }
    }
}

/// The selector of a workload has to select its own pods.
fn selector<'a>(resource: &'a Resource, workload: &Workload<'a>, found: &mut Vec<Refusal<'a>>) {
    if !ALWAYS.contains(&resource.kind()) || resource.group() != "apps" {
        return;
    }
    let labels = resource.node.at(&["spec", "selector", "matchLabels"]);
    for entry in labels.map_or(&[][..], Node::entries) {
        let present = workload
            .metadata
            .and_then(|metadata| metadata.at(&["labels", &entry.key]));
        let (wanted, text) = (entry.value.raw(), present.map_or("", Node::raw));
        if present.is_some() && (wanted == text || is_open(wanted) || is_open(text)) {
            continue;
        }
        found.push(Refusal {
            node: &entry.value,
            pointer: format!(
                "/spec/selector/matchLabels/{}",
                crate::yaml::escape_pointer(&entry.key)
            ),
            kind: "selector-mismatch",
            reason: format!(
                "selects pods with `{}: {wanted}`, but its own pod template does not have this label",
                entry.key
            ),
            help: "use the same labels in `spec.selector.matchLabels` and in `spec.template.metadata.labels`",
            first: present,
        });
    }
}

/// A DNS label: `[a-z0-9]([-a-z0-9]*[a-z0-9])?`, at most 63 letters.
fn label<'a>(holder: &Part<'a>, noun: &str, found: &mut Vec<Refusal<'a>>) {
    let Some((name, node)) = key(holder, &["name"]).filter(|(name, _)| !is_open(name)) else {
        return;
    };
    let letters = name
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if letters && !name.starts_with('-') && !name.ends_with('-') && name.len() <= 63 {
        return;
    }
    found.push(Refusal {
        node,
        pointer: format!("{}/name", holder.pointer),
        kind: "invalid-name",
        reason: format!("has the invalid {noun} name `{name}`"),
        help: "use at most 63 lower-case letters, digits and `-`, with a letter or digit at both ends",
        first: None,
    });
}

/// Port numbers are between 1 and 65535.
fn number<'a>(holder: &Part<'a>, fields: &[&str], found: &mut Vec<Refusal<'a>>) {
    for field in fields {
        let Some(port) = holder.at(&[field]) else {
            continue;
        };
        let Some(value) = port.node.as_int() else {
            continue;
        };
        // 0 stands for a field that is not set, where it may be left out
        let optional = matches!(*field, "nodePort" | "hostPort");
        if (1..=65535).contains(&value) || (optional && value == 0) {
            continue;
        }
        found.push(Refusal {
            kind: "invalid-port",
            reason: format!("has the invalid port {value}"),
            help: "use a port between 1 and 65535",
            ..Refusal::new(&port, "", "", "")
        });
    }
}

fn restart<'a>(holder: &Part<'a>, values: &[&str], found: &mut Vec<Refusal<'a>>) {
    let field = "restartPolicy";
    let Some((text, node)) = key(holder, &[field]).filter(|(text, _)| !is_open(text)) else {
        return;
    };
    // the schema reports other words
    if values.contains(&text) || !RESTART.contains(&text) {
        return;
    }
    found.push(Refusal {
        node,
        pointer: format!("{}/{field}", holder.pointer),
        kind: "invalid-choice",
        reason: format!(
            "has `{field}: {text}`; only {} is allowed here",
            values
                .iter()
                .map(|value| format!("`{value}`"))
                .collect::<Vec<_>>()
                .join(" or ")
        ),
        help: "use one of the allowed values",
        first: None,
    });
}

/// Items that have to differ in a key: reports each one that repeats an earlier one.
fn differ<'a, K: Ord>(
    items: &[Part<'a>],
    key: impl Fn(&Part<'a>) -> Option<(K, &'a Node)>,
    noun: &str,
    found: &mut Vec<Refusal<'a>>,
) {
    let mut seen: BTreeMap<K, &'a Node> = BTreeMap::new();
    for item in items {
        let Some((key, node)) = key(item) else {
            continue;
        };
        if is_open(node.raw()) {
            continue;
        }
        match seen.get(&key) {
            Some(first) => found.push(Refusal {
                node,
                pointer: item.pointer.clone(),
                kind: "duplicate",
                reason: format!("has the {noun} `{}` twice", node.raw()),
                help: "remove one of the two, or give it another name",
                first: Some(first),
            }),
            None => {
                seen.insert(key, node);
            }
        }
    }
}

fn key<'a>(part: &Part<'a>, path: &[&str]) -> Option<(&'a str, &'a Node)> {
    let node = part.node.at(path)?;
    Some((node.text().filter(|text| !text.is_empty())?, node))
}

/// The number and protocol of a port of a Service.
fn numbered<'a>(part: &Part<'a>) -> Option<((&'a str, &'a str), &'a Node)> {
    let (port, node) = key(part, &["port"])?;
    let protocol = key(part, &["protocol"]).map_or("TCP", |(protocol, _)| protocol);
    Some(((port, protocol), node))
}
