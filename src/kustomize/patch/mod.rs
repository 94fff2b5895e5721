//! Patches: which objects an entry means, and laying it over them.
//!
//! Here: reading entries of the three fields and of the built-in plugins, telling strategic merge from JSON 6902, finding the
//! objects, keeping their identity. Not here: the two kinds of change (`strategic`, `json6902`), selectors (`selector`).

pub mod json6902;
pub mod selector;
pub mod strategic;

use super::context::BuildContext;
use super::decode::Text;
use super::kustomization::{PatchEntry, Selector as WrittenSelector};
use super::resource::{Resource, ResourceId};
use super::{Problem, ProblemKind, accumulate, schema};
use crate::yaml::read::Documents;
use crate::yaml::{By, Data, Entry, Node, Origin, Scalar};
use selector::Selector;

/// The field an entry stands in; they differ in what they accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `patches`: strategic merge or JSON 6902, with or without a target.
    Patches,
    /// `patchesStrategicMerge`: no target, never empty.
    StrategicMerge,
    /// `patchesJson6902`: a target with a name.
    Json6902,
}

/// What an entry holds.
enum Loaded {
    /// Only comments.
    Nothing,
    Strategic(Vec<Node>),
    Operations(json6902::Patch),
}

/// Applies patches in order. What does not apply is reported and leaves its object as it was; deleted objects are gone.
pub fn apply_patches(resources: &mut Vec<Resource>, patches: &[PatchEntry], form: Form, context: &mut BuildContext<'_>) {
    for entry in patches {
        let loaded = load(entry, form, context);
        if let Err(problem) = loaded.and_then(|loaded| apply(resources, entry, form, loaded, context)) {
            context.report(problem);
        }
    }
    resources.retain(|resource| !is_gone(resource));
}

fn is_gone(resource: &Resource) -> bool {
    resource.node.as_map().is_none_or(|map| map.entries.is_empty())
}

fn is_empty(node: &Node) -> bool {
    match &node.data {
        Data::Scalar(_) => node.is_null(),
        Data::Map(map) => map.entries.is_empty(),
        Data::List(list) => list.items.is_empty(),
    }
}

fn load(entry: &PatchEntry, form: Form, context: &mut BuildContext<'_>) -> Result<Loaded, Problem> {
    let inline = entry.patch.as_ref().filter(|patch| !patch.trim().is_empty());
    match (inline, &entry.path) {
        (None, None) => {
            let problem = Problem::error(entry.origin, "this patch names neither a file nor a change");
            Err(problem.with_help("set path to a file, or patch to the change itself"))
        }
        (Some(patch), Some(path)) => {
            let problem = Problem::error(path.origin(), "this patch has both path and patch");
            Err(problem.with_related("the other one is here", patch.origin()).with_help("keep one of them"))
        }
        (Some(patch), None) => {
            let documents = context.read_inline(&patch.node)?;
            check_json(patch.trim(), form, patch.origin())?;
            read(&documents, form, patch)
        }
        (None, Some(path)) => {
            if form == Form::StrategicMerge
                && let Some(documents) = inline_documents(path, context)
            {
                return read(&documents, form, path);
            }
            let documents = context.read_documents(path)?;
            if let Some(first) = documents.documents.first() {
                let text = context.shared.files.get(first.origin.file).text.clone();
                check_json(&text, form, Origin { end: first.origin.start, ..first.origin })?;
            }
            read(&documents, form, path)
        }
    }
}

/// What starts like JSON is read as JSON, where less is allowed than in YAML.
fn check_json(text: &str, form: Form, origin: Origin) -> Result<(), Problem> {
    if form == Form::StrategicMerge || !text.starts_with('[') {
        return Ok(());
    }
    serde_json::from_str::<serde::de::IgnoredAny>(text).map(drop).map_err(|error| {
        let problem = Problem::error(origin, format!("this patch starts with [, but is no JSON: {error}"));
        problem.with_help("correct the JSON, or write the operations as a YAML list")
    })
}

/// What an entry of `patchesStrategicMerge` holds when it is no path.
fn inline_documents(entry: &Text, context: &mut BuildContext<'_>) -> Option<Documents> {
    if !entry.contains('\n') && !entry.contains(": ") && !entry.starts_with('{') {
        return None;
    }
    context
        .read_inline(&entry.node)
        .ok()
        .filter(|documents| !documents.documents.is_empty() && documents.documents.iter().all(|document| document.as_map().is_some()))
}

