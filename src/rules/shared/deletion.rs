//! Objects that a protected overlay has lost since the base revision, so that the agent deletes
//! them from the cluster. `removed-resource` reports lost guards (PodDisruptionBudgets,
//! NetworkPolicies and the like), and `resource-deletion` reports everything else.
//!
//! Not here: severities and messages (the rules).

use std::collections::HashSet;

use crate::finding::Cause;
use crate::kustomize::Resource;
use crate::kustomize::loader::is_kustomization;
use crate::repo::agents::Pointer;
use crate::repo::{AgentKind, Overlay, Repo};
use crate::rules::engine::context::unlisted;
use crate::rules::engine::context::{ObjectKey, object_key};
use crate::rules::{Claim, Context};
use crate::source::folder_of;
use crate::yaml::{FileId, Node, Origin};

/// Kinds that guard or observe other objects.
const GUARDS: &[&str] = &[
    "PodDisruptionBudget",
    "HorizontalPodAutoscaler",
    "NetworkPolicy",
    "ServiceMonitor",
    "PodMonitor",
    "PrometheusRule",
    "ResourceQuota",
    "LimitRange",
];

/// True if an object guards or observes others and the overlay has no replacement for it. For
/// example, a ScaledObject replaces a HorizontalPodAutoscaler.
pub(in crate::rules) fn is_guard(overlay: &Overlay, lost: &Resource) -> bool {
    let scales =
        |resource: &Resource| matches!(resource.kind(), "ScaledObject" | "HorizontalPodAutoscaler");
    let is_replaced = || {
        lost.kind() == "HorizontalPodAutoscaler" && overlay.rendered.resources.iter().any(scales)
    };
    GUARDS.contains(&lost.kind()) && !is_replaced()
}

/// The guards that an overlay has lost since the base revision. A guard that is removed together
/// with other objects at the same place, such as a Deployment with its budget, does not count.
pub(in crate::rules) fn lost_guards<'a>(
    context: &Context,
    before: &'a Overlay,
    overlay: &Overlay,
) -> Vec<&'a Resource> {
    let is_claimed = context.is_claimed(Claim::LostGuards);
    if !is_claimed || overlay.rendered.resources.is_empty() || keeps_everything(context, before) {
        return Vec::new();
    }
    let is_lost = |lost: &&Resource| {
        is_deleted(context, overlay, lost) && renamed(context, overlay, lost).is_none()
    };
    let (guards, others): (Vec<&Resource>, Vec<&Resource>) = missing(before, overlay)
        .into_iter()
        .filter(is_lost)
        .partition(|lost| is_guard(overlay, lost));
    let places: HashSet<Origin> = others
        .into_iter()
        .map(|lost| place(context, overlay, lost))
        .collect();
    let on_its_own = |lost: &&Resource| {
        environment_before_has(context, overlay, lost)
            || !places.contains(&place(context, overlay, lost))
    };
    guards.into_iter().filter(on_its_own).collect()
}

/// True if the environment before still has an object that production loses. Then the comparison of
/// the two environments reports the loss.
pub(in crate::rules) fn environment_before_has(
    context: &Context,
    overlay: &Overlay,
    lost: &Resource,
) -> bool {
    let has = |from: &Overlay| from.same_resource(lost).is_some();
    context
        .judged_pairs()
        .any(|(from, to)| std::ptr::eq(to, overlay) && from.rendered.complete && has(from))
}

/// The objects that an overlay no longer renders and that no annotation keeps in the cluster.
pub(in crate::rules) fn missing<'a>(before: &'a Overlay, overlay: &Overlay) -> Vec<&'a Resource> {
    let present: HashSet<ObjectKey> = overlay.rendered.resources.iter().map(object_key).collect();
    before
        .rendered
        .resources
        .iter()
        .filter(|lost| !present.contains(&object_key(lost)) && !is_kept(lost, false))
        .collect()
}

/// True if the agent deletes an object that an overlay lost, because no other overlay renders it.
/// False for a Kustomization or Application whose own overlay is gone too: that is reported with
/// the overlay.
pub(in crate::rules) fn is_deleted(context: &Context, overlay: &Overlay, lost: &Resource) -> bool {
    let applied = applied_by(context, lost);
    !context.lives_on(overlay, object_key(lost))
        && !applied
            .iter()
            .any(|overlay| context.at_head(overlay).is_none())
}

