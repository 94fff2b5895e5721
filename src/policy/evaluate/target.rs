//! The place that a result of a policy points at.

use serde_json::Value as Json;

use super::subject::Subject;
use crate::kustomize::Resource;
use crate::policy::place::{place_in, pointer};
use crate::repo::Overlay;
use crate::rules::Context;
use crate::yaml::{By, Origin};

/// The object or value that a result is about.
pub(super) struct Target<'r> {
    pub(super) origin: Origin,
    /// The object, and the pointer of the value in it (empty for the object itself).
    pub(super) value: Option<(&'r Resource, String)>,
}

/// The value that a result names by `path` or by `_loc`, or the nearest existing value above it.
/// Without one, the only value that the message names, or else the first line of the input.
pub(super) fn target<'r>(
    context: &Context,
    subject: &Subject<'r>,
    result: &Json,
    message: &str,
) -> Target<'r> {
    if let Some(origin) = result.get("_loc").and_then(|at| location(context, at)) {
        let value = subject.resource.map(|resource| (resource, String::new()));
        return Target { origin, value };
    }
    let named = || named(subject.overlay?, result);
    let resource = subject.resource.or_else(named);
    let Some(node) = resource.map(|resource| &resource.node).or(subject.document) else {
        return Target {
            origin: subject.origin(),
            value: None,
        };
    };
    let stated = result.get("path").and_then(pointer);
    let (origin, pointer) = place_in(node, stated.as_deref(), message);
    Target {
        origin,
        value: resource.map(|resource| (resource, pointer)),
    }
}

/// The object that `kind`, `name` and `namespace` of a result name. The input of a `promotion`
/// policy is a pair, so only the result says which object it means.
fn named<'r>(overlay: &'r Overlay, result: &Json) -> Option<&'r Resource> {
    let text = |key: &str| result.get(key).and_then(Json::as_str);
    let (kind, name) = (text("kind")?, text("name")?);
    let namespace = text("namespace");
    let is_named = |one: &&Resource| {
        let same = |wanted: &str| one.id().namespace.as_deref() == Some(wanted);
        one.kind() == kind && one.name() == name && namespace.is_none_or(same)
    };
    overlay.rendered.resources.iter().find(is_named)
}

/// `_loc` of conftest: a file of the repo and a line in it.
fn location(context: &Context, at: &Json) -> Option<Origin> {
    let path = at.get("file")?.as_str()?;
    let line = usize::try_from(at.get("line")?.as_u64()?).ok()?;
    let files = &context.repo.files;
    let file = files.find(path.trim_start_matches("./"), &None)?;
    let start = u32::try_from(files.get(file).start_of_line(line)?).ok()?;
    Some(Origin {
        file,
        start,
        end: start,
        by: By::Manifest,
    })
}
