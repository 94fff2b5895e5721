//! The container and the pod that a map of values describes.

use super::names::Names;
use super::shapes::{CONTAINER, POD};
use super::{is_off, map, map_without, switch};
use crate::yaml::{Entry, Node, Removed};

/// The resources that a preset of a chart limits and requests.
const PRESET: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

/// The container that a map of values describes.
pub(super) fn container(values: &Node, name: &str, names: Names<'_>) -> Node {
    let (mut entries, removed) = fields(values, CONTAINER, names);
    entries.insert(0, entry("name", Node::string(name, values.origin)));
    let preset = names.get(values, &["resourcesPreset"]);
    let preset = preset.filter(|preset| !matches!(preset.raw(), "" | "none"));
    let has_resources = entries.iter().any(|entry| &*entry.key == "resources");
    if let Some(preset) = preset.filter(|_| !has_resources) {
        let all = || {
            map(
                PRESET.map(|key| (key, preset.clone())).into(),
                preset.origin,
            )
        };
        let resources = map(vec![("limits", all()), ("requests", all())], preset.origin);
        entries.push(entry("resources", resources));
    }
    for (field, key) in [
        ("livenessProbe", "liveness"),
        ("readinessProbe", "readiness"),
        ("startupProbe", "startup"),
    ] {
        let probe = values.at(&["probes", key]).filter(|probe| !is_off(probe));
        entries.extend(probe.map(|probe| entry(field, probe.clone())));
    }
    map_without(entries, removed, values.origin)
}

/// The pod around it.
pub(super) fn pod(values: &Node, names: Names<'_>) -> Node {
    let (entries, removed) = fields(values, POD, names);
    map_without(entries, removed, values.origin)
}

fn entry(key: &str, value: Node) -> Entry {
    Entry {
        key: key.into(),
        key_origin: value.origin,
        value,
    }
}

/// The fields that values set, and those that they switch off.
fn fields(
    values: &Node,
    table: &[(&str, &[&str])],
    names: Names<'_>,
) -> (Vec<Entry>, Vec<Removed>) {
    let (mut entries, mut removed) = (Vec::new(), Vec::new());
    let gone = values.as_map().map_or(&[][..], |map| &map.removed);
    for (field, keys) in table {
        let Some(value) = names.get(values, keys) else {
            let was = gone.iter().find(|one| names.is_one(&one.key, keys));
            removed.extend(was.map(|one| Removed {
                key: (*field).into(),
                ..one.clone()
            }));
            continue;
        };
        if value.is_null() || is_off(value) {
            removed.push(Removed {
                key: (*field).into(),
                origin: switch(value).unwrap_or(value).origin,
                node: value.clone(),
            });
        } else if *field == "env" && value.as_map().is_some() {
            entries.push(entry(field, variables(value)));
        } else {
            entries.push(entry(field, value.clone()));
        }
    }
    (entries, removed)
}

/// A list of variables for a map of them: `env: {LOG_LEVEL: info}`.
fn variables(values: &Node) -> Node {
    let named = values.entries().iter().map(|variable| {
        let name = Node::string(&*variable.key, variable.key_origin);
        let mut entries = vec![("name", name)];
        match variable.value.as_map() {
            None => entries.push(("value", variable.value.clone())),
            Some(fields) => entries.extend(
                fields
                    .entries
                    .iter()
                    .map(|field| (&*field.key, field.value.clone())),
            ),
        }
        map(entries, variable.value.origin)
    });
    Node::list(named.collect(), values.origin)
}
