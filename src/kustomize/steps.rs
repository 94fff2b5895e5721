//! Following the steps of a field path such as `spec/containers[]/image`. Lists on the way are
//! entered although no step names them. Creating missing fields is up to `transform::field_spec`.

use crate::yaml::{Data, Kind, Node};

/// The name of a step, and whether its value must be a list: `containers[]`.
pub(super) fn list_step(step: &str) -> (&str, bool) {
    step.strip_suffix("[]")
        .map_or((step, false), |name| (name, true))
}

/// Calls `see` on every value at the end of the steps. Returns false if a plain value is in the
/// way where a map or list has to be.
pub(super) fn visit<'n>(node: &'n Node, steps: &[Box<str>], see: &mut dyn FnMut(&'n Node)) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        see(node);
        return true;
    };
    match &node.data {
        Data::Scalar(scalar) => scalar.kind == Kind::Null,
        Data::List(list) => {
            list.items
                .iter()
                .filter(|item| !visit(item, steps, see))
                .count()
                == 0
        }
        Data::Map(_) => node
            .get(list_step(step).0)
            .is_none_or(|value| visit(value, rest, see)),
    }
}

/// Calls `change` on every value at the end of the steps.
pub(super) fn visit_mut(node: &mut Node, steps: &[Box<str>], change: &mut dyn FnMut(&mut Node)) {
    if let Some(list) = node.list_mut() {
        return list
            .items
            .iter_mut()
            .for_each(|item| visit_mut(item, steps, change));
    }
    match steps.split_first() {
        None => change(node),
        Some((step, rest)) => {
            if let Some(next) = node.get_mut(list_step(step).0) {
                visit_mut(next, rest, change);
            }
        }
    }
}
