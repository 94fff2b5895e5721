//! Which Secrets and ConfigMaps an object needs, and which objects provide them: Kubernetes' own,
//! and the custom resources from which an operator makes them.
//!
//! Not here: whether something is missing (`rules`).

use std::collections::BTreeSet;

use super::workload::Workload;
use crate::kustomize::Resource;
use crate::yaml::{Data, Node, escape_pointer};

/// What is needed or provided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// A Secret.
    Secret,
    /// A ConfigMap.
    ConfigMap,
}

impl Target {
    /// The kind.
    pub fn as_str(self) -> &'static str {
        match self {
            Target::Secret => "Secret",
            Target::ConfigMap => "ConfigMap",
        }
    }
}

/// What a reference is for; decides how sure a missing object is a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// A container or volume does not start without it.
    Pod,
    /// Credentials for pulling images, which clusters are often given by hand.
    Pull,
    /// A certificate, which ingress controllers are often given by hand.
    Certificate,
}

/// A need.
#[derive(Clone, Debug)]
pub struct Reference<'a> {
    /// The object that needs it.
    pub resource: &'a Resource,
    /// What it needs.
    pub target: Target,
    /// The name.
    pub name: &'a str,
    /// The value that holds the name.
    pub node: &'a Node,
    /// Where that value stands.
    pub pointer: String,
    /// Keys that it needs, each with the value that names it and where that stands.
    pub keys: Vec<(&'a str, &'a Node, String)>,
    /// What it is for.
    pub purpose: Use,
    /// `variable DB_URL of container api`.
    pub description: String,
}

/// An object that makes a Secret or ConfigMap available.
#[derive(Clone, Debug)]
pub struct Provider<'a> {
    /// The object.
    pub resource: &'a Resource,
    /// What it provides.
    pub target: Target,
    /// The name that the provided object has.
    pub name: &'a str,
    /// Its namespace; `None` when unknown or in every namespace.
    pub namespace: Option<&'a str>,
    /// Its keys; `None` when they are not known from the repo.
    pub keys: Option<BTreeSet<&'a str>>,
    /// Whether it makes the object, or only adds keys to one that somebody else makes.
    pub creates: bool,
}

/// Whether two namespaces can be the same: one that is not set is filled in by the agent.
pub fn compatible(one: Option<&str>, other: Option<&str>) -> bool {
    one.is_none() || other.is_none() || one == other
}

fn text<'a>(node: &'a Node, path: &[&str]) -> Option<&'a str> {
    node.at(path)
        .and_then(Node::text)
        .filter(|text| !text.is_empty())
}

fn map_keys<'a>(node: &'a Node, path: &[&str]) -> BTreeSet<&'a str> {
    node.at(path)
        .map_or(&[][..], Node::entries)
        .iter()
        .map(|entry| &*entry.key)
        .collect()
}

fn list_keys<'a>(node: &'a Node, path: &[&str], key: &str) -> BTreeSet<&'a str> {
    node.at(path)
        .map_or(&[][..], Node::items)
        .iter()
        .filter_map(|item| text(item, &[key]))
        .collect()
}