fn read(documents: &Documents, form: Form, written: &Text) -> Result<Loaded, Problem> {
    let empty = || Problem::error(written.origin(), "this patch is empty").with_help("write the change, or remove the entry");
    let operations = match form {
        Form::Patches => documents.documents.first().is_some_and(|first| first.as_list().is_some_and(|list| !list.items.is_empty())),
        Form::StrategicMerge => false,
        Form::Json6902 => true,
    };
    if operations {
        let patch = json6902::Patch::read(documents.documents.first().ok_or_else(empty)?)?;
        if patch.is_empty() {
            return Err(empty());
        }
        return Ok(Loaded::Operations(patch));
    }
    let mut waiting: std::collections::VecDeque<Node> = documents.documents.iter().cloned().collect();
    let mut found = Vec::with_capacity(waiting.len());
    while let Some(node) = waiting.pop_front() {
        if is_empty(&node) {
            continue;
        }
        let start = Origin { end: node.origin.start, ..node.origin };
        if node.as_map().is_none() {
            let message = "this patch is neither an object (strategic merge) nor a list of operations (JSON 6902)";
            return Err(Problem::error(start, message).with_related("it is named here", written.origin()));
        }
        let kind = node.get("kind").and_then(Node::text).unwrap_or_default();
        let missing = if kind.is_empty() {
            Some("kind")
        } else if !kind.ends_with("List") && node.at(&["metadata", "name"]).and_then(Node::text).is_none_or(str::is_empty) {
            Some("metadata.name")
        } else {
            None
        };
        if let Some(missing) = missing {
            return Err(Problem::error(start, format!("this patch has no {missing}"))
                .with_related("it is named here", written.origin())
                .with_help("a strategic merge patch needs kind and metadata.name, even where target says which objects are meant"));
        }
        match node.get("items") {
            Some(items) if kind.ends_with("List") && items.as_list().is_some() => waiting.extend(items.items().iter().cloned()),
            Some(items) if kind.ends_with("List") && items.is_null() => {}
            _ => found.push(strategic::attribute(&node, By::Patch)),
        }
    }
    match (found.is_empty(), form) {
        (true, Form::StrategicMerge) => Err(empty()),
        (true, _) => Ok(Loaded::Nothing),
        (false, _) => Ok(Loaded::Strategic(found)),
    }
}

fn apply(
    resources: &mut [Resource],
    entry: &PatchEntry,
    form: Form,
    loaded: Loaded,
    context: &mut BuildContext<'_>,
) -> Result<(), Problem> {
    match loaded {
        Loaded::Nothing => Ok(()),
        Loaded::Operations(patch) => {
            let named = |target: &WrittenSelector| form == Form::Patches || target.name.is_some();
            let Some(target) = entry.target.as_ref().filter(|target| named(target)) else {
                let missing = if entry.target.is_some() { "target with a name" } else { "target" };
                let problem = Problem::error(entry.origin, format!("a JSON 6902 patch needs a {missing}"));
                return Err(problem.with_help("say with target which objects are meant: kind and name at least"));
            };
            for place in select(resources, target, entry, context)? {
                let Some(resource) = resources.get_mut(place) else { continue };
                if form == Form::Patches {
                    resource.store_previous();
                }
                let mut node = resource.node.clone();
                match patch.apply(&mut node) {
                    Err(problem) => context.report(about(problem, resource)),
                    Ok(()) if node.entries().is_empty() => {}
                    Ok(()) => {
                        as_json_leaves(&mut node);
                        if let Err(problem) = take_over(resource, node, entry) {
                            context.report(problem);
                        }
                    }
                }
            }
            Ok(())
        }
        Loaded::Strategic(patches) => {
            let custom = context.schema.clone();
            let schema = custom.as_deref().unwrap_or_else(|| schema::built_in());
            if let Some(target) = entry.target.as_ref().filter(|_| form == Form::Patches) {
                let [patch] = &patches[..] else {
                    let origin = target.origin.unwrap_or(entry.origin);
                    let problem = Problem::error(origin, format!("{} strategic merge patches cannot share one target", patches.len()));
                    return Err(problem.with_help("write an entry for each patch, or drop the target"));
                };
                let patch = with_string_metadata(patch);
                for place in select(resources, target, entry, context)? {
                    let Some(resource) = resources.get_mut(place) else { continue };
                    if let Err(problem) = merge(resource, &patch, entry, schema) {
                        context.report(problem);
                    }
                }
                if entry.allow_name_change || entry.allow_kind_change {
                    accumulate::check_unique(resources, &mut context.problems);
                }
                return Ok(());
            }
            for patch in patches {
                let patch = if form == Form::StrategicMerge { with_string_metadata(&patch) } else { patch };
                let found = identified(resources, &patch).and_then(|place| match resources.get_mut(place) {
                    Some(resource) => merge(resource, &patch, entry, schema),
                    None => Ok(()),
                });
                if let Err(problem) = found {
                    context.report(problem);
                }
            }
            Ok(())
        }
    }
}

