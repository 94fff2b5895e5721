//! # dangling-reference
//!
//! ## What
//!
//! An Ingress whose backend names a Service, or a HorizontalPodAutoscaler or ScaledObject whose target names a Deployment or StatefulSet, that neither the overlay nor another overlay of the same environment and namespace has. Objects declared `external`, overlays that are not complete, and overlays with a Helm release, which may bring the target, are left out.
//!
//! ## Why
//!
//! The Ingress answers 503, the autoscaler does nothing: a rename that did not reach everything.
//!
//! ## Example
//!
//! ```yaml
//! backend:
//!   service: {name: storefront-web, port: {number: 80}}   # the Service is called storefront
//! ```
//!
//! ## Fix
//!
//! Correct the name, or add the object.
//!
//! ## Options
//!
//! None.

use super::{Category, Context, Draft, Metadata, Rule, Sink, availability};
use crate::finding::Severity;
use crate::kubernetes::references::compatible;
use crate::kustomize::Resource;
use crate::kustomize::decode::nearest;
use crate::repo::Overlay;
use crate::yaml::{Data, Node, escape_pointer};

/// See the documentation above.
pub struct DanglingReference;

const METADATA: Metadata = Metadata {
    id: "dangling-reference",
    category: Category::Guardrails,
    level: "error",
    severity: Severity::Error,
    summary: "an Ingress or autoscaler whose target is not in the overlay",
    options: &[],
    source: include_str!("dangling_reference.rs"),
};

impl Rule for DanglingReference {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        let resources = &overlay.rendered.resources;
        let brings = |resource: &Resource| matches!(resource.kind(), "HelmRelease" | "HelmChart" | "Application" | "Kustomization");
        if !overlay.rendered.complete || overlay.environment.is_none() || resources.iter().any(brings) {
            return;
        }
        for resource in resources {
            let mut targets: Vec<(String, &Node, Vec<&str>)> = Vec::new();
            match (resource.kind(), resource.group()) {
                ("Ingress", "networking.k8s.io" | "extensions") => backends(&resource.node, &mut String::new(), &mut targets),
                ("HorizontalPodAutoscaler", "autoscaling") | ("ScaledObject", "keda.sh") => {
                    let target = resource.node.at(&["spec", "scaleTargetRef"]);
                    let kind = target.and_then(|target| target.get("kind")).and_then(Node::text).unwrap_or("Deployment");
                    if let Some(name) =
                        target.and_then(|target| target.get("name")).filter(|_| matches!(kind, "Deployment" | "StatefulSet"))
                    {
                        targets.push(("/spec/scaleTargetRef/name".to_string(), name, vec![kind]));
                    }
                }
                _ => {}
            }
            for (pointer, node, kinds) in targets {
                let Some(name) = node.text().filter(|name| !name.contains(['$', '{'])) else { continue };
                let is = |other: &Resource| {
                    kinds.contains(&other.kind()) && other.name() == name && compatible(other.namespace(), resource.namespace())
                };
                let nearby =
                    context.repo.overlays.iter().filter(|other| other.environment == overlay.environment || other.environment.is_none());
                let declared =
                    kinds.iter().any(|kind| availability::declared(context, overlay, kind, name, resource.namespace()).is_some());
                if declared || nearby.into_iter().any(|other| other.rendered.resources.iter().any(is)) {
                    continue;
                }
                let near: Vec<&str> = resources.iter().filter(|other| kinds.contains(&other.kind())).map(Resource::name).collect();
                // with none of the kind in the overlay, the target is made elsewhere
                if near.is_empty() {
                    continue;
                }
                let message =
                    format!("{} {} refers to the {} {name}, which is not there", resource.kind(), resource.name(), kinds.join(" or "));
                let help =
                    nearest(name, &near).map_or("correct the name, or add the object".to_string(), |near| format!("did you mean {near}?"));
                sink.report(context, Some(overlay), Draft::new(Severity::Error, node.origin, message).help(help).on(resource, pointer));
            }
        }
    }
}

/// The names of the Services that an Ingress sends to, of both versions of the API.
fn backends<'n>(node: &'n Node, pointer: &mut String, found: &mut Vec<(String, &'n Node, Vec<&'n str>)>) {
    let length = pointer.len();
    match &node.data {
        Data::Map(map) => {
            for entry in &map.entries {
                pointer.push('/');
                pointer.push_str(&escape_pointer(&entry.key));
                if matches!(&*entry.key, "backend" | "defaultBackend") {
                    for path in [&["service", "name"][..], &["serviceName"]] {
                        if let Some(name) = entry.value.at(path) {
                            found.push((format!("{pointer}/{}", path.join("/")), name, vec!["Service"]));
                        }
                    }
                }
                backends(&entry.value, pointer, found);
                pointer.truncate(length);
            }
        }
        Data::List(list) => {
            for (index, item) in list.items.iter().enumerate() {
                pointer.push_str(&format!("/{index}"));
                backends(item, pointer, found);
                pointer.truncate(length);
            }
        }
        Data::Scalar(_) => {}
    }
}