/// Adds what a pod template needs.
pub fn needed_by_workload<'a>(workload: &Workload<'a>, found: &mut Vec<Reference<'a>>) {
    let resource = workload.resource;
    // one reference; a name that is not there or optional is none
    let mut add = |target,
                   holder: &'a Node,
                   field: &str,
                   pointer: String,
                   keys,
                   purpose,
                   description: String| {
        if holder.get("optional").and_then(Node::as_bool) == Some(true) {
            return;
        }
        let Some(node) = holder.get(field) else {
            return;
        };
        let Some(name) = node.text().filter(|name| !name.is_empty()) else {
            return;
        };
        found.push(Reference {
            resource,
            target,
            name,
            node,
            pointer: format!("{pointer}/{field}"),
            keys,
            purpose,
            description,
        });
    };
    for container in &workload.containers {
        for (index, variable) in container
            .node
            .get("env")
            .map_or(&[][..], Node::items)
            .iter()
            .enumerate()
        {
            let variable_name = text(variable, &["name"]).unwrap_or_default();
            for (field, target) in [
                ("secretKeyRef", Target::Secret),
                ("configMapKeyRef", Target::ConfigMap),
            ] {
                let Some(holder) = variable.at(&["valueFrom", field]) else {
                    continue;
                };
                let pointer = format!("{}/env/{index}/valueFrom/{field}", container.pointer);
                let keys = holder
                    .get("key")
                    .and_then(|key| Some((key.text()?, key, format!("{pointer}/key"))))
                    .into_iter()
                    .collect();
                let description = format!(
                    "variable `{variable_name}` of container `{}`",
                    container.name
                );
                add(target, holder, "name", pointer, keys, Use::Pod, description);
            }
        }
        for (index, source) in container
            .node
            .get("envFrom")
            .map_or(&[][..], Node::items)
            .iter()
            .enumerate()
        {
            for (field, target) in [
                ("secretRef", Target::Secret),
                ("configMapRef", Target::ConfigMap),
            ] {
                let Some(holder) = source.get(field) else {
                    continue;
                };
                let pointer = format!("{}/envFrom/{index}/{field}", container.pointer);
                add(
                    target,
                    holder,
                    "name",
                    pointer,
                    Vec::new(),
                    Use::Pod,
                    format!("`envFrom` of container `{}`", container.name),
                );
            }
        }
    }
    for (index, volume) in workload
        .pod
        .get("volumes")
        .map_or(&[][..], Node::items)
        .iter()
        .enumerate()
    {
        let description = || format!("volume `{}`", text(volume, &["name"]).unwrap_or_default());
        let pointer = format!("{}/volumes/{index}", workload.pointer);
        for (field, name, target) in [
            ("secret", "secretName", Target::Secret),
            ("configMap", "name", Target::ConfigMap),
        ] {
            let Some(holder) = volume.get(field) else {
                continue;
            };
            let pointer = format!("{pointer}/{field}");
            add(
                target,
                holder,
                name,
                pointer.clone(),
                item_keys(holder, &pointer),
                Use::Pod,
                description(),
            );
        }
        for (at, source) in volume
            .at(&["projected", "sources"])
            .map_or(&[][..], Node::items)
            .iter()
            .enumerate()
        {
            for (field, target) in [("secret", Target::Secret), ("configMap", Target::ConfigMap)] {
                let Some(holder) = source.get(field) else {
                    continue;
                };
                let pointer = format!("{pointer}/projected/sources/{at}/{field}");
                add(
                    target,
                    holder,
                    "name",
                    pointer.clone(),
                    item_keys(holder, &pointer),
                    Use::Pod,
                    description(),
                );
            }
        }
        if let Some(holder) = volume.at(&["csi", "nodePublishSecretRef"]) {
            add(
                Target::Secret,
                holder,
                "name",
                format!("{pointer}/csi/nodePublishSecretRef"),
                Vec::new(),
                Use::Pod,
                description(),
            );
        }
    }
    for (index, holder) in workload
        .pod
        .get("imagePullSecrets")
        .map_or(&[][..], Node::items)
        .iter()
        .enumerate()
    {
        let pointer = format!("{}/imagePullSecrets/{index}", workload.pointer);
        add(
            Target::Secret,
            holder,
            "name",
            pointer,
            Vec::new(),
            Use::Pull,
            "`imagePullSecrets`".into(),
        );
    }
}

fn item_keys<'a>(holder: &'a Node, pointer: &str) -> Vec<(&'a str, &'a Node, String)> {
    let items = holder
        .get("items")
        .map_or(&[][..], Node::items)
        .iter()
        .enumerate();
    items
        .filter_map(|(index, item)| {
            Some((
                item.get("key")?.text()?,
                item.get("key")?,
                format!("{pointer}/items/{index}/key"),
            ))
        })
        .collect()
}

