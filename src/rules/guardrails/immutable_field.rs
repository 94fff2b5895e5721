//! # immutable-field
//!
//! ## What
//!
//! The change alters a field that the API server does not allow to change:
//!
//! - the selector of a Deployment, StatefulSet, DaemonSet or ReplicaSet, also if `commonLabels`
//!   adds a label to it;
//! - `volumeClaimTemplates`, `serviceName` and `podManagementPolicy` of a StatefulSet;
//! - the pod template of a Job;
//! - `clusterIP` of a Service;
//! - the class, access modes, volume and other fields of a PersistentVolumeClaim, and requests that
//!   become smaller;
//! - `roleRef` of a RoleBinding or ClusterRoleBinding;
//! - the data of a ConfigMap or Secret with `immutable: true`, and the type of a Secret;
//! - fields of a StorageClass, PriorityClass, IngressClass or RuntimeClass, and the CSI source of a
//!   PersistentVolume;
//! - the scope and the stored version of a CustomResourceDefinition.
//!
//! The rule needs a base revision (`--base`). It does not report objects that are replaced instead
//! of updated: hooks of Argo CD, objects with `Force=true` or `Replace=true`, objects of a Flux
//! Kustomization with `force`, and Jobs that are deleted once they have finished
//! (`ttlSecondsAfterFinished`).
//!
//! ## Why
//!
//! The agent fails to apply the object in every environment, and later changes do not arrive
//! either.
//!
//! ## Example
//!
//! ```yaml
//! # kustomization.yaml
//! commonLabels: {team: storefront} # also changes the selectors
//! ```
//!
//! ## Fix
//!
//! Undo the change of this field. To add a label, use `labels` without `includeSelectors`.
//! Otherwise give the object a new name, or delete it in the cluster before the merge.

use std::collections::HashMap;

use crate::finding::{Cause, Severity};
use crate::kubernetes::LabelSelector;
use crate::kubernetes::quantity;
use crate::kubernetes::schema::Definition;
use crate::kustomize::Resource;
use crate::repo::Overlay;
use crate::rules::engine::context::applying::agents_of;
use crate::rules::engine::context::{ObjectKey, object_key};
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::{By, Data, Node, Origin};

/// See the documentation above.
pub(super) struct ImmutableField;

static METADATA: Metadata = Metadata {
    id: "immutable-field",
    category: Category::Guardrails,
    level: "error",
    severity: Severity::Error,
    summary: "a change of a field that the API server does not allow to change",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("immutable_field.rs"),
};

/// When a change of a field is refused.
#[derive(Clone, Copy)]
enum Change {
    /// Always, also if the field is added or removed.
    Any,
    /// If both revisions set it to different values. The cluster fills in the field if it is not
    /// set.
    Value,
    /// If the value differs; a field that is not set has this default.
    Default(&'static str),
    /// If a quantity becomes smaller.
    Smaller,
}

/// Kinds, their group, and the path of a field that cannot change.
type Fixed = (
    &'static [&'static str],
    &'static str,
    &'static [&'static str],
    Change,
);

