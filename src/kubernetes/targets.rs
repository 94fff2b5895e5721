//! Which other objects an object names or selects: Services behind an Ingress, the workload that an
//! autoscaler scales, Services and analyses of a Rollout, issuers, service accounts, claims, roles,
//! and the pods of a Service or a
//! PodDisruptionBudget.
//!
//! Not here: Secrets and ConfigMaps (`references`), whether a target exists (`rules`).

use super::LabelSelector;
use super::part::Part;
use super::workload::Workload;
use crate::kustomize::Resource;
use crate::yaml::{Data, Entry, Node, escape_pointer};

/// A reference to an object by its name.
#[derive(Clone, Debug)]
pub(crate) struct Named<'a> {
    /// The object that refers.
    pub resource: &'a Resource,
    /// The target's kind.
    pub kind: &'a str,
    /// The target's name.
    pub name: &'a str,
    /// The target's namespace; `None` if it is not written.
    pub namespace: Option<&'a str>,
    /// The value that holds the name.
    pub node: &'a Node,
    /// The JSON pointer to that value.
    pub pointer: String,
    /// The port of the target that is asked for, by its number or name.
    pub port: Option<&'a Node>,
}

/// Where custom resources name an object in their own namespace: kind, group, target kind, the list
/// or map that holds the reference (through all items at `*`), and the key of the name.
type Holder = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static str,
);

const ROLLOUTS: &str = "argoproj.io";
const HOLDERS: [Holder; 9] = [
    (
        "Rollout",
        ROLLOUTS,
        "Service",
        &["spec", "strategy", "canary"],
        "canaryService",
    ),
    (
        "Rollout",
        ROLLOUTS,
        "Service",
        &["spec", "strategy", "canary"],
        "stableService",
    ),
    (
        "Rollout",
        ROLLOUTS,
        "Service",
        &["spec", "strategy", "blueGreen"],
        "activeService",
    ),
    (
        "Rollout",
        ROLLOUTS,
        "Service",
        &["spec", "strategy", "blueGreen"],
        "previewService",
    ),
    (
        "Rollout",
        ROLLOUTS,
        "AnalysisTemplate",
        &["spec", "strategy", "canary", "analysis", "templates", "*"],
        "templateName",
    ),
    (
        "Rollout",
        ROLLOUTS,
        "AnalysisTemplate",
        &[
            "spec",
            "strategy",
            "canary",
            "steps",
            "*",
            "analysis",
            "templates",
            "*",
        ],
        "templateName",
    ),
    (
        "Rollout",
        ROLLOUTS,
        "AnalysisTemplate",
        &[
            "spec",
            "strategy",
            "blueGreen",
            "prePromotionAnalysis",
            "templates",
            "*",
        ],
        "templateName",
    ),
    (
        "Rollout",
        ROLLOUTS,
        "AnalysisTemplate",
        &[
            "spec",
            "strategy",
            "blueGreen",
            "postPromotionAnalysis",
            "templates",
            "*",
        ],
        "templateName",
    ),
    (
        "Rollout",
        ROLLOUTS,
        "Deployment",
        &["spec", "workloadRef"],
        "name",
    ),
];

