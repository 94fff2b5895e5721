//! Which objects are policies that admission control enforces.

/// True for policies of Gatekeeper, Kyverno and the API server itself, and what binds them.
pub(crate) fn is_policy(api_version: &str, kind: &str) -> bool {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    match group {
        "templates.gatekeeper.sh"
        | "constraints.gatekeeper.sh"
        | "config.gatekeeper.sh"
        | "kyverno.io"
        | "policies.kyverno.io" => true,
        "admissionregistration.k8s.io" => kind.starts_with("ValidatingAdmissionPolicy"),
        _ => false,
    }
}
