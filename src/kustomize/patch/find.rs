//! The objects that a patch is for: those that its target selects, or the one that it names.

use super::is_gone;
use super::selector::Selector;
use crate::kustomize::context::BuildContext;
use crate::kustomize::identity::name_origin;
use crate::kustomize::kustomization::{PatchEntry, Selector as WrittenSelector};
use crate::kustomize::resource::effective_namespace;
use crate::kustomize::{Problem, ProblemKind, Resource, ResourceId};
use crate::yaml::{Node, Origin};

/// The positions of the objects that a target selects. If there are none, kustomize is silent and
/// the patch does nothing.
pub(super) fn select(
    resources: &[Resource],
    target: &WrittenSelector,
    entry: &PatchEntry,
    context: &mut BuildContext<'_>,
) -> Result<Vec<usize>, Problem> {
    let selector = Selector::compile(target)?;
    let positions: Vec<usize> = resources
        .iter()
        .enumerate()
        .filter(|(_, resource)| is_selected(&selector, resource))
        .map(|(position, _)| position)
        .collect();
    if positions.is_empty() {
        // most often the name is wrong
        let written = target
            .name
            .as_ref()
            .or(target.kind.as_ref())
            .map(|text| text.origin());
        let origin = written.or(target.origin).unwrap_or(entry.origin);
        let problem = Problem::error(
            origin,
            format!("no object matches this target ({selector}), so the patch does nothing"),
        );
        context.report(
            problem
                .with_kind(ProblemKind::UnmatchedPatch)
                .with_help("correct the target, or remove the patch"),
        );
    }
    Ok(positions)
}

fn is_selected(selector: &Selector, resource: &Resource) -> bool {
    let first = resource.previous.first();
    if !selector.matches_name(resource.name())
        && !first.is_some_and(|first| selector.matches_name(&first.name))
    {
        return false;
    }
    // the first identity counts with the present group and version
    let first_namespace = first.map(|first| {
        effective_namespace(
            resource.api_version(),
            &first.kind,
            first.namespace.as_deref(),
        )
    });
    selector.matches_gvk(resource.group(), resource.version(), resource.kind())
        && (first_namespace.is_some_and(|namespace| selector.matches_namespace(namespace))
            || selector.matches_namespace(resource.effective_namespace()))
        && !is_gone(resource)
        && selector.matches_metadata(&resource.node)
}

/// The position of the object that a patch without target is for: the one that has, or had, its
/// kind, name and namespace.
pub(super) fn identified(resources: &[Resource], patch: &Node) -> Result<usize, Problem> {
    let wanted = Resource::new(patch.clone());
    let id = wanted.id();
    let namespace = id.effective_namespace();
    let mut found = resources.iter().enumerate().filter(|(_, resource)| {
        let is = |kind: &str, name: &str| name == id.name && kind == id.kind;
        let previous = |previous: &ResourceId| {
            is(&previous.kind, &previous.name)
                && effective_namespace(
                    resource.api_version(),
                    &previous.kind,
                    previous.namespace.as_deref(),
                ) == namespace
        };
        resource.api_version() == id.api_version
            && !is_gone(resource)
            && (is(resource.kind(), resource.name()) && resource.effective_namespace() == namespace
                || resource.previous.iter().any(previous))
    });
    let origin = name_origin(patch);
    match (found.next(), found.next()) {
        (Some((index, _)), None) => Ok(index),
        (Some((_, one)), Some((_, other))) => Err(Problem::error(
            origin,
            format!("this patch is ambiguous: several objects are or were {id}"),
        )
        .with_related("one of them", name_origin(&one.node))
        .with_related("another of them", name_origin(&other.node))
        .with_help("add a target that selects one of them")),
        (None, _) => Err(not_found(resources, &id, origin)),
    }
}

/// No object has the identity of a patch; names one that nearly has it.
fn not_found(resources: &[Resource], id: &ResourceId, origin: Origin) -> Problem {
    let message = format!("there is no {id} of {:?} to patch", id.api_version);
    let problem = Problem::absent(origin, message);
    let near = resources
        .iter()
        .find(|resource| resource.name() == id.name && resource.kind() == id.kind);
    let Some(near) = near else {
        return problem.with_help("correct kind or name, or list the object under resources");
    };
    let (difference, help) = if near.api_version() != id.api_version {
        (
            format!("this one is of {:?}", near.api_version()),
            "give the patch the same apiVersion",
        )
    } else {
        (
            format!("this one is in namespace {:?}", near.effective_namespace()),
            "give the patch the same namespace as the object in the base",
        )
    };
    problem
        .with_related(difference, name_origin(&near.node))
        .with_help(help)
}
