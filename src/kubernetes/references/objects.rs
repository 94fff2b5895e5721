//! The Secrets that objects other than workloads need.

use super::{Part, Reference, Target, Use, text};
use crate::kustomize::Resource;
use crate::yaml::Node;

/// Annotations by which cert-manager makes the certificate of an Ingress or Gateway.
const CERT_MANAGER: [&str; 6] = [
    "cert-manager.io/issuer",
    "cert-manager.io/cluster-issuer",
    "cert-manager.io/issuer-kind",
    "kubernetes.io/tls-acme",
    "certmanager.k8s.io/issuer",
    "certmanager.k8s.io/cluster-issuer",
];

/// Adds what objects other than workloads need.
pub(crate) fn needed_by_object<'a>(resource: &'a Resource, found: &mut Vec<Reference<'a>>) {
    let object = Part::new(&resource.node, "");
    let mut add = |holder: Part<'a>, field: &str, purpose, description: &str| {
        let purpose = (purpose, description.to_string());
        let name = holder.at(&[field]);
        found.extend(name.and_then(|name| Reference::new(resource, Target::Secret, name, purpose)));
    };
    match (resource.kind(), resource.group()) {
        ("ServiceAccount", "") => object
            .items(&["imagePullSecrets"])
            .for_each(|secret| add(secret, "name", Use::Pull, "`imagePullSecrets`")),
        ("Ingress", _) if !makes_certificates(resource) => object
            .items(&["spec", "tls"])
            .for_each(|tls| add(tls, "secretName", Use::Certificate, "`tls`")),
        ("Gateway", "gateway.networking.k8s.io") if !makes_certificates(resource) => object
            .items(&["spec", "listeners"])
            .flat_map(|listener| listener.items(&["tls", "certificateRefs"]))
            .filter(|certificate| is_secret_beside(certificate.node))
            .for_each(|it| add(it, "name", Use::Certificate, "`certificateRefs`")),
        ("HelmRelease", "helm.toolkit.fluxcd.io") => super::values::sources(resource, found),
        _ => {}
    }
}

/// True if a reference of a Gateway names a Secret in the Gateway's own namespace.
fn is_secret_beside(certificate: &Node) -> bool {
    let kind = text(certificate, &["kind"]);
    kind.is_none_or(|kind| kind == "Secret") && text(certificate, &["namespace"]).is_none()
}

fn makes_certificates(resource: &Resource) -> bool {
    let annotations = resource.node.at(&["metadata", "annotations"]);
    annotations
        .map_or(&[][..], Node::entries)
        .iter()
        .any(|entry| CERT_MANAGER.contains(&&*entry.key))
}
