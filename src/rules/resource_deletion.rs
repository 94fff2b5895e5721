//! # resource-deletion
//!
//! ## What
//!
//! With `--base`: an object of a protected environment that the base revision rendered and the change removes, renames or moves to another namespace, alone or with its whole overlay. PersistentVolumeClaim, StatefulSet, Namespace and CustomResourceDefinition are errors, everything else is a warning.
//!
//! Left out is what the agent keeps or what lives on: guarded at the base revision by `argocd.argoproj.io/sync-options: Prune=false` (or `Prune=confirm`; with the whole overlay also `Delete=false` and `Delete=confirm`), by `kustomize.toolkit.fluxcd.io/prune: disabled` or `helm.sh/resource-policy: keep`; applied by a Flux Kustomization with `prune: false`; rendered by another overlay of the environment (a moved folder); hooks of Argo CD; generated ConfigMaps and Secrets, whose names carry a hash of their content.
//!
//! ## Why
//!
//! The agent prunes what is no longer rendered: a renamed StatefulSet is a deleted one.
//!
//! ## Example
//!
//! ```yaml
//! # resources:
//! #   - database.yaml     # removed with the folder that looked unused
//! ```
//!
//! ## Fix
//!
//! Put the object back, or guard it with the annotation in a change before, and say in the pull request that it is meant.
//!
//! ## Options
//!
//! None.

use std::collections::HashSet;
use std::sync::Arc;

use super::context::{ObjectKey, object_key};
use super::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::finding::Severity;
use crate::kustomize::Resource;
use crate::kustomize::loader::FILE_NAMES;
use crate::repo::{AgentKind, Overlay};
use crate::yaml::{Node, Origin};

/// See the documentation above.
pub struct ResourceDeletion;

const METADATA: Metadata = Metadata {
    id: "resource-deletion",
    category: Category::Guardrails,
    level: "error for what holds data, warning for the rest; needs a base revision",
    severity: Severity::Error,
    summary: "an object that production had at the base revision and loses",
    options: &[],
    source: include_str!("resource_deletion.rs"),
};

/// Objects whose deletion takes data along.
const HOLDS_DATA: &[&str] = &["PersistentVolumeClaim", "StatefulSet", "Namespace", "CustomResourceDefinition"];
/// Objects of a lost overlay that a message names.
const NAMED: usize = 3;

impl Rule for ResourceDeletion {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        let before = context.at_base(overlay).filter(|_| context.repo.protected(overlay));
        let Some(before) = before.filter(|before| before.rendered.complete && overlay.rendered.complete) else { return };
        if Arc::ptr_eq(&before.rendered, &overlay.rendered) || context.keeps(before) {
            return;
        }
        let present: HashSet<ObjectKey> = overlay.rendered.resources.iter().map(object_key).collect();
        for lost in before.rendered.resources.iter().filter(|lost| !present.contains(&object_key(lost)) && !is_kept(lost, false)) {
            // somewhere else in the environment it may well live on
            if context.lives_in(overlay.environment, object_key(lost)) {
                continue;
            }
            let environment = context.side(overlay);
            let name = format!("{}/{}", lost.kind(), lost.name());
            let same = |resource: &&Resource| resource.original.same_object(&lost.original) && !resource.needs_hash;
            let renamed = overlay.rendered.resources.iter().find(same);
            let message = match renamed {
                Some(new) if new.name() != lost.name() => {
                    format!("{name} of {environment} becomes {}: the agent will delete it and make a new one", new.name())
                }
                Some(new) => {
                    let namespace = new.namespace().unwrap_or("default");
                    format!("{name} of {environment} moves to namespace {namespace}: the agent will delete it and make a new one")
                }
                None => format!("{name} of {environment} is gone: the agent will delete it"),
            };
            let deleted = overlay.rendered.deleted.iter().find(|deleted| deleted.resource.original == lost.original);
            let origin = deleted
                .map(|deleted| deleted.origin)
                .or(renamed.and_then(|new| new.renamed_by))
                .unwrap_or_else(|| left(context, overlay, lost));
            let place = lost.node.get("kind").map_or(lost.node.origin, |kind| kind.origin);
            let draft = Draft::new(severity(lost), origin, message);
            let mut draft = draft.help("put it back, or say in the pull request that it is meant").related(place, "it was here");
            draft.resource = Some(lost.id());
            sink.report(context, Some(overlay), draft);
        }
    }

    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        for overlay in context.gone() {
            if !context.repo.protected(overlay) || context.keeps(overlay) {
                continue;
            }
            let lost = overlay
                .rendered
                .resources
                .iter()
                .filter(|lost| !is_kept(lost, true) && !context.lives_in(overlay.environment, object_key(lost)));
            // what matters most is named first
            let mut lost: Vec<&Resource> = lost.collect();
            lost.sort_by_key(|lost| std::cmp::Reverse(severity(lost)));
            let Some(worst) = lost.first() else { continue };
            let names: Vec<String> = lost.iter().take(NAMED).map(|lost| format!("{}/{}", lost.kind(), lost.name())).collect();
            let more = if lost.len() > NAMED { format!(" and {} more", lost.len() - NAMED) } else { String::new() };
            let environment = context.repo.environment(overlay).map_or("this environment", |environment| environment.name.as_str());
            let message = format!("{} is gone: the agent will delete {}{more} of {environment}", overlay.path, names.join(", "));
            let mut draft = Draft::new(severity(worst), overlay.origin, message);
            for lost in lost.iter().take(NAMED) {
                let place = lost.node.get("kind").map_or(lost.node.origin, |kind| kind.origin);
                draft = draft.related(place, format!("{}/{} was here", lost.kind(), lost.name()));
            }
            let mut draft = draft.help("put it back, or say in the pull request that it is meant");
            draft.resource = Some(worst.id());
            sink.report(context, Some(overlay), draft);
        }
    }
}

