//! `vars`: each name once, and tied to the object that it reads while names are still as the
//! kustomization writes them.

use super::Accumulated;
use crate::kustomize::decode::Text;
use crate::kustomize::kustomization::VarEntry;
use crate::kustomize::{Problem, Resource, ResourceId};

/// Adds the variables of a kustomization itself.
pub(super) fn tie_own(vars: &[VarEntry], problems: &mut Vec<Problem>, gathered: &mut Accumulated) {
    for variable in vars {
        tie(variable, problems, &mut gathered.resources);
        insert(variable, problems, gathered);
    }
}

/// Adds the variables of a base, which are tied already.
pub(super) fn add(vars: &[VarEntry], problems: &mut Vec<Problem>, gathered: &mut Accumulated) {
    for variable in vars {
        insert(variable, problems, gathered);
    }
}

fn insert(variable: &VarEntry, problems: &mut Vec<Problem>, gathered: &mut Accumulated) {
    let origin = variable.name.origin();
    let present = gathered
        .vars
        .iter()
        .find(|present| present.name.value == variable.name.value);
    match present {
        None => gathered.vars.push(variable.clone()),
        Some(present) if present.name.origin() == origin => {
            let message = format!(
                "the variable {} reaches this build in two ways",
                &*variable.name
            );
            problems.push(Problem::error(origin, message).with_help(
                "move it to the kustomization in which both ways meet, or use replacements",
            ));
        }
        Some(present) => {
            let message = format!("the variable {} is defined twice", &*variable.name);
            problems.push(
                Problem::error(origin, message)
                    .with_related("the first one is here", present.name.origin())
                    .with_help("give one of them another name"),
            );
        }
    }
}

fn tie(variable: &VarEntry, problems: &mut Vec<Problem>, resources: &mut [Resource]) {
    let text = |text: &Option<Text>| {
        text.as_ref()
            .map(|text| text.to_string())
            .unwrap_or_default()
    };
    let object = &variable.object;
    let (group, version) = (text(&object.group), text(&object.version));
    let wanted = ResourceId {
        api_version: if group.is_empty() {
            version
        } else {
            format!("{group}/{version}")
        },
        kind: text(&object.kind),
        namespace: Some(text(&object.namespace)).filter(|namespace| !namespace.is_empty()),
        name: text(&object.name),
    };
    // a namespace that is written counts literally, so it never selects a cluster-scoped object
    let matches = |id: &ResourceId| {
        id.name == wanted.name
            && id.kind == wanted.kind
            && id.api_version == wanted.api_version
            && wanted
                .namespace
                .as_deref()
                .is_none_or(|namespace| id.effective_namespace() == namespace)
    };
    let found: Vec<usize> = (0..resources.len())
        .filter(|index| {
            resources
                .get(*index)
                .is_some_and(|resource| resource.all_ids().any(|id| matches(&id)))
        })
        .collect();
    match found[..] {
        [] => {}
        [only] => {
            if let Some(resource) = resources.get_mut(only) {
                resource.variables.push(variable.name.value.clone());
            }
        }
        _ => {
            let message = format!(
                "the variable {} could mean {} objects",
                &*variable.name,
                found.len()
            );
            problems.push(
                Problem::error(variable.origin, message)
                    .with_help("give the namespace or the apiVersion of the object"),
            );
        }
    }
}
