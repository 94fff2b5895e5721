//! Patches: which objects an entry means, and laying it over them.
//!
//! Here: reading entries of the three fields and of the built-in plugins, telling strategic merge
//! from JSON 6902, finding the objects, keeping their identity. Not here: the two kinds of change
//! (`strategic`, `json6902`), selectors (`selector`).

pub mod json6902;
pub mod selector;
pub mod strategic;

use super::context::BuildContext;
use super::decode::Text;
use super::hash::go_json;
use super::identity::{check_unique, name_origin};
use super::kustomization::{PatchEntry, Selector as WrittenSelector};
use super::manifests::{directive_problem, is_empty};
use super::resource::{Resource, ResourceId};
use super::{Deleted, Problem, ProblemKind, schema};
use crate::yaml::read::Documents;
use crate::yaml::{By, Data, Kind, Node, Origin, Scalar, reprint, scalar, write};
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

/// Applies patches in order. What does not apply is reported and leaves its object as it was;
/// deleted objects are gone.
pub fn apply_patches(
    resources: &mut Vec<Resource>,
    patches: &[PatchEntry],
    form: Form,
    context: &mut BuildContext<'_>,
) {
    for entry in patches {
        let loaded = load(entry, form, context);
        if let Err(problem) =
            loaded.and_then(|loaded| apply(resources, entry, form, loaded, context))
        {
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

fn load(entry: &PatchEntry, form: Form, context: &mut BuildContext<'_>) -> Result<Loaded, Problem> {
    let inline = entry
        .patch
        .as_ref()
        .filter(|patch| !patch.trim().is_empty());
    match (inline, &entry.path) {
        (None, None) => {
            let problem =
                Problem::error(entry.origin, "this patch names neither a file nor a change");
            Err(problem.with_help("set path to a file, or patch to the change itself"))
        }
        (Some(patch), Some(path)) => {
            let problem = Problem::error(path.origin(), "this patch has both path and patch");
            Err(problem
                .with_related("the other one is here", patch.origin())
                .with_help("keep one of them"))
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
                check_json(
                    &text,
                    form,
                    Origin {
                        end: first.origin.start,
                        ..first.origin
                    },
                )?;
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
    serde_json::from_str::<serde::de::IgnoredAny>(text)
        .map(drop)
        .map_err(|error| {
            let problem = Problem::error(
                origin,
                format!("this patch starts with [, but is no JSON: {error}"),
            );
            problem.with_help("correct the JSON, or write the operations as a YAML list")
        })
}

/// What an entry of `patchesStrategicMerge` holds when it is not a path.
fn inline_documents(entry: &Text, context: &mut BuildContext<'_>) -> Option<Documents> {
    if !entry.contains('\n') && !entry.contains(": ") && !entry.starts_with('{') {
        return None;
    }
    context.read_inline(&entry.node).ok().filter(|documents| {
        !documents.documents.is_empty()
            && documents
                .documents
                .iter()
                .all(|document| document.as_map().is_some())
    })
}

fn read(documents: &Documents, form: Form, written: &Text) -> Result<Loaded, Problem> {
    let empty = || {
        Problem::error(written.origin(), "this patch is empty")
            .with_help("write the change, or remove the entry")
    };
    let operations = match form {
        Form::Patches => documents
            .documents
            .first()
            .is_some_and(|first| first.as_list().is_some_and(|list| !list.items.is_empty())),
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
    if let Some(directive) = documents.directive {
        return Err(directive_problem(directive));
    }
    let mut waiting: std::collections::VecDeque<Node> =
        documents.documents.iter().cloned().collect();
    let mut found = Vec::with_capacity(waiting.len());
    while let Some(node) = waiting.pop_front() {
        if is_empty(&node) {
            continue;
        }
        let start = Origin {
            end: node.origin.start,
            ..node.origin
        };
        if node.as_map().is_none() {
            let message = "this patch is neither an object (strategic merge) nor a list of operations (JSON 6902)";
            let problem =
                Problem::error(start, message).with_related("it is named here", written.origin());
            return Err(problem.with_help(
                "start with apiVersion, kind and metadata.name, or with a list of op and path",
            ));
        }
        let kind = node.get("kind").and_then(Node::text).unwrap_or_default();
        let missing = if kind.is_empty() {
            Some("kind")
        } else if !kind.ends_with("List")
            && node
                .at(&["metadata", "name"])
                .and_then(Node::text)
                .is_none_or(str::is_empty)
        {
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
            Some(items) if kind.ends_with("List") && items.as_list().is_some() => {
                waiting.extend(items.items().iter().cloned())
            }
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
                let missing = if entry.target.is_some() {
                    "target with a name"
                } else {
                    "target"
                };
                let problem =
                    Problem::error(entry.origin, format!("a JSON 6902 patch needs a {missing}"));
                return Err(problem
                    .with_help("say with target which objects are meant: kind and name at least"));
            };
            for place in select(resources, target, entry, context)? {
                let Some(resource) = resources.get_mut(place) else {
                    continue;
                };
                if form == Form::Patches {
                    resource.store_previous();
                }
                // what kustomize remembers of the object stays, whatever the patch does to its
                // annotations
                let marked = resource.is_marked();
                let mut node = resource.node.clone();
                match patch.apply(&mut node) {
                    Err(problem) => context.report(about(problem, resource)),
                    Ok(()) if node.entries().is_empty() => {}
                    Ok(()) => {
                        as_json_leaves(&mut node);
                        if let Err(problem) = take_over(resource, node, entry) {
                            context.report(problem);
                        }
                        // by way of JSON every value becomes one of its own
                        resource.shared.clear();
                        if marked {
                            if !resource.is_marked() {
                                // where it came from is written beside that, and goes
                                resource.trail = None;
                            }
                            resource.mark();
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
                    let problem = Problem::error(
                        origin,
                        format!(
                            "{} strategic merge patches cannot share one target",
                            patches.len()
                        ),
                    );
                    return Err(
                        problem.with_help("write an entry for each patch, or drop the target")
                    );
                };
                let patch = with_string_metadata(patch);
                for place in select(resources, target, entry, context)? {
                    let Some(resource) = resources.get_mut(place) else {
                        continue;
                    };
                    // the patch counts as one of the object's group and version
                    let mut patch = patch.clone();
                    if let (Some(own), Some(slot)) =
                        (resource.node.get("apiVersion"), patch.get_mut("apiVersion"))
                    {
                        slot.data = own.data.clone();
                    }
                    if let Err(problem) = merge(resource, &patch, entry, schema) {
                        context.report(problem);
                    }
                }
                if entry.allow_name_change || entry.allow_kind_change {
                    check_unique(resources, &mut context.problems);
                }
                return Ok(());
            }
            for patch in patches {
                let patch = if form == Form::StrategicMerge {
                    with_string_metadata(&patch)
                } else {
                    patch
                };
                let found = identified(resources, &patch).and_then(|place| {
                    match resources.get_mut(place) {
                        Some(resource) => merge(resource, &patch, entry, schema),
                        None => Ok(()),
                    }
                });
                if let Err(problem) = found {
                    context.report(problem);
                }
            }
            Ok(())
        }
    }
}

/// The objects that a target means. None is not an error for kustomize, but a patch that does
/// nothing.
fn select(
    resources: &[Resource],
    target: &WrittenSelector,
    entry: &PatchEntry,
    context: &mut BuildContext<'_>,
) -> Result<Vec<usize>, Problem> {
    let selector = Selector::compile(target)?;
    let places: Vec<usize> = resources
        .iter()
        .enumerate()
        .filter(|(_, resource)| is_selected(&selector, resource))
        .map(|(place, _)| place)
        .collect();
    if places.is_empty() {
        // the name is what is most often wrong
        let written = target
            .name
            .as_ref()
            .or(target.kind.as_ref())
            .map(|text| text.origin());
        let origin = written.or(target.origin).unwrap_or(entry.origin);
        let problem = Problem::error(
            origin,
            format!("no object matches this target ({selector}), so the patch does nothing"),
        );
        context.report(
            problem
                .with_kind(ProblemKind::UnmatchedPatch)
                .with_help("correct the target, or remove the patch"),
        );
    }
    Ok(places)
}

fn is_selected(selector: &Selector, resource: &Resource) -> bool {
    let first = resource.previous.first();
    if !selector.matches_name(resource.name())
        && !first.is_some_and(|first| selector.matches_name(&first.name))
    {
        return false;
    }
    // the first identity counts with the present group and version
    let first_namespace = first.map(|first| {
        super::resource::effective_namespace(
            resource.api_version(),
            &first.kind,
            first.namespace.as_deref(),
        )
    });
    selector.matches_gvk(resource.group(), resource.version(), resource.kind())
        && (first_namespace.is_some_and(|namespace| selector.matches_namespace(namespace))
            || selector.matches_namespace(resource.effective_namespace()))
        && !is_gone(resource)
        && selector.matches_metadata(&resource.node)
}

/// The object that a patch without target means: the one that has or had its kind, name and
/// namespace.
fn identified(resources: &[Resource], patch: &Node) -> Result<usize, Problem> {
    let wanted = Resource::new(patch.clone());
    let id = wanted.id();
    let namespace = id.effective_namespace();
    let mut found = resources.iter().enumerate().filter(|(_, resource)| {
        let is = |kind: &str, name: &str| name == id.name && kind == id.kind;
        let previous = |previous: &ResourceId| {
            is(&previous.kind, &previous.name)
                && super::resource::effective_namespace(
                    resource.api_version(),
                    &previous.kind,
                    previous.namespace.as_deref(),
                ) == namespace
        };
        resource.api_version() == id.api_version
            && !is_gone(resource)
            && (is(resource.kind(), resource.name()) && resource.effective_namespace() == namespace
                || resource.previous.iter().any(previous))
    });
    let origin = name_origin(patch);
    match (found.next(), found.next()) {
        (Some((index, _)), None) => Ok(index),
        (Some((_, one)), Some((_, other))) => Err(Problem::error(
            origin,
            format!("this patch could mean several objects that are or were {id}"),
        )
        .with_related("one of them", name_origin(&one.node))
        .with_related("another of them", name_origin(&other.node))
        .with_help("say with target which one is meant")),
        (None, _) => {
            let problem = Problem::absent(
                origin,
                format!("there is no {id} of {:?} to patch", id.api_version),
            );
            let near = resources
                .iter()
                .find(|resource| resource.name() == id.name && resource.kind() == id.kind);
            Err(match near {
                Some(near) if near.api_version() != id.api_version => problem
                    .with_related(
                        format!("this one is of {:?}", near.api_version()),
                        name_origin(&near.node),
                    )
                    .with_help("give the patch the same apiVersion"),
                Some(near) => problem
                    .with_related(
                        format!("this one is in namespace {:?}", near.effective_namespace()),
                        name_origin(&near.node),
                    )
                    .with_help("give the patch the same namespace as the object in the base"),
                None => {
                    problem.with_help("correct kind or name, or list the object under resources")
                }
            })
        }
    }
}

/// Merges one patch into one object, which keeps apiVersion and namespace, and name and kind unless
/// they may change.
fn merge(
    resource: &mut Resource,
    patch: &Node,
    entry: &PatchEntry,
    schema: &schema::Schema,
) -> Result<(), Problem> {
    if entry.allow_name_change || entry.allow_kind_change {
        resource.store_previous();
    }
    let before = resource.node.clone();
    let merged = strategic::merge(before.clone(), patch, schema)
        .map_err(|problem| about(problem, resource))?;
    let Some(mut node) = merged.filter(|node| !is_empty(node)) else {
        let origin = patch
            .get("$patch")
            .map_or(patch.origin, |directive| directive.origin);
        resource.node.replace(Data::Scalar(Scalar::null()), origin);
        return Ok(());
    };
    keep(&mut node, &before, "apiVersion");
    if !entry.allow_kind_change {
        keep(&mut node, &before, "kind");
    }
    let metadata = before.get("metadata");
    if let Some(metadata) = metadata {
        if node
            .get("metadata")
            .is_none_or(|metadata| metadata.as_map().is_none())
        {
            node.set(
                "metadata",
                Node::map(Vec::new(), metadata.origin),
                metadata.origin,
            );
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
    take_over(resource, node, entry)?;
    resource.settle_shared();
    resource.forget_unless_marked();
    Ok(())
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
    match (
        before.entry(key),
        map.entries.iter_mut().find(|entry| &*entry.key == key),
    ) {
        (Some(before), Some(entry)) => *entry = before.clone(),
        (Some(before), None) => map.entries.push(before.clone()),
        (None, _) => map.entries.retain(|entry| &*entry.key != key),
    }
}

/// Makes the patched object the present one; without kind or name it would be none.
fn take_over(resource: &mut Resource, node: Node, entry: &PatchEntry) -> Result<(), Problem> {
    let text = |path: &[&str]| {
        node.at(path)
            .and_then(Node::text)
            .filter(|text| !text.is_empty())
    };
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
    Err(about(
        problem.with_help("replace the value instead of removing it"),
        resource,
    ))
}

/// A problem with a patch, with the object it was meant for.
fn about(mut problem: Problem, resource: &Resource) -> Problem {
    problem.message = format!("{} cannot be patched: {}", resource.id(), problem.message);
    problem.with_related("this object is to be patched", name_origin(&resource.node))
}

/// Labels and annotations of a patch as strings: so they are read when a patch is copied to the
/// objects of a target, nulls too.
fn with_string_metadata(patch: &Node) -> Node {
    let mut patch = patch.clone();
    let Some(metadata) = patch.get_mut("metadata") else {
        return patch;
    };
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
    if map
        .entries()
        .iter()
        .all(|entry| entry.value.as_str().is_some())
    {
        return;
    }
    for entry in metadata
        .get_mut(key)
        .and_then(Node::map_mut)
        .map(|map| &mut map.entries[..])
        .unwrap_or_default()
    {
        if entry.value.as_str().is_none() {
            let text = entry
                .value
                .as_scalar()
                .map_or_else(|| "".into(), |scalar| scalar.text.clone());
            entry.value.data = Data::Scalar(Scalar::string(text));
        }
    }
}

/// What the way through JSON does to an object beside the patch: nothing becomes `null`, whole
/// numbers beyond 64 bits lose digits, annotations become strings.
fn as_json_leaves(node: &mut Node) {
    reprint::settle(node);
    change_leaves(node);
    let annotations = node
        .get_mut("metadata")
        .and_then(|metadata| metadata.get_mut("annotations"))
        .and_then(Node::map_mut);
    for entry in annotations.into_iter().flat_map(|map| &mut map.entries) {
        if entry
            .value
            .as_scalar()
            .is_some_and(|scalar| !matches!(scalar.kind, Kind::Null | Kind::String))
        {
            let value = write::to_json(&entry.value);
            let mut text = String::new();
            match value.as_str() {
                Some(date) => text.push_str(date),
                None => go_json(&value, &mut text),
            }
            let origin = entry.value.origin.with(By::Transformer);
            entry
                .value
                .replace(Data::Scalar(Scalar::string(text)), origin);
        }
    }
    // what is not a map of strings is written anew as one, or goes
    let written_anew = |found: &Node| {
        found.entries().is_empty()
            || found
                .entries()
                .iter()
                .any(|entry| entry.value.as_str().is_none())
    };
    if node
        .at(&["metadata", "annotations"])
        .is_some_and(written_anew)
        && let Some(metadata) = node.get_mut("metadata")
    {
        string_values(metadata, "annotations");
    }
}

/// A scalar as JSON has it, where that is another one.
fn json_leaf(scalar: &Scalar) -> Option<Scalar> {
    match scalar.kind {
        Kind::Null if &*scalar.text != "null" => Some(Scalar::plain("null")),
        Kind::Int if scalar.text.len() > 18 && scalar::parse_int(&scalar.text).is_none() => scalar
            .text
            .parse::<f64>()
            .ok()
            .map(|value| Scalar::plain(value.to_string())),
        _ => None,
    }
}

fn change_leaves(node: &mut Node) {
    fn changes(node: &Node) -> bool {
        match &node.data {
            Data::Scalar(scalar) => json_leaf(scalar).is_some(),
            Data::Map(map) => map.entries.iter().any(|entry| changes(&entry.value)),
            Data::List(list) => list.items.iter().any(changes),
        }
    }
    if !changes(node) {
        return;
    }
    if let Some(leaf) = node.as_scalar().and_then(json_leaf) {
        match leaf.kind {
            Kind::Null => node.data = Data::Scalar(leaf),
            _ => node.replace(Data::Scalar(leaf), node.origin.with(By::Transformer)),
        }
    } else if let Some(map) = node.map_mut() {
        map.entries
            .iter_mut()
            .for_each(|entry| change_leaves(&mut entry.value));
    } else if let Some(list) = node.list_mut() {
        list.items.iter_mut().for_each(change_leaves);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kustomize::{RenderOptions, Rendered, Renderer};
    use crate::source::{Files, memory::Memory};
    use crate::yaml::write::to_json;
    use std::sync::Arc;

    const WEB: &str = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, labels: {tier: front}}, spec: {replicas: 1}}";
    const API: &str =
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: api}, spec: {replicas: 1}}";

    fn build(files: &[(&str, &str)], folder: &str) -> (Rendered, Arc<Files>) {
        let sources = Arc::new(Files::default());
        let renderer = Renderer::new(
            Arc::new(Memory::new(files.iter().copied())),
            sources.clone(),
            RenderOptions::default(),
        );
        ((*renderer.render(folder)).clone(), sources)
    }
    /// Both deployments under a kustomization, and further files.
    fn run(kustomization: &str, patch: &str) -> Rendered {
        let kustomization = format!("resources: [web.yaml, api.yaml]\n{kustomization}");
        build(
            &[
                ("kustomization.yaml", &kustomization),
                ("web.yaml", WEB),
                ("api.yaml", API),
                ("patch.yaml", patch),
            ],
            "",
        )
        .0
    }
    fn replicas(rendered: &Rendered) -> Vec<(String, Option<i64>)> {
        let count = |resource: &Resource| {
            resource
                .node
                .at(&["spec", "replicas"])
                .and_then(Node::as_int)
        };
        rendered
            .resources
            .iter()
            .map(|resource| (resource.name().to_string(), count(resource)))
            .collect()
    }
    fn messages(rendered: &Rendered) -> Vec<&str> {
        rendered
            .problems
            .iter()
            .filter(|problem| problem.kind != ProblemKind::DeprecatedField)
            .map(|problem| &*problem.message)
            .collect()
    }
    fn strategic(name: &str, rest: &str) -> String {
        format!("{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: {name}}}, {rest}}}")
    }

    #[test]
    fn a_patch_without_target_means_one_object() {
        let patch = format!(
            "{}\n---\n{}\n",
            strategic("web", "spec: {replicas: 3}"),
            strategic("api", "$patch: delete")
        );
        let rendered = run("patches: [{path: patch.yaml}]", &patch);
        assert_eq!(messages(&rendered), [""; 0]);
        assert_eq!(replicas(&rendered), [("web".to_string(), Some(3))]);
    }

    #[test]
    fn a_target_means_every_object_that_matches() {
        let rendered = run(
            "patches: [{path: patch.yaml, target: {name: .*}}]",
            &strategic("any", "spec: {replicas: 3}"),
        );
        assert_eq!(
            replicas(&rendered),
            [("api".to_string(), Some(3)), ("web".to_string(), Some(3))]
        );
        let rendered = run(
            "patches:\n- target: {labelSelector: tier=front}\n  patch: |\n    - op: replace\n      path: /spec/replicas\n      value: 4\n",
            "",
        );
        assert_eq!(
            replicas(&rendered),
            [("api".to_string(), Some(1)), ("web".to_string(), Some(4))]
        );
        let value = rendered.resources[1]
            .node
            .at(&["spec", "replicas"])
            .unwrap();
        assert_eq!(value.origin.by, By::Patch);
    }

    #[test]
    fn a_target_that_matches_nothing_is_told_but_not_refused() {
        let rendered = run(
            "patches: [{path: patch.yaml, target: {kind: Job}}]",
            &strategic("any", "spec: {replicas: 3}"),
        );
        assert_eq!(
            messages(&rendered),
            ["no object matches this target (kind `Job`), so the patch does nothing"]
        );
        assert_eq!(rendered.problems[0].kind, ProblemKind::UnmatchedPatch);
        assert!(rendered.complete);
    }

    #[test]
    fn what_kustomize_refuses() {
        let object = strategic("gone", "spec: {}");
        let rendered = run("patches: [{path: patch.yaml}]", &object);
        assert_eq!(
            messages(&rendered),
            ["there is no Deployment/gone of \"apps/v1\" to patch"]
        );
        let rendered = run(
            "patches: [{path: patch.yaml}]",
            "{apiVersion: v1, kind: Deployment, metadata: {name: web}}",
        );
        assert_eq!(
            rendered.problems[0].related[0].0,
            "this one is of \"apps/v1\""
        );
        let rendered = run(
            "patches: [{path: patch.yaml, target: {name: web}}]",
            &format!("{object}\n---\n{object}\n"),
        );
        assert_eq!(
            messages(&rendered),
            ["2 strategic merge patches cannot share one target"]
        );
        let operations = "[{\"op\": \"remove\", \"path\": \"/spec/x\"}]";
        let rendered = run("patches: [{path: patch.yaml}]", operations);
        assert_eq!(messages(&rendered), ["a JSON 6902 patch needs a target"]);
        let rendered = run(
            "patches: [{path: patch.yaml, target: {name: web}}]",
            operations,
        );
        let cause = "the remove operation at \"/spec/x\" does not apply: there is no field \"x\"";
        assert_eq!(
            messages(&rendered),
            [format!("Deployment/web cannot be patched: {cause}")]
        );
        let rendered = run(
            "patches: [{path: patch.yaml, target: {name: web}}]",
            "[{op: add, path: /a, value: 1}]",
        );
        assert!(
            messages(&rendered)[0].starts_with("this patch starts with [, but is no JSON"),
            "{:?}",
            messages(&rendered)
        );
        let rendered = run("patches: [{target: {name: web}}]", "");
        assert_eq!(
            messages(&rendered),
            ["this patch names neither a file nor a change"]
        );
        let rendered = run("patches: [{path: patch.yaml, patch: x}]", &object);
        assert_eq!(messages(&rendered), ["this patch has both path and patch"]);
        let rendered = run("patches: [{path: patch.yaml}]", "just text");
        assert_eq!(
            messages(&rendered),
            [
                "this patch is neither an object (strategic merge) nor a list of operations (JSON 6902)"
            ]
        );
        let rendered = run(
            "patches: [{path: patch.yaml}]",
            "{kind: Deployment, spec: {}}",
        );
        assert_eq!(messages(&rendered), ["this patch has no metadata.name"]);
        let rendered = run("patchesStrategicMerge: [patch.yaml]", "# nothing\n");
        assert_eq!(messages(&rendered), ["this patch is empty"]);
        assert_eq!(
            messages(&run("patches: [{path: patch.yaml}]", "# nothing\n")),
            [""; 0],
            "patches may be empty"
        );
        let rendered = run(
            "patchesJson6902: [{path: patch.yaml, target: {kind: Deployment}}]",
            operations,
        );
        assert_eq!(
            messages(&rendered),
            ["a JSON 6902 patch needs a target with a name"]
        );
    }

    #[test]
    fn operations_find_the_annotations_that_kustomize_keeps_notes_in() {
        let operations = r#"[{"op": "add", "path": "/metadata/annotations/a", "value": "b"}]"#;
        let annotations = |rendered: &Rendered| {
            let web = rendered
                .resources
                .iter()
                .find(|resource| resource.name().ends_with("web"))
                .unwrap();
            web.node
                .at(&["metadata", "annotations"])
                .map(|found| to_json(found).to_string())
        };
        let rendered = run(
            "patches: [{path: patch.yaml, target: {name: web}}]",
            operations,
        );
        assert_eq!(messages(&rendered), [""; 0]);
        assert_eq!(annotations(&rendered).as_deref(), Some(r#"{"a":"b"}"#));
        let remove = r#"[{"op": "remove", "path": "/metadata/annotations"}]"#;
        let rendered = run("patches: [{path: patch.yaml, target: {name: web}}]", remove);
        assert_eq!(
            (messages(&rendered), annotations(&rendered)),
            (vec![], None),
            "an empty map goes again"
        );
        // the old field takes no note of its own; a prefix of a base does
        let old = "patchesJson6902: [{path: patch.yaml, target: {version: v1, group: apps, kind: Deployment, name: web}}]";
        assert!(
            messages(&run(old, operations))[0].contains(r#"there is no "/metadata/annotations""#)
        );
        let overlay = format!(
            "resources: [../base]\n{}",
            old.replace("name: web", "name: old-web")
        );
        let files = [
            (
                "base/kustomization.yaml",
                "resources: [web.yaml]\nnamePrefix: old-\n",
            ),
            ("base/web.yaml", WEB),
            ("top/kustomization.yaml", overlay.as_str()),
            ("top/patch.yaml", operations),
        ];
        let rendered = build(&files, "top").0;
        assert_eq!(
            (messages(&rendered), annotations(&rendered).as_deref()),
            (vec![], Some(r#"{"a":"b"}"#))
        );
    }

    #[test]
    fn identity_is_kept_unless_it_may_change() {
        let patch = strategic("other", "spec: {replicas: 2}").replace(
            "Deployment, metadata: {",
            "StatefulSet, metadata: {namespace: x, ",
        );
        let entry = |options: &str| {
            format!("patches: [{{path: patch.yaml, target: {{name: web}}{options}}}]")
        };
        let rendered = run(&entry(""), &patch);
        let web = rendered
            .resources
            .iter()
            .find(|resource| resource.name() == "web")
            .unwrap();
        assert_eq!(
            (web.kind(), web.namespace(), web.previous.len()),
            ("Deployment", None, 0)
        );
        let name = web.node.at(&["metadata", "name"]).unwrap();
        assert!(
            name.origin.by == By::Manifest && name.replaced.is_none(),
            "the name is where it was"
        );
        let rendered = run(
            &entry(", options: {allowNameChange: true, allowKindChange: true}"),
            &patch,
        );
        let other = rendered
            .resources
            .iter()
            .find(|resource| resource.name() == "other")
            .unwrap();
        assert_eq!(
            (other.kind(), other.namespace(), &*other.original.name),
            ("StatefulSet", None, "web")
        );
        assert_eq!(other.renamed_by.map(|origin| origin.by), Some(By::Patch));
    }

    #[test]
    fn earlier_names_are_found_and_may_be_ambiguous() {
        let patch = strategic("web", "spec: {replicas: 3}");
        let overlay = "resources: [../base]\npatches: [{path: patch.yaml}]\n";
        let base = "resources: [web.yaml]\nnamePrefix: old-\n";
        let files = [
            ("base/kustomization.yaml", base),
            ("base/web.yaml", WEB),
            ("top/kustomization.yaml", overlay),
            ("top/patch.yaml", &patch),
        ];
        assert_eq!(
            replicas(&build(&files, "top").0),
            [("old-web".to_string(), Some(3))]
        );
        let other = "resources: [web.yaml]\nnamePrefix: new-\n";
        let overlay = "resources: [../base, ../other]\npatches: [{path: patch.yaml}]\n";
        let mut files = files.to_vec();
        files[2].1 = overlay;
        files.extend([("other/kustomization.yaml", other), ("other/web.yaml", WEB)]);
        let (rendered, _) = build(&files, "top");
        assert_eq!(
            messages(&rendered),
            ["this patch could mean several objects that are or were Deployment/web"]
        );
        assert_eq!(rendered.problems[0].related.len(), 2);
    }

    #[test]
    fn nulls_in_the_labels_of_a_target_patch_are_text() {
        let patch = "{kind: Deployment, metadata: {name: any, labels: {tier: null}}}";
        let rendered = run("patches: [{path: patch.yaml, target: {name: web}}]", patch);
        let labels = rendered
            .resources
            .iter()
            .find_map(|resource| resource.node.at(&["metadata", "labels"]))
            .unwrap();
        assert_eq!(to_json(labels).to_string(), r#"{"tier":"null"}"#);
    }
}
