//! # resource-deletion
//!
//! ## What
//!
//! A change removes an object from a protected environment, renames it, or moves it to another
//! namespace. This includes the removal of a whole overlay. If many objects without data disappear
//! because of one line, they are one finding. The rule needs a base revision (`--base`).
//!
//! The level depends on what is lost:
//!
//! - A PersistentVolumeClaim, StatefulSet, Namespace or CustomResourceDefinition is an error.
//! - An agent object whose removal also deletes such objects is an error: a Flux Kustomization
//!   that prunes, or an Application with the resources finalizer.
//! - Everything else is a warning.
//! - If the same change adds a chart, plugin or remote base, it is a warning: that may create the
//!   object again, but is not rendered here.
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
//! in the cluster, add one of the annotations above to it in an earlier change.

use std::cmp::Reverse;
use std::collections::HashSet;

use crate::finding::{Cause, Severity};
use crate::kubernetes::workload;
use crate::kustomize::{ProblemKind, Resource};
use crate::repo::Overlay;
use crate::rules::engine::context::unlisted;
use crate::rules::shared::deletion;
use crate::rules::{Category, Context, Draft, Metadata, Rule, Sink};
use crate::wording;
use crate::yaml::Origin;

/// See the documentation above.
pub(super) struct ResourceDeletion;

static METADATA: Metadata = Metadata {
    id: "resource-deletion",
    category: Category::Guardrails,
    level: "error for objects that hold data, else warning; needs a base revision",
    severity: Severity::Error,
    summary: "an object that the change deletes from production",
    options: &[],
    behavior: Metadata::USUAL,
    source: include_str!("resource_deletion.rs"),
};

/// The number of objects that a message names.
const NAMED: usize = 3;

impl Rule for ResourceDeletion {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }

    fn check_overlay(&self, context: &Context, overlay: &Overlay, sink: &mut Sink) {
        let protected = context.repo.protected(overlay);
        let Some(before) = context.at_base(overlay).filter(|_| protected) else {
            return;
        };
        if let Some(list) = context.dropped_from(overlay) {
            if let Some(draft) = dropped(context, (before, overlay), list) {
                sink.report(context, Some(overlay), draft);
            }
            return;
        }
        let Some(evidence) = evidence(context, before, overlay) else {
            return;
        };
        if before.rendered.is(&overlay.rendered) || deletion::keeps_everything(context, before) {
            return;
        }
        let loss = Loss {
            context,
            before,
            overlay,
            evidence,
        };
        // objects without data that were removed from a list, grouped by the place of the list
        let mut unlisted: Vec<(Origin, Vec<&Resource>)> = Vec::new();
        for lost in loss.objects() {
            let origin = deletion::place(context, overlay, lost);
            match loss.of_weight(lost, origin) {
                Some(draft) => sink.report(context, Some(overlay), draft),
                None => match unlisted.iter_mut().find(|(place, _)| *place == origin) {
                    Some((_, all)) => all.push(lost),
                    None => unlisted.push((origin, vec![lost])),
                },
            }
        }
        for (origin, all) in unlisted {
            let draft = loss.deleted(Severity::Warning, origin, &all);
            sink.report(context, Some(overlay), draft);
        }
    }

    fn check_repo(&self, context: &Context, sink: &mut Sink) {
        for overlay in context.gone() {
            let mut lost = deletion::deleted_with(context, overlay);
            // the message names those that matter most
            lost.sort_by_key(|lost| (Reverse(severity(lost)), workload::of(lost).is_empty()));
            let Some(worst) = lost.first() else { continue };
            let message = format!(
                "this change removes {} and deletes {} from {}",
                overlay.path,
                described(overlay, &lost),
                context.name_of(overlay)
            );
            let cause = Cause::new("overlay-deleted");
            let draft = Draft::new(severity(worst), overlay.origin, cause, message);
            let draft = with_places(draft, &lost).help(advice(&lost));
            sink.report(context, Some(overlay), draft);
        }
    }
}