const FIXED: [Fixed; 28] = [
    (
        &["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"],
        "apps",
        &["spec", "selector"],
        Change::Any,
    ),
    (
        &["StatefulSet"],
        "apps",
        &["spec", "serviceName"],
        Change::Any,
    ),
    (
        &["StatefulSet"],
        "apps",
        &["spec", "volumeClaimTemplates"],
        Change::Any,
    ),
    (
        &["StatefulSet"],
        "apps",
        &["spec", "podManagementPolicy"],
        Change::Default("OrderedReady"),
    ),
    (&["Job"], "batch", &["spec", "template"], Change::Any),
    (&["Job"], "batch", &["spec", "selector"], Change::Value),
    (
        &["Job"],
        "batch",
        &["spec", "completionMode"],
        Change::Default("NonIndexed"),
    ),
    (
        &["Job"],
        "batch",
        &["spec", "podFailurePolicy"],
        Change::Any,
    ),
    (&["Service"], "", &["spec", "clusterIP"], Change::Value),
    (&["PersistentVolume"], "", &["spec", "csi"], Change::Any),
    (
        &["IngressClass"],
        "networking.k8s.io",
        &["spec", "controller"],
        Change::Value,
    ),
    (
        &["RuntimeClass"],
        "node.k8s.io",
        &["handler"],
        Change::Value,
    ),
    (
        &["PersistentVolumeClaim"],
        "",
        &["spec", "storageClassName"],
        Change::Value,
    ),
    (
        &["PersistentVolumeClaim"],
        "",
        &["spec", "volumeName"],
        Change::Value,
    ),
    (
        &["PersistentVolumeClaim"],
        "",
        &["spec", "accessModes"],
        Change::Value,
    ),
    (
        &["PersistentVolumeClaim"],
        "",
        &["spec", "volumeMode"],
        Change::Default("Filesystem"),
    ),
    (
        &["PersistentVolumeClaim"],
        "",
        &["spec", "selector"],
        Change::Any,
    ),
    (
        &["PersistentVolumeClaim"],
        "",
        &["spec", "resources", "requests", "storage"],
        Change::Smaller,
    ),
    (
        &["RoleBinding", "ClusterRoleBinding"],
        "rbac.authorization.k8s.io",
        &["roleRef"],
        Change::Value,
    ),
    (&["Secret"], "", &["type"], Change::Default("Opaque")),
    (
        &["StorageClass"],
        "storage.k8s.io",
        &["provisioner"],
        Change::Value,
    ),
    (
        &["StorageClass"],
        "storage.k8s.io",
        &["parameters"],
        Change::Any,
    ),
    (
        &["StorageClass"],
        "storage.k8s.io",
        &["reclaimPolicy"],
        Change::Default("Delete"),
    ),
    (
        &["StorageClass"],
        "storage.k8s.io",
        &["volumeBindingMode"],
        Change::Default("Immediate"),
    ),
    (
        &["PriorityClass"],
        "scheduling.k8s.io",
        &["value"],
        Change::Value,
    ),
    (
        &["PriorityClass"],
        "scheduling.k8s.io",
        &["preemptionPolicy"],
        Change::Default("PreemptLowerPriority"),
    ),
    (
        &["CustomResourceDefinition"],
        "apiextensions.k8s.io",
        &["spec", "scope"],
        Change::Value,
    ),
    (
        &["CustomResourceDefinition"],
        "apiextensions.k8s.io",
        &["spec", "names", "kind"],
        Change::Value,
    ),
];
/// The fields of a ConfigMap or Secret that `immutable: true` protects.
const DATA: [&[&str]; 4] = [&["data"], &["binaryData"], &["stringData"], &["immutable"]];

impl Rule for ImmutableField {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        let Some(base) = context.at_base(overlay) else {
            return;
        };
        let whole = base.rendered.complete && overlay.rendered.complete;
        if !whole || base.rendered.is(&overlay.rendered) || is_forced(context, overlay) {
            return;
        }
        let resources = base.rendered.resources.iter();
        let before: HashMap<ObjectKey, &Resource> = resources
            .map(|resource| (object_key(resource), resource))
            .collect();
        for now in &overlay.rendered.resources {
            let Some(then) = before.get(&object_key(now)) else {
                continue;
            };
            if is_replaced(now) || never_existed(then) {
                continue;
            }
            for (path, origin) in refused(then, now) {
                let draft = changed(now, &path, origin, then);
                sink.report(context, Some(overlay), draft);
            }
        }
    }
}

/// True for a workload that the API server refused: its selector does not select its own pods.
fn never_existed(workload: &Resource) -> bool {
    let node = &workload.node;
    let (Some(selector), Some(template)) = (
        node.at(&["spec", "selector"]),
        node.at(&["spec", "template", "metadata", "labels"]),
    ) else {
        return false;
    };
    let label = |key: &str| template.get(key).and_then(Node::text);
    workload.group() == "apps" && !LabelSelector::of_node(selector).selects(&label)
}

