//! Patches: which objects an entry is for, and how it changes them.
//!
//! Here: the entries of the three fields and of the built-in plugins. Not here: the two kinds of
//! change (`strategic`, `json6902`), selectors (`selector`).

mod find;
mod json6902;
mod keep;
mod load;
pub(super) mod selector;
mod strategic;
#[cfg(test)]
mod tests;
mod values;

use super::context::BuildContext;
use super::identity::{check_unique, name_origin};
use super::kustomization::{PatchEntry, Selector};
use super::resource::Resource;
use super::{Deleted, Problem, schema};
use crate::yaml::Node;
use load::{Loaded, load};

/// The field that an entry belongs to. Each accepts something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `patches`: strategic merge or JSON 6902, with or without a target.
    Patches,
    /// `patchesStrategicMerge`: no target, never empty.
    StrategicMerge,
    /// `patchesJson6902`: a target with a name.
    Json6902,
}

/// Applies patches in order and removes deleted objects. A patch that does not apply is reported
/// and leaves its object unchanged.
pub(super) fn apply_patches(
    resources: &mut Vec<Resource>,
    patches: &[PatchEntry],
    form: Form,
    context: &mut BuildContext<'_>,
) {
    for entry in patches {
        let applied = load(entry, form, context).and_then(|loaded| {
            let mut run = Run {
                resources,
                entry,
                form,
                context,
            };
            match loaded {
                Loaded::Nothing => Ok(()),
                Loaded::Operations(patch) => run.operations(&patch),
                Loaded::Strategic(patches) => run.strategic(&patches),
            }
        });
        if let Err(problem) = applied {
            context.report(problem);
        }
    }
    for resource in resources.extract_if(.., |resource| is_gone(resource)) {
        let origin = resource.node.origin;
        if let Some(node) = resource.node.replaced.as_deref().cloned() {
            context.deleted.push(Deleted {
                resource: Resource { node, ..resource },
                origin,
            });
        }
    }
}

fn is_gone(resource: &Resource) -> bool {
    resource
        .node
        .as_map()
        .is_none_or(|map| map.entries.is_empty())
}

/// The values that an operation looks at and that count as one step of the build.
const LOOKS_A_STEP: u64 = 4;

/// The run of one entry.
struct Run<'r, 'a> {
    resources: &'r mut [Resource],
    entry: &'r PatchEntry,
    form: Form,
    context: &'r mut BuildContext<'a>,
}

impl Run<'_, '_> {
    /// Applies the operations of JSON 6902 to every object of the target.
    fn operations(&mut self, patch: &json6902::Patch) -> Result<(), Problem> {
        let entry = self.entry;
        let named = |target: &Selector| self.form == Form::Patches || target.name.is_some();
        let Some(target) = entry.target.as_ref().filter(|target| named(target)) else {
            let missing = if entry.target.is_some() {
                "target with a name"
            } else {
                "target"
            };
            let message = format!("a JSON 6902 patch needs a {missing}");
            return Err(Problem::error(entry.origin, message)
                .with_help("add a target with at least kind and name"));
        };
        for position in find::select(self.resources, target, entry, self.context)? {
            let Some(resource) = self.resources.get_mut(position) else {
                continue;
            };
            if self.form == Form::Patches {
                resource.store_previous();
            }
            let mut effort = json6902::Effort::default();
            let operated = operate(resource, patch, entry, &mut effort);
            if let Err(problem) = operated {
                self.context.report(problem);
            }
            if !self
                .context
                .spend(effort.looked() / LOOKS_A_STEP, entry.origin)
            {
                return Ok(());
            }
        }
        Ok(())
    }

    fn strategic(&mut self, patches: &[Node]) -> Result<(), Problem> {
        let custom = self.context.schema.clone();
        let schema = custom.as_deref().unwrap_or_else(|| schema::built_in());
        let target = self.entry.target.as_ref();
        if let Some(target) = target.filter(|_| self.form == Form::Patches) {
            return self.merge_into_target(target, patches, schema);
        }
        for patch in patches {
            let mut patch = patch.clone();
            if self.form == Form::StrategicMerge {
                patch = values::with_string_metadata(&patch);
            }
            let merged = find::identified(self.resources, &patch).and_then(|position| {
                match self.resources.get_mut(position) {
                    Some(resource) => keep::merge(resource, &patch, self.entry, schema),
                    None => Ok(()),
                }
            });
            if let Err(problem) = merged {
                self.context.report(problem);
            }
        }
        Ok(())
    }

    fn merge_into_target(
        &mut self,
        target: &Selector,
        patches: &[Node],
        schema: &schema::Schema,
    ) -> Result<(), Problem> {
        let entry = self.entry;
        let [patch] = patches else {
            let message = format!(
                "{} strategic merge patches cannot share one target",
                patches.len()
            );
            let problem = Problem::error(target.origin.unwrap_or(entry.origin), message);
            return Err(problem.with_help("write an entry for each patch, or drop the target"));
        };
        let patch = values::with_string_metadata(patch);
        for position in find::select(self.resources, target, entry, self.context)? {
            let Some(resource) = self.resources.get_mut(position) else {
                continue;
            };
            // the patch is read as one of the object's group and version
            let mut patch = patch.clone();
            if let (Some(own), Some(slot)) =
                (resource.node.get("apiVersion"), patch.get_mut("apiVersion"))
            {
                slot.data = own.data.clone();
            }
            if let Err(problem) = keep::merge(resource, &patch, entry, schema) {
                self.context.report(problem);
            }
        }
        if entry.allow_name_change || entry.allow_kind_change {
            check_unique(self.resources, &mut self.context.problems);
        }
        Ok(())
    }
}

/// Applies operations to one object.
fn operate(
    resource: &mut Resource,
    patch: &json6902::Patch,
    entry: &PatchEntry,
    effort: &mut json6902::Effort,
) -> Result<(), Problem> {
    // whatever a patch does to annotations, kustomize still remembers what it kept in them
    let marked = resource.is_marked();
    let mut node = resource.node.clone();
    patch
        .apply(&mut node, effort)
        .map_err(|problem| about(problem, resource))?;
    if node.entries().is_empty() {
        return Ok(());
    }
    values::as_json_leaves(&mut node);
    let taken_over = keep::take_over(resource, node, entry);
    // the conversion to JSON and back makes every value one of its own
    resource.shared.clear();
    if marked {
        if !resource.is_marked() {
            // the trail is an annotation as well, and is lost with the others
            resource.trail = None;
        }
        resource.mark();
    }
    taken_over
}

/// Adds the object that could not be patched to a problem.
fn about(mut problem: Problem, resource: &Resource) -> Problem {
    problem.message = format!("{} cannot be patched: {}", resource.id(), problem.message);
    problem.with_related("this object is to be patched", name_origin(&resource.node))
}