/// The objects that a target means. None is no error for kustomize, but a patch that does nothing.
fn select(
    resources: &[Resource],
    target: &WrittenSelector,
    entry: &PatchEntry,
    context: &mut BuildContext<'_>,
) -> Result<Vec<usize>, Problem> {
    let selector = Selector::compile(target)?;
    let places: Vec<usize> =
        resources.iter().enumerate().filter(|(_, resource)| is_selected(&selector, resource)).map(|(place, _)| place).collect();
    if places.is_empty() {
        let origin = target.origin.unwrap_or(entry.origin);
        let problem = Problem::error(origin, format!("no object matches this target ({selector}), so the patch does nothing"));
        context.report(problem.with_kind(ProblemKind::UnmatchedPatch).with_help("correct the target, or remove the patch"));
    }
    Ok(places)
}

fn is_selected(selector: &Selector, resource: &Resource) -> bool {
    let first = resource.previous.first();
    if !selector.matches_name(resource.name()) && !first.is_some_and(|first| selector.matches_name(&first.name)) {
        return false;
    }
    // the first identity counts with the present group and version
    let first_namespace =
        first.map(|first| super::resource::effective_namespace(resource.api_version(), &first.kind, first.namespace.as_deref()));
    selector.matches_gvk(resource.group(), resource.version(), resource.kind())
        && (first_namespace.is_some_and(|namespace| selector.matches_namespace(namespace))
            || selector.matches_namespace(resource.effective_namespace()))
        && !is_gone(resource)
        && selector.matches_metadata(&resource.node)
}

/// The object that a patch without target means: the one that has or had its kind, name and namespace.
fn identified(resources: &[Resource], patch: &Node) -> Result<usize, Problem> {
    let wanted = Resource::new(patch.clone());
    let id = wanted.id();
    let namespace = id.effective_namespace();
    let mut found = resources.iter().enumerate().filter(|(_, resource)| {
        let is = |kind: &str, name: &str| name == id.name && kind == id.kind;
        let previous = |previous: &ResourceId| {
            is(&previous.kind, &previous.name)
                && super::resource::effective_namespace(resource.api_version(), &previous.kind, previous.namespace.as_deref()) == namespace
        };
        resource.api_version() == id.api_version
            && !is_gone(resource)
            && (is(resource.kind(), resource.name()) && resource.effective_namespace() == namespace
                || resource.previous.iter().any(previous))
    });
    let place = accumulate::place(patch);
    match (found.next(), found.next()) {
        (Some((index, _)), None) => Ok(index),
        (Some((_, one)), Some((_, other))) => {
            Err(Problem::error(place, format!("this patch could mean several objects that are or were {id}"))
                .with_related("one of them", accumulate::place(&one.node))
                .with_related("another of them", accumulate::place(&other.node))
                .with_help("say with target which one is meant"))
        }
        (None, _) => {
            let problem = Problem::error(place, format!("there is no {id} of {:?} to patch", id.api_version));
            let near = resources.iter().find(|resource| resource.name() == id.name && resource.kind() == id.kind);
            Err(match near {
                Some(near) if near.api_version() != id.api_version => problem
                    .with_related(format!("this one is of {:?}", near.api_version()), accumulate::place(&near.node))
                    .with_help("give the patch the same apiVersion"),
                Some(near) => problem
                    .with_related(format!("this one is in namespace {:?}", near.effective_namespace()), accumulate::place(&near.node))
                    .with_help("give the patch the same namespace as the object in the base"),
                None => problem.with_help("correct kind or name, or list the object under resources"),
            })
        }
    }
}

/// Merges one patch into one object, which keeps apiVersion and namespace, and name and kind unless they may change.
fn merge(resource: &mut Resource, patch: &Node, entry: &PatchEntry, schema: &schema::Schema) -> Result<(), Problem> {
    let before = resource.node.clone();
    let merged = strategic::merge(before.clone(), patch, schema).map_err(|problem| about(problem, resource))?;
    if entry.allow_name_change || entry.allow_kind_change {
        resource.store_previous();
    }
    let Some(mut node) = merged.filter(|node| !is_empty(node)) else {
        resource.node = Node::scalar(Scalar::null(), patch.origin);
        return Ok(());
    };
    keep(&mut node, &before, "apiVersion");
    if !entry.allow_kind_change {
        keep(&mut node, &before, "kind");
    }
    let metadata = before.get("metadata");
    if let Some(metadata) = metadata {
        if node.get("metadata").is_none_or(|metadata| metadata.as_map().is_none()) {
            node.set("metadata", Node::map(Vec::new(), metadata.origin), metadata.origin);
        }
        if let Some(now) = node.get("metadata") {
            let name = !entry.allow_name_change && changed(now, metadata, "name");
            let namespace = changed(now, metadata, "namespace");
            if (name || namespace)
                && let Some(now) = node.get_mut("metadata")
            {
                if name {
                    keep(now, metadata, "name");
                }
                if namespace {
                    keep(now, metadata, "namespace");
                }
            }
        }
    }
    take_over(resource, node, entry)
}