/// The new object, if a lost object was renamed or moved to another namespace.
pub(in crate::rules) fn renamed<'a>(
    context: &Context,
    overlay: &'a Overlay,
    lost: &Resource,
) -> Option<&'a Resource> {
    let before = context
        .at_base(overlay)
        .map_or(&[][..], |before| &before.rendered.resources);
    let is_new = |resource: &Resource| {
        !before
            .iter()
            .any(|other| object_key(other) == object_key(resource))
    };
    overlay.rendered.resources.iter().find(|resource| {
        resource.original.same_object(&lost.original) && !resource.needs_hash && is_new(resource)
    })
}

/// The line that deletes a lost object in an overlay, such as a patch with `$patch: delete`.
pub(in crate::rules) fn deleted_by(overlay: &Overlay, lost: &Resource) -> Option<Origin> {
    let mut deleted = overlay.rendered.deleted.iter();
    deleted
        .find(|deleted| deleted.resource.original == lost.original)
        .map(|deleted| deleted.origin)
}

/// The place in the head to edit for a lost object: the line that deletes or renames it, or else
/// the place where it was.
pub(in crate::rules) fn place(context: &Context, overlay: &Overlay, lost: &Resource) -> Origin {
    deleted_by(overlay, lost)
        .or_else(|| renamed(context, overlay, lost)?.renamed_by)
        .unwrap_or_else(|| last_place(context, overlay, lost))
}

/// The place in the head where an object would be that was only removed: its file, or the list that
/// named it, or the list of its folder's kustomization, or any list on the way to it, or the
/// overlay. The first that exists counts.
fn last_place(context: &Context, overlay: &Overlay, lost: &Resource) -> Origin {
    let files = &context.repo.files;
    let was = files.get(lost.node.origin.file);
    let find = |wanted: &dyn Fn(&str) -> bool| {
        let mut read = overlay.rendered.files.iter().copied();
        read.find(|file| wanted(&files.get(*file).path))
    };
    let start = |file: FileId| Origin {
        file,
        start: 0,
        end: 0,
        ..overlay.origin
    };
    let lists = context.unlisted(overlay);
    let naming = lists.iter().find(|unlisted| unlisted.named(&was.path));
    let naming = naming.map(|unlisted| unlisted.list);
    let any = lists.first().map(|unlisted| unlisted.list);
    if let Some(file) = find(&|path| path == &*was.path) {
        // if other overlays still read the file unchanged, the change edited a list and not the
        // file
        let is_unchanged = files.get(file).text == was.text;
        let list = naming.or(any).filter(|_| is_unchanged);
        return list.unwrap_or_else(|| start(file));
    }
    let beside = || {
        let file = find(&|path| is_kustomization(path) && folder_of(path) == folder_of(&was.path))?;
        let list = unlisted::listed(context, file).map(|(list, _)| list);
        Some(list.unwrap_or_else(|| start(file)))
    };
    naming.or_else(beside).or(any).unwrap_or(overlay.origin)
}

/// The name of a lost object in messages, such as `` `ConfigMap/settings` ``. The namespace is
/// added if the overlay had another object of this kind and name.
pub(in crate::rules) fn described(before: &Overlay, lost: &Resource) -> String {
    let namespace = ambiguous_namespace(before, lost).map(|name| format!(" in namespace `{name}`"));
    format!(
        "`{}/{}`{}",
        lost.kind(),
        lost.name(),
        namespace.unwrap_or_default()
    )
}

/// The cause of a loss. One list can name several objects, so the cause contains their original
/// names, which are the same in every overlay.
pub(in crate::rules) fn cause(kind: &'static str, before: &Overlay, lost: &[&Resource]) -> Cause {
    lost.iter().fold(Cause::new(kind), |cause, lost| {
        let cause = cause.with(format!("{}/{}", lost.kind(), lost.original.name));
        ambiguous_namespace(before, lost)
            .into_iter()
            .fold(cause, Cause::with)
    })
}

/// The namespace of a lost object, where kind and name alone do not identify it.
fn ambiguous_namespace<'r>(before: &Overlay, lost: &'r Resource) -> Option<&'r str> {
    let elsewhere = |other: &Resource| {
        other.kind() == lost.kind()
            && other.name() == lost.name()
            && other.namespace() != lost.namespace()
    };
    lost.namespace()
        .filter(|_| before.rendered.resources.iter().any(elsewhere))
}

