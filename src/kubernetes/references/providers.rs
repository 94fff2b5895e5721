//! The Secrets and ConfigMaps that an object provides.
//!
//! Not here: names that follow from the name of a custom resource (`operators`).

use std::collections::BTreeSet;

use super::Target::{ConfigMap, Secret};
use super::{Provider, Target, filled, text};
use crate::kustomize::Resource;
use crate::yaml::Node;

/// A custom resource from which an operator makes an object whose keys the repo does not tell:
/// kinds, made kind, the path to the name, and whether the name defaults to the resource's own. A
/// path goes through all items of a list at `*`.
type Maker = (
    &'static [&'static str],
    Target,
    &'static [&'static str],
    bool,
);

const MAKERS: [Maker; 8] = [
    (
        &[
            "AWSSecret",
            "BitwardenSecret",
            "GCPSecret",
            "KafkaUser",
            "OnePasswordItem",
            "SecretSync",
            "VaultSecret",
        ],
        Secret,
        &["spec", "secretName"],
        true,
    ),
    (
        &["DopplerSecret"],
        Secret,
        &["spec", "managedSecret", "name"],
        true,
    ),
    (
        &["InfisicalSecret"],
        Secret,
        &["spec", "managedSecretReference", "secretName"],
        false,
    ),
    (
        &["InfisicalSecret"],
        Secret,
        &["spec", "managedKubeSecretReferences", "*", "secretName"],
        false,
    ),
    (
        &["AzureKeyVaultSecret"],
        Secret,
        &["spec", "output", "secret", "name"],
        false,
    ),
    (
        &["AzureKeyVaultSecret"],
        ConfigMap,
        &["spec", "output", "configMap", "name"],
        false,
    ),
    (&["ObjectBucketClaim"], Secret, &[], true),
    (&["ObjectBucketClaim"], ConfigMap, &[], true),
];

/// Where custom resources of any other kind name the Secret that their operator writes.
const WRITTEN: [&[&str]; 4] = [
    &["spec", "writeConnectionSecretToRef", "name"],
    &["spec", "connectionSecretRef", "name"],
    &["spec", "outputSecretName"],
    &["spec", "writeOutputsToSecret", "name"],
];

/// Where a Service of OpenShift names the Secret for its certificate.
const SERVING_CERTIFICATE: [&[&str]; 2] = [
    &[
        "metadata",
        "annotations",
        "service.beta.openshift.io/serving-cert-secret-name",
    ],
    &[
        "metadata",
        "annotations",
        "service.alpha.openshift.io/serving-cert-secret-name",
    ],
];

/// Adds what an object provides.
pub(crate) fn provided_by<'a>(resource: &'a Resource, found: &mut Vec<Provider<'a>>) {
    match (resource.kind(), resource.group()) {
        ("Secret", "") => found.push(secret(resource)),
        ("ConfigMap", "") => found.push(config_map(resource)),
        ("ExternalSecret" | "ClusterExternalSecret", "external-secrets.io") => {
            found.extend(external_secret(resource));
        }
        ("ExternalSecret", "kubernetes-client.io") => found.push(old_external_secret(resource)),
        ("SealedSecret", "bitnami.com") => found.push(sealed_secret(resource)),
        ("Certificate", "cert-manager.io" | "certmanager.k8s.io") => {
            found.extend(certificate(resource));
        }
        ("SecretProviderClass", "secrets-store.csi.x-k8s.io") => {
            let objects = items(&resource.node, &["spec", "secretObjects"]);
            found.extend(objects.iter().filter_map(|object| {
                let provider = Provider::new(resource, Secret, text(object, &["secretName"])?);
                Some(provider.with_keys(list_keys(object, &["data"], "key")))
            }));
        }
        (
            "VaultStaticSecret" | "VaultDynamicSecret" | "VaultPKISecret" | "HCPVaultSecretsApp",
            "secrets.hashicorp.com",
        ) => found.extend(vault_secret(resource)),
        ("SopsSecret", _) => {
            let lists = ["secretTemplates", "secret_templates", "secrets"];
            let templates = lists
                .iter()
                .flat_map(|list| items(&resource.node, &["spec", list]));
            found.extend(templates.filter_map(|template| {
                let provider = Provider::new(resource, Secret, text(template, &["name"])?);
                Some(provider.with_keys(data_keys(template, "stringData")))
            }));
        }
        ("Bundle", "trust.cert-manager.io") => {
            found.extend([ConfigMap, Secret].map(|target| Provider {
                namespace: None,
                ..Provider::new(resource, target, resource.name())
            }));
        }
        ("Service", "") => found.extend(named_at(resource, &SERVING_CERTIFICATE)),
        (kind, group) => {
            let makers = || MAKERS.iter().filter(|(kinds, ..)| kinds.contains(&kind));
            found.extend(makers().flat_map(|maker| made(resource, maker)));
            let custom = group.contains('.') && !group.ends_with(".k8s.io");
            if custom && makers().next().is_none() {
                found.extend(named_at(resource, &WRITTEN));
            }
        }
    }
}

