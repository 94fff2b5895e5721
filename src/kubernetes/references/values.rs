//! The Secrets and ConfigMaps that releases need: those that their values come from, and those
//! that their values name.

use super::{Part, Reference, Target, Use, needed_by_workload, text};
use crate::kubernetes::{outline, workload};
use crate::kustomize::{Resource, Unrendered};
use crate::yaml::{Node, escape_pointer};

/// The depth to which values are searched.
const DEEPEST: usize = 16;

/// Adds the ConfigMaps and Secrets from which a HelmRelease takes its values.
pub(super) fn sources<'a>(resource: &'a Resource, found: &mut Vec<Reference<'a>>) {
    let object = Part::new(&resource.node, "");
    for entry in object.items(&["spec", "valuesFrom"]) {
        let target = match text(entry.node, &["kind"]) {
            Some("ConfigMap") => Target::ConfigMap,
            Some("Secret") => Target::Secret,
            _ => continue,
        };
        if entry.node.get("optional").and_then(Node::as_bool) == Some(true) {
            continue;
        }
        let purpose = (Use::Values, "`valuesFrom`".to_string());
        let Some(name) = entry.at(&["name"]) else {
            continue;
        };
        let pointer = name.pointer.clone();
        let key = match entry.at(&["valuesKey"]) {
            Some(key) => key.node.text().map(|text| (text, key.node, key.pointer)),
            None => Some(("values.yaml", name.node, pointer)),
        };
        let reference = Reference::new(resource, target, name, purpose);
        found.extend(reference.map(|reference| Reference {
            keys: key.into_iter().collect(),
            ..reference
        }));
    }
}

/// Adds what the values of a release name, as its pods will need it.
pub(crate) fn needed_by_values<'a>(release: &'a Unrendered, found: &mut Vec<Reference<'a>>) {
    let first = found.len();
    for workload in outline::of(release).iter().flat_map(workload::of) {
        let workload = workload::Workload {
            resource: &release.resource,
            ..workload
        };
        needed_by_workload(&workload, found);
    }
    for reference in found.iter_mut().skip(first) {
        reference.pointer.clone_from(&release.pointer);
    }
    search(
        release,
        &release.values,
        (release.pointer.clone(), 0),
        found,
    );
    let namespace = release.namespace.as_ref().and_then(Node::text);
    for reference in found.iter_mut().skip(first) {
        reference.namespace = namespace;
    }
}

/// Looks for keys such as `existingSecret`. Parts that are switched off need nothing.
fn search<'a>(
    release: &'a Unrendered,
    values: &'a Node,
    (pointer, depth): (String, usize),
    found: &mut Vec<Reference<'a>>,
) {
    if depth > DEEPEST || outline::switch(values).and_then(Node::as_bool) == Some(false) {
        return;
    }
    for entry in values.entries() {
        let below = format!("{pointer}/{}", escape_pointer(&entry.key));
        let target = match &*entry.key {
            "existingSecret" | "existingSecretName" => Some(Target::Secret),
            "existingConfigMap" | "existingConfigmap" => Some(Target::ConfigMap),
            _ => None,
        };
        if let Some(target) = target {
            let purpose = (Use::Pod, format!("value `{}`", entry.key));
            let name = Part::new(&entry.value, below.clone());
            found.extend(Reference::new(&release.resource, target, name, purpose));
        }
        search(release, &entry.value, (below, depth + 1), found);
    }
    for (index, item) in values.items().iter().enumerate() {
        search(
            release,
            item,
            (format!("{pointer}/{index}"), depth + 1),
            found,
        );
    }
}