/// Adds what objects other than workloads need.
pub fn needed_by_object<'a>(resource: &'a Resource, found: &mut Vec<Reference<'a>>) {
    let node = &resource.node;
    let mut add = |name: Option<&'a Node>, pointer: String, purpose, description: &str| {
        let Some((node, name)) = name
            .and_then(|node| Some((node, node.text()?)))
            .filter(|(_, name)| !name.is_empty())
        else {
            return;
        };
        let description = description.to_string();
        found.push(Reference {
            resource,
            target: Target::Secret,
            name,
            node,
            pointer,
            keys: Vec::new(),
            purpose,
            description,
        });
    };
    match (resource.kind(), resource.group()) {
        ("ServiceAccount", "") => {
            for (index, item) in node
                .get("imagePullSecrets")
                .map_or(&[][..], Node::items)
                .iter()
                .enumerate()
            {
                add(
                    item.get("name"),
                    format!("/imagePullSecrets/{index}/name"),
                    Use::Pull,
                    "`imagePullSecrets`",
                );
            }
        }
        ("Ingress", _) if !makes_certificates(resource) => {
            for (index, item) in node
                .at(&["spec", "tls"])
                .map_or(&[][..], Node::items)
                .iter()
                .enumerate()
            {
                add(
                    item.get("secretName"),
                    format!("/spec/tls/{index}/secretName"),
                    Use::Certificate,
                    "`tls`",
                );
            }
        }
        ("Gateway", "gateway.networking.k8s.io") if !makes_certificates(resource) => {
            for (index, listener) in node
                .at(&["spec", "listeners"])
                .map_or(&[][..], Node::items)
                .iter()
                .enumerate()
            {
                for (at, item) in listener
                    .at(&["tls", "certificateRefs"])
                    .map_or(&[][..], Node::items)
                    .iter()
                    .enumerate()
                {
                    let secret = text(item, &["kind"]).is_none_or(|kind| kind == "Secret");
                    if secret && text(item, &["namespace"]).is_none() {
                        let pointer =
                            format!("/spec/listeners/{index}/tls/certificateRefs/{at}/name");
                        add(
                            item.get("name"),
                            pointer,
                            Use::Certificate,
                            "`certificateRefs`",
                        );
                    }
                }
            }
        }
        _ => {}
    }
}

/// Whether cert-manager, asked by an annotation, makes the certificate of an Ingress or Gateway.
fn makes_certificates(resource: &Resource) -> bool {
    let annotations = resource
        .node
        .at(&["metadata", "annotations"])
        .map_or(&[][..], Node::entries);
    annotations.iter().any(|entry| {
        matches!(
            &*entry.key,
            "cert-manager.io/issuer"
                | "cert-manager.io/cluster-issuer"
                | "cert-manager.io/issuer-kind"
                | "kubernetes.io/tls-acme"
                | "certmanager.k8s.io/issuer"
                | "certmanager.k8s.io/cluster-issuer"
        )
    })
}

