//! `match` and `exclude` of a rule.

use serde_json::Value as Json;

use super::compare::glob;
use crate::policy::admission::request::Request;
use crate::policy::admission::selector::{selects, texts};

/// True if a rule is about an object.
pub(super) fn concerns(rule: &Json, request: Request<'_>) -> bool {
    let filters = |key: &str| rule.get(key).unwrap_or(&Json::Null);
    matches(filters("match"), request, false) && !matches(filters("exclude"), request, true)
}

/// True if the part of a rule asks who makes the request, which is not known here.
pub(super) fn asks_for_user(block: &Json) -> bool {
    let asks = |filter: &Json| {
        ["subjects", "roles", "clusterRoles"].iter().any(|key| {
            let names = filter.get(key).and_then(Json::as_array);
            names.is_some_and(|names| !names.is_empty())
        })
    };
    asks(block) || ["any", "all"].iter().any(|key| list(block, key).any(asks))
}

fn list<'j>(value: &'j Json, key: &str) -> impl Iterator<Item = &'j Json> + use<'j> {
    let items = value.get(key).and_then(Json::as_array);
    items.into_iter().flatten()
}

fn matches(block: &Json, request: Request<'_>, is_exclusion: bool) -> bool {
    let fits = |filter: &Json| fits(filter, request, is_exclusion);
    match (block.get("any"), block.get("all")) {
        (Some(_), _) => list(block, "any").any(fits),
        (None, Some(_)) => list(block, "all").next().is_some() && list(block, "all").all(fits),
        (None, None) => block.get("resources").is_some() && fits(block),
    }
}

/// True if a filter fits. Who makes a request is not known, so that an exclusion of users excludes
/// nobody.
fn fits(filter: &Json, request: Request<'_>, is_exclusion: bool) -> bool {
    if asks_for_user(filter) && is_exclusion {
        return false;
    }
    let Some(resources) = filter.get("resources") else {
        return !is_exclusion;
    };
    let among = |key: &str, wanted: &str| {
        let names = texts(resources, key);
        names.is_empty() || names.iter().any(|pattern| glob(pattern, wanted))
    };
    let kinds = texts(resources, "kinds");
    let name = resources.get("name").and_then(Json::as_str);
    let operations = texts(resources, "operations");
    let namespace = if request.is_namespace() {
        Some(request.name())
    } else {
        request.namespace
    };
    let in_namespaces = || {
        let wanted = texts(resources, "namespaces");
        wanted.is_empty() || namespace.is_some_and(|name| among("namespaces", name))
    };
    (kinds.is_empty() || kinds.iter().any(|kind| is_kind(kind, request)))
        && name.is_none_or(|name| glob(name, request.name()))
        && among("names", request.name())
        && in_namespaces()
        && has_annotations(resources, request)
        && resources
            .get("selector")
            .is_none_or(|selector| selects(selector, request.labels()))
        && in_selected_namespace(resources, request)
        && (operations.is_empty() || operations.contains(&request.operation))
}

fn has_annotations(resources: &Json, request: Request<'_>) -> bool {
    let wanted = resources.get("annotations").and_then(Json::as_object);
    let annotations = request.subject().pointer("/metadata/annotations");
    let annotations = annotations.and_then(Json::as_object);
    wanted.into_iter().flatten().all(|(key, value)| {
        let mut held = annotations.into_iter().flatten();
        held.any(|(name, text)| {
            let (text, value) = (text.as_str(), value.as_str());
            glob(key, name)
                && text
                    .zip(value)
                    .is_some_and(|(text, value)| glob(value, text))
        })
    })
}

fn in_selected_namespace(resources: &Json, request: Request<'_>) -> bool {
    let Some(selector) = resources.get("namespaceSelector") else {
        return true;
    };
    (request.is_namespace() || !request.is_cluster_scoped)
        && request.is_in_selected_namespace(selector)
}

/// True if a kind of a filter is that of an object: `Pod`, `apps/v1/Deployment`, `*/Pod`,
/// `v1/Pod`, `*`. Subresources are not objects.
pub(super) fn is_kind(pattern: &str, request: Request<'_>) -> bool {
    let (group, version) = request.group_version();
    let kind = request.kind();
    let parts: Vec<&str> = pattern.split('/').collect();
    match parts.as_slice() {
        [wanted] => glob(wanted, kind),
        // a version or group before the kind, or a subresource after it
        [first, wanted] if is_version(first) || *first == "*" => {
            glob(first, version) && glob(wanted, kind)
        }
        [first, wanted] => first.contains('.') && glob(first, group) && glob(wanted, kind),
        [of_group, of_version, wanted] => {
            glob(of_group, group) && glob(of_version, version) && glob(wanted, kind)
        }
        _ => false,
    }
}

fn is_version(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next() == Some('v') && letters.next().is_some_and(|letter| letter.is_ascii_digit())
}