/// The objects that other objects than pods name: an Ingress, an autoscaler, a RoleBinding.
pub(crate) fn named_by_object(resource: &Resource) -> Vec<Named<'_>> {
    let mut found = Vec::new();
    let own = resource.namespace();
    let object = Part::new(&resource.node, "");
    match (resource.kind(), resource.group()) {
        ("Ingress", "networking.k8s.io" | "extensions") => {
            backends(&resource.node, &mut String::new(), &mut |name, port| {
                let named = reference(resource, "Service", own, name);
                found.extend(named.map(|named| Named { port, ..named }));
            });
        }
        ("HorizontalPodAutoscaler", "autoscaling") | ("ScaledObject", "keda.sh") => {
            let target = object.at(&["spec", "scaleTargetRef"]);
            let kind = target.as_ref().and_then(kind).unwrap_or("Deployment");
            if matches!(kind, "Deployment" | "StatefulSet" | "Rollout") {
                let name = target.and_then(|target| target.at(&["name"]));
                found.extend(name.and_then(|name| reference(resource, kind, own, name)));
            }
        }
        ("HTTPRoute" | "GRPCRoute", "gateway.networking.k8s.io") => {
            let backends = object
                .items(&["spec", "rules"])
                .flat_map(|rule| rule.items(&["backendRefs"]));
            found.extend(backends.filter_map(|backend| route_backend(resource, &backend)));
        }
        ("Certificate", "cert-manager.io") => {
            found.extend(provider(
                &object,
                resource,
                &["spec", "issuerRef"],
                "Issuer",
            ));
        }
        ("ExternalSecret", "external-secrets.io") => {
            let path = &["spec", "secretStoreRef"];
            found.extend(provider(&object, resource, path, "SecretStore"));
        }
        ("RoleBinding", "rbac.authorization.k8s.io") => {
            let role = object.at(&["roleRef"]);
            let role = role.filter(|role| kind(role) == Some("Role"));
            let name = role.and_then(|role| role.at(&["name"]));
            found.extend(name.and_then(|name| reference(resource, "Role", own, name)));
            let accounts = object
                .items(&["subjects"])
                .filter(|subject| kind(subject) == Some("ServiceAccount"));
            found.extend(accounts.filter_map(|account| {
                let namespace = account.node.get("namespace").and_then(Node::text).or(own);
                reference(
                    resource,
                    "ServiceAccount",
                    namespace,
                    account.at(&["name"])?,
                )
            }));
        }
        (kind, group) => {
            for (_, _, target, path, key) in HOLDERS
                .iter()
                .filter(|(of, in_group, ..)| *of == kind && *in_group == group)
            {
                let mut holders = Vec::new();
                below(object.clone(), path, &mut holders);
                let names = holders
                    .iter()
                    .filter(|holder| !is_cluster_wide(holder))
                    .filter_map(|holder| holder.at(&[key]));
                found.extend(names.filter_map(|name| reference(resource, target, own, name)));
            }
        }
    }
    found
}

/// The parts at a path, through all items of a list at `*`.
fn below<'a>(part: Part<'a>, path: &[&str], found: &mut Vec<Part<'a>>) {
    match path.split_first() {
        None => found.push(part),
        Some((&"*", rest)) => part.items(&[]).for_each(|item| below(item, rest, found)),
        Some((key, rest)) => {
            if let Some(part) = part.at(&[key]) {
                below(part, rest, found);
            }
        }
    }
}

/// True if a Rollout asks for a ClusterAnalysisTemplate, or for a workload of another kind.
fn is_cluster_wide(holder: &Part) -> bool {
    let other = kind(holder).is_some_and(|kind| kind != "Deployment");
    holder.node.get("clusterScope").and_then(Node::as_bool) == Some(true) || other
}

/// The Service that a route sends to.
fn route_backend<'a>(resource: &'a Resource, backend: &Part<'a>) -> Option<Named<'a>> {
    if kind(backend).is_some_and(|kind| kind != "Service") {
        return None;
    }
    let written = backend.node.get("namespace").and_then(Node::text);
    let namespace = written.or(resource.namespace());
    let named = reference(resource, "Service", namespace, backend.at(&["name"])?)?;
    Some(Named {
        port: backend.node.get("port"),
        ..named
    })
}

/// The Issuer of a Certificate or the store of an ExternalSecret, or the one of the whole cluster.
fn provider<'a>(
    object: &Part<'a>,
    resource: &'a Resource,
    path: &[&str],
    default: &'static str,
) -> Option<Named<'a>> {
    let holder = object.at(path)?;
    // an issuer of another group is one of another controller
    let group = holder.node.get("group").and_then(Node::text);
    if group.is_some_and(|group| group != "cert-manager.io") {
        return None;
    }
    let kind = kind(&holder).unwrap_or(default);
    let own = resource.namespace().filter(|_| kind == default);
    reference(resource, kind, own, holder.at(&["name"])?)
}

fn kind<'a>(part: &Part<'a>) -> Option<&'a str> {
    part.node.get("kind").and_then(Node::text)
}