impl<'a> Provider<'a> {
    /// An object that creates another one, whose keys are not known.
    fn new(resource: &'a Resource, target: Target, name: &'a str) -> Provider<'a> {
        Provider {
            resource,
            target,
            name,
            namespace: resource.namespace().filter(|_| !is_copied(resource)),
            keys: None,
            creates: true,
        }
    }

    fn with_keys(self, keys: impl Into<Option<BTreeSet<&'a str>>>) -> Provider<'a> {
        Provider {
            keys: keys.into(),
            ..self
        }
    }
}

/// True if an annotation asks a controller to copy the object into other namespaces.
fn is_copied(resource: &Resource) -> bool {
    map_keys(&resource.node, &["metadata", "annotations"])
        .iter()
        .any(|key| {
            key.starts_with("reflector.v1.k8s.emberstack.com/")
                || key.starts_with("replicator.v1.mittwald.de/")
                || key.starts_with("kubed.appscode.com/")
        })
}

fn secret(resource: &Resource) -> Provider<'_> {
    let node = &resource.node;
    // Kubernetes fills in the token of a service account
    let token = text(node, &["type"]) == Some("kubernetes.io/service-account-token");
    let keys = (!token).then(|| data_keys(node, "stringData"));
    Provider::new(resource, Secret, resource.name()).with_keys(keys)
}

fn config_map(resource: &Resource) -> Provider<'_> {
    let node = &resource.node;
    // `config.openshift.io/inject-trusted-cabundle: "true"` adds a key in the cluster
    let injected = ["annotations", "labels"].iter().any(|map| {
        map_keys(node, &["metadata", map])
            .iter()
            .any(|key| key.contains("inject"))
    });
    let keys = (!injected).then(|| data_keys(node, "binaryData"));
    Provider::new(resource, ConfigMap, resource.name()).with_keys(keys)
}

/// External Secrets Operator.
fn external_secret(resource: &Resource) -> Option<Provider<'_>> {
    let (node, own) = (&resource.node, resource.name());
    let (spec, default_name, namespace) = if resource.kind() == "ExternalSecret" {
        (node.get("spec")?, own, resource.namespace())
    } else {
        let name = text(node, &["spec", "externalSecretName"]).unwrap_or(own);
        (node.at(&["spec", "externalSecretSpec"])?, name, None)
    };
    let target = match text(spec, &["target", "manifest", "kind"]) {
        None | Some("Secret") => Secret,
        Some("ConfigMap") => ConfigMap,
        Some(_) => return None,
    };
    let policy = text(spec, &["target", "creationPolicy"]);
    Some(Provider {
        resource,
        target,
        name: text(spec, &["target", "name"]).unwrap_or(default_name),
        namespace,
        keys: keys_of_external_secret(spec),
        creates: !matches!(policy, Some("Merge" | "None")),
    })
}

/// The keys of the Secret; `None` if `dataFrom` or `templateFrom` brings keys from elsewhere.
fn keys_of_external_secret(spec: &Node) -> Option<BTreeSet<&str>> {
    let fetched = || {
        let open = !items(spec, &["dataFrom"]).is_empty();
        (!open).then(|| list_keys(spec, &["data"], "secretKey"))
    };
    let Some(template) = spec.at(&["target", "template"]) else {
        return fetched();
    };
    let from_template = map_keys(template, &["data"]);
    let open_template = template.get("templateFrom").is_some();
    if from_template.is_empty() && !open_template {
        return fetched();
    }
    if open_template {
        return None;
    }
    // the data of a template replaces the fetched data, except with `mergePolicy: Merge`
    if text(template, &["mergePolicy"]) == Some("Merge") {
        return Some(&from_template | &fetched()?);
    }
    Some(from_template)
}