/// The fields of an object whose change is refused, with the places to edit.
fn refused(then: &Resource, now: &Resource) -> Vec<(String, Origin)> {
    let (kind, group) = (now.kind(), now.group());
    let fixed = FIXED
        .iter()
        .filter(|(kinds, of, ..)| kinds.contains(&kind) && *of == group)
        .map(|(_, _, path, change)| (*path, *change));
    let frozen = matches!(kind, "ConfigMap" | "Secret")
        && then.node.get("immutable").and_then(Node::as_bool) == Some(true);
    let data = DATA
        .iter()
        .filter(|_| frozen)
        .map(|path| (*path, Change::Any));
    let mut found = Vec::new();
    for (path, change) in fixed.chain(data) {
        let values = (filled(then, path), filled(now, path));
        if is_refused(values, change) && !is_external(then, now, path) {
            let holder = path
                .split_last()
                .and_then(|(_, parents)| now.node.at(parents));
            let place = match values {
                (Some(before), Some(after)) => difference(before, after),
                (None, Some(after)) => after.origin,
                _ => holder.unwrap_or(&now.node).origin,
            };
            found.push((path.join("."), place));
        }
    }
    if kind == "CustomResourceDefinition"
        && let Some(origin) = lost_version(then, now)
    {
        found.push((VERSIONS.to_string(), origin));
    }
    found
}

/// The place of the versions of a definition that lacks the one in which objects are stored.
fn lost_version(then: &Resource, now: &Resource) -> Option<Origin> {
    let (before, after) = (Definition::read(&then.node)?, Definition::read(&now.node)?);
    let stored = before.versions.iter().find(|version| version.is_stored)?;
    let is_lost = after.version(&stored.name).is_none() && !after.versions.is_empty();
    is_lost.then(|| now.node.at(&["spec", "versions"]).map(|node| node.origin))?
}

/// The path of the versions of a CustomResourceDefinition.
const VERSIONS: &str = "spec.versions";

fn filled<'r>(resource: &'r Resource, path: &[&str]) -> Option<&'r Node> {
    let node = resource.node.at(path)?;
    let empty = match &node.data {
        Data::Map(map) => map.entries.is_empty(),
        Data::List(list) => list.items.is_empty(),
        Data::Scalar(scalar) => scalar.text.is_empty() || node.is_null(),
    };
    (!empty).then_some(node)
}

fn is_refused(values: (Option<&Node>, Option<&Node>), change: Change) -> bool {
    let open = |node: Option<&Node>| node.is_some_and(|node| node.raw().contains("${"));
    if open(values.0) || open(values.1) {
        return false;
    }
    match (change, values) {
        (_, (None, None)) => false,
        (Change::Smaller, (Some(before), Some(after))) => {
            let amount = |node: &Node| quantity::parse(node.raw());
            matches!((amount(before), amount(after)), (Some(one), Some(two)) if two < one)
        }
        (Change::Default(value), (before, after)) => {
            let text =
                |node: Option<&Node>| node.map_or(value.to_string(), |n| n.raw().to_string());
            text(before) != text(after)
        }
        (_, (Some(before), Some(after))) => !alike(before, after),
        (Change::Any, _) => true,
        _ => false,
    }
}

/// True if the API server considers two values equal: it ignores the order of keys, and null counts
/// as not set.
fn alike(before: &Node, after: &Node) -> bool {
    match (&before.data, &after.data) {
        (Data::Map(_), Data::Map(_)) => {
            let covered = |one: &Node, other: &Node| {
                one.entries().iter().all(|entry| {
                    entry.value.is_null()
                        || other
                            .get(&entry.key)
                            .is_some_and(|value| alike(&entry.value, value))
                })
            };
            covered(before, after) && covered(after, before)
        }
        (Data::List(one), Data::List(other)) => {
            one.items.len() == other.items.len()
                && one.items.iter().zip(&other.items).all(|(a, b)| alike(a, b))
        }
        _ => before.same_value(after),
    }
}

/// A Service of the type ExternalName has no address.
fn is_external(then: &Resource, now: &Resource, path: &[&str]) -> bool {
    let external = |resource: &Resource| {
        resource.node.at(&["spec", "type"]).and_then(Node::text) == Some("ExternalName")
    };
    path == ["spec", "clusterIP"] && (external(then) || external(now))
}