impl Context<'_> {
    /// Whether the agent that applies an overlay of the base revision deletes nothing.
    fn keeps(&self, overlay: &Overlay) -> bool {
        let pointers = self.base.map_or(&[][..], |base| &base.pointers);
        let agent = overlay.agent.as_ref().map(|agent| &agent.name);
        let mut own = pointers.iter().filter(|pointer| pointer.folder == overlay.path && Some(&pointer.agent.name) == agent);
        own.any(|pointer| {
            pointer.agent.kind == AgentKind::Flux && pointer.object.at(&["spec", "prune"]).and_then(Node::as_bool) == Some(false)
        })
    }
}

fn severity(lost: &Resource) -> Severity {
    if HOLDS_DATA.contains(&lost.kind()) { Severity::Error } else { Severity::Warning }
}

/// Whether the object as it was at the base revision is one that the agent keeps, or deletes by design.
fn is_kept(lost: &Resource, with_overlay: bool) -> bool {
    let annotation = |key: &str| lost.node.at(&["metadata", "annotations", key]).and_then(Node::text);
    let label = |key: &str| lost.node.at(&["metadata", "labels", key]).and_then(Node::text);
    let options = annotation("argocd.argoproj.io/sync-options").unwrap_or_default();
    let guarded = options.split(',').any(|option| match option.trim() {
        "Prune=false" | "Prune=confirm" => true,
        "Delete=false" | "Delete=confirm" => with_overlay,
        _ => false,
    });
    const PRUNE: &str = "kustomize.toolkit.fluxcd.io/prune";
    guarded
        || annotation(PRUNE).or(label(PRUNE)).is_some_and(|value| value.eq_ignore_ascii_case("disabled"))
        || annotation("helm.sh/resource-policy") == Some("keep")
        || annotation("argocd.argoproj.io/hook").is_some()
        || lost.needs_hash
}

/// The place of the head that no longer has an object: its file, else the kustomization of its folder, else the overlay.
fn left(context: &Context, overlay: &Overlay, lost: &Resource) -> Origin {
    let files = &context.repo.files;
    let was = files.get(lost.node.origin.file);
    let folder = |path: &str| path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_string());
    let kustomization = |path: &str| FILE_NAMES.contains(&path.rsplit('/').next().unwrap_or(path)) && folder(path) == folder(&was.path);
    let read = |wanted: &dyn Fn(&str) -> bool| overlay.rendered.files.iter().copied().find(|file| wanted(&files.get(*file).path));
    let file = read(&|path| path == &*was.path).or_else(|| read(&kustomization));
    file.map_or(overlay.origin, |file| Origin { file, start: 0, end: 0, ..overlay.origin })
}
