//! # resource-deletion
//!
//! ## What
//!
//! A change removes an object from a protected environment, renames it, or moves it to another
//! namespace. This includes the removal of a whole overlay. The rule needs a base revision
//! (`--base`). Many objects without data that disappear at one place are one finding.
//!
//! The level depends on what is lost:
//!
//! - A PersistentVolumeClaim, StatefulSet, Namespace or CustomResourceDefinition is an error.
//! - An agent object whose removal also deletes such objects is an error: a Flux Kustomization
//!   that prunes, or an Application with the resources finalizer.
//! - Everything else is a warning.
//! - If the same change adds a chart, plugin or remote base that may create the object again, it
//!   is a warning, because these are not rendered.
//!
//! Not reported are:
//!
//! - objects that the base revision guards with `argocd.argoproj.io/sync-options: Prune=false` or
//!   `Prune=confirm` (and `Delete=false` or `Delete=confirm` if the whole overlay goes away),
//!   `kustomize.toolkit.fluxcd.io/prune: disabled`, or `helm.sh/resource-policy: keep`;
//! - objects that a Flux Kustomization with `prune: false` applies;
//! - objects that another overlay of the same variant renders, or that move with their folder to
//!   another overlay of the environment;
//! - objects that `removed-resource` reports;
//! - hooks of Argo CD;
//! - generated ConfigMaps and Secrets, whose names contain a hash of their content.
//!
//! ## Why
//!
//! The agent deletes what is no longer rendered. A renamed StatefulSet is a deleted StatefulSet.
//!
//! ## Example
//!
//! ```yaml
//! # resources:
//! #   - database.yaml     # removed with a folder that looked unused
//! ```
//!
//! ## Fix
//!
//! Restore the object. If the deletion is intended, say so in the pull request. To keep the object
//! in the cluster, guard it with one of these annotations in an earlier change.
//!
//! ## Options
//!
//! None.

use std::collections::HashSet;

use crate::finding::Severity;
use crate::kubernetes::workload;
use crate::kustomize::loader::is_kustomization;
use crate::kustomize::{ProblemKind, Resource};
use crate::repo::agents::Pointer;
use crate::repo::{AgentKind, Overlay, Repo};
use crate::rules::engine::context::{ObjectKey, object_key};
use crate::rules::guardrails::removed_resource;
use crate::rules::shared::unlisted;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::source::folder_of;
use crate::yaml::{FileId, Node, Origin};

/// See the documentation above.
pub(super) struct ResourceDeletion;

static METADATA: Metadata = Metadata {
    id: "resource-deletion",
    category: Category::Guardrails,
    level: "error for what holds data, warning for the rest; needs a base revision",
    severity: Severity::Error,
    summary: "an object that production had at the base revision and loses",
    options: &[],
    source: include_str!("resource_deletion.rs"),
};

/// Objects whose deletion takes data along.
const HOLDS_DATA: &[&str] = &[
    "PersistentVolumeClaim",
    "StatefulSet",
    "Namespace",
    "CustomResourceDefinition",
];
/// Objects of a lost overlay that a message names.
const NAMED: usize = 3;