/// The objects that the pods of a workload name.
pub(crate) fn named_by_workload<'a>(workload: &Workload<'a>) -> Vec<Named<'a>> {
    let (resource, own) = (workload.resource, workload.resource.namespace());
    let pod = Part::new(workload.pod, &*workload.pointer);
    // every namespace has the account `default`
    let account = pod
        .at(&["serviceAccountName"])
        .filter(|account| account.node.text() != Some("default"))
        .and_then(|account| reference(resource, "ServiceAccount", own, account));
    let claims = pod.items(&["volumes"]).filter_map(|volume| {
        let claim = volume.at(&["persistentVolumeClaim", "claimName"])?;
        reference(resource, "PersistentVolumeClaim", own, claim)
    });
    // Kubernetes has classes of its own, such as `system-cluster-critical`
    let priority = pod
        .at(&["priorityClassName"])
        .filter(|class| !class.node.raw().starts_with("system-"))
        .and_then(|class| reference(resource, "PriorityClass", None, class));
    account.into_iter().chain(claims).chain(priority).collect()
}

/// A reference; `None` without a name, or if an agent or a template fills in the name later.
fn reference<'a>(
    resource: &'a Resource,
    kind: &'a str,
    namespace: Option<&'a str>,
    name: Part<'a>,
) -> Option<Named<'a>> {
    let Part { node, pointer } = name;
    let name = node
        .text()
        .filter(|name| !name.is_empty() && !name.contains(['$', '{', '<']))?;
    Some(Named {
        resource,
        kind,
        name,
        namespace,
        node,
        pointer,
        port: None,
    })
}

/// The port that the AWS Load Balancer Controller takes for an action: the name is then that of an
/// annotation `alb.ingress.kubernetes.io/actions.NAME`, not of a Service.
const ACTION: &str = "use-annotation";

/// The names and ports of the Services that an Ingress sends to, in both versions of the API.
fn backends<'n>(
    node: &'n Node,
    pointer: &mut String,
    see: &mut dyn FnMut(Part<'n>, Option<&'n Node>),
) {
    let length = pointer.len();
    match &node.data {
        Data::Map(map) => {
            for entry in &map.entries {
                pointer.push('/');
                pointer.push_str(&escape_pointer(&entry.key));
                if matches!(&*entry.key, "backend" | "defaultBackend") {
                    for path in [&["service", "name"][..], &["serviceName"]] {
                        if let Some(name) = entry.value.at(path) {
                            let ports: [&[&str]; 3] = [
                                &["service", "port", "number"],
                                &["service", "port", "name"],
                                &["servicePort"],
                            ];
                            let port = ports.iter().find_map(|path| entry.value.at(path));
                            if port.and_then(Node::text) == Some(ACTION) {
                                continue;
                            }
                            see(
                                Part::new(name, format!("{pointer}/{}", path.join("/"))),
                                port,
                            );
                        }
                    }
                }
                backends(&entry.value, pointer, see);
                pointer.truncate(length);
            }
        }
        Data::List(list) => {
            for (index, item) in list.items.iter().enumerate() {
                pointer.push_str(&format!("/{index}"));
                backends(item, pointer, see);
                pointer.truncate(length);
            }
        }
        Data::Scalar(_) => {}
    }
}

/// A selection of pods by their labels.
#[derive(Clone, Debug)]
pub(crate) struct PodSelector<'a> {
    /// The object that selects.
    pub resource: &'a Resource,
    /// The map of labels, or the label selector with `matchLabels` and `matchExpressions`.
    pub node: &'a Node,
    /// The JSON pointer to it.
    pub pointer: &'static str,
    /// The labels by themselves, with the nodes of their values.
    labels: &'a [Entry],
    selector: LabelSelector<'a>,
}

/// The pods that a Service or PodDisruptionBudget selects; `None` for other kinds and for an empty
/// selector.
pub(crate) fn pod_selector(resource: &Resource) -> Option<PodSelector<'_>> {
    let node = resource.node.at(&["spec", "selector"])?;
    let (labels, selector) = match (resource.kind(), resource.group()) {
        ("Service", "") => (node.entries(), LabelSelector::of_labels(node)),
        ("PodDisruptionBudget", "policy") => (
            node.get("matchLabels").map_or(&[][..], Node::entries),
            LabelSelector::of_node(node),
        ),
        _ => return None,
    };
    (!selector.is_empty()).then_some(PodSelector {
        resource,
        node,
        pointer: "/spec/selector",
        labels,
        selector,
    })
}

