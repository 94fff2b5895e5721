//! Argo CD Applications and the Applications that ApplicationSets make: the folders that they apply and what they add.
//!
//! Generators that look at a cluster or a server are not known here: their parameters stay as written, and what depends on
//! them in a path is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use globset::{GlobBuilder, GlobMatcher};

use super::{Layer, Plain, Pointer, pointer};
use crate::kustomize::decode::{Decoder, Rules, Text};
use crate::kustomize::kustomization::{ImageEntry, LabelEntry, PatchEntry, ReplicaEntry};
use crate::kustomize::{Kustomization, Problem, Renderer};
use crate::repo::AgentKind;
use crate::source::join;
use crate::yaml::{By, Data, FileId, Kind, Map, Node, Origin, Scalar};

/// The API group of Applications and ApplicationSets.
pub const GROUP: &str = "argoproj.io";
/// How many Applications one ApplicationSet may make.
const LIMIT: usize = 5000;

type Parameters = BTreeMap<String, String>;

/// The file that an object stands in, and the tree around it.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The file.
    pub file: FileId,
    /// Its path.
    pub path: &'a str,
    /// The tree.
    pub renderer: &'a Renderer,
    /// Every folder of the tree, sorted.
    pub folders: &'a BTreeSet<&'a str>,
}

/// The folders that an Application applies.
pub fn applications(node: &Node, place: Place<'_>) -> Vec<Pointer> {
    let Some(spec) = node.get("spec") else { return Vec::new() };
    let sources = spec.get("source").into_iter().chain(spec.get("sources").map_or(&[][..], Node::items));
    sources.filter_map(|source| application(node, source, place)).collect()
}

fn application(node: &Node, source: &Node, place: Place<'_>) -> Option<Pointer> {
    let path = source.get("path")?;
    // Helm and plugins render something else than the folder's kustomization
    if ["chart", "helm", "plugin"].iter().any(|key| source.get(key).is_some()) || path.text()?.contains("{{") {
        return None;
    }
    let name = node.at(&["metadata", "name"]).and_then(Node::text).unwrap_or_default();
    let folder = join("", path.text()?.trim_start_matches('/'))?;
    let mut problems = Vec::new();
    let files = [".argocd-source.yaml".to_string(), format!(".argocd-source-{name}.yaml")];
    let read = |file: &String| place.renderer.parsed(&join(&folder, file)?).ok()?.documents.first().cloned();
    let files: Vec<Node> = files.iter().filter_map(read).collect();
    // the files are laid over the source: maps are merged, everything else is replaced
    let mut fields: BTreeMap<&str, Node> = BTreeMap::new();
    for kustomize in std::iter::once(source).chain(&files).filter_map(|source| source.get("kustomize")) {
        for entry in kustomize.entries() {
            let mut value = entry.value.clone();
            if let (Some(present), Some(new)) = (fields.get(&*entry.key).and_then(Node::as_map), value.as_map()) {
                let mut merged: Map = present.clone();
                merged.entries.retain(|old| !new.entries.iter().any(|entry| entry.key == old.key));
                merged.entries.extend(new.entries.iter().cloned());
                value.data = Data::Map(Arc::new(merged));
            }
            fields.insert(&entry.key, value);
        }
    }
    let recursive = source.at(&["directory", "recurse"]).and_then(Node::as_bool).unwrap_or(false);
    let layer = layer(&fields, path.origin, place, &mut problems);
    let made = pointer(node, AgentKind::ArgoCd, path.origin, folder, layer, problems);
    Some(Pointer { plain: Plain { recursive }, ..made })
}

/// One glob, or several in braces.
fn globs(text: &str) -> Vec<GlobMatcher> {
    let glob = GlobBuilder::new(text).literal_separator(true).build();
    glob.map(|glob| vec![glob.compile_matcher()]).unwrap_or_default()
}

