//! Environment variables that a workload takes from a ConfigMap or Secret: `valueFrom` and `envFrom`.

use crate::explain::Found;
use crate::explain::path::words;
use crate::explain::value::{Value, candidates};
use crate::kubernetes::workload;
use crate::kustomize::Resource;
use crate::yaml::Node;

/// A variable, in each overlay that takes it from an object.
pub(super) struct Taken<'r> {
    /// The objects.
    pub(super) found: Vec<Found<'r>>,
    /// Their values.
    pub(super) values: Vec<Value<'r>>,
    /// `Deployment/api takes LOG_LEVEL from it (envFrom of container api)`
    pub(super) note: String,
}

/// The variable that a word names, if the objects are workloads that take it from elsewhere.
pub(super) fn taken<'r>(workloads: &[Found<'r>], typed: &str) -> Option<Taken<'r>> {
    let [word] = &words(typed)[..] else {
        return None;
    };
    let mut taken = Taken {
        found: Vec::new(),
        values: Vec::new(),
        note: String::new(),
    };
    for one in workloads {
        let Some((holder, key, how)) = holder(*one, word) else {
            continue;
        };
        let found = Found {
            resource: holder,
            ..*one
        };
        let field = ["data", "stringData"]
            .into_iter()
            .find(|field| has(holder, field, &key))?;
        let (values, _) = candidates(&[found], &[field.to_string(), key]);
        taken.values.extend(values);
        taken.found.push(found);
        let workload = one.resource;
        taken.note = format!(
            "{}/{} takes {word} from it ({how})",
            workload.kind(),
            workload.name()
        );
    }
    (!taken.values.is_empty()).then_some(taken)
}

/// The object that holds a variable, its key there, and the field that names the object. A variable
/// in `env` hides one of `envFrom`, and later entries hide earlier ones.
fn holder<'r>(one: Found<'r>, word: &str) -> Option<(&'r Resource, String, String)> {
    let workloads = workload::of(one.resource);
    for container in workloads.iter().flat_map(|workload| &workload.containers) {
        let text = |node: &Node, path: &[&str]| node.at(path)?.text().map(str::to_string);
        let list = |field: &str| container.node.get(field).map_or(&[][..], Node::items);
        let own = list("env").iter().rev();
        let named = |item: &&Node| item.get("name").and_then(Node::text) == Some(word);
        if let Some(item) = own.into_iter().find(named) {
            let kinds = [("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")];
            let found = kinds.iter().find_map(|(field, kind)| {
                let name = text(item, &["valueFrom", field, "name"])?;
                let key = text(item, &["valueFrom", field, "key"])?;
                Some((object(one, kind, &name, &key)?, key))
            });
            let (holder, key) = found?;
            let how = format!("valueFrom of container {}", container.name);
            return Some((holder, key, how));
        }
        for item in list("envFrom").iter().rev() {
            let prefix = text(item, &["prefix"]).unwrap_or_default();
            let Some(key) = word.strip_prefix(&prefix) else {
                continue;
            };
            let kinds = [("configMapRef", "ConfigMap"), ("secretRef", "Secret")];
            let found = kinds
                .iter()
                .find_map(|(field, kind)| object(one, kind, &text(item, &[field, "name"])?, key));
            if let Some(holder) = found {
                let how = format!("envFrom of container {}", container.name);
                return Some((holder, key.to_string(), how));
            }
        }
    }
    None
}

/// The object of a kind and name in the same overlay, if it has a key.
fn object<'r>(one: Found<'r>, kind: &str, name: &str, key: &str) -> Option<&'r Resource> {
    let mut objects = one.overlay.rendered.resources.iter();
    objects.find(|object| {
        object.kind() == kind
            && object.name() == name
            && ["data", "stringData"]
                .iter()
                .any(|field| has(object, field, key))
    })
}

fn has(object: &Resource, field: &str, key: &str) -> bool {
    object
        .node
        .get(field)
        .is_some_and(|data| data.get(key).is_some())
}
