//! Pod templates and containers of every object that carries one: the built-in workloads, and
//! custom resources that embed a pod template as Argo Rollouts and Knative do.

use crate::kustomize::Resource;
use crate::yaml::{Data, Node, escape_pointer};

/// The list of a pod that a container is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// `initContainers`
    Init,
    /// `containers`
    Main,
    /// `ephemeralContainers`
    Ephemeral,
}

impl Role {
    /// The name of the list.
    pub fn field(self) -> &'static str {
        match self {
            Role::Init => "initContainers",
            Role::Main => "containers",
            Role::Ephemeral => "ephemeralContainers",
        }
    }
}

/// A container of a pod template.
#[derive(Clone, Debug)]
pub struct Container<'a> {
    /// Its name; empty if it is not set.
    pub name: &'a str,
    /// The list that it is in.
    pub role: Role,
    /// The JSON pointer to it.
    pub pointer: String,
    /// The container.
    pub node: &'a Node,
}

impl<'a> Container<'a> {
    /// The `image` value.
    pub fn image(&self) -> Option<&'a Node> {
        self.node.get("image")
    }
}

/// An object that carries a pod template.
#[derive(Clone, Debug)]
pub struct Workload<'a> {
    /// The object.
    pub resource: &'a Resource,
    /// True if Kubernetes itself defines the kind. The operator of a custom resource may complete
    /// the template.
    pub builtin: bool,
    /// The JSON pointer to the pod's spec.
    pub pointer: String,
    /// The pod's spec.
    pub pod: &'a Node,
    /// The pod's metadata.
    pub metadata: Option<&'a Node>,
    /// Init containers, containers, ephemeral containers.
    pub containers: Vec<Container<'a>>,
}

/// The pod templates of an object: none, one, or several for some custom resources.
pub(crate) fn of(resource: &Resource) -> Vec<Workload<'_>> {
    let group = resource.group();
    let template: &[&str] = match (resource.kind(), group) {
        ("Pod", "") => &[],
        ("Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet", "apps" | "extensions")
        | ("Job", "batch")
        | ("ReplicationController", "") => &["spec", "template"],
        ("CronJob", "batch") => &["spec", "jobTemplate", "spec", "template"],
        ("PodTemplate", "") => &["template"],
        _ if builtin_group(group) => return Vec::new(),
        _ => return custom(resource),
    };
    let Some(node) = resource.node.at(template) else {
        return Vec::new();
    };
    let Some(pod) = node.get("spec") else {
        return Vec::new();
    };
    let mut pointer: String = template.iter().flat_map(|key| ["/", key]).collect();
    pointer.push_str("/spec");
    vec![workload(resource, true, pointer, pod, node.get("metadata"))]
}

/// True if an API group is one of Kubernetes' own.
fn builtin_group(group: &str) -> bool {
    !group.contains('.') || group.ends_with(".k8s.io")
}

fn workload<'a>(
    resource: &'a Resource,
    builtin: bool,
    pointer: String,
    pod: &'a Node,
    metadata: Option<&'a Node>,
) -> Workload<'a> {
    let mut containers = Vec::new();
    for role in [Role::Init, Role::Main, Role::Ephemeral] {
        let items = pod.get(role.field()).map_or(&[][..], Node::items);
        for (index, node) in items
            .iter()
            .enumerate()
            .filter(|(_, node)| node.as_map().is_some())
        {
            let name = node.get("name").and_then(Node::text).unwrap_or_default();
            containers.push(Container {
                name,
                role,
                pointer: format!("{pointer}/{}/{index}", role.field()),
                node,
            });
        }
    }
    Workload {
        resource,
        builtin,
        pointer,
        pod,
        metadata,
        containers,
    }
}

/// The pod specs in a custom resource: the maps whose `containers` all have an image. Operators also
/// take containers without an image, as overrides; these are not pods.
fn custom(resource: &Resource) -> Vec<Workload<'_>> {
    let mut found = Vec::new();
    if let Some(spec) = resource.node.get("spec") {
        search(resource, spec, None, &mut String::from("/spec"), &mut found);
    }
    found
}

fn search<'a>(
    resource: &'a Resource,
    node: &'a Node,
    parent: Option<&'a Node>,
    pointer: &mut String,
    found: &mut Vec<Workload<'a>>,
) {
    let length = pointer.len();
    match &node.data {
        Data::Scalar(_) => {}
        Data::Map(map) => {
            let containers = node.get("containers").map_or(&[][..], Node::items);
            if !containers.is_empty()
                && containers
                    .iter()
                    .all(|container| container.get("image").is_some_and(|i| i.text().is_some()))
            {
                let metadata = parent.and_then(|parent| parent.get("metadata"));
                found.push(workload(resource, false, pointer.clone(), node, metadata));
                return;
            }
            for entry in map
                .entries
                .iter()
                .filter(|entry| entry.value.as_scalar().is_none())
            {
                pointer.push('/');
                pointer.push_str(&escape_pointer(&entry.key));
                search(resource, &entry.value, Some(node), pointer, found);
                pointer.truncate(length);
            }
        }
        Data::List(list) => {
            for (index, item) in list
                .items
                .iter()
                .enumerate()
                .filter(|(_, item)| item.as_scalar().is_none())
            {
                pointer.push('/');
                pointer.push_str(&index.to_string());
                search(resource, item, None, pointer, found);
                pointer.truncate(length);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{FileId, read};

    fn resource(text: &str) -> Resource {
        let node = read::read(text, FileId(0)).unwrap().documents.remove(0);
        Resource::new(node)
    }

    #[test]
    fn finds_pods_of_built_in_and_custom_kinds() {
        let cron = resource(
            "{apiVersion: batch/v1, kind: CronJob, spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: b}]}}}}}}",
        );
        assert_eq!(
            of(&cron)[0].containers[0].pointer,
            "/spec/jobTemplate/spec/template/spec/containers/0"
        );
        let rollout = resource(
            "{apiVersion: argoproj.io/v1alpha1, kind: Rollout, spec: {template: {metadata: {labels: {a: b}}, spec: {initContainers: [{name: i, image: j}], containers: [{name: a, image: b}]}}}}",
        );
        let workloads = of(&rollout);
        assert_eq!(workloads[0].containers.len(), 2);
        assert!(workloads[0].metadata.is_some() && !workloads[0].builtin);
        let knative = resource(
            "{apiVersion: serving.knative.dev/v1, kind: Service, spec: {template: {spec: {containers: [{image: b}]}}}}",
        );
        assert_eq!(of(&knative).len(), 1);
        let prometheus = resource(
            "{apiVersion: monitoring.coreos.com/v1, kind: Prometheus, spec: {containers: [{name: prometheus}]}}",
        );
        assert!(of(&prometheus).is_empty());
        let service = resource(
            "{apiVersion: v1, kind: Service, spec: {template: {spec: {containers: [{image: b}]}}}}",
        );
        assert!(of(&service).is_empty());
    }
}
