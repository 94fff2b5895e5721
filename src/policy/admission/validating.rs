//! ValidatingAdmissionPolicies of the API server, with their bindings.

use serde_json::Value as Json;

use super::document::{Document, Role};
use super::expressions::{Expressions, Verdict};
use super::request::{Gap, Object, Refusal, Request};
use super::selector::{selects, texts};
use crate::finding::Severity;
use crate::yaml::Origin;

/// The bindings of a cluster with their policies.
#[derive(Default)]
pub(super) struct Validating {
    policies: Vec<Policy>,
    bindings: Vec<Binding>,
}

struct Policy {
    name: String,
    spec: Json,
    expressions: Expressions,
    origin: Origin,
}

struct Binding {
    /// Index of the policy.
    policy: usize,
    spec: Json,
    severity: Severity,
    /// The parameters; a single null if the policy takes none.
    parameters: Vec<Json>,
}

impl Validating {
    /// Parses policies, and pairs them with bindings and parameters.
    pub(super) fn new(
        documents: &[&Document],
        objects: &[Object],
        gaps: &mut Vec<Gap>,
    ) -> Validating {
        let of_role = |role| documents.iter().filter(move |one| one.role == role);
        let mut validating = Validating::default();
        for document in of_role(Role::Validating) {
            let spec = document.json.get("spec").cloned().unwrap_or_default();
            match Expressions::parse(&spec) {
                Ok(expressions) => validating.policies.push(Policy {
                    name: document.name().to_string(),
                    spec,
                    expressions,
                    origin: document.origin,
                }),
                Err(reason) => {
                    let message = format!("{} is not evaluated: {reason}", document.describe());
                    gaps.push(Gap::unsupported(document.origin, message));
                }
            }
        }
        for document in of_role(Role::ValidatingBinding) {
            let name = document.text("/spec/policyName").unwrap_or_default();
            let policy = validating.policies.iter().position(|one| one.name == name);
            let Some(policy) = policy else {
                let is_known = of_role(Role::Validating).any(|one| one.name() == name);
                if !is_known {
                    let what = document.describe();
                    let message = format!(
                        "{what} is not evaluated: its policy is not in this cluster's overlays"
                    );
                    gaps.push(Gap::unsupported(document.origin, message));
                }
                continue;
            };
            let binding = Binding::read(document, policy, &validating.policies[policy], objects);
            match binding {
                Ok(binding) => validating.bindings.extend(binding),
                Err(gap) => gaps.push(gap),
            }
        }
        validating
    }

    /// The number of bindings.
    pub(super) fn len(&self) -> usize {
        self.bindings.len()
    }

    /// The place of the policy of a binding, by the number of the binding.
    pub(super) fn origin(&self, number: usize) -> Option<Origin> {
        let binding = self.bindings.get(number)?;
        Some(self.policies.get(binding.policy)?.origin)
    }

    /// Judges an object by one binding, by its number. What cannot be told goes to `gaps`.
    pub(super) fn judge(
        &self,
        number: usize,
        request: Request<'_>,
        gaps: &mut Vec<Gap>,
    ) -> Vec<Refusal> {
        let Some(binding) = self.bindings.get(number) else {
            return Vec::new();
        };
        let Some(policy) = self.policies.get(binding.policy) else {
            return Vec::new();
        };
        let constraints = policy.spec.get("matchConstraints").unwrap_or(&Json::Null);
        let resources = binding.spec.get("matchResources");
        if !concerns(constraints, request, true)
            || resources.is_some_and(|resources| !concerns(resources, request, false))
        {
            return Vec::new();
        }
        let mut refusals = Vec::new();
        for parameters in &binding.parameters {
            match policy.expressions.judge(request, &[("params", parameters)]) {
                Verdict::Admitted => {}
                Verdict::Refused(messages) => {
                    refusals.extend(messages.into_iter().map(|message| Refusal {
                        id: format!("policy/admission/{}", policy.name),
                        message,
                        severity: binding.severity,
                        path: None,
                        policy: policy.origin,
                        name: format!("ValidatingAdmissionPolicy `{}`", policy.name),
                    }));
                }
                Verdict::TooMuch(reason) => gaps.push(Gap::mistake(
                    policy.origin,
                    format!(
                        "ValidatingAdmissionPolicy `{}` cannot be evaluated for some objects: {reason}",
                        policy.name
                    ),
                )),
                Verdict::Unknown(reason) => gaps.push(Gap::unsupported(
                    policy.origin,
                    format!(
                        "ValidatingAdmissionPolicy `{}` has no result for some objects: {reason}",
                        policy.name
                    ),
                )),
            }
        }
        refusals
    }
}

