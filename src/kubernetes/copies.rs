//! Secrets and ConfigMaps that a controller puts into other namespaces: Kyverno's `generate`,
//! Reflector, Config Syncer, Kubernetes Replicator, ClusterSecret, trust-manager, and the service
//! certificates of OpenShift. Source: the documentation of each project.
//!
//! Not here: objects that operators derive from a custom resource beside them (`operators`).

use super::references::Target;
use crate::kustomize::Resource;
use crate::yaml::Node;

/// Annotations that make a controller copy the object into other namespaces.
const COPIED: &[&str] = &[
    "reflector.v1.k8s.emberstack.com/reflection-allowed",
    "reflector.v1.k8s.emberstack.com/reflection-auto-enabled",
    "kubed.appscode.com/sync",
    "replicator.v1.mittwald.de/replicate-to",
    "replicator.v1.mittwald.de/replicate-to-matching",
    "replicator.v1.mittwald.de/replication-allowed",
];

/// Annotations that name the Secret which OpenShift makes for the object.
const SERVING: &[&str] = &[
    "service.beta.openshift.io/serving-cert-secret-name",
    "service.alpha.openshift.io/serving-cert-secret-name",
];

/// True if a Secret or ConfigMap of this name comes into other namespaces because of an object.
pub(crate) fn copies(resource: &Resource, target: Target, name: &str) -> bool {
    let own = resource.name() == name;
    match (resource.kind(), resource.group()) {
        (kind @ ("Secret" | "ConfigMap"), "") => {
            own && kind == target.as_str() && is_copied(resource)
        }
        ("ClusterPolicy" | "Policy", "kyverno.io") => {
            let rules = resource.node.at(&["spec", "rules"]);
            let mut rules = rules.map_or(&[][..], Node::items).iter();
            rules.any(|rule| generates(rule, target, name))
        }
        ("GeneratingPolicy", "policies.kyverno.io") => mentions(&resource.node, name),
        ("ClusterSecret", "clustersecret.io") => own && target == Target::Secret,
        ("Bundle", "trust.cert-manager.io") => own && target == bundle_target(resource),
        ("Service", "") => {
            target == Target::Secret
                && SERVING
                    .iter()
                    .any(|key| annotation(resource, key) == Some(name))
        }
        _ => false,
    }
}

/// True for a Service for which OpenShift makes a Secret.
pub(crate) fn has_serving_certificate(resource: &Resource) -> bool {
    let is_service = resource.kind() == "Service" && resource.group().is_empty();
    is_service
        && SERVING
            .iter()
            .any(|key| annotation(resource, key).is_some())
}

fn annotation<'r>(resource: &'r Resource, key: &str) -> Option<&'r str> {
    let annotations = resource.node.at(&["metadata", "annotations"])?;
    annotations.get(key)?.text()
}

fn is_copied(resource: &Resource) -> bool {
    COPIED
        .iter()
        .filter_map(|key| annotation(resource, key))
        .any(|value| value != "false")
}

/// True if a rule of Kyverno generates the object: by name, by a name that is a template, or as one
/// of a list of kinds.
fn generates(rule: &Node, target: Target, name: &str) -> bool {
    let Some(generate) = rule.get("generate") else {
        return false;
    };
    let text = |key: &str| generate.get(key).and_then(Node::text);
    if let Some(list) = generate.at(&["cloneList", "kinds"]) {
        let mut kinds = list.items().iter().filter_map(Node::text);
        return kinds.any(|kind| kind.rsplit('/').next() == Some(target.as_str()));
    }
    let named = text("name").is_some_and(|own| own == name || own.contains("{{"));
    named && text("kind") == Some(target.as_str())
}

/// trust-manager writes the bundle into a Secret only if the target says so.
fn bundle_target(resource: &Resource) -> Target {
    match resource.node.at(&["spec", "target", "secret"]) {
        Some(_) => Target::Secret,
        None => Target::ConfigMap,
    }
}

/// True if a text at or below a node contains a name.
fn mentions(node: &Node, name: &str) -> bool {
    node.text().is_some_and(|text| text.contains(name))
        || node
            .entries()
            .iter()
            .any(|entry| mentions(&entry.value, name))
        || node.items().iter().any(|item| mentions(item, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{FileId, read};

    fn copied(text: &str, target: Target, name: &str) -> bool {
        let node = read::read(text, FileId(0)).unwrap().documents.remove(0);
        copies(&Resource::new(node), target, name)
    }

    #[test]
    fn copied_into_other_namespaces() {
        let policy = "{apiVersion: kyverno.io/v1, kind: ClusterPolicy, metadata: {name: p}, spec: {rules: [{generate: {kind: Secret, name: pull, clone: {name: pull}}}]}}";
        assert!(copied(policy, Target::Secret, "pull"));
        assert!(!copied(policy, Target::Secret, "push"));
        assert!(!copied(policy, Target::ConfigMap, "pull"));
        let reflected = "{apiVersion: v1, kind: Secret, metadata: {name: tls, annotations: {reflector.v1.k8s.emberstack.com/reflection-allowed: 'true'}}}";
        assert!(copied(reflected, Target::Secret, "tls"));
        assert!(!copied(
            "{apiVersion: v1, kind: Secret, metadata: {name: tls}}",
            Target::Secret,
            "tls"
        ));
        let bundle = "{apiVersion: trust.cert-manager.io/v1alpha1, kind: Bundle, metadata: {name: roots}, spec: {target: {configMap: {key: ca.crt}}}}";
        assert!(copied(bundle, Target::ConfigMap, "roots"));
        let service = "{apiVersion: v1, kind: Service, metadata: {name: s, annotations: {service.beta.openshift.io/serving-cert-secret-name: s-tls}}}";
        assert!(copied(service, Target::Secret, "s-tls"));
    }
}
