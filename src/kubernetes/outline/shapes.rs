//! The keys under which charts usually take settings of pods and switches of objects. Charts name
//! them freely, but most follow `helm create` or one of the large collections.

/// The fields of a container, each with the keys of values that charts copy into it. The first key
/// that is there counts.
pub(super) const CONTAINER: &[(&str, &[&str])] = &[
    ("resources", &["resources"]),
    (
        "securityContext",
        &["containerSecurityContext", "securityContext"],
    ),
    ("livenessProbe", &["livenessProbe", "customLivenessProbe"]),
    (
        "readinessProbe",
        &["readinessProbe", "customReadinessProbe"],
    ),
    ("startupProbe", &["startupProbe", "customStartupProbe"]),
    ("command", &["command"]),
    ("args", &["args", "extraArgs"]),
    ("env", &["env", "extraEnv", "extraEnvVars", "envVars"]),
    ("envFrom", &["envFrom", "extraEnvFrom"]),
];

/// The fields of a pod, like [`CONTAINER`].
pub(super) const POD: &[(&str, &[&str])] = &[
    ("securityContext", &["podSecurityContext"]),
    ("imagePullSecrets", &["imagePullSecrets"]),
    ("hostNetwork", &["hostNetwork"]),
];

/// The keys that make a map of values the settings of a container.
pub(super) const EVIDENCE: &[&str] = &[
    "resources",
    "resourcesPreset",
    "containerSecurityContext",
    "securityContext",
    "podSecurityContext",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "env",
    "extraEnv",
    "extraEnvVars",
    "envFrom",
];

/// An object that a chart makes if a map of values says so.
pub(super) struct Switched {
    /// The kind of the object.
    pub(super) kind: &'static str,
    /// Its API version.
    pub(super) api_version: &'static str,
    /// The keys of the map.
    pub(super) keys: &'static [&'static str],
    /// The keys in the map that ask for the object even without a switch.
    pub(super) implied_by: &'static [&'static str],
}

/// The objects that guard or observe what a chart deploys.
pub(super) const SWITCHED: &[Switched] = &[
    Switched {
        kind: "PodDisruptionBudget",
        api_version: "policy/v1",
        keys: &[
            "podDisruptionBudget",
            "podDisruptionBudgets",
            "pdb",
            "disruptionBudget",
        ],
        implied_by: &["minAvailable", "maxUnavailable"],
    },
    Switched {
        kind: "HorizontalPodAutoscaler",
        api_version: "autoscaling/v2",
        keys: &[
            "autoscaling",
            "autoscaler",
            "horizontalPodAutoscaler",
            "horizontalPodAutoscaling",
            "hpa",
        ],
        implied_by: &[],
    },
    Switched {
        kind: "NetworkPolicy",
        api_version: "networking.k8s.io/v1",
        keys: &["networkPolicy", "networkPolicies", "networkpolicy"],
        implied_by: &[],
    },
    Switched {
        kind: "ServiceMonitor",
        api_version: "monitoring.coreos.com/v1",
        keys: &["serviceMonitor", "servicemonitor"],
        implied_by: &[],
    },
    Switched {
        kind: "PodMonitor",
        api_version: "monitoring.coreos.com/v1",
        keys: &["podMonitor", "podmonitor"],
        implied_by: &[],
    },
    Switched {
        kind: "PrometheusRule",
        api_version: "monitoring.coreos.com/v1",
        keys: &["prometheusRule", "prometheusRules", "prometheusrule"],
        implied_by: &[],
    },
    Switched {
        kind: "ResourceQuota",
        api_version: "v1",
        keys: &["resourceQuota"],
        implied_by: &[],
    },
    Switched {
        kind: "LimitRange",
        api_version: "v1",
        keys: &["limitRange"],
        implied_by: &[],
    },
];

/// The keys that switch a part of a chart on or off.
pub(super) const SWITCHES: &[&str] = &["enabled", "create"];
