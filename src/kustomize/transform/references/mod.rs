//! Name references: a field that names an object follows the object when it is renamed.
//!
//! Not here: which fields hold references (`configuration`).

mod candidates;

use super::configuration::Configuration;
use super::field_spec::{self, Create, FieldError, FieldSpec, Gvk};
use crate::kustomize::context::BuildContext;
use crate::kustomize::{Problem, Resource, steps};
use crate::yaml::{By, Data, Entry, Node, Origin, Scalar};
use candidates::{Candidate, Candidates, Found, Reference, Referrer, Sought};

/// Makes every reference follow the objects that were renamed. Runs once, at the top of a build.
pub(in crate::kustomize) fn fix_references(
    resources: &mut [Resource],
    configuration: &Configuration,
    context: &mut BuildContext<'_>,
) {
    let candidates = Candidates::new(resources);
    for resource in resources.iter_mut() {
        if let Some(namespace) = unclear_subject(resource) {
            let message = format!(
                "the namespace of a subject of {} must be a string",
                resource.id()
            );
            context.report(
                Problem::error(namespace, message)
                    .with_help("name the namespace of the ServiceAccount, or drop the field"),
            );
            continue;
        }
        let first_kind = resource.first_id().kind;
        let mut referrer = None;
        for (target, spec) in configuration.references_of(&first_kind) {
            if spec.gvk.selects_first(resource) {
                let referrer = referrer.get_or_insert_with(|| Referrer::new(resource));
                let reference = Reference {
                    target,
                    spec,
                    referrer,
                };
                // most fields do not exist; looking is cheaper than preparing to write
                if needs_update(resource, &candidates, &reference) {
                    fix_field(resource, &candidates, &reference, context);
                }
            }
        }
    }
}

/// True if the field of a reference holds a name to change or cannot be followed.
fn needs_update(resource: &Resource, candidates: &Candidates, reference: &Reference<'_>) -> bool {
    let mut needed = false;
    let free = steps::visit(&resource.node, &reference.spec.steps, &mut |node| {
        let see = |node: &Node| match Sought::of(node) {
            Some(sought) => {
                needed |= !matches!(candidates.find(&sought, reference), Found::Nothing);
            }
            None => needed |= !node.is_null(),
        };
        match &node.data {
            Data::List(list) => list.items.iter().for_each(see),
            _ => Some(node).into_iter().for_each(see),
        }
    });
    needed || !free
}

fn fix_field(
    resource: &mut Resource,
    candidates: &Candidates,
    reference: &Reference<'_>,
    context: &mut BuildContext<'_>,
) {
    // the type of the object was compared already, and its first type decides
    let anywhere = FieldSpec {
        gvk: Gvk::default(),
        ..reference.spec.clone()
    };
    let origin = resource.node.origin;
    let mut set = |node: &mut Node| update(node, candidates, reference, &mut context.problems);
    let result = field_spec::apply(
        &mut resource.node,
        &anywhere,
        Create::Nothing,
        origin,
        &mut set,
    );
    if let Err(error) = result {
        let message = format!(
            "{} of {}: {}",
            reference.spec.path,
            resource.id(),
            error.message
        );
        context.report(Problem::error(error.origin, message).with_help(
            "kustomize looks for a name there: give the field the form that Kubernetes expects",
        ));
    }
}

/// The namespace of a ServiceAccount in a RoleBinding, if it is not a string.
fn unclear_subject(resource: &Resource) -> Option<Origin> {
    if resource.kind() != "RoleBinding" {
        return None;
    }
    let accounts = resource
        .node
        .get("subjects")?
        .items()
        .iter()
        .filter(|subject| subject.get("kind").and_then(Node::as_str) == Some("ServiceAccount"));
    accounts
        .filter_map(|subject| subject.get("namespace"))
        .find(|namespace| namespace.as_str().is_none())
        .map(|namespace| namespace.origin)
}

/// Sets a reference, or the references of a list, to the present names.
fn update(
    node: &mut Node,
    candidates: &Candidates,
    reference: &Reference<'_>,
    problems: &mut Vec<Problem>,
) -> Result<(), FieldError> {
    if node.as_list().is_some() {
        let Some(list) = node.list_mut() else {
            return Ok(());
        };
        return list.items.iter_mut().try_for_each(|item| match &item.data {
            Data::List(_) => Err(FieldError::new(
                item,
                "a name, or a map with a name, is needed here",
            )),
            _ => update(item, candidates, reference, problems),
        });
    }
    let Some(sought) = Sought::of(node) else {
        return if node.is_null() {
            Ok(())
        } else {
            Err(FieldError::new(node, "a map with a name is needed here"))
        };
    };
    match candidates.find(&sought, reference) {
        Found::Nothing => Ok(()),
        Found::Several(several) => {
            problems.push(ambiguous(node, sought.name, &several));
            Ok(())
        }
        Found::One(candidate) if !sought.whole => rename(node, candidate),
        Found::One(candidate) => {
            let moved = candidate
                .namespace
                .as_deref()
                .filter(|wanted| sought.namespace != Some(*wanted));
            if let Some(name) = node.get_mut("name") {
                rename(name, candidate)?;
            }
            match moved {
                Some(namespace) => set_namespace(node, namespace, candidate),
                None => Ok(()),
            }
        }
    }
}

fn set_namespace(
    reference: &mut Node,
    namespace: &str,
    candidate: &Candidate,
) -> Result<(), FieldError> {
    let origin = candidate.namespace_origin.with(By::Reference);
    if let Some(present) = reference.get_mut("namespace") {
        return field_spec::set_text(present, namespace.to_string(), origin);
    }
    if let Some(map) = reference.map_mut() {
        map.entries.push(Entry {
            key: "namespace".into(),
            key_origin: origin,
            value: Node::scalar(Scalar::plain(namespace), origin),
        });
    }
    Ok(())
}

fn rename(node: &mut Node, candidate: &Candidate) -> Result<(), FieldError> {
    if node
        .as_scalar()
        .is_some_and(|scalar| *scalar.text == candidate.name)
    {
        return Ok(());
    }
    field_spec::set_text(
        node,
        candidate.name.clone(),
        candidate
            .renamed_by
            .unwrap_or(candidate.name_origin)
            .with(By::Reference),
    )
}

fn ambiguous(node: &Node, name: &str, several: &[&Candidate]) -> Problem {
    let message = format!("the name {name:?} could mean {} objects", several.len());
    let problem =
        Problem::error(node.origin, message).with_help("give the objects different names");
    several.iter().fold(problem, |problem, candidate| {
        problem.with_related(candidate.description.clone(), candidate.name_origin)
    })
}