/// The finding of an overlay that a change takes out of the list of its environment or cluster.
/// `list` is the folder of the kustomization that listed it.
fn dropped(
    context: &Context,
    (before, overlay): (&Overlay, &Overlay),
    list: &str,
) -> Option<Draft> {
    // an overlay that lost the objects of its list reports them itself
    if context.repo.overlays_at(list).next().is_some() {
        return None;
    }
    let mut lost = deletion::deleted_with(context, before);
    lost.sort_by_key(|lost| (Reverse(severity(lost)), workload::of(lost).is_empty()));
    let worst = lost.first()?;
    let message = format!(
        "{list} no longer lists {}, which deletes {} from {}",
        overlay.path,
        described(before, &lost),
        context.name_of(overlay)
    );
    let kustomization = context.repo.kustomization_origin(list);
    let origin = kustomization.map_or(overlay.origin, |start| {
        unlisted::listed(context, start.file).map_or(start, |(list, _)| list)
    });
    let cause = Cause::new("overlay-dropped").with(&overlay.path);
    let draft = Draft::new(severity(worst), origin, cause, message);
    let help = format!(
        "list {} again, or explain in the pull request why it is no longer needed",
        overlay.path
    );
    Some(with_places(draft, &lost).help(help))
}

/// True if something that is not rendered here may still create a lost object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Evidence {
    /// Nothing else can create it.
    Whole,
    /// The change adds a chart, plugin or remote base, which may create it.
    Partial,
}

/// True if the renderings of both revisions prove a loss; `None` if one of them failed. A chart
/// that both revisions use does not count, because it did not create the objects beside it.
fn evidence(context: &Context, before: &Overlay, overlay: &Overlay) -> Option<Evidence> {
    let (then, now) = (
        not_rendered(context, before),
        not_rendered(context, overlay),
    );
    let is_left_out = |(kind, _): &(ProblemKind, String)| {
        matches!(kind, ProblemKind::NeedsPlugin | ProblemKind::RemotePinned)
    };
    if !then.iter().chain(&now).all(is_left_out) {
        None
    } else if now.iter().all(|one| then.contains(one)) {
        Some(Evidence::Whole)
    } else {
        Some(Evidence::Partial)
    }
}

/// The parts of an overlay that are not rendered here, each with the text that asks for it.
fn not_rendered(context: &Context, overlay: &Overlay) -> Vec<(ProblemKind, String)> {
    let written = |origin: Origin| {
        let text = &context.repo.files.get(origin.file).text;
        text.get(origin.start as usize..origin.end as usize)
            .unwrap_or_default()
            .to_string()
    };
    let problems = overlay.rendered.problems.iter();
    problems
        .filter(|problem| problem.kind.refused())
        .map(|problem| (problem.kind, written(problem.origin)))
        .collect()
}

/// An overlay that lost objects.
struct Loss<'l, 'a> {
    context: &'l Context<'a>,
    before: &'l Overlay,
    overlay: &'l Overlay,
    evidence: Evidence,
}

