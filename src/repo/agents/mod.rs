//! What Flux and Argo CD apply: the folders that their objects in the repo point at, and what the objects add to them.
//!
//! Here: Flux Kustomizations and Argo CD Applications with a path in this repo. Not here: which folders are overlays
//! (`discover`), rendering (`kustomize`). ApplicationSets are not expanded.

mod substitute;

use std::sync::Arc;

use rayon::prelude::*;

use super::discover::Layout;
use super::{Agent, AgentKind};
use crate::kustomize::decode::{Decoder, Rules};
use crate::kustomize::kustomization::{ImageEntry, PatchEntry};
use crate::kustomize::{Kustomization, Problem, Rendered, Renderer};
use crate::source::{EntryKind, Source, join};
use crate::yaml::{By, FileId, Node, Origin};

pub use substitute::Variables;

const FLUX: &str = "kustomize.toolkit.fluxcd.io";
const ARGO: &str = "argoproj.io";
/// Files above this size hold no agents' objects.
const LARGEST: usize = 1 << 20;

/// A folder that an agent applies.
#[derive(Clone, Debug)]
pub struct Pointer {
    /// The folder.
    pub folder: String,
    /// The object that points at it.
    pub agent: Agent,
    /// The environment of the file that the object stands in, by its path.
    pub environment: Option<usize>,
    /// The environment that the folder itself carries in its path.
    pub folder_environment: Option<usize>,
    /// What the object adds; `None` when nothing.
    pub layer: Option<Kustomization>,
    /// What it puts in place of `${…}`.
    pub variables: Option<Variables>,
    /// What is wrong with the object.
    pub problems: Vec<Problem>,
}

impl Pointer {
    /// What the agent applies.
    pub fn render(&self, renderer: &Renderer) -> Arc<Rendered> {
        let plain = renderer.kustomization(&self.folder).is_none();
        let rendered = match &self.layer {
            _ if plain => renderer.render_plain(&self.folder, self.agent.kind == AgentKind::Flux),
            Some(layer) => renderer.render_layered(&self.folder, layer),
            None => renderer.render(&self.folder),
        };
        let Some(variables) = self.variables.as_ref().filter(|variables| !variables.known.is_empty()) else { return rendered };
        let mut rendered = Arc::unwrap_or_clone(rendered);
        variables.apply(&mut rendered);
        rendered.problems.extend(self.problems.iter().cloned());
        Arc::new(rendered)
    }
}

/// Every folder that an agent's object points at, in the order of the files.
pub fn collect(renderer: &Renderer, layout: &Layout) -> Vec<Pointer> {
    let source = renderer.source();
    let mentions = |path: &Arc<str>| {
        let yaml = path.ends_with(".yaml") || path.ends_with(".yml");
        let bytes = if yaml { source.read(path).ok() } else { None };
        bytes.is_some_and(|bytes| {
            let text = std::str::from_utf8(&bytes).unwrap_or_default();
            bytes.len() <= LARGEST && (text.contains(FLUX) || text.contains("kind: Application"))
        })
    };
    let files: Vec<&Arc<str>> = source.files().par_iter().filter(|path| mentions(path)).collect();
    let mut found = Vec::new();
    for path in files {
        let Ok(documents) = renderer.parsed(path) else { continue };
        let Some(file) = renderer.file_id(path) else { continue };
        for node in &documents.documents {
            let text = |key: &str| node.get(key).and_then(Node::text).unwrap_or_default();
            let group = text("apiVersion").split_once('/').map_or("", |(group, _)| group);
            let pointer = match (text("kind"), group) {
                ("Kustomization", FLUX) => flux(node, file, path),
                ("Application", ARGO) => argo(node, file, path),
                _ => None,
            };
            let Some(mut pointer) = pointer.filter(|pointer| applies(&**source, renderer, &pointer.folder)) else { continue };
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let environment = |folder: &str| layout.place(folder).and_then(Result::ok).map(|place| place.environment);
            pointer.environment = environment(folder);
            pointer.folder_environment = environment(&pointer.folder);
            found.push(pointer);
        }
    }
    found
}

/// Whether a folder is one that we can render as the agent does: a kustomization, or manifests without one anywhere below.
fn applies(source: &dyn Source, renderer: &Renderer, folder: &str) -> bool {
    if folder.is_empty() || source.kind(folder) != Some(EntryKind::Directory) {
        return false;
    }
    let prefix = format!("{folder}/");
    let nested = |path: &&Arc<str>| {
        path.starts_with(&prefix) && matches!(path.rsplit('/').next(), Some("kustomization.yaml" | "kustomization.yml" | "Kustomization"))
    };
    renderer.kustomization(folder).is_some() || !source.files().iter().any(|path| nested(&path))
}