/// The overlays of the base revision whose objects are deleted together with this agent's object: a
/// Flux Kustomization that prunes, or an Application with the resources finalizer.
pub(in crate::rules) fn applied_by<'a>(
    context: &Context<'a>,
    object: &Resource,
) -> Vec<&'a Overlay> {
    let Some(base) = context.base.filter(|_| deletes_what_it_applies(object)) else {
        return Vec::new();
    };
    let base: &'a Repo = base;
    let pointers: Vec<&Pointer> = base
        .pointers()
        .iter()
        .filter(|pointer| pointer.object.origin == object.node.origin)
        .collect();
    let is_applied = |overlay: &&Overlay| {
        pointers
            .iter()
            .any(|pointer| overlay.agent.as_ref() == Some(&pointer.agent))
    };
    base.overlays.iter().filter(is_applied).collect()
}

/// Kinds whose deletion also deletes data or the objects inside them.
pub(in crate::rules) const HOLDS_DATA: &[&str] = &[
    "PersistentVolumeClaim",
    "StatefulSet",
    "Namespace",
    "CustomResourceDefinition",
];

/// True if an Application has the finalizer with which Argo CD deletes what the Application applied.
pub(in crate::rules) fn has_finalizer(application: &Node) -> bool {
    const FINALIZER: &str = "resources-finalizer.argocd.argoproj.io";
    let finalizers = application.at(&["metadata", "finalizers"]);
    let mut finalizers = finalizers.map_or(&[][..], Node::items).iter();
    finalizers.any(|node| node.text().is_some_and(|text| text.starts_with(FINALIZER)))
}

fn deletes_what_it_applies(object: &Resource) -> bool {
    match (object.kind(), object.group()) {
        ("Kustomization", "kustomize.toolkit.fluxcd.io") => {
            let value = |key: &str| object.node.at(&["spec", key]);
            value("prune").and_then(Node::as_bool) == Some(true)
                && value("deletionPolicy").and_then(Node::text) != Some("Orphan")
        }
        ("Application", "argoproj.io") => has_finalizer(&object.node),
        _ => false,
    }
}

/// The objects that are deleted with a protected overlay of the base revision that is gone.
pub(in crate::rules) fn deleted_with<'a>(
    context: &Context,
    overlay: &'a Overlay,
) -> Vec<&'a Resource> {
    if !context.repo.protected(overlay) || keeps_everything(context, overlay) {
        return Vec::new();
    }
    let lost = overlay.rendered.resources.iter();
    lost.filter(|lost| !is_kept(lost, true) && !context.lives_on(overlay, object_key(lost)))
        .collect()
}

/// True if the agent of an overlay of the base revision never deletes anything: a Flux
/// Kustomization with `prune: false`. Its setting in the head counts, or the last one if it is
/// gone.
pub(in crate::rules) fn keeps_everything(context: &Context, overlay: &Overlay) -> bool {
    let agent = overlay.agent.as_ref().map(|agent| &agent.name);
    let find = |repo: &Repo| {
        let applies = |pointer: &&Pointer| {
            pointer.folder == overlay.path && Some(&pointer.agent.name) == agent
        };
        repo.pointers().iter().find(applies).map(|pointer| {
            let prune = pointer.object.at(&["spec", "prune"]);
            pointer.agent.kind == AgentKind::Flux && prune.and_then(Node::as_bool) == Some(false)
        })
    };
    find(context.repo)
        .or_else(|| find(context.base?))
        .unwrap_or(false)
}

/// True if the loss of an object is harmless: the agent keeps it because of an annotation, or
/// always deletes such objects (hooks and generated ConfigMaps). The annotations at the base
/// revision count.
fn is_kept(lost: &Resource, with_overlay: bool) -> bool {
    const PRUNE: &str = "kustomize.toolkit.fluxcd.io/prune";
    let metadata = |map: &str, key: &str| {
        let value = lost.node.at(&["metadata", map, key]);
        value.and_then(Node::text)
    };
    let annotation = |key: &str| metadata("annotations", key);
    let options = annotation("argocd.argoproj.io/sync-options").unwrap_or_default();
    let kept_by_argo_cd = options.split(',').any(|option| match option.trim() {
        "Prune=false" | "Prune=confirm" => true,
        "Delete=false" | "Delete=confirm" => with_overlay,
        _ => false,
    });
    let kept_by_flux = annotation(PRUNE)
        .or(metadata("labels", PRUNE))
        .is_some_and(|value| value.eq_ignore_ascii_case("disabled"));
    kept_by_argo_cd
        || kept_by_flux
        || annotation("helm.sh/resource-policy") == Some("keep")
        || annotation("argocd.argoproj.io/hook").is_some()
        || lost.needs_hash
}