impl<'l> Loss<'l, '_> {
    /// The objects that the agent deletes and that nothing else reports.
    fn objects(&self) -> Vec<&'l Resource> {
        let (context, before, overlay) = (self.context, self.before, self.overlay);
        let missing = deletion::missing(before, overlay);
        if missing.is_empty() {
            return missing;
        }
        // if an overlay that this one lists is gone as a whole, it has its own finding
        let gathered = context
            .gone()
            .into_iter()
            .filter(|gone| before.rendered.files.contains(&gone.origin.file));
        let mut reported: HashSet<Origin> = gathered
            .flat_map(|gone| deletion::deleted_with(context, gone))
            .map(|lost| lost.node.origin)
            .collect();
        if before.rendered.complete && overlay.rendered.complete {
            let guards = deletion::lost_guards(context, before, overlay);
            reported.extend(guards.into_iter().map(|lost| lost.node.origin));
        }
        let is_reported_here = |lost: &&Resource| {
            !reported.contains(&lost.node.origin) && deletion::is_deleted(context, overlay, lost)
        };
        missing.into_iter().filter(is_reported_here).collect()
    }

    /// The finding of an object that is always reported on its own: it was renamed or moved, holds
    /// data, or is an agent's object whose removal also deletes data.
    fn of_weight(&self, lost: &Resource, origin: Origin) -> Option<Draft> {
        let name = deletion::described(self.before, lost);
        let environment = self.context.name_of(self.overlay);
        let applied = deletion::applied_by(self.context, lost);
        let data = applied
            .iter()
            .flat_map(|overlay| &overlay.rendered.resources)
            .find(|applied| severity(applied) == Severity::Error);
        let severity = if data.is_some() {
            Severity::Error
        } else {
            severity(lost)
        };
        let replaced = "or explain in the pull request why the object may be replaced";
        let (kind, message, help) = match (
            deletion::renamed(self.context, self.overlay, lost),
            data,
        ) {
            (Some(new), _) if new.name() != lost.name() => (
                "renamed",
                format!(
                    "this change renames {name} in {environment} to `{}`: the agent deletes it and creates a new one",
                    new.name()
                ),
                format!("keep the name, {replaced}"),
            ),
            (Some(new), _) => (
                "moved",
                format!(
                    "this change moves {name} in {environment} to namespace `{}`: the agent deletes it and creates a new one",
                    new.namespace().unwrap_or("default")
                ),
                format!("keep the namespace, {replaced}"),
            ),
            (None, Some(data)) => (
                "agent-deleted",
                format!(
                    "this change deletes {name} from {environment} with everything that it applies, including {} `{}`",
                    data.kind(),
                    data.name()
                ),
                advice(&[lost]),
            ),
            (None, None) if severity == Severity::Error => {
                return Some(self.deleted(severity, origin, &[lost]));
            }
            (None, None) => return None,
        };
        let draft = self.draft(severity, origin, (kind, message), &[lost]);
        Some(draft.help(help))
    }

    /// The finding of objects that are no longer rendered.
    fn deleted(&self, severity: Severity, origin: Origin, lost: &[&Resource]) -> Draft {
        let message = format!(
            "this change deletes {} from {}",
            described(self.before, lost),
            self.context.name_of(self.overlay)
        );
        let draft = self.draft(severity, origin, ("deleted", message), lost);
        draft.help(advice(lost))
    }

    fn draft(
        &self,
        severity: Severity,
        origin: Origin,
        (kind, message): (&'static str, String),
        lost: &[&Resource],
    ) -> Draft {
        let cause = deletion::cause(kind, self.before, lost);
        let draft = match self.evidence {
            Evidence::Whole => Draft::new(severity, origin, cause, message),
            Evidence::Partial => {
                let message = format!(
                    "{message}, unless a chart, plugin or remote base that is not rendered here creates it"
                );
                Draft::new(Severity::Warning, origin, cause, message)
            }
        };
        with_places(draft, lost)
    }
}

/// The names of the first objects, and how many more there are.
fn described(before: &Overlay, lost: &[&Resource]) -> String {
    let names: Vec<String> = lost
        .iter()
        .map(|lost| deletion::described(before, lost))
        .collect();
    wording::listed(&names, NAMED)
}

/// Adds to a finding about lost objects where the first ones were.
fn with_places(draft: Draft, lost: &[&Resource]) -> Draft {
    let mut draft = lost.iter().take(NAMED).fold(draft, |draft, lost| {
        let kind = lost.node.get("kind").unwrap_or(&lost.node);
        let label = format!("`{}/{}` was here", lost.kind(), lost.name());
        draft.related(kind.origin, label)
    });
    draft.resource = lost.first().map(|lost| lost.id());
    draft
}

fn advice(lost: &[&Resource]) -> String {
    let (them, they_are) = match lost.len() {
        1 => ("it", "it is"),
        _ => ("them", "they are"),
    };
    format!("restore {them}, or explain in the pull request why {they_are} no longer needed")
}

fn severity(lost: &Resource) -> Severity {
    if deletion::HOLDS_DATA.contains(&lost.kind()) {
        Severity::Error
    } else {
        Severity::Warning
    }
}
