//! The facts about the cluster and Helm that charts can ask for (`.Capabilities`).

use std::sync::Arc;

use crate::template::{Field, Methods, Signature, Type, Value};

/// The version of Helm whose templates this renders.
const HELM: &str = "v4.3";
/// The Kubernetes version that Helm takes where none is given.
const KUBERNETES: &str = "1.37.0";
/// The Kubernetes version of Helm's client library.
const CLIENT: &str = "v1.37";

/// The type of `.Capabilities`.
const TYPE: &str = "*common.Capabilities";

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
    /// Without what follows the numbers, for comparison: `v1.33.4`.
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
        let parts: Vec<String> = numbers.iter().map(u64::to_string).collect();
        Some(KubeVersion {
            text: format!("v{plain}"),
            comparable: format!("v{}", parts.join(".")),
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
    let more = more_versions.iter().map(String::as_str);
    let versions: Vec<Arc<str>> = API_VERSIONS
        .into_iter()
        .chain(more)
        .map(Arc::from)
        .collect();
    let listed = versions
        .iter()
        .map(|version| Value::string(version.clone()));
    let listed = Value::strings(listed);
    let api_versions = Value::named("common.VersionSet", listed, Arc::new(ApiVersions(versions)));
    let fields = [
        Field::new("KubeVersion", kubernetes(version)),
        Field::new("APIVersions", api_versions),
        Field::new("HelmVersion", helm()),
    ];
    let copy = Copy(Value::structure(TYPE, fields.clone(), None));
    Value::structure(TYPE, fields, Some(Arc::new(copy)))
}

/// The value of `.Capabilities.KubeVersion`.
fn kubernetes(version: &KubeVersion) -> Value {
    let text = |text: &str| Value::string(text);
    let fields = [
        Field::new("Version", text(&version.text)),
        Field::new("normalizedVersion", text(&version.comparable)),
        Field::new("Major", text(&version.major.to_string())),
        Field::new("Minor", text(&version.minor.to_string())),
    ];
    let methods = Arc::new(VersionMethods(version.clone()));
    Value::structure("common.KubeVersion", fields, Some(methods))
}

/// The value of `.Capabilities.HelmVersion`.
fn helm() -> Value {
    let fields = [
        ("Version", "version", HELM),
        ("GitCommit", "git_commit", ""),
        ("GitTreeState", "git_tree_state", ""),
        ("GoVersion", "go_version", "go1.26.8"),
        ("KubeClientVersion", "kube_client_version", CLIENT),
    ];
    let fields = fields.map(|(name, json_name, text)| Field {
        name,
        json_name,
        omits_empty: true,
        value: Value::string(text),
    });
    Value::structure("version.BuildInfo", fields, None)
}

/// The method of `.Capabilities`, with the value that it returns.
#[derive(Debug)]
struct Copy(Value);

impl Methods for Copy {
    fn signature(&self, method: &str) -> Option<Signature> {
        (method == "Copy").then_some(Signature {
            parameters: &[],
            is_variadic: false,
        })
    }
    fn call(&self, _: &str, _: &[Value]) -> Result<Value, String> {
        Ok(self.0.clone())
    }
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
            ("v1.34", "v1.34")
        );
        let cloud = KubeVersion::parse("v1.33.4-gke.1245000").unwrap();
        assert_eq!(cloud.text, "v1.33.4-gke.1245000");
        assert_eq!((cloud.comparable(), cloud.minor), ("v1.33.4", 33));
        assert_eq!(KubeVersion::parse("latest"), None);
        assert_eq!(KubeVersion::parse("1"), None);
    }
}