/// The place of the first value that differs.
fn difference(before: &Node, after: &Node) -> Origin {
    match (&before.data, &after.data) {
        (Data::Map(_), Data::Map(map)) => {
            for entry in &map.entries {
                match before.get(&entry.key) {
                    None => return first_value(&entry.value).origin,
                    Some(earlier) if !alike(earlier, &entry.value) => {
                        return difference(earlier, &entry.value);
                    }
                    Some(_) => {}
                }
            }
            let removed = map
                .removed
                .iter()
                .find(|one| before.get(&one.key).is_some());
            removed.map_or(after.origin, |one| one.origin)
        }
        (Data::List(one), Data::List(other)) => {
            let mut pairs = one.items.iter().zip(&other.items);
            pairs
                .find(|(a, b)| !alike(a, b))
                .map_or(after.origin, |(a, b)| difference(a, b))
        }
        _ => after.origin,
    }
}

/// The first single value below a node.
fn first_value(node: &Node) -> &Node {
    let first = node.entries().first().map(|entry| &entry.value);
    first.or(node.items().first()).map_or(node, first_value)
}

/// True if the agent deletes the object before it applies it again.
fn is_replaced(resource: &Resource) -> bool {
    let annotation = |key: &str| {
        resource
            .node
            .at(&["metadata", "annotations", key])
            .and_then(Node::text)
    };
    let options = annotation("argocd.argoproj.io/sync-options").unwrap_or_default();
    let finished = resource.kind() == "Job"
        && resource
            .node
            .at(&["spec", "ttlSecondsAfterFinished"])
            .is_some();
    finished
        || annotation("argocd.argoproj.io/hook").is_some()
        || annotation("helm.sh/hook").is_some()
        || options.contains("Force=true")
        || options.contains("Replace=true")
        || ["force", "ssa"].iter().any(|key| {
            let value = annotation(&format!("kustomize.toolkit.fluxcd.io/{key}"));
            value.is_some_and(|value| matches!(value, "enabled" | "Enabled" | "IfNotPresent"))
        })
}

/// True if the agent of an overlay replaces objects that it cannot update.
fn is_forced(context: &Context, overlay: &Overlay) -> bool {
    agents_of(context, overlay).iter().any(|pointer| {
        let force = pointer.object.at(&["spec", "force"]);
        force.and_then(Node::as_bool) == Some(true)
    })
}

fn changed(now: &Resource, path: &str, origin: Origin, then: &Resource) -> Draft {
    let (kind, name) = (now.kind(), now.name());
    let smaller = path.ends_with("requests.storage");
    let message = if smaller {
        format!(": this change lowers `{path}`, which can only grow")
    } else if path == VERSIONS {
        ": this change removes the version in which objects are stored".to_string()
    } else if path == "immutable" || path.ends_with("ata") {
        format!(": this change alters `{path}`, but the object has `immutable: true`")
    } else {
        format!(": this change alters `{path}`, which cannot change once the object exists")
    };
    let help = if origin.by == By::Labels {
        "use `labels` without `includeSelectors` instead of `commonLabels`".to_string()
    } else if path == VERSIONS {
        "keep the version with `served: false` and `storage: false` until all objects are rewritten and `status.storedVersions` no longer lists it".to_string()
    } else {
        let keep = match kind {
            "StatefulSet" => " with `--cascade=orphan`",
            _ => "",
        };
        format!(
            "undo it, give the {kind} a new name, or delete `{name}` in the cluster{keep} before the merge"
        )
    };
    // one line of labels changes the selectors of several kinds
    let cause = match origin.by {
        By::Labels => Cause::new("immutable").with("labels"),
        _ => Cause::new("immutable").with(kind).with(path),
    };
    let mut draft = Draft::new(Severity::Error, origin, cause, message)
        .help(help)
        .on(now, format!("/{}", path.replace('.', "/")));
    draft.subject = Some(format!("{kind} `{name}`"));
    let keys: Vec<&str> = path.split('.').collect();
    match then.node.at(&keys) {
        Some(before) if before.origin != origin => {
            draft.related(before.origin, "the value at the base revision")
        }
        _ => draft,
    }
}
