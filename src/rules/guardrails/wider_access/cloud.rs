//! The roles outside of the cluster that a ServiceAccount takes.

use super::{Access, Kind, Strength};
use crate::kustomize::Resource;
use crate::yaml::{Node, escape_pointer};

/// Annotations that name a role of a cloud: AWS, Google Cloud, Azure, Alibaba Cloud.
const ROLES: [&str; 5] = [
    "eks.amazonaws.com/role-arn",
    "iam.gke.io/gcp-service-account",
    "azure.workload.identity/client-id",
    "azure.workload.identity/tenant-id",
    "pod-identity.alibabacloud.com/role-name",
];

/// The roles that the annotations of a ServiceAccount name.
pub(super) fn rights(resource: &Resource) -> Vec<Access<'_>> {
    if (resource.group(), resource.kind()) != ("", "ServiceAccount") {
        return Vec::new();
    }
    let annotations = resource.node.at(&["metadata", "annotations"]);
    let entries = annotations.map_or(&[][..], Node::entries).iter();
    let named = entries.filter(|entry| ROLES.contains(&&*entry.key));
    let access = named.filter_map(|entry| {
        let role = entry.value.text()?;
        Some(Access {
            resource,
            kind: Kind::Cloud,
            holder: "",
            what: format!("`{role}`"),
            strength: Strength::Strong,
            origin: entry.value.origin,
            pointer: format!("/metadata/annotations/{}", escape_pointer(&entry.key)),
        })
    });
    access.collect()
}