/// Adds what an object provides.
pub fn provided_by<'a>(resource: &'a Resource, found: &mut Vec<Provider<'a>>) {
    let node = &resource.node;
    let own = resource.name();
    let spec = |path: &[&str]| node.get("spec").and_then(|spec| text(spec, path));
    let mut add = |target, name: &'a str, keys| {
        let namespace = if replicated(resource) {
            None
        } else {
            resource.namespace()
        };
        found.push(Provider {
            resource,
            target,
            name,
            namespace,
            keys,
            creates: true,
        });
    };
    let secret = Target::Secret;
    let group = resource.group();
    match (resource.kind(), group) {
        ("Secret", "") => {
            let token = text(node, &["type"]) == Some("kubernetes.io/service-account-token");
            let keys = &map_keys(node, &["data"]) | &map_keys(node, &["stringData"]);
            add(secret, own, (!token).then_some(keys));
        }
        ("ConfigMap", "") => {
            let injected = map_keys(node, &["metadata", "annotations"])
                .iter()
                .any(|key| key.contains("inject"))
                || map_keys(node, &["metadata", "labels"])
                    .iter()
                    .any(|key| key.contains("inject"));
            let keys = &map_keys(node, &["data"]) | &map_keys(node, &["binaryData"]);
            add(Target::ConfigMap, own, (!injected).then_some(keys));
        }
        ("ExternalSecret", "external-secrets.io") => found.extend(external_secret(
            resource,
            node.get("spec"),
            own,
            resource.namespace(),
        )),
        ("ClusterExternalSecret", "external-secrets.io") => {
            let name = spec(&["externalSecretName"]).unwrap_or(own);
            found.extend(external_secret(
                resource,
                node.at(&["spec", "externalSecretSpec"]),
                name,
                None,
            ));
        }
        ("ExternalSecret", "kubernetes-client.io") => {
            let open = node.at(&["spec", "dataFrom"]).is_some();
            let data = if node.at(&["spec", "data"]).is_some() {
                &["spec", "data"][..]
            } else {
                &["secretDescriptor", "data"][..]
            };
            add(secret, own, (!open).then(|| list_keys(node, data, "name")));
        }
        ("SealedSecret", "bitnami.com") => {
            let keys = &map_keys(node, &["spec", "encryptedData"])
                | &map_keys(node, &["spec", "template", "data"]);
            let open = node.at(&["spec", "data"]).is_some();
            add(
                secret,
                spec(&["template", "metadata", "name"]).unwrap_or(own),
                (!open).then_some(keys),
            );
        }
        ("Certificate", "cert-manager.io" | "certmanager.k8s.io") => {
            let plain = node.at(&["spec", "keystores"]).is_none()
                && node.at(&["spec", "additionalOutputFormats"]).is_none();
            if let Some(name) = spec(&["secretName"]) {
                add(
                    secret,
                    name,
                    plain.then(|| BTreeSet::from(["tls.crt", "tls.key", "ca.crt"])),
                );
            }
        }
        ("SecretProviderClass", "secrets-store.csi.x-k8s.io") => {
            for object in node
                .at(&["spec", "secretObjects"])
                .map_or(&[][..], Node::items)
            {
                if let Some(name) = text(object, &["secretName"]) {
                    add(secret, name, Some(list_keys(object, &["data"], "key")));
                }
            }
        }
        (
            "VaultStaticSecret" | "VaultDynamicSecret" | "VaultPKISecret" | "HCPVaultSecretsApp",
            "secrets.hashicorp.com",
        ) => {
            if let Some(name) = spec(&["destination", "name"]) {
                let creates = node
                    .at(&["spec", "destination", "create"])
                    .and_then(Node::as_bool)
                    == Some(true);
                found.push(Provider {
                    resource,
                    target: secret,
                    name,
                    namespace: resource.namespace(),
                    keys: None,
                    creates,
                });
            }
        }
        ("DopplerSecret", _) => add(
            secret,
            spec(&["managedSecret", "name"]).unwrap_or(own),
            None,
        ),
        ("InfisicalSecret", _) => {
            if let Some(name) = spec(&["managedSecretReference", "secretName"]) {
                add(secret, name, None);
            }
            for item in node
                .at(&["spec", "managedKubeSecretReferences"])
                .map_or(&[][..], Node::items)
            {
                if let Some(name) = text(item, &["secretName"]) {
                    add(secret, name, None);
                }
            }
        }
        ("AzureKeyVaultSecret", _) => {
            if let Some(name) = spec(&["output", "secret", "name"]) {
                add(secret, name, None);
            }
            if let Some(name) = spec(&["output", "configMap", "name"]) {
                add(Target::ConfigMap, name, None);
            }
        }
        ("SopsSecret", _) => {
            for list in ["secretTemplates", "secret_templates", "secrets"] {
                for template in node.at(&["spec", list]).map_or(&[][..], Node::items) {
                    if let Some(name) = text(template, &["name"]) {
                        add(
                            secret,
                            name,
                            Some(
                                &map_keys(template, &["data"])
                                    | &map_keys(template, &["stringData"]),
                            ),
                        );
                    }
                }
            }
        }
        ("ObjectBucketClaim", _) => {
            add(secret, own, None);
            add(Target::ConfigMap, own, None);
        }
        ("Bundle", "trust.cert-manager.io") => {
            found.push(Provider {
                resource,
                target: Target::ConfigMap,
                name: own,
                namespace: None,
                keys: None,
                creates: true,
            });
            found.push(Provider {
                resource,
                target: secret,
                name: own,
                namespace: None,
                keys: None,
                creates: true,
            });
        }
        ("Service", "") => {
            for key in [
                "service.beta.openshift.io/serving-cert-secret-name",
                "service.alpha.openshift.io/serving-cert-secret-name",
            ] {
                if let Some(name) = text(node, &["metadata", "annotations", key]) {
                    add(secret, name, None);
                }
            }
        }
        (
            "OnePasswordItem" | "VaultSecret" | "KafkaUser" | "SecretSync" | "AWSSecret"
            | "GCPSecret" | "BitwardenSecret",
            _,
        ) => {
            add(secret, spec(&["secretName"]).unwrap_or(own), None);
        }
        // an operator's custom resource that says which Secret it writes
        (_, group) if group.contains('.') && !group.ends_with(".k8s.io") => {
            for path in [
                &["writeConnectionSecretToRef", "name"][..],
                &["connectionSecretRef", "name"],
                &["outputSecretName"],
                &["writeOutputsToSecret", "name"],
            ] {
                if let Some(name) = spec(path) {
                    add(secret, name, None);
                }
            }
        }
        _ => {}
    }
}