impl Rule for ResourceDeletion {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }
    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        let Some(before) = context
            .at_base(overlay)
            .filter(|_| context.repo.protected(overlay))
        else {
            return;
        };
        let Some(evidence) = evidence(context, before, overlay) else {
            return;
        };
        if before.rendered.is(&overlay.rendered) || context.keeps(before) {
            return;
        }
        let lost = missing(before, overlay);
        // an overlay that is gathered here and is gone as a whole is told as such
        let gone = if lost.is_empty() {
            Vec::new()
        } else {
            context.gone()
        };
        let gathered = gone
            .into_iter()
            .filter(|gone| before.rendered.files.contains(&gone.origin.file));
        let gone: HashSet<Origin> = gathered
            .flat_map(|gone| context.taken_along(gone))
            .map(|lost| lost.node.origin)
            .collect();
        let told_as_guards =
            !lost.is_empty() && before.rendered.complete && overlay.rendered.complete;
        let guards: HashSet<Origin> = match told_as_guards {
            false => HashSet::new(),
            true => removed_resource::lost_since_base(context, before, overlay)
                .into_iter()
                .map(|lost| lost.node.origin)
                .collect(),
        };
        let environment = context.side(overlay);
        // what merely is no longer listed at one place, by place
        let mut left_out: Vec<(Origin, Vec<&Resource>)> = Vec::new();
        for lost in lost
            .into_iter()
            .filter(|lost| !gone.contains(&lost.node.origin) && !guards.contains(&lost.node.origin))
        {
            if !is_deleted(context, overlay, lost) {
                continue;
            }
            let applied = context.applied_by(lost);
            let name = called(before, lost);
            let renamed = renamed(context, overlay, lost);
            let origin = place(context, overlay, lost);
            let data = applied
                .iter()
                .flat_map(|overlay| &overlay.rendered.resources)
                .find(|lost| severity(lost) == Severity::Error);
            let message = match (renamed, data) {
                (Some(new), _) if new.name() != lost.name() => {
                    format!(
                        "{name} of {environment} becomes {}: the agent will delete it and make a new one",
                        new.name()
                    )
                }
                (Some(new), _) => {
                    let namespace = new.namespace().unwrap_or("default");
                    format!(
                        "{name} of {environment} moves to namespace {namespace}: the agent will delete it and make a new one"
                    )
                }
                (None, Some(data)) => format!(
                    "{name} of {environment} is gone: the agent will delete it and all that it applies, {}/{} among them",
                    data.kind(),
                    data.name()
                ),
                (None, None) if severity(lost) == Severity::Error => {
                    gone_from(environment, before, &[lost])
                }
                (None, None) => {
                    match left_out.iter_mut().find(|(place, _)| *place == origin) {
                        Some((_, all)) => all.push(lost),
                        None => left_out.push((origin, vec![lost])),
                    }
                    continue;
                }
            };
            let severity = if data.is_some() {
                Severity::Error
            } else {
                severity(lost)
            };
            sink.report(
                context,
                Some(overlay),
                told(evidence.weighed(severity, origin, message), &[lost]),
            );
        }
        for (origin, all) in left_out {
            // a few have a line each
            let few = if all.len() > NAMED { all.len() } else { 1 };
            for lost in all.chunks(few) {
                let draft = evidence.weighed(
                    Severity::Warning,
                    origin,
                    gone_from(environment, before, lost),
                );
                sink.report(context, Some(overlay), told(draft, lost));
            }
        }
    }

    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        for overlay in context.gone() {
            // what matters most is named first
            let mut lost = context.taken_along(overlay);
            lost.sort_by_key(|lost| {
                (
                    std::cmp::Reverse(severity(lost)),
                    workload::of(lost).is_empty(),
                )
            });
            let Some(worst) = lost.first() else { continue };
            let environment = context
                .repo
                .environment(overlay)
                .map_or("this environment", |environment| environment.name.as_str());
            let message = format!(
                "{} is gone: the agent will delete {} of {environment}",
                overlay.path,
                listed(overlay, &lost)
            );
            sink.report(
                context,
                Some(overlay),
                told(Draft::new(severity(worst), overlay.origin, message), &lost),
            );
        }
    }
}

/// How sure it is that what is no longer rendered is gone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Evidence {
    /// Nothing else can make it.
    Whole,
    /// The change has something make objects that is not rendered here.
    Partial,
}

impl Evidence {
    fn weighed(self, severity: Severity, origin: Origin, message: String) -> Draft {
        match self {
            Evidence::Whole => Draft::new(severity, origin, message),
            Evidence::Partial => {
                let message = format!("{message}, unless what cannot be rendered here makes it");
                Draft::new(Severity::Warning, origin, message)
            }
        }
    }
}

