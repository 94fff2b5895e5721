//! # contested-object
//!
//! ## What
//!
//! Two agents apply the same object to the same cluster, with different values. The object counts
//! as the same if kind, name and namespace are the same. Two agents have the same cluster if one
//! root applies both, or if they are Argo CD Applications of one environment with the same
//! destination.
//!
//! Labels and annotations are not compared, because agents write their own. Objects that both
//! agents apply with the same values are not reported.
//!
//! ## Why
//!
//! Each agent undoes at every sync what the other one did. Which value a pod starts with depends on
//! the moment, and deleting one of the two deletes the object that the other one needs.
//!
//! ## Example
//!
//! ```yaml
//! # applied by Application platform
//! kind: Deployment
//! metadata: {name: worker, namespace: jobs}
//! spec: {replicas: 2}   # Application worker applies it with 6 replicas
//! ```
//!
//! ## Fix
//!
//! Remove the object from one of the two folders, or rename it.

use std::collections::BTreeMap;

use crate::finding::{Cause, Severity};
use crate::kustomize::Resource;
use crate::kustomize::resource::NO_NAMESPACE;
use crate::repo::agents::destination;
use crate::repo::{AgentKind, Overlay, Repo};
use crate::rules::engine::context::object_key;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::yaml::Node;

/// See the documentation above.
pub(super) struct ContestedObject;

static METADATA: Metadata = Metadata {
    id: "contested-object",
    category: Category::Structure,
    level: "warning",
    severity: Severity::Warning,
    summary: "an object that two agents apply to one cluster with different values",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("contested_object.rs"),
};

/// The parts that tell clusters apart, as far as the repo shows.
type Cluster = (Option<usize>, Option<String>, String);

/// A cluster, and group, kind, name and namespace of an object in it.
type Key<'r> = (Cluster, [&'r str; 4]);

impl Rule for ContestedObject {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        let repo = context.repo;
        let mut owners: BTreeMap<Key<'_>, Vec<(&Overlay, &Resource)>> = BTreeMap::new();
        for overlay in &repo.overlays {
            let Some(cluster) = cluster(repo, overlay) else {
                continue;
            };
            for object in &overlay.rendered.resources {
                let key = (cluster.clone(), identity(repo, overlay, object));
                owners.entry(key).or_default().push((overlay, object));
            }
        }
        for (first, others) in owners.values().filter_map(|all| all.split_first()) {
            let elsewhere = |other: &&(&Overlay, &Resource)| {
                let name =
                    |overlay: &Overlay| overlay.agent.as_ref().map(|agent| agent.name.clone());
                name(first.0) != name(other.0)
            };
            let contested = others
                .iter()
                .filter(elsewhere)
                .find_map(|other| Some((other, difference(&first.1.node, &other.1.node)?)));
            if let Some((other, values)) = contested {
                report(context, (*first, *other), values, sink);
            }
        }
    }
}

/// The cluster that an overlay is applied to; `None` if the repo does not tell, or if another agent
/// that was not followed may change it.
fn cluster(repo: &Repo, overlay: &Overlay) -> Option<Cluster> {
    let index = overlay.applied?;
    let pointer = repo.pointers().get(index)?;
    let place = match pointer.agent.kind {
        AgentKind::ArgoCd => {
            format!("argocd {}", destination(&pointer.object)?)
        }
        AgentKind::Flux => {
            let root = repo.root_above(index);
            let parent = repo.parents(index).first()?;
            let elsewhere = pointer.object.at(&["spec", "kubeConfig"]).is_some();
            let elsewhere = elsewhere.then(|| parent.to_string() + &overlay.path);
            format!("flux {root} {}", elsewhere.unwrap_or_default())
        }
    };
    let placement = pointer.any_placement();
    let environment = placement.map(|placement| placement.environment);
    let variant = placement.and_then(|placement| placement.variant.clone());
    environment?;
    (!place.contains("{{") && overlay.environment == environment).then_some((
        environment,
        variant,
        place,
    ))
}

/// Group, kind, name and namespace. Argo CD applies objects without a namespace to that of the
/// destination.
fn identity<'r>(repo: &'r Repo, overlay: &'r Overlay, object: &'r Resource) -> [&'r str; 4] {
    let (group, kind, name, namespace) = object_key(object);
    let destination = || {
        let pointer = repo.pointer(overlay)?;
        let namespace = pointer.object.at(&["spec", "destination", "namespace"])?;
        namespace.text().filter(|text| !text.is_empty())
    };
    let namespace = match namespace {
        NO_NAMESPACE => namespace,
        written if object.namespace().is_some_and(|own| !own.is_empty()) => written,
        _ => destination().unwrap_or(namespace),
    };
    [group, kind, name, namespace]
}

/// Two values at one path of an object.
struct Values<'n> {
    path: String,
    values: [&'n Node; 2],
}

/// The first value, besides metadata and status, that both set differently.
fn difference<'n>(one: &'n Node, other: &'n Node) -> Option<Values<'n>> {
    let entries = one.entries().iter();
    entries
        .filter(|entry| !["metadata", "status", "apiVersion"].contains(&&*entry.key))
        .find_map(|entry| {
            differs(
                &entry.value,
                other.get(&entry.key)?,
                &format!("/{}", entry.key),
            )
        })
}

/// The depth is limited by the reader.
fn differs<'n>(one: &'n Node, other: &'n Node, path: &str) -> Option<Values<'n>> {
    let here = || Values {
        path: path.to_string(),
        values: [one, other],
    };
    match (one.as_map(), other.as_map(), one.as_list(), other.as_list()) {
        (Some(map), Some(_), ..) => map.entries.iter().find_map(|entry| {
            differs(
                &entry.value,
                other.get(&entry.key)?,
                &format!("{path}/{}", entry.key),
            )
        }),
        (_, _, Some(list), Some(others)) if list.items.len() == others.items.len() => {
            let mut pairs = list.items.iter().zip(&others.items).enumerate();
            pairs.find_map(|(at, (one, other))| differs(one, other, &format!("{path}/{at}")))
        }
        _ => (!one.same_value(other)).then(here),
    }
}

fn report(
    context: &Context,
    ((first, object), (second, _)): ((&Overlay, &Resource), (&Overlay, &Resource)),
    difference: Values<'_>,
    sink: &mut Sink,
) {
    let name = |overlay: &Overlay| {
        overlay
            .agent
            .as_ref()
            .map_or("", |agent| &agent.name)
            .to_string()
    };
    let (one, other) = (name(first), name(second));
    let [was, is] = difference.values;
    let secret = object.kind() == "Secret";
    let shown = |node: &Node| match node.as_scalar() {
        Some(scalar) if !secret && scalar.text.len() < 80 => format!("`{}`", scalar.text),
        _ => "another value".to_string(),
    };
    let message = format!(
        "{one} and {other} both apply {} `{}` to {}, with different values: `{}` is {} and {}",
        object.kind(),
        object.name(),
        context.name_of(first),
        difference.path,
        shown(was),
        shown(is),
    );
    let cause = Cause::new("contested")
        .with(object.kind())
        .with(object.name())
        .with(&one)
        .with(&other);
    let mut draft = Draft::new(Severity::Warning, was.origin, cause, message)
        .related(is.origin, format!("{other} applies this"))
        .help("remove the object from one of the two folders, or rename it");
    if let Some(agent) = &second.agent {
        draft = draft.related(agent.origin, format!("{other} is here"));
    }
    sink.report(context, Some(first), draft);
}
