//! The facts about the cluster and Helm that charts can ask for (`.Capabilities`).

use std::sync::Arc;

use crate::template::{Map, Methods, Signature, Type, Value};

/// The version of Helm whose templates this renders.
const HELM: &str = "v4.3";
/// The Kubernetes version that Helm takes where none is given.
const KUBERNETES: &str = "1.37.0";
/// The Kubernetes version of Helm's client library.
const CLIENT: &str = "v1.37";

/// The API versions that Helm takes for known without a cluster.
const API_VERSIONS: [&str; 57] = [
    "v1",
    "admissionregistration.k8s.io/v1",
    "admissionregistration.k8s.io/v1alpha1",
    "admissionregistration.k8s.io/v1beta1",
    "internal.apiserver.k8s.io/v1alpha1",
    "apps/v1",
    "apps/v1beta1",
    "apps/v1beta2",
    "authentication.k8s.io/v1",
    "authentication.k8s.io/v1alpha1",
    "authentication.k8s.io/v1beta1",
    "authorization.k8s.io/v1",
    "authorization.k8s.io/v1beta1",
    "autoscaling/v1",
    "autoscaling/v2",
    "batch/v1",
    "batch/v1beta1",
    "certificates.k8s.io/v1",
    "certificates.k8s.io/v1beta1",
    "certificates.k8s.io/v1alpha1",
    "coordination.k8s.io/v1alpha2",
    "coordination.k8s.io/v1beta1",
    "coordination.k8s.io/v1",
    "discovery.k8s.io/v1",
    "discovery.k8s.io/v1beta1",
    "events.k8s.io/v1",
    "events.k8s.io/v1beta1",
    "extensions/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1",
    "flowcontrol.apiserver.k8s.io/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1beta2",
    "flowcontrol.apiserver.k8s.io/v1beta3",
    "lifecycle.k8s.io/v1alpha1",
    "networking.k8s.io/v1",
    "networking.k8s.io/v1beta1",
    "node.k8s.io/v1",
    "node.k8s.io/v1alpha1",
    "node.k8s.io/v1beta1",
    "policy/v1",
    "policy/v1beta1",
    "rbac.authorization.k8s.io/v1",
    "rbac.authorization.k8s.io/v1beta1",
    "rbac.authorization.k8s.io/v1alpha1",
    "resource.k8s.io/v1",
    "resource.k8s.io/v1beta2",
    "resource.k8s.io/v1beta1",
    "resource.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1beta1",
    "scheduling.k8s.io/v1",
    "storage.k8s.io/v1beta1",
    "storage.k8s.io/v1",
    "storage.k8s.io/v1alpha1",
    "storagemigration.k8s.io/v1",
    "storagemigration.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1",
];

/// A Kubernetes version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KubeVersion {
    /// As given, with a `v`.
    text: String,
    /// `v1.34.0`, for comparison.
    comparable: String,
    major: u64,
    minor: u64,
}

impl Default for KubeVersion {
    fn default() -> KubeVersion {
        KubeVersion::parse(KUBERNETES).unwrap_or(KubeVersion {
            text: String::new(),
            comparable: String::new(),
            major: 1,
            minor: 0,
        })
    }
}

impl KubeVersion {
    /// Reads `1.34`, `v1.34.2` or `v1.34.2-gke.1`; `None` for other texts.
    pub(crate) fn parse(text: &str) -> Option<KubeVersion> {
        let plain = text.strip_prefix('v').unwrap_or(text);
        let end = plain.find(|c: char| !c.is_ascii_digit() && c != '.');
        let numbers = plain
            .get(..end.unwrap_or(plain.len()))?
            .trim_end_matches('.');
        let numbers: Option<Vec<u64>> = numbers.split('.').map(|part| part.parse().ok()).collect();
        let numbers = numbers?;
        let (major, minor) = (*numbers.first()?, *numbers.get(1)?);
        let patch = numbers.get(2).copied().unwrap_or_default();
        Some(KubeVersion {
            text: format!("v{plain}"),
            comparable: format!("v{major}.{minor}.{patch}"),
            major,
            minor,
        })
    }