impl Binding {
    /// Reads a binding; none if it only writes audit events or has nothing to apply to.
    fn read(
        document: &Document,
        policy: usize,
        of: &Policy,
        objects: &[Object],
    ) -> Result<Option<Binding>, Gap> {
        let spec = document.json.get("spec").cloned().unwrap_or_default();
        let severity = |action: &&str| match *action {
            "Deny" => Some(Severity::Error),
            "Warn" => Some(Severity::Warning),
            "Audit" => Some(Severity::Info),
            _ => None,
        };
        let actions = texts(&spec, "validationActions");
        let Some(severity) = actions.iter().filter_map(severity).max() else {
            return Ok(None);
        };
        let kind = of.spec.get("paramKind");
        let reference = spec.get("paramRef");
        let parameters = match (kind, reference) {
            (Some(kind), Some(reference)) => parameters(kind, reference, objects),
            _ => vec![Json::Null],
        };
        if parameters.is_empty() {
            let message = format!(
                "{} is not evaluated: its parameters are not in this cluster's overlays",
                document.describe()
            );
            return Err(Gap::unsupported(document.origin, message));
        }
        Ok(Some(Binding {
            policy,
            spec,
            severity,
            parameters,
        }))
    }
}

/// The objects that a reference to parameters names.
fn parameters(kind: &Json, reference: &Json, objects: &[Object]) -> Vec<Json> {
    let text = |value: &Json, key: &str| value.get(key).and_then(Json::as_str).map(str::to_string);
    let (version, kind) = (text(kind, "apiVersion"), text(kind, "kind"));
    let (name, namespace) = (text(reference, "name"), text(reference, "namespace"));
    let found = objects.iter().filter(|object| {
        let json = &object.json;
        text(json, "apiVersion") == version
            && text(json, "kind") == kind
            && (namespace.is_none() || object.namespace == namespace)
            && match (&name, reference.get("selector")) {
                (Some(name), _) => json["metadata"]["name"].as_str() == Some(name),
                (None, Some(selector)) => selects(selector, &json["metadata"]["labels"]),
                (None, None) => false,
            }
    });
    found.map(|object| object.json.clone()).collect()
}

/// True if match resources concern an object. Without rules, `matchConstraints` concern nothing and
/// `matchResources` everything.
pub(super) fn concerns(resources: &Json, request: Request<'_>, needs_rules: bool) -> bool {
    let rules = |key: &str| {
        let rules = resources.get(key).and_then(Json::as_array);
        rules.into_iter().flatten()
    };
    let is_exact = resources.get("matchPolicy").and_then(Json::as_str) == Some("Exact");
    let holds = |rule: &Json| concerned_by(rule, request, is_exact);
    let has_rules = rules("resourceRules").next().is_some();
    let is_named = if has_rules || needs_rules {
        rules("resourceRules").any(holds)
    } else {
        true
    };
    is_named
        && !rules("excludeResourceRules").any(holds)
        && resources
            .get("objectSelector")
            .is_none_or(|selector| selects(selector, request.labels()))
        && in_selected_namespace(resources, request)
}

fn in_selected_namespace(resources: &Json, request: Request<'_>) -> bool {
    let selector = resources.get("namespaceSelector");
    let Some(selector) = selector.filter(|one| one.as_object().is_some_and(|map| !map.is_empty()))
    else {
        return true;
    };
    request.is_cluster_scoped && !request.is_namespace()
        || request.is_in_selected_namespace(selector)
}

fn concerned_by(rule: &Json, request: Request<'_>, is_exact: bool) -> bool {
    let has = |key: &str, wanted: &str| {
        let names = texts(rule, key);
        names.iter().any(|name| *name == "*" || *name == wanted)
    };
    let (group, version) = request.group_version();
    let resource = plural(request.kind());
    let is_resource = texts(rule, "resources")
        .iter()
        .any(|name| matches!(*name, "*" | "*/*") || *name == resource);
    let names = texts(rule, "resourceNames");
    let in_scope = match rule.get("scope").and_then(Json::as_str) {
        Some("Cluster") => request.is_cluster_scoped,
        Some("Namespaced") => !request.is_cluster_scoped,
        _ => true,
    };
    has("apiGroups", group)
        && (!is_exact || has("apiVersions", version))
        && has("operations", request.operation)
        && is_resource
        && in_scope
        && (names.is_empty() || names.contains(&request.name()))
}

/// The resource of a kind: `networkpolicies` of `NetworkPolicy`.
pub(super) fn plural(kind: &str) -> String {
    let kind = kind.to_lowercase();
    let before_last = kind.bytes().rev().nth(1).unwrap_or_default();
    if kind == "endpoints" {
        return kind;
    }
    if let Some(stem) = kind.strip_suffix('y')
        && !b"aeiou".contains(&before_last)
    {
        return format!("{stem}ies");
    }
    if ["s", "x", "z", "ch", "sh"]
        .iter()
        .any(|end| kind.ends_with(end))
    {
        return format!("{kind}es");
    }
    format!("{kind}s")
}

#[cfg(test)]
mod tests {
    use super::plural;

    #[test]
    fn kinds_have_a_plural() {
        for (kind, expected) in [
            ("Deployment", "deployments"),
            ("NetworkPolicy", "networkpolicies"),
            ("Ingress", "ingresses"),
            ("Gateway", "gateways"),
            ("Endpoints", "endpoints"),
            ("StorageClass", "storageclasses"),
        ] {
            assert_eq!(plural(kind), expected);
        }
    }
}
