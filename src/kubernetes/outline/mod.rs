//! An outline of the objects that a chart would make, read from the values of its release alone.
//! It lets the rules that compare containers and guards compare releases as well.
//!
//! ```yaml
//! controller:                     # a Deployment `controller` with one container
//!   resources: {limits: {…}}
//!   pdb: {enabled: true}          # a PodDisruptionBudget `controller.pdb`
//! ```
//!
//! An outline is incomplete by nature: a setting that is not there may be a default of the chart.
//! Not here: images in values (`image_use`).

mod container;
mod names;
mod shapes;

use std::sync::Arc;

use crate::kustomize::{Resource, Unrendered};
use crate::yaml::{Data, Entry, Map, Node, Origin, Removed};
use names::Names;
use shapes::{EVIDENCE, SWITCHED, SWITCHES, Switched};

/// The depth to which values are searched. Umbrella charts have three or four levels.
const DEEPEST: usize = 8;
/// The most objects in an outline.
const MOST: usize = 1000;

/// The objects that the values of a release outline. The name of each is the path of its values.
pub(crate) fn of(release: &Unrendered) -> &[Resource] {
    release.outline.get_or_init(|| {
        let mut outline = Outline {
            release,
            found: Vec::new(),
        };
        outline.search(&release.values, "", 0);
        outline.found
    })
}

/// The keys that charts usually use for what an outline shows.
pub(crate) fn usual_keys() -> impl Iterator<Item = &'static str> {
    let fields = shapes::CONTAINER.iter().chain(shapes::POD);
    let switched = SWITCHED.iter().flat_map(|one| one.keys);
    let keys = fields.flat_map(|(_, keys)| *keys).chain(switched);
    keys.copied()
        .chain(["ingress", "service", "resourcesPreset"])
}

/// The switch in a map of values that decides whether there is something to deploy.
pub(crate) fn switch(values: &Node) -> Option<&Node> {
    let mut keys = SWITCHES.iter();
    keys.find_map(|key| values.get(key))
        .filter(|value| value.as_bool().is_some())
}

/// True if a map of values switches itself off.
fn is_off(values: &Node) -> bool {
    switch(values).and_then(Node::as_bool) == Some(false)
}

struct Outline<'r> {
    release: &'r Unrendered,
    found: Vec<Resource>,
}

impl<'r> Outline<'r> {
    fn names(&self) -> Names<'r> {
        Names(&self.release.names)
    }

    /// Looks for objects in a map of values. `path` leads to it.
    fn search(&mut self, values: &Node, path: &str, depth: usize) {
        if depth > DEEPEST || self.found.len() >= MOST || is_off(values) {
            return;
        }
        let names = self.names();
        let evident = EVIDENCE.iter().filter_map(|key| names.get(values, &[key]));
        if evident.into_iter().any(|value| !value.is_null()) {
            self.workload(values, path);
        }
        for entry in values.entries() {
            let below = match path {
                "" => entry.key.to_string(),
                _ => format!("{path}.{}", entry.key),
            };
            let key = names.usual(&entry.key);
            let switched = SWITCHED.iter().find(|one| one.keys.contains(&key));
            match (switched, key) {
                (Some(switched), _) if is_on(switched, &entry.value) => {
                    let (kind, version) = (switched.kind, switched.api_version);
                    self.add(kind, version, &below, &entry.value, Vec::new());
                }
                (Some(_), _) => {}
                (None, "ingress") if !is_off(&entry.value) => self.ingress(&entry.value, &below),
                (None, "service") => self.service(&entry.value, &below),
                _ if entry.value.as_map().is_some() => self.search(&entry.value, &below, depth + 1),
                _ => {}
            }
        }
    }

    fn workload(&mut self, values: &Node, path: &str) {
        let name = if path.is_empty() {
            self.release.resource.name()
        } else {
            path
        };
        let names = self.names();
        let container = container::container(values, name, names);
        let mut pod = container::pod(values, names);
        pod.set(
            "containers",
            Node::list(vec![container], values.origin),
            values.origin,
        );
        let template = map(vec![("spec", pod)], values.origin);
        let spec = map(vec![("template", template)], values.origin);
        self.add("Deployment", "apps/v1", path, values, vec![("spec", spec)]);
    }

    fn ingress(&mut self, values: &Node, path: &str) {
        let tls = values.get("tls");
        let tls = tls.filter(|tls| tls.as_bool() != Some(false) && !is_off(tls));
        let spec = tls.map(|tls| ("tls", tls.clone())).into_iter().collect();
        let spec = vec![("spec", map(spec, values.origin))];
        self.add("Ingress", "networking.k8s.io/v1", path, values, spec);
    }

    fn service(&mut self, values: &Node, path: &str) {
        let ranges = values.get("loadBalancerSourceRanges");
        let spec = ranges.map(|ranges| ("loadBalancerSourceRanges", ranges.clone()));
        let spec = map(spec.into_iter().collect(), values.origin);
        self.add("Service", "v1", path, values, vec![("spec", spec)]);
    }

    /// Adds an object whose values are at a path.
    fn add(
        &mut self,
        kind: &str,
        api_version: &str,
        path: &str,
        values: &Node,
        fields: Vec<(&str, Node)>,
    ) {
        let origin = switch(values).map_or(values.origin, |switch| switch.origin);
        let name = if path.is_empty() {
            self.release.resource.name()
        } else {
            path
        };
        let mut metadata = vec![("name", Node::string(name, origin))];
        let namespace = self.release.namespace.as_ref();
        metadata.extend(namespace.map(|namespace| ("namespace", namespace.clone())));
        let annotations = values.get("annotations");
        metadata.extend(annotations.map(|annotations| ("annotations", annotations.clone())));
        let mut entries = vec![
            ("apiVersion", Node::string(api_version, origin)),
            ("kind", Node::string(kind, origin)),
            ("metadata", map(metadata, origin)),
        ];
        entries.extend(fields);
        let mut resource = Resource::new(map(entries, origin));
        // the name of a release may carry its environment; the path in the values never does
        resource.original.name = path.to_string();
        resource.original.namespace = None;
        self.found.push(resource);
    }
}

