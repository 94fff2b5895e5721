//! # resource-deletion
//!
//! ## What
//!
//! With `--base`: an object of a protected environment that the base revision rendered and the change removes or renames. PersistentVolumeClaim, StatefulSet, Namespace and CustomResourceDefinition are errors. Objects whose name carries a content hash, and those that `argocd.argoproj.io/sync-options` guards with `Prune=false` or `Prune=confirm`, are left out.
//!
//! ## Why
//!
//! The agent prunes what is no longer rendered: a renamed StatefulSet is a deleted one, with its volumes.
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

use super::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::finding::Severity;
use crate::repo::Overlay;
use crate::yaml::Node;

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

impl Rule for ResourceDeletion {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        let Some(base) = context.base.filter(|_| context.repo.protected(overlay) && overlay.rendered.complete) else { return };
        let Some(before) = base.same(overlay).filter(|before| before.rendered.complete) else { return };
        if std::sync::Arc::ptr_eq(&before.rendered, &overlay.rendered) {
            return;
        }
        for lost in &before.rendered.resources {
            let id = lost.id();
            let kept = overlay.rendered.resources.iter().any(|resource| {
                let now = resource.id();
                now.kind == id.kind
                    && now.group() == id.group()
                    && now.name == id.name
                    && now.effective_namespace() == id.effective_namespace()
            });
            let options =
                lost.node.at(&["metadata", "annotations", "argocd.argoproj.io/sync-options"]).and_then(Node::text).unwrap_or_default();
            let guarded = options.split(',').any(|option| matches!(option.trim(), "Prune=false" | "Prune=confirm"));
            // somewhere else in the repo it may well live on
            let moved = context.repo.overlays.iter().any(|other| {
                other.environment == overlay.environment
                    && other.key() != overlay.key()
                    && other.rendered.resources.iter().any(|resource| resource.id().same_object(&id))
            });
            if kept || guarded || moved || lost.needs_hash {
                continue;
            }
            let holds_data = matches!(lost.kind(), "PersistentVolumeClaim" | "StatefulSet" | "Namespace" | "CustomResourceDefinition");
            let severity = if holds_data { Severity::Error } else { Severity::Warning };
            let environment = context.repo.environment(overlay).map_or("this environment", |environment| environment.name.as_str());
            let message = format!("{}/{} of {environment} is gone: the agent will delete it", lost.kind(), lost.name());
            let deleted = overlay.rendered.deleted.iter().find(|deleted| deleted.resource.original == lost.original);
            let draft = Draft::new(severity, deleted.map_or(overlay.origin, |deleted| deleted.origin), message);
            let place = lost.node.get("kind").map_or(lost.node.origin, |kind| kind.origin);
            let mut draft = draft.help("put it back, or say in the pull request that it is meant").related(place, "it was here");
            draft.resource = Some(id);
            sink.report(context, Some(overlay), draft);
        }
    }
}