    /// The version for comparison with a range.
    pub(crate) fn comparable(&self) -> &str {
        &self.comparable
    }
}

/// The value of `.Capabilities`.
pub(super) fn value(version: &KubeVersion, more_versions: &[String]) -> Value {
    let text = |text: &str| Value::string(text);
    let kubernetes = Map::new();
    kubernetes.set("Version", text(&version.text));
    kubernetes.set("Major", text(&version.major.to_string()));
    kubernetes.set("Minor", text(&version.minor.to_string()));
    let versions: Vec<Arc<str>> = API_VERSIONS
        .iter()
        .map(|version| Arc::from(*version))
        .chain(
            more_versions
                .iter()
                .map(|version| Arc::from(version.as_str())),
        )
        .collect();
    let listed = Value::strings(
        versions
            .iter()
            .map(|version| Value::string(version.clone())),
    );
    let helm = Map::new();
    for (key, value) in [
        ("Version", HELM),
        ("GitCommit", ""),
        ("GitTreeState", ""),
        ("GoVersion", "go1.26.8"),
        ("KubeClientVersion", CLIENT),
    ] {
        helm.set(key, text(value));
    }
    let fields = Map::new();
    let kubernetes = Value::structure(
        "common.KubeVersion",
        kubernetes,
        Some(Arc::new(VersionMethods(version.clone()))),
    );
    fields.set("KubeVersion", kubernetes);
    let versions = Arc::new(ApiVersions(versions));
    fields.set(
        "APIVersions",
        Value::named("common.VersionSet", listed, versions),
    );
    fields.set(
        "HelmVersion",
        Value::structure("version.BuildInfo", helm, None),
    );
    Value::structure("*common.Capabilities", fields, None)
}

/// The methods of `.Capabilities.KubeVersion`.
#[derive(Debug)]
struct VersionMethods(KubeVersion);

impl Methods for VersionMethods {
    fn signature(&self, method: &str) -> Option<Signature> {
        ["GitVersion", "String"]
            .contains(&method)
            .then_some(Signature {
                parameters: &[],
                is_variadic: false,
            })
    }
    fn call(&self, method: &str, _: &[Value]) -> Result<Value, String> {
        Ok(Value::string(match method {
            "GitVersion" => self.0.text.as_str(),
            _ => self.0.comparable.as_str(),
        }))
    }
    fn to_text(&self) -> Option<String> {
        Some(self.0.comparable.clone())
    }
}

/// The methods of `.Capabilities.APIVersions`.
#[derive(Debug)]
struct ApiVersions(Vec<Arc<str>>);

impl Methods for ApiVersions {
    fn signature(&self, method: &str) -> Option<Signature> {
        (method == "Has").then_some(Signature {
            parameters: &[Type::String],
            is_variadic: false,
        })
    }
    fn call(&self, _: &str, arguments: &[Value]) -> Result<Value, String> {
        let wanted = arguments
            .first()
            .and_then(Value::as_str)
            .unwrap_or_default();
        Ok(Value::bool(self.0.iter().any(|known| **known == *wanted)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_given() {
        let parsed = KubeVersion::parse("1.34").unwrap();
        assert_eq!(
            (parsed.text.as_str(), parsed.comparable()),
            ("v1.34", "v1.34.0")
        );
        let cloud = KubeVersion::parse("v1.33.4-gke.1245000").unwrap();
        assert_eq!(cloud.text, "v1.33.4-gke.1245000");
        assert_eq!((cloud.comparable(), cloud.minor), ("v1.33.4", 33));
        assert_eq!(KubeVersion::parse("latest"), None);
        assert_eq!(KubeVersion::parse("1"), None);
    }
}