impl<'a> PodSelector<'a> {
    /// A label that every selected pod has: its key and value. `None` if there are only
    /// expressions.
    pub(crate) fn label(&self) -> Option<(&'a str, &'a str)> {
        self.selector.labels().next()
    }

    /// True if the selector selects the pods of a workload.
    pub(crate) fn selects(&self, workload: &Workload) -> bool {
        self.selector.selects(&|key: &str| label(workload, key))
    }

    /// The labels that have another value in the pod template: the wanted value with its node, and
    /// the present one. `None` if the template lacks a key, because then the selector is not meant
    /// for it.
    pub(crate) fn contradictions<'w>(
        &self,
        workload: &Workload<'w>,
    ) -> Option<Vec<(&'a Node, &'a str, &'w str)>> {
        let mut found = Vec::new();
        for entry in self.labels {
            let (wanted, present) = (entry.value.text()?, label(workload, &entry.key)?);
            if wanted != present {
                found.push((&entry.value, wanted, present));
            }
        }
        Some(found)
    }
}

/// The value of a label of a pod template.
fn label<'w>(workload: &Workload<'w>, key: &str) -> Option<&'w str> {
    workload.metadata?.at(&["labels", key]).and_then(Node::text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::workload;
    use crate::yaml::{FileId, read};

    fn resource(text: &str) -> Resource {
        Resource::new(read::read(text, FileId(0)).unwrap().documents.remove(0))
    }

    fn all(object: &Resource) -> Vec<Named<'_>> {
        let mut found = named_by_object(object);
        found.extend(workload::of(object).iter().flat_map(named_by_workload));
        found
    }

    #[test]
    fn labels_and_expressions_select_pods() {
        let pod = resource(
            "{apiVersion: v1, kind: Pod, metadata: {labels: {app: api, tier: web}}, spec: {containers: [{name: a, image: b}]}}",
        );
        let pods = workload::of(&pod);
        let selects = |text: &str| pod_selector(&resource(text)).unwrap().selects(&pods[0]);
        assert!(selects(
            "{apiVersion: v1, kind: Service, spec: {selector: {app: api}}}"
        ));
        assert!(!selects(
            "{apiVersion: v1, kind: Service, spec: {selector: {app: api, tier: db}}}"
        ));
        let budget = |expression: &str| {
            format!(
                "{{apiVersion: policy/v1, kind: PodDisruptionBudget, spec: {{selector: {{matchExpressions: [{expression}]}}}}}}"
            )
        };
        assert!(selects(&budget(
            "{key: app, operator: In, values: [web, api]}"
        )));
        assert!(selects(&budget(
            "{key: app, operator: NotIn, values: [web]}"
        )));
        assert!(selects(&budget("{key: gone, operator: DoesNotExist}")));
        assert!(!selects(&budget("{key: gone, operator: Exists}")));
        assert!(
            pod_selector(&resource(
                "{apiVersion: v1, kind: Service, spec: {type: ExternalName}}"
            ))
            .is_none()
        );
    }

    #[test]
    fn what_pods_and_bindings_name_is_found_where_it_stands() {
        let pod = resource(
            "{apiVersion: v1, kind: Pod, spec: {serviceAccountName: runner, volumes: [{name: v, persistentVolumeClaim: {claimName: data}}], containers: [{name: a, image: b}]}}",
        );
        let binding = resource(
            "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, roleRef: {kind: Role, name: reader}, subjects: [{kind: User, name: ann}, {kind: ServiceAccount, name: runner, namespace: ci}]}",
        );
        for object in [&pod, &binding] {
            for reference in all(object) {
                assert_eq!(
                    object.node.pointer(&reference.pointer).and_then(Node::text),
                    Some(reference.name)
                );
            }
        }
        let names: Vec<(&str, &str)> = all(&pod)
            .into_iter()
            .map(|one| (one.kind, one.name))
            .collect();
        assert_eq!(
            names,
            [
                ("ServiceAccount", "runner"),
                ("PersistentVolumeClaim", "data")
            ]
        );
        let spaces: Vec<Option<&str>> =
            all(&binding).into_iter().map(|one| one.namespace).collect();
        assert_eq!(spaces, [None, Some("ci")]);
    }
}