/// What the renderings of an overlay prove; nothing where one of them cannot be built. What is not
/// rendered at either revision, as a chart that stays, made none of the objects that are written
/// beside it.
fn evidence(context: &Context, before: &Overlay, overlay: &Overlay) -> Option<Evidence> {
    // what asks for it, as it is written
    let refused = |overlay: &Overlay| -> Vec<(ProblemKind, String)> {
        let written = |origin: Origin| {
            let text = context.repo.files.get(origin.file).text.clone();
            text.get(origin.start as usize..origin.end as usize)
                .unwrap_or_default()
                .to_string()
        };
        let problems = overlay
            .rendered
            .problems
            .iter()
            .filter(|problem| problem.kind.refused());
        problems
            .map(|problem| (problem.kind, written(problem.origin)))
            .collect()
    };
    let (then, now) = (refused(before), refused(overlay));
    let is_left_out = |(kind, _): &(ProblemKind, String)| {
        matches!(kind, ProblemKind::NeedsPlugin | ProblemKind::RemotePinned)
    };
    if !then.iter().chain(&now).all(is_left_out) {
        return None;
    }
    Some(if now.iter().all(|asked| then.contains(asked)) {
        Evidence::Whole
    } else {
        Evidence::Partial
    })
}

/// The objects that an overlay has no more and that nothing guards.
fn missing<'a>(before: &'a Overlay, overlay: &Overlay) -> Vec<&'a Resource> {
    let present: HashSet<ObjectKey> = overlay.rendered.resources.iter().map(object_key).collect();
    before
        .rendered
        .resources
        .iter()
        .filter(|lost| !present.contains(&object_key(lost)) && !is_kept(lost, false))
        .collect()
}

/// Whether an object that an overlay lost goes with it: another overlay may well make it; what it
/// applied and is gone as well is told of the whole overlay.
fn is_deleted(context: &Context, overlay: &Overlay, lost: &Resource) -> bool {
    let applied = context.applied_by(lost);
    !context.lives_on(overlay, object_key(lost))
        && !applied
            .iter()
            .any(|overlay| context.at_head(overlay).is_none())
}

/// What an object is called now, where it was renamed or moved to another namespace.
fn renamed<'a>(context: &Context, overlay: &'a Overlay, lost: &Resource) -> Option<&'a Resource> {
    // what was there beside it before is not what became of it
    let before = context
        .at_base(overlay)
        .map_or(&[][..], |before| &before.rendered.resources);
    let is_new = |resource: &Resource| {
        !before
            .iter()
            .any(|other| object_key(other) == object_key(resource))
    };
    let same = |resource: &&Resource| {
        resource.original.same_object(&lost.original) && !resource.needs_hash && is_new(resource)
    };
    overlay.rendered.resources.iter().find(same)
}

/// What an overlay has lost since the base revision, so that the agent will delete it.
pub(super) fn lost<'a>(
    context: &Context,
    before: &'a Overlay,
    overlay: &Overlay,
) -> Vec<&'a Resource> {
    if context.keeps(before) {
        return Vec::new();
    }
    let lost = missing(before, overlay).into_iter();
    lost.filter(|lost| {
        is_deleted(context, overlay, lost) && renamed(context, overlay, lost).is_none()
    })
    .collect()
}

/// The place of the head to edit for a lost object: what deleted or renamed it, else where it was.
pub(super) fn place(context: &Context, overlay: &Overlay, lost: &Resource) -> Origin {
    let deleted = overlay
        .rendered
        .deleted
        .iter()
        .find(|deleted| deleted.resource.original == lost.original);
    let changed = deleted
        .map(|deleted| deleted.origin)
        .or(renamed(context, overlay, lost).and_then(|new| new.renamed_by));
    changed.unwrap_or_else(|| left(context, overlay, lost))
}

/// What messages call a lost object.
fn called(before: &Overlay, lost: &Resource) -> String {
    format!(
        "{}/{}{}",
        lost.kind(),
        lost.name(),
        in_namespace(before, lost)
    )
}

