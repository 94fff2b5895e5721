//! `replicas`: the number of replicas of what has a name.

use super::field_spec::{self, Create, FieldSpec};
use crate::kustomize::context::BuildContext;
use crate::kustomize::kustomization::ReplicaEntry;
use crate::kustomize::{Problem, Resource};
use crate::yaml::{By, Data, Node, Scalar};

/// An entry of `replicas`.
pub(crate) fn replicas(
    resources: &mut [Resource],
    entry: &ReplicaEntry,
    specs: &[FieldSpec],
    context: &mut BuildContext<'_>,
) {
    let name = entry.name.as_ref().map_or("", |name| name);
    let origin = entry.count_origin.with(By::Replicas);
    let mut found = false;
    // few resources have the name at all, and names are cheaper to compare than whole identities
    let named = |resource: &Resource| {
        resource.name() == name
            || resource
                .previous
                .iter()
                .any(|previous| previous.name == name)
    };
    for resource in resources.iter_mut().filter(|resource| named(resource)) {
        for spec in specs {
            let selected = resource
                .all_ids()
                .any(|id| id.name == name && spec.gvk.selects(id.group(), id.version(), &id.kind));
            if !selected {
                continue;
            }
            found = true;
            let set = &mut |node: &mut Node| {
                let scalar = Data::Scalar(Scalar::int(entry.count));
                match node.as_scalar() {
                    None => {
                        return Err(field_spec::FieldError::new(node, "a number is needed here"));
                    }
                    Some(present)
                        if present.text.is_empty()
                            && node.replaced.is_none()
                            && node.origin == origin =>
                    {
                        node.data = scalar
                    }
                    Some(_) => node.replace(scalar, origin),
                }
                Ok(())
            };
            if let Err(error) =
                field_spec::apply(&mut resource.node, spec, Create::Scalar, origin, set)
            {
                super::metadata::report(context, resource, &spec.path, error, origin);
            }
        }
    }
    if !found {
        let kinds: Vec<&str> = specs.iter().map(|spec| &*spec.gvk.kind).collect();
        let origin = entry
            .name
            .as_ref()
            .map_or(entry.origin, |name| name.origin());
        let message = format!(
            "there is no {} named {name:?} to set the replicas of",
            alternatives(&kinds)
        );
        context.report(
            Problem::absent(origin, message).with_help("correct the name, or remove the entry"),
        );
    }
}

fn alternatives(kinds: &[&str]) -> String {
    match kinds.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((last, _)) => last.to_string(),
        None => "object".to_string(),
    }
}
