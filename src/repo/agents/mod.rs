//! What Flux and Argo CD apply: the folders that their objects in the repo point at, and what the objects add to them.
//!
//! Here: Flux Kustomizations, Argo CD Applications and those that ApplicationSets make, with a path in this repo. Not here: which
//! folders are overlays (`discover`), rendering (`kustomize`).

mod argocd;
mod layer;
mod substitute;

use std::collections::BTreeSet;
use std::sync::Arc;

use rayon::prelude::*;

use super::discover::Layout;
use super::{Agent, AgentKind};
use crate::kustomize::decode::{Decoder, Rules};
use crate::kustomize::kustomization::{ImageEntry, LabelEntry, PatchEntry};
use crate::kustomize::{Kustomization, Problem, Rendered, Renderer};
use crate::source::{EntryKind, Source, join};
use crate::yaml::{By, FileId, Node, Origin};

pub use layer::Layer;
pub use substitute::Variables;

const FLUX: &str = "kustomize.toolkit.fluxcd.io";
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
    pub layer: Option<Layer>,
    /// How a folder without a kustomization is read.
    pub plain: Plain,
    /// What it puts in place of `${…}`.
    pub variables: Option<Variables>,
    /// What is wrong with the object.
    pub problems: Vec<Problem>,
}

/// How an agent reads a folder of plain manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plain {
    /// Whether what lies in folders below is read as well: always by Flux, when it says so by Argo CD.
    pub recursive: bool,
}

impl Pointer {
    /// What the agent applies.
    pub fn render(&self, renderer: &Renderer) -> Arc<Rendered> {
        let loaded = renderer.kustomization(&self.folder);
        let own = loaded.as_ref().and_then(|loaded| loaded.kustomization.as_ref());
        let rendered = match (&self.layer, own) {
            _ if loaded.is_none() => renderer.render_plain(&self.folder, self.plain.recursive),
            (Some(layer), Some(own)) => renderer.render_as(&self.folder, &layer.edit(own)),
            _ => renderer.render(&self.folder),
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
    let folders: BTreeSet<&str> =
        source.files().iter().flat_map(|path| path.match_indices('/').filter_map(|(at, _)| path.get(..at))).collect();
    let files: Vec<&Arc<str>> = source.files().par_iter().filter(|path| mentions(path)).collect();
    let mut found = Vec::new();
    for path in files {
        let Ok(documents) = renderer.parsed(path) else { continue };
        let Some(file) = renderer.file_id(path) else { continue };
        for node in &documents.documents {
            let text = |key: &str| node.get(key).and_then(Node::text).unwrap_or_default();
            let group = text("apiVersion").split_once('/').map_or("", |(group, _)| group);
            let place = argocd::Place { file, path, renderer, folders: &folders };
            let pointers = match (text("kind"), group) {
                ("Kustomization", FLUX) => flux(node, file, path).into_iter().collect(),
                ("Application", argocd::GROUP) => argocd::applications(node, place),
                ("ApplicationSet", argocd::GROUP) => {
                    argocd::expand(node, place).iter().flat_map(|made| argocd::applications(made, place)).collect()
                }
                _ => Vec::new(),
            };
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let environment = |folder: &str| layout.place(folder).and_then(Result::ok).map(|place| place.environment);
            for mut pointer in pointers.into_iter().filter(|pointer| applies(&**source, renderer, &pointer.folder)) {
                pointer.environment = environment(folder);
                pointer.folder_environment = environment(&pointer.folder);
                found.push(pointer);
            }
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

fn pointer(node: &Node, kind: AgentKind, place: Origin, folder: String, layer: Layer, problems: Vec<Problem>) -> Pointer {
    let word = if kind == AgentKind::Flux { "Kustomization" } else { "Application" };
    Pointer {
        folder,
        agent: Agent { kind, name: name_of(node, word), origin: place },
        environment: None,
        folder_environment: None,
        layer: (!layer.is_empty()).then_some(layer),
        plain: Plain { recursive: kind == AgentKind::Flux },
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
        // selectors and pod templates stay as they are
        if let Some(node) = metadata.get("labels") {
            layer.labels.push(LabelEntry {
                pairs: decoder.pairs(node, "labels"),
                include_selectors: false,
                include_templates: false,
                include_volume_claim_templates: false,
                fields: Vec::new(),
                origin: node.origin,
            });
        }
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
    Some(Pointer { variables, ..pointer(node, AgentKind::Flux, place.origin, folder, Layer { kustomization: layer }, problems) })
}
