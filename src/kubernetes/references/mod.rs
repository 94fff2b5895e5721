//! Which Secrets and ConfigMaps an object needs, and which objects provide them: Kubernetes' own,
//! and custom resources from which an operator makes them.
//!
//! Here: the types. `pods` reads what pod templates need, `objects` what other objects need, `values`
//! what releases need, `providers` what objects provide. Not here: whether something is missing (`rules`).

mod objects;
mod pods;
mod providers;
mod values;

use std::collections::BTreeSet;

use super::part::Part;
use crate::kustomize::Resource;
use crate::yaml::Node;

pub(crate) use objects::needed_by_object;
pub(crate) use pods::needed_by_workload;
pub(crate) use providers::provided_by;
pub(crate) use values::needed_by_values;

/// The kind of object that is needed or provided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// A Secret.
    Secret,
    /// A ConfigMap.
    ConfigMap,
}

impl Target {
    /// The kind as it is written in a manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Target::Secret => "Secret",
            Target::ConfigMap => "ConfigMap",
        }
    }
}

/// The purpose of a reference. A missing object is a sure mistake for some uses only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// The pod does not start without it.
    Pod,
    /// A release is not installed without it.
    Values,
    /// Credentials for pulling images. Many clusters get them by hand.
    Pull,
    /// A certificate. Many ingress controllers get theirs by hand.
    Certificate,
}

/// A value that names a Secret or ConfigMap which an object needs.
#[derive(Clone, Debug)]
pub struct Reference<'a> {
    /// The object that needs it.
    pub resource: &'a Resource,
    /// The namespace in which it is needed; `None` if that is not written.
    pub namespace: Option<&'a str>,
    /// The kind that it needs.
    pub target: Target,
    /// The name that it needs.
    pub name: &'a str,
    /// The value that holds the name.
    pub node: &'a Node,
    /// The JSON pointer to that value.
    pub pointer: String,
    /// The keys that it needs, each with the value that names it and the JSON pointer to that.
    pub keys: Vec<(&'a str, &'a Node, String)>,
    /// The purpose.
    pub purpose: Use,
    /// The holder of the reference, for people: ``variable `DB_URL` of container `api` ``.
    pub description: String,
}

/// An object that makes a Secret or ConfigMap available.
#[derive(Clone, Debug)]
pub struct Provider<'a> {
    /// The object.
    pub resource: &'a Resource,
    /// The kind that it provides.
    pub target: Target,
    /// The name of the provided object.
    pub name: &'a str,
    /// Its namespace; `None` if it is unknown, or if the object is copied to other namespaces.
    pub namespace: Option<&'a str>,
    /// Its keys; `None` if the repo does not tell them.
    pub keys: Option<BTreeSet<&'a str>>,
    /// True if it creates the object, false if it only adds keys to an object that exists.
    pub creates: bool,
}

impl<'a> Reference<'a> {
    /// A reference to the object with the name in `name`; `None` if the name is empty.
    fn new(
        resource: &'a Resource,
        target: Target,
        name: Part<'a>,
        (purpose, description): (Use, String),
    ) -> Option<Reference<'a>> {
        Some(Reference {
            resource,
            namespace: resource.namespace(),
            target,
            name: filled(name.node)?,
            node: name.node,
            pointer: name.pointer,
            keys: Vec::new(),
            purpose,
            description,
        })
    }
}

/// True if two namespaces can be the same. The agent fills in a namespace that is not set.
pub(crate) fn compatible(one: Option<&str>, other: Option<&str>) -> bool {
    one.is_none() || other.is_none() || one == other
}

fn filled(node: &Node) -> Option<&str> {
    node.text().filter(|text| !text.is_empty())
}

fn text<'a>(node: &'a Node, path: &[&str]) -> Option<&'a str> {
    node.at(path).and_then(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::workload;
    use crate::yaml::{FileId, read};

    fn resource(text: &str) -> Resource {
        let node = read::read(text, FileId(0)).unwrap().documents.remove(0);
        Resource::new(node)
    }

    fn provided(text: &str) -> Vec<(String, Option<Vec<String>>, bool)> {
        let resource = resource(text);
        let mut found = Vec::new();
        provided_by(&resource, &mut found);
        found
            .iter()
            .map(|p| {
                (
                    p.name.to_string(),
                    p.keys
                        .as_ref()
                        .map(|keys| keys.iter().map(ToString::to_string).collect()),
                    p.creates,
                )
            })
            .collect()
    }

    #[test]
    fn what_provides_a_secret() {
        let keys = |keys: &[&str]| Some(keys.iter().map(ToString::to_string).collect::<Vec<_>>());
        for (text, expected) in [
            (
                "{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {x: eA==}, stringData: {y: z}}",
                ("a", keys(&["x", "y"]), true),
            ),
            (
                "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: a}, spec: {data: [{secretKey: k}]}}",
                ("a", keys(&["k"]), true),
            ),
            (
                "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: a}, spec: {target: {name: b}, dataFrom: [{extract: {key: x}}]}}",
                ("b", None, true),
            ),
            (
                "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: a}, spec: {target: {template: {data: {url: x}}}, data: [{secretKey: k}]}}",
                ("a", keys(&["url"]), true),
            ),
            (
                "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: a}, spec: {target: {creationPolicy: Merge}, data: [{secretKey: k}]}}",
                ("a", keys(&["k"]), false),
            ),
            (
                "{apiVersion: bitnami.com/v1alpha1, kind: SealedSecret, metadata: {name: a}, spec: {encryptedData: {k: x}}}",
                ("a", keys(&["k"]), true),
            ),
            (
                "{apiVersion: secrets.hashicorp.com/v1beta1, kind: VaultStaticSecret, metadata: {name: a}, spec: {destination: {name: b}}}",
                ("b", None, false),
            ),
            (
                "{apiVersion: onepassword.com/v1, kind: OnePasswordItem, metadata: {name: a}}",
                ("a", None, true),
            ),
        ] {
            assert_eq!(
                provided(text),
                [(expected.0.to_string(), expected.1, expected.2)],
                "{text}"
            );
        }
        assert!(
            provided("{apiVersion: generators.external-secrets.io/v1alpha1, kind: VaultDynamicSecret, metadata: {name: a}}").is_empty()
        );
    }

    #[test]
    fn what_a_pod_needs() {
        let pod = resource(
            "{apiVersion: v1, kind: Pod, spec: {imagePullSecrets: [{name: p}], containers: [{name: c, image: i, env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}, \
             {name: B, valueFrom: {configMapKeyRef: {name: m, key: k, optional: true}}}], envFrom: [{configMapRef: {name: e}}]}], \
             volumes: [{name: v, secret: {secretName: t, items: [{key: x, path: y}]}}, {name: w, projected: {sources: [{configMap: {name: q}}]}}]}}",
        );
        let mut found = Vec::new();
        needed_by_workload(&workload::of(&pod)[0], &mut found);
        let names: Vec<_> = found.iter().map(|r| (r.name, r.keys.len())).collect();
        assert_eq!(names, [("s", 1), ("e", 0), ("t", 1), ("q", 0), ("p", 0)]);
        assert!(
            found
                .iter()
                .all(|r| pod.node.pointer(&r.pointer).and_then(Node::text) == Some(r.name))
        );
    }
}