/// The predecessor of the External Secrets Operator, by GoDaddy.
fn old_external_secret(resource: &Resource) -> Provider<'_> {
    let node = &resource.node;
    let open = node.at(&["spec", "dataFrom"]).is_some();
    let holder = if node.at(&["spec", "data"]).is_some() {
        "spec"
    } else {
        "secretDescriptor"
    };
    let keys = (!open).then(|| list_keys(node, &[holder, "data"], "name"));
    Provider::new(resource, Secret, resource.name()).with_keys(keys)
}

fn sealed_secret(resource: &Resource) -> Provider<'_> {
    let node = &resource.node;
    let name = text(node, &["spec", "template", "metadata", "name"]).unwrap_or(resource.name());
    // an old format seals all keys in one text
    let open = node.at(&["spec", "data"]).is_some();
    let keys = (!open).then(|| {
        &map_keys(node, &["spec", "encryptedData"]) | &map_keys(node, &["spec", "template", "data"])
    });
    Provider::new(resource, Secret, name).with_keys(keys)
}

fn certificate(resource: &Resource) -> Option<Provider<'_>> {
    let node = &resource.node;
    let name = text(node, &["spec", "secretName"])?;
    let plain = ["keystores", "additionalOutputFormats"]
        .iter()
        .all(|key| node.at(&["spec", key]).is_none());
    let keys = plain.then(|| BTreeSet::from(["tls.crt", "tls.key", "ca.crt"]));
    Some(Provider::new(resource, Secret, name).with_keys(keys))
}

/// Vault Secrets Operator.
fn vault_secret(resource: &Resource) -> Option<Provider<'_>> {
    let destination = resource.node.at(&["spec", "destination"])?;
    Some(Provider {
        namespace: resource.namespace(),
        creates: destination.get("create").and_then(Node::as_bool) == Some(true),
        ..Provider::new(resource, Secret, text(destination, &["name"])?)
    })
}

fn made<'a>(resource: &'a Resource, maker: &Maker) -> Vec<Provider<'a>> {
    let (_, target, path, or_own) = *maker;
    let mut names = texts(&resource.node, path);
    if names.is_empty() && or_own {
        names.push(resource.name());
    }
    names
        .into_iter()
        .map(|name| Provider::new(resource, target, name))
        .collect()
}

fn named_at<'a>(resource: &'a Resource, paths: &[&[&str]]) -> impl Iterator<Item = Provider<'a>> {
    paths
        .iter()
        .filter_map(|path| text(&resource.node, path))
        .map(|name| Provider::new(resource, Secret, name))
}

/// The texts at a path, through all items of the list at `*`.
fn texts<'a>(node: &'a Node, path: &[&str]) -> Vec<&'a str> {
    match path.split_first() {
        None => filled(node).into_iter().collect(),
        Some((&"*", rest)) => node
            .items()
            .iter()
            .flat_map(|item| texts(item, rest))
            .collect(),
        Some((key, rest)) => node.get(key).map_or(Vec::new(), |node| texts(node, rest)),
    }
}

fn items<'a>(node: &'a Node, path: &[&str]) -> &'a [Node] {
    node.at(path).map_or(&[], Node::items)
}

fn map_keys<'a>(node: &'a Node, path: &[&str]) -> BTreeSet<&'a str> {
    let entries = node.at(path).map_or(&[][..], Node::entries);
    entries.iter().map(|entry| &*entry.key).collect()
}

/// The keys of `data`, and of the other map that Secrets (`stringData`) and ConfigMaps
/// (`binaryData`) have beside it.
fn data_keys<'a>(node: &'a Node, other: &str) -> BTreeSet<&'a str> {
    &map_keys(node, &["data"]) | &map_keys(node, &[other])
}

fn list_keys<'a>(node: &'a Node, path: &[&str], key: &str) -> BTreeSet<&'a str> {
    items(node, path)
        .iter()
        .filter_map(|item| text(item, &[key]))
        .collect()
}