fn name_of(node: &Node, kind: &str) -> String {
    let text = |key: &str| node.at(&["metadata", key]).and_then(Node::text).unwrap_or_default();
    match text("namespace") {
        "" => format!("{kind} {}", text("name")),
        namespace => format!("{kind} {namespace}/{}", text("name")),
    }
}

fn pointer(node: &Node, kind: AgentKind, place: Origin, folder: String, layer: Kustomization, problems: Vec<Problem>) -> Pointer {
    let word = if kind == AgentKind::Flux { "Kustomization" } else { "Application" };
    let adds = !layer.patches.is_empty()
        || !layer.images.is_empty()
        || !layer.components.is_empty()
        || !layer.common_labels.is_empty()
        || !layer.common_annotations.is_empty()
        || [&layer.namespace, &layer.name_prefix, &layer.name_suffix].iter().any(|text| text.is_some());
    Pointer {
        folder,
        agent: Agent { kind, name: name_of(node, word), origin: place },
        environment: None,
        folder_environment: None,
        layer: adds.then_some(layer),
        variables: None,
        problems,
    }
}

fn flux(node: &Node, file: FileId, path: &str) -> Option<Pointer> {
    let spec = node.get("spec")?;
    if spec.at(&["sourceRef", "kind"]).and_then(Node::text) != Some("GitRepository") {
        return None;
    }
    let place = spec.get("path")?;
    let folder = join("", place.text()?.trim_start_matches('/'))?;
    let mut problems = Vec::new();
    let mut layer = Kustomization::empty(file, Arc::from(path), place.origin.with(By::Flux));
    let mut decoder = Decoder::new(&mut problems, Rules::Plugin);
    let items = |key: &str| spec.get(key).map_or(&[][..], Node::items);
    layer.patches = items("patches").iter().map(|node| PatchEntry::decode(node, &mut decoder)).collect();
    layer.images = items("images").iter().map(|node| ImageEntry::decode(node, &mut decoder)).collect();
    layer.components = items("components").iter().filter_map(|node| decoder.filled_text(node, "an item of components")).collect();
    let mut text = |key: &str| spec.get(key).and_then(|node| decoder.filled_text(node, key));
    layer.namespace = text("targetNamespace");
    layer.name_prefix = text("namePrefix");
    layer.name_suffix = text("nameSuffix");
    if let Some(metadata) = spec.get("commonMetadata") {
        layer.common_labels = metadata.get("labels").map(|node| decoder.pairs(node, "labels")).unwrap_or_default();
        layer.common_annotations = metadata.get("annotations").map(|node| decoder.pairs(node, "annotations")).unwrap_or_default();
    }
    let variables = spec.get("postBuild").map(|build| Variables {
        known: build
            .get("substitute")
            .map_or(&[][..], Node::entries)
            .iter()
            .filter_map(|entry| Some((entry.key.to_string(), (Arc::from(entry.value.text()?), entry.value.origin))))
            .collect(),
        // values of ConfigMaps and Secrets of the cluster are not known here
        open: build.get("substituteFrom").is_some_and(|list| !list.items().is_empty()),
    });
    Some(Pointer { variables, ..pointer(node, AgentKind::Flux, place.origin, folder, layer, problems) })
}

fn argo(node: &Node, file: FileId, path: &str) -> Option<Pointer> {
    let spec = node.get("spec")?;
    let sources = spec.get("sources").map_or(&[][..], Node::items);
    let source = spec.get("source").into_iter().chain(sources).find(|source| source.get("path").is_some())?;
    // Helm and plugins render something else than the folder's kustomization
    if source.get("chart").is_some() || source.get("helm").is_some() || source.get("plugin").is_some() {
        return None;
    }
    let place = source.get("path")?;
    let folder = join("", place.text()?.trim_start_matches('/'))?;
    let mut problems = Vec::new();
    let mut layer = Kustomization::empty(file, Arc::from(path), place.origin.with(By::ArgoCd));
    if let Some(options) = source.get("kustomize") {
        let mut decoder = Decoder::new(&mut problems, Rules::Plugin);
        let mut text = |key: &str| options.get(key).and_then(|node| decoder.filled_text(node, key));
        layer.namespace = text("namespace");
        layer.name_prefix = text("namePrefix");
        layer.name_suffix = text("nameSuffix");
        layer.patches =
            options.get("patches").map_or(&[][..], Node::items).iter().map(|node| PatchEntry::decode(node, &mut decoder)).collect();
        layer.common_labels = options.get("commonLabels").map(|node| decoder.pairs(node, "commonLabels")).unwrap_or_default();
        layer.common_annotations =
            options.get("commonAnnotations").map(|node| decoder.pairs(node, "commonAnnotations")).unwrap_or_default();
    }
    Some(pointer(node, AgentKind::ArgoCd, place.origin, folder, layer, problems))
}