/// Whether a field has another content or place than before.
fn changed(node: &Node, before: &Node, key: &str) -> bool {
    node.get(key).map(|value| value.origin) != before.get(key).map(|value| value.origin)
}

/// Puts a field back as it was.
fn keep(node: &mut Node, before: &Node, key: &str) {
    if !changed(node, before, key) {
        return;
    }
    let Some(map) = node.map_mut() else { return };
    map.removed.retain(|removed| &*removed.key != key);
    match (before.entry(key), map.entries.iter_mut().find(|entry| &*entry.key == key)) {
        (Some(before), Some(entry)) => *entry = before.clone(),
        (Some(before), None) => map.entries.push(before.clone()),
        (None, _) => map.entries.retain(|entry| &*entry.key != key),
    }
}

/// Makes the patched object the present one; without kind or name it would be none.
fn take_over(resource: &mut Resource, node: Node, entry: &PatchEntry) -> Result<(), Problem> {
    let text = |path: &[&str]| node.at(path).and_then(Node::text).filter(|text| !text.is_empty());
    let (kind, name) = (text(&["kind"]), text(&["metadata", "name"]));
    let missing = match (kind, name) {
        (None, _) => "kind",
        (Some(kind), None) if !kind.ends_with("List") => "metadata.name",
        _ => {
            if name.is_some_and(|name| name != resource.name()) {
                resource.renamed_by = node.at(&["metadata", "name"]).map(|name| name.origin);
            }
            resource.node = node;
            return Ok(());
        }
    };
    let problem = Problem::error(entry.origin, format!("the patch leaves no {missing}"));
    Err(about(problem.with_help("replace the value instead of removing it"), resource))
}

/// A problem with a patch, with the object it was meant for.
fn about(mut problem: Problem, resource: &Resource) -> Problem {
    problem.message = format!("{} cannot be patched: {}", resource.id(), problem.message);
    problem.with_related("this object is to be patched", accumulate::place(&resource.node))
}

/// Labels and annotations of a patch as strings: so they are read when a patch is copied to the objects of a target, nulls too.
fn with_string_metadata(patch: &Node) -> Node {
    let mut patch = patch.clone();
    let Some(metadata) = patch.get_mut("metadata") else { return patch };
    for key in ["labels", "annotations"] {
        string_values(metadata, key);
    }
    patch
}

/// Makes the values of a map strings; without values the map goes.
fn string_values(metadata: &mut Node, key: &str) {
    let Some(map) = metadata.get(key) else { return };
    if map.entries().is_empty() {
        if let Some(metadata) = metadata.map_mut() {
            metadata.entries.retain(|entry| &*entry.key != key);
        }
        return;
    }
    if map.entries().iter().all(|entry| entry.value.as_str().is_some()) {
        return;
    }
    for entry in metadata.get_mut(key).and_then(Node::map_mut).map(|map| &mut map.entries[..]).unwrap_or_default() {
        if entry.value.as_str().is_none() {
            let text = entry.value.as_scalar().map_or_else(|| "".into(), |scalar| scalar.text.clone());
            entry.value.data = Data::Scalar(Scalar::string(text));
        }
    }
}

/// What the way through JSON does to an object beside the patch: nothing becomes `null`, annotations become strings.
fn as_json_leaves(node: &mut Node) {
    fn holds_nothing(node: &Node) -> bool {
        match &node.data {
            Data::Scalar(scalar) => node.is_null() && scalar.text.is_empty(),
            Data::Map(map) => map.entries.iter().any(|entry| holds_nothing(&entry.value)),
            Data::List(list) => list.items.iter().any(holds_nothing),
        }
    }
    fn fill(node: &mut Node) {
        if !holds_nothing(node) {
            return;
        }
        if node.as_scalar().is_some() {
            node.data = Data::Scalar(Scalar::plain("null"));
        } else if let Some(map) = node.map_mut() {
            map.entries.iter_mut().for_each(|Entry { value, .. }| fill(value));
        } else if let Some(list) = node.list_mut() {
            list.items.iter_mut().for_each(fill);
        }
    }
    fill(node);
    if node.at(&["metadata", "annotations"]).is_some_and(|map| map.entries().iter().any(|e| e.value.as_str().is_none()) || is_empty(map))
        && let Some(metadata) = node.get_mut("metadata")
    {
        string_values(metadata, "annotations");
    }
}