/// True if a map of values asks for an object.
fn is_on(switched: &Switched, values: &Node) -> bool {
    match switch(values).and_then(Node::as_bool) {
        Some(is_on) => is_on,
        None => {
            let mut keys = switched.implied_by.iter();
            keys.any(|key| values.get(key).is_some_and(|value| !value.is_null()))
        }
    }
}

fn map(entries: Vec<(&str, Node)>, origin: Origin) -> Node {
    let entries = entries.into_iter().map(|(key, value)| Entry {
        key: key.into(),
        key_origin: value.origin,
        value,
    });
    Node::map(entries.collect(), origin)
}

/// A map with entries and a note of those that are switched off.
fn map_without(entries: Vec<Entry>, removed: Vec<Removed>, origin: Origin) -> Node {
    Node {
        data: Data::Map(Arc::new(Map { entries, removed })),
        origin,
        replaced: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{FileId, read, write};

    fn parsed(text: &str) -> Node {
        read::read(text, FileId(0)).unwrap().documents.remove(0)
    }

    fn outlined(values: &str) -> Vec<(String, String)> {
        let object = parsed(
            "{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: web}}",
        );
        let release = Unrendered::new(Resource::new(object), parsed(values), "/spec/values");
        let shown = |resource: &Resource| {
            let spec = resource.node.at(&["spec"]).map(write::to_json);
            let spec = spec.map(|spec| spec.to_string()).unwrap_or_default();
            (format!("{} {}", resource.kind(), resource.name()), spec)
        };
        of(&release).iter().map(shown).collect()
    }

    fn names(values: &str) -> Vec<String> {
        outlined(values).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn maps_with_settings_of_containers_are_workloads() {
        assert_eq!(
            names(
                "{replicaCount: 2, resources: {limits: {memory: 1Gi}}, worker: {livenessProbe: {}}, off: {enabled: false, resources: {}}}"
            ),
            ["Deployment web", "Deployment worker"]
        );
        let found = outlined(
            "{podSecurityContext: {runAsNonRoot: true}, containerSecurityContext: {enabled: false, privileged: false}, livenessProbe: {enabled: true}, readinessProbe: {enabled: false}}",
        );
        let (_, spec) = found.first().unwrap();
        assert_eq!(
            spec,
            r#"{"template":{"spec":{"containers":[{"livenessProbe":{"enabled":true},"name":"web"}],"securityContext":{"runAsNonRoot":true}}}}"#
        );
    }

    #[test]
    fn the_configuration_names_further_keys() {
        let object = parsed("{kind: HelmRelease, metadata: {name: web}}");
        let values = "{app: {appResources: {limits: {memory: 1Gi}}, budget: {enabled: true}}}";
        let mut release = Unrendered::new(Resource::new(object), parsed(values), "/spec/values");
        let also = |keys: &[&str]| keys.iter().map(|key| key.to_string()).collect();
        let names = [
            ("resources", also(&["appResources"])),
            ("podDisruptionBudget", also(&["budget"])),
        ];
        let names = names.into_iter().map(|(key, also)| (key.to_string(), also));
        release.names = Arc::new(names.collect());
        let found: Vec<String> = of(&release)
            .iter()
            .map(|one| format!("{} {}", one.kind(), one.name()))
            .collect();
        assert_eq!(found, ["Deployment app", "PodDisruptionBudget app.budget"]);
        let containers = ["spec", "template", "spec", "containers"];
        let container = of(&release)[0].node.at(&containers).unwrap().items()[0].clone();
        assert!(container.at(&["resources", "limits", "memory"]).is_some());
    }

    #[test]
    fn switches_make_guards() {
        assert_eq!(
            names(
                "{pdb: {minAvailable: 1}, autoscaling: {enabled: true}, networkPolicy: {enabled: false}, metrics: {serviceMonitor: {enabled: true}}}"
            ),
            [
                "PodDisruptionBudget pdb",
                "HorizontalPodAutoscaler autoscaling",
                "ServiceMonitor metrics.serviceMonitor"
            ]
        );
    }
}
