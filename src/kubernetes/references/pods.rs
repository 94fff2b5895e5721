//! The Secrets and ConfigMaps that a pod template needs.

use super::Target::{ConfigMap, Secret};
use super::{Part, Reference, Target, Use, text};
use crate::kubernetes::workload::{Container, Workload};
use crate::kustomize::Resource;
use crate::yaml::Node;

/// The maps in `valueFrom` of a variable that name an object.
const IN_VARIABLE: [(&str, Target); 2] = [("secretKeyRef", Secret), ("configMapKeyRef", ConfigMap)];
/// The maps in an item of `envFrom` that name an object.
const IN_ENV_FROM: [(&str, Target); 2] = [("secretRef", Secret), ("configMapRef", ConfigMap)];
/// The maps in a volume that name an object, and the key that holds the name.
const IN_VOLUME: [(&[&str], &str, Target); 3] = [
    (&["secret"], "secretName", Secret),
    (&["configMap"], "name", ConfigMap),
    (&["csi", "nodePublishSecretRef"], "name", Secret),
];
/// The maps in a source of a projected volume that name an object.
const IN_PROJECTION: [(&str, Target); 2] = [("secret", Secret), ("configMap", ConfigMap)];

/// Adds what a pod template needs.
pub(crate) fn needed_by_workload<'a>(workload: &Workload<'a>, found: &mut Vec<Reference<'a>>) {
    let resource = workload.resource;
    for container in &workload.containers {
        needed_by_container(resource, container, found);
    }
    let pod = Part::new(workload.pod, &*workload.pointer);
    for volume in pod.items(&["volumes"]) {
        needed_by_volume(resource, &volume, found);
    }
    for secret in pod.items(&["imagePullSecrets"]) {
        let purpose = (Use::Pull, "`imagePullSecrets`".to_string());
        found.extend(reference(resource, Secret, &secret, "name", purpose));
    }
}

fn needed_by_container<'a>(
    resource: &'a Resource,
    container: &Container<'a>,
    found: &mut Vec<Reference<'a>>,
) {
    let name = container.name;
    let container = Part::new(container.node, &*container.pointer);
    for variable in container.items(&["env"]) {
        let variable_name = text(variable.node, &["name"]).unwrap_or_default();
        for (field, target) in IN_VARIABLE {
            let Some(holder) = variable.at(&["valueFrom", field]) else {
                continue;
            };
            let description = format!("variable `{variable_name}` of container `{name}`");
            let purpose = (Use::Pod, description);
            let found_here = reference(resource, target, &holder, "name", purpose);
            found.extend(found_here.map(|reference| Reference {
                keys: key(&holder).into_iter().collect(),
                ..reference
            }));
        }
    }
    for source in container.items(&["envFrom"]) {
        for (field, target) in IN_ENV_FROM {
            let Some(holder) = source.at(&[field]) else {
                continue;
            };
            let purpose = (Use::Pod, format!("`envFrom` of container `{name}`"));
            found.extend(reference(resource, target, &holder, "name", purpose));
        }
    }
}

fn needed_by_volume<'a>(resource: &'a Resource, volume: &Part<'a>, found: &mut Vec<Reference<'a>>) {
    let name = text(volume.node, &["name"]).unwrap_or_default();
    let mut add = |holder: Option<Part<'a>>, field, target| {
        let Some(holder) = holder else { return };
        let purpose = (Use::Pod, format!("volume `{name}`"));
        let found_here = reference(resource, target, &holder, field, purpose);
        found.extend(found_here.map(|reference| {
            Reference {
                keys: holder
                    .items(&["items"])
                    .filter_map(|item| key(&item))
                    .collect(),
                ..reference
            }
        }));
    };
    for (path, field, target) in IN_VOLUME {
        add(volume.at(path), field, target);
    }
    for source in volume.items(&["projected", "sources"]) {
        for (field, target) in IN_PROJECTION {
            add(source.at(&[field]), "name", target);
        }
    }
}

/// The reference that a map such as `secretKeyRef` makes; `None` if it is optional.
fn reference<'a>(
    resource: &'a Resource,
    target: Target,
    holder: &Part<'a>,
    field: &str,
    purpose: (Use, String),
) -> Option<Reference<'a>> {
    if holder.node.get("optional").and_then(Node::as_bool) == Some(true) {
        return None;
    }
    Reference::new(resource, target, holder.at(&[field])?, purpose)
}

/// The key of the Secret or ConfigMap that a map names in `key`.
fn key<'a>(holder: &Part<'a>) -> Option<(&'a str, &'a Node, String)> {
    let key = holder.at(&["key"])?;
    Some((key.node.text()?, key.node, key.pointer))
}