/// The namespace of a lost object as messages add it, where the overlay had one of the name in
/// another namespace as well.
pub(super) fn in_namespace(before: &Overlay, lost: &Resource) -> String {
    let elsewhere = |other: &Resource| {
        other.kind() == lost.kind()
            && other.name() == lost.name()
            && other.namespace() != lost.namespace()
    };
    let namespace = lost
        .namespace()
        .filter(|_| before.rendered.resources.iter().any(elsewhere));
    namespace.map_or(String::new(), |namespace| {
        format!(" in namespace {namespace}")
    })
}

/// That objects are no longer there.
fn gone_from(environment: &str, before: &Overlay, lost: &[&Resource]) -> String {
    let (verb, object) = if lost.len() == 1 {
        ("is", "it")
    } else {
        ("are", "them")
    };
    format!(
        "{} of {environment} {verb} gone: the agent will delete {object}",
        listed(before, lost)
    )
}

/// The names of the first objects, and how many more there are.
fn listed(before: &Overlay, lost: &[&Resource]) -> String {
    let names: Vec<String> = lost
        .iter()
        .take(NAMED)
        .map(|lost| called(before, lost))
        .collect();
    match (lost.len().saturating_sub(NAMED), &names[..]) {
        (0, [first @ .., last]) if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        (0, _) => names.concat(),
        (more, _) => format!("{} and {more} more", names.join(", ")),
    }
}

/// Completes a finding about lost objects: where they were, what to do.
fn told(draft: Draft, lost: &[&Resource]) -> Draft {
    let single = lost.len() == 1;
    let mut draft = lost.iter().take(NAMED).fold(draft, |draft, lost| {
        let place = lost
            .node
            .get("kind")
            .map_or(lost.node.origin, |kind| kind.origin);
        draft.related(
            place,
            if single {
                "it was here".to_string()
            } else {
                format!("{}/{} was here", lost.kind(), lost.name())
            },
        )
    });
    draft.resource = lost.first().map(|lost| lost.id());
    let them = if single {
        ("it", "it is")
    } else {
        ("them", "they are")
    };
    draft.help(format!(
        "put {} back, or say in the pull request that {} meant",
        them.0, them.1
    ))
}

impl<'a> Context<'a> {
    /// The overlays of the base revision that an agent's object applies and would take along: a
    /// Flux Kustomization that prunes, an Application with the finalizer for it.
    fn applied_by(&self, object: &Resource) -> Vec<&'a Overlay> {
        let Some(base) = self.base else {
            return Vec::new();
        };
        let takes_along = match (object.kind(), object.group()) {
            ("Kustomization", "kustomize.toolkit.fluxcd.io") => {
                let text = |key: &str| object.node.at(&["spec", key]);
                text("prune").and_then(Node::as_bool) == Some(true)
                    && text("deletionPolicy").and_then(Node::text) != Some("Orphan")
            }
            ("Application", "argoproj.io") => {
                let finalizers = object
                    .node
                    .at(&["metadata", "finalizers"])
                    .map_or(&[][..], Node::items);
                finalizers
                    .iter()
                    .filter_map(Node::text)
                    .any(|name| name.starts_with("resources-finalizer.argocd.argoproj.io"))
            }
            _ => false,
        };
        let origin = object.node.origin;
        let pointers = base
            .pointers
            .iter()
            .filter(|pointer| takes_along && pointer.object.origin == origin);
        let pointers: Vec<_> = pointers.collect();
        let applied = |overlay: &&Overlay| {
            pointers
                .iter()
                .any(|pointer| overlay.agent.as_ref() == Some(&pointer.agent))
        };
        base.overlays.iter().filter(applied).collect()
    }

    /// What goes with an overlay of the base revision that is gone and protected.
    fn taken_along(&self, overlay: &'a Overlay) -> Vec<&'a Resource> {
        if !self.repo.protected(overlay) || self.keeps(overlay) {
            return Vec::new();
        }
        let lost = overlay.rendered.resources.iter();
        lost.filter(|lost| !is_kept(lost, true) && !self.lives_on(overlay, object_key(lost)))
            .collect()
    }

    /// Whether the agent that applies an overlay of the base revision deletes nothing. What the
    /// agent's object says now counts; of one that is gone what it said.
    fn keeps(&self, overlay: &Overlay) -> bool {
        let agent = overlay.agent.as_ref().map(|agent| &agent.name);
        let own = |pointer: &&Pointer| {
            pointer.folder == overlay.path && Some(&pointer.agent.name) == agent
        };
        let of = |repo: &'a Repo| repo.pointers.iter().find(own);
        let pointer = of(self.repo).or_else(|| of(self.base?));
        pointer.is_some_and(|pointer| {
            pointer.agent.kind == AgentKind::Flux
                && pointer
                    .object
                    .at(&["spec", "prune"])
                    .and_then(Node::as_bool)
                    == Some(false)
        })
    }
}