/// Whether an annotation asks a controller to copy the object into other namespaces.
fn replicated(resource: &Resource) -> bool {
    map_keys(&resource.node, &["metadata", "annotations"])
        .iter()
        .any(|key| {
            key.starts_with("reflector.v1.k8s.emberstack.com/")
                || key.starts_with("replicator.v1.mittwald.de/")
                || key.starts_with("kubed.appscode.com/")
        })
}

fn external_secret<'a>(
    resource: &'a Resource,
    spec: Option<&'a Node>,
    default_name: &'a str,
    namespace: Option<&'a str>,
) -> Option<Provider<'a>> {
    let spec = spec?;
    let target = match text(spec, &["target", "manifest", "kind"]) {
        None | Some("Secret") => Target::Secret,
        Some("ConfigMap") => Target::ConfigMap,
        Some(_) => return None,
    };
    let template = spec.at(&["target", "template"]);
    let from_template = template
        .map(|template| map_keys(template, &["data"]))
        .unwrap_or_default();
    let open = spec
        .get("dataFrom")
        .is_some_and(|list| !list.items().is_empty());
    let open_template = template.is_some_and(|template| template.get("templateFrom").is_some());
    let merged = template.is_some_and(|template| text(template, &["mergePolicy"]) == Some("Merge"));
    let from_data = list_keys(spec, &["data"], "secretKey");
    // a template's data replaces what was fetched, unless it is told to merge
    let keys = match (from_template.is_empty() && !open_template, merged) {
        (true, _) => (!open).then_some(from_data),
        (false, false) => (!open_template).then_some(from_template),
        (false, true) => (!open && !open_template).then(|| &from_template | &from_data),
    };
    let creates = !matches!(
        text(spec, &["target", "creationPolicy"]),
        Some("Merge" | "None")
    );
    Some(Provider {
        resource,
        target,
        name: text(spec, &["target", "name"]).unwrap_or(default_name),
        namespace,
        keys,
        creates,
    })
}

/// Calls `visit` with every scalar below a node and its pointer.
pub fn scalars<'a>(node: &'a Node, pointer: &mut String, visit: &mut dyn FnMut(&'a Node, &str)) {
    let length = pointer.len();
    match &node.data {
        Data::Scalar(_) => visit(node, pointer),
        Data::Map(map) => {
            for entry in &map.entries {
                pointer.push('/');
                pointer.push_str(&escape_pointer(&entry.key));
                scalars(&entry.value, pointer, visit);
                pointer.truncate(length);
            }
        }
        Data::List(list) => {
            for (index, item) in list.items.iter().enumerate() {
                pointer.push('/');
                pointer.push_str(&index.to_string());
                scalars(item, pointer, visit);
                pointer.truncate(length);
            }
        }
    }
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
