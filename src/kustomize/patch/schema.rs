//! What kustomize knows of Kubernetes types: merge keys and which kinds live outside namespaces.

/// Whether a kind is known to live outside namespaces; unknown kinds are taken as namespaced.
pub fn is_cluster_scoped(_api_version: &str, kind: &str) -> bool {
    matches!(kind, "Namespace" | "ClusterRole" | "ClusterRoleBinding" | "CustomResourceDefinition" | "PersistentVolume" | "StorageClass")
}