fn layer(fields: &BTreeMap<&str, Node>, origin: Origin, place: Place<'_>, problems: &mut Vec<Problem>) -> Layer {
    let mut made = Kustomization::empty(place.file, Arc::from(place.path), origin.with(By::ArgoCd));
    let mut decoder = Decoder::new(problems, Rules::Plugin);
    let items = |key: &str| fields.get(key).map(|list| list.items().to_vec()).unwrap_or_default();
    let flag = |key: &str| fields.get(key).and_then(Node::as_bool).unwrap_or(false);
    made.images = items("images").iter().filter_map(image).collect();
    made.replicas = items("replicas").iter().map(|node| ReplicaEntry::decode(node, &mut decoder)).collect();
    made.patches = items("patches").iter().map(|node| PatchEntry::decode(node, &mut decoder)).collect();
    made.components = items("components").iter().filter_map(|node| decoder.filled_text(node, "an item of components")).collect();
    let mut text = |key: &str| fields.get(key).and_then(|node| decoder.filled_text(node, key));
    made.namespace = text("namespace");
    made.name_prefix = text("namePrefix");
    made.name_suffix = text("nameSuffix");
    made.common_annotations = fields.get("commonAnnotations").map(|node| decoder.pairs(node, "commonAnnotations")).unwrap_or_default();
    if let Some(node) = fields.get("commonLabels") {
        let pairs = decoder.pairs(node, "commonLabels");
        if flag("labelWithoutSelector") {
            let include_templates = flag("labelIncludeTemplates");
            made.labels = vec![LabelEntry {
                pairs,
                include_selectors: false,
                include_templates,
                include_volume_claim_templates: false,
                fields: Vec::new(),
                origin: node.origin,
            }];
        } else {
            made.common_labels = pairs;
        }
    }
    Layer { kustomization: made }
}

/// `name`, `name:tag`, `name@digest` or `old=new:tag@digest`, as `kustomize edit set image` takes it.
fn image(node: &Node) -> Option<ImageEntry> {
    let written = node.text()?;
    let part = |text: &str| Text::new(text, node.clone());
    let (old, new) = written.split_once('=').map_or((None, written), |(old, new)| (Some(old), new));
    let (rest, digest) = new.split_once('@').map_or((new, None), |(rest, digest)| (rest, Some(digest)));
    let (name, tag) = match rest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (rest, None),
    };
    Some(ImageEntry {
        name: Some(part(old.unwrap_or(name))),
        new_name: old.is_some().then(|| part(name)),
        new_tag: tag.map(part),
        tag_suffix: None,
        digest: digest.map(part),
        origin: node.origin,
    })
}

/// The Applications that an ApplicationSet makes, as objects.
pub fn expand(node: &Node, place: Place<'_>) -> Vec<Node> {
    let Some(spec) = node.get("spec") else { return Vec::new() };
    let Some(template) = spec.get("template") else { return Vec::new() };
    let generators = spec.get("generators").map_or(&[][..], Node::items);
    let sets = generators.iter().flat_map(|generator| parameters(generator, place, 0)).take(LIMIT);
    sets.map(|parameters| {
        let mut node = template.clone();
        fill(&mut node, &parameters);
        node
    })
    .collect()
}

/// What a generator gives: one map for each Application.
fn parameters(generator: &Node, place: Place<'_>, depth: usize) -> Vec<Parameters> {
    if let Some(list) = generator.get("list") {
        let elements = list.get("elements").map_or(&[][..], Node::items);
        return elements
            .iter()
            .map(|element| {
                let mut parameters = Parameters::new();
                flatten("", element, &mut parameters);
                parameters
            })
            .collect();
    }
    if let Some(git) = generator.get("git") {
        let mut sets = if git.get("directories").is_some() { directories(git, place) } else { files(git, place) };
        for parameters in &mut sets {
            let mut values = Parameters::new();
            git.get("values").into_iter().for_each(|node| flatten("values", node, &mut values));
            for value in values.values_mut() {
                *value = filled(value, parameters);
            }
            parameters.extend(values);
        }
        return sets;
    }
    if let Some(matrix) = generator.get("matrix").filter(|_| depth < 2) {
        let mut sets = vec![Parameters::new()];
        for child in matrix.get("generators").map_or(&[][..], Node::items) {
            let mut product = Vec::new();
            for before in &sets {
                // the second generator may use what the first one gave
                let mut child = child.clone();
                fill(&mut child, before);
                for mut parameters in parameters(&child, place, depth + 1) {
                    parameters.extend(before.iter().map(|(key, value)| (key.clone(), value.clone())));
                    product.push(parameters);
                    if product.len() >= LIMIT {
                        return product;
                    }
                }
            }
            sets = product;
        }
        return sets;
    }
    vec![Parameters::new()]
}

fn directories(git: &Node, place: Place<'_>) -> Vec<Parameters> {
    let (wanted, excluded) = patterns(git, "directories");
    let folders = place.folders.iter().copied().filter(|folder| !folder.split('/').any(|part| part.starts_with('.')));
    let matching = folders.filter(|folder| !folder.is_empty() && matches(&wanted, folder) && !matches(&excluded, folder));
    matching.map(|folder| path_parameters(git, folder)).collect()
}