fn severity(lost: &Resource) -> Severity {
    if HOLDS_DATA.contains(&lost.kind()) {
        Severity::Error
    } else {
        Severity::Warning
    }
}

/// Whether the object as it was at the base revision is one that the agent keeps, or deletes by
/// design.
fn is_kept(lost: &Resource, with_overlay: bool) -> bool {
    let annotation = |key: &str| {
        lost.node
            .at(&["metadata", "annotations", key])
            .and_then(Node::text)
    };
    let label = |key: &str| {
        lost.node
            .at(&["metadata", "labels", key])
            .and_then(Node::text)
    };
    let options = annotation("argocd.argoproj.io/sync-options").unwrap_or_default();
    let guarded = options.split(',').any(|option| match option.trim() {
        "Prune=false" | "Prune=confirm" => true,
        "Delete=false" | "Delete=confirm" => with_overlay,
        _ => false,
    });
    const PRUNE: &str = "kustomize.toolkit.fluxcd.io/prune";
    guarded
        || annotation(PRUNE)
            .or(label(PRUNE))
            .is_some_and(|value| value.eq_ignore_ascii_case("disabled"))
        || annotation("helm.sh/resource-policy") == Some("keep")
        || annotation("argocd.argoproj.io/hook").is_some()
        || lost.needs_hash
}

/// The place of the head that no longer has an object: its file, else the list that it was taken
/// from, else the list of the kustomization of its folder, else the overlay.
fn left(context: &Context, overlay: &Overlay, lost: &Resource) -> Origin {
    let files = &context.repo.files;
    let was = files.get(lost.node.origin.file);
    let beside = |path: &str| is_kustomization(path) && folder_of(path) == folder_of(&was.path);
    let find = |wanted: &dyn Fn(&str) -> bool| {
        overlay
            .rendered
            .files
            .iter()
            .copied()
            .find(|file| wanted(&files.get(*file).path))
    };
    let start = |file: FileId| Origin {
        file,
        start: 0,
        end: 0,
        ..overlay.origin
    };
    let lists = context.unlisted(overlay);
    let (named, any) = (
        lists.iter().find(|unlisted| unlisted.named(&was.path)),
        lists.first(),
    );
    match find(&|path| path == &*was.path) {
        // a file that others still read as it was is not what was edited: a list on the way to it
        // is
        Some(file) if files.get(file).text == was.text => named
            .or(any)
            .map_or_else(|| start(file), |unlisted| unlisted.list),
        Some(file) => start(file),
        None => {
            let list = |file| {
                unlisted::listed(context, file).map_or_else(|| start(file), |(list, _)| list)
            };
            let beside = || find(&beside).map(list);
            let named = named.map(|unlisted| unlisted.list);
            named
                .or_else(beside)
                .or(any.map(|unlisted| unlisted.list))
                .unwrap_or(overlay.origin)
        }
    }
}
