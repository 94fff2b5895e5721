//! The number of pods that a workload runs, by itself and under an autoscaler.
//!
//! Not here: whether that is enough (`rules`).

use crate::kustomize::Resource;
use crate::yaml::Node;

/// An autoscaler and what it scales.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Autoscaler<'a> {
    /// The HorizontalPodAutoscaler or ScaledObject.
    pub resource: &'a Resource,
    /// The kind of its target.
    pub kind: &'a str,
    /// The name of its target.
    pub name: &'a str,
    /// The smallest number of pods. A HorizontalPodAutoscaler defaults to 1, a ScaledObject to 0.
    pub minimum: i64,
}

impl<'a> Autoscaler<'a> {
    /// The object as an autoscaler; `None` for other kinds and without a target.
    pub(crate) fn of(resource: &'a Resource) -> Option<Autoscaler<'a>> {
        let (field, unset) = match (resource.kind(), resource.group()) {
            ("HorizontalPodAutoscaler", "autoscaling") => ("minReplicas", 1),
            ("ScaledObject", "keda.sh") => ("minReplicaCount", 0),
            _ => return None,
        };
        let spec = resource.node.get("spec")?;
        let target = spec.get("scaleTargetRef")?;
        let kind = target
            .get("kind")
            .and_then(Node::text)
            .unwrap_or("Deployment");
        let minimum = spec.get(field).and_then(Node::as_int).unwrap_or(unset);
        Some(Autoscaler {
            resource,
            kind,
            name: target.get("name")?.text()?,
            minimum,
        })
    }

    /// True if it scales an object. The namespace is not compared.
    pub(crate) fn scales(&self, resource: &Resource) -> bool {
        resource.kind() == self.kind && resource.name() == self.name
    }
}

/// The `spec.replicas` of a Deployment and the like; `None` for kinds that have no such field, such
/// as DaemonSet and Job.
pub(crate) fn replicas(resource: &Resource) -> Option<Replicas<'_>> {
    let counted = matches!(
        resource.kind(),
        "Deployment" | "StatefulSet" | "ReplicaSet" | "ReplicationController" | "Rollout"
    );
    let written = resource
        .node
        .at(&["spec", "replicas"])
        .filter(|node| node.as_int().is_some());
    counted.then(|| Replicas {
        written,
        count: written.and_then(Node::as_int).unwrap_or(1),
    })
}

/// The number of pods that a workload asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replicas<'a> {
    /// The value, if it is written.
    pub written: Option<&'a Node>,
    /// The number; 1 if it is not written.
    pub count: i64,
}