fn files(git: &Node, place: Place<'_>) -> Vec<Parameters> {
    let (wanted, excluded) = patterns(git, "files");
    let mut sets = Vec::new();
    for path in place.renderer.source().files().iter().filter(|path| matches(&wanted, path) && !matches(&excluded, path)) {
        let Ok(documents) = place.renderer.parsed(path) else { continue };
        for document in &documents.documents {
            let items = if document.as_list().is_some() { document.items() } else { std::slice::from_ref(document) };
            for item in items {
                let mut parameters = path_parameters(git, path.rsplit_once('/').map_or("", |(folder, _)| folder));
                flatten("", item, &mut parameters);
                sets.push(parameters);
            }
        }
    }
    sets
}

/// The globs of `directories` or `files`: those that take in, and those that leave out.
fn patterns(git: &Node, key: &str) -> (Vec<GlobMatcher>, Vec<GlobMatcher>) {
    let (mut wanted, mut excluded) = (Vec::new(), Vec::new());
    for entry in git.get(key).map_or(&[][..], Node::items) {
        let Some(path) = entry.get("path").and_then(Node::text) else { continue };
        let exclude = entry.get("exclude").and_then(Node::as_bool).unwrap_or(false);
        (if exclude { &mut excluded } else { &mut wanted }).extend(globs(path.trim_start_matches("./").trim_matches('/')));
    }
    (wanted, excluded)
}

fn matches(globs: &[GlobMatcher], path: &str) -> bool {
    globs.iter().any(|glob| glob.is_match(path))
}

fn path_parameters(git: &Node, folder: &str) -> Parameters {
    let prefix = git.get("pathParamPrefix").and_then(Node::text).map(|prefix| format!("{prefix}.")).unwrap_or_default();
    let base = folder.rsplit('/').next().unwrap_or_default();
    let normalized: String = base.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let mut parameters = Parameters::new();
    for (key, value) in [("path", folder), ("path.path", folder), ("path.basename", base), ("path.basenameNormalized", &normalized)] {
        parameters.insert(format!("{prefix}{key}"), value.to_string());
    }
    for (at, segment) in folder.split('/').enumerate() {
        parameters.insert(format!("{prefix}path[{at}]"), segment.to_string());
        parameters.insert(format!("{prefix}path.segments[{at}]"), segment.to_string());
    }
    parameters
}

fn flatten(prefix: &str, node: &Node, parameters: &mut Parameters) {
    if let Some(text) = node.text() {
        parameters.insert(prefix.to_string(), text.to_string());
    }
    for entry in node.entries() {
        let key = if prefix.is_empty() { entry.key.to_string() } else { format!("{prefix}.{}", entry.key) };
        flatten(&key, &entry.value, parameters);
    }
}

/// Puts parameters into every text of a tree; its depth is bounded by the reader.
fn fill(node: &mut Node, parameters: &Parameters) {
    if let Some(scalar) = node.as_scalar() {
        if scalar.kind == Kind::String && scalar.text.contains("{{") {
            node.data = Data::Scalar(Scalar::string(filled(&scalar.text, parameters)));
        }
    } else if let Some(map) = node.map_mut() {
        map.entries.iter_mut().for_each(|entry| fill(&mut entry.value, parameters));
    } else if let Some(list) = node.list_mut() {
        list.items.iter_mut().for_each(|item| fill(item, parameters));
    }
}

/// A text with `{{key}}`, `{{ .key }}` and `{{index .path.segments 1}}` replaced; what is not known stays.
fn filled(text: &str, parameters: &Parameters) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, tail)) = rest.split_once("{{") {
        let Some((inner, after)) = tail.split_once("}}") else { break };
        out.push_str(before);
        let key = inner.trim_matches('-').trim();
        let indexed = key.strip_prefix("index ").and_then(|call| {
            let (list, at) = call.trim().split_once(' ')?;
            Some(format!("{list}[{}]", at.trim()))
        });
        let key = indexed.as_deref().unwrap_or(key);
        // functions that only change the form of a name (`| quote`, `| lower`) are not followed
        match parameters.get(key.strip_prefix('.').unwrap_or(key)) {
            Some(value) => out.push_str(value),
            None => out.push_str(&format!("{{{{{inner}}}}}")),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}
