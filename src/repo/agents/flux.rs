//! Flux Kustomizations: the folder that they apply and what they add to it.

use std::sync::Arc;

use super::{Application, Collector, Found, Layer, Pointer};
use crate::kustomize::decode::{Decoder, Rules};
use crate::kustomize::kustomization::{ImageEntry, PatchEntry};
use crate::kustomize::{Kustomization, Problem};
use crate::repo::AgentKind;
use crate::source::join;
use crate::yaml::{By, Node};

/// The API group of Flux Kustomizations.
pub const GROUP: &str = "kustomize.toolkit.fluxcd.io";

/// What a Flux Kustomization applies; `None` when that is not in a Git repository or not here (a remote cluster's are).
pub fn application(found: &Found, collector: &Collector<'_>) -> Option<Application> {
    let node = &found.node;
    let spec = node.get("spec")?;
    let source = spec.get("sourceRef")?;
    if source.get("kind").and_then(Node::text) != Some("GitRepository") {
        return None;
    }
    let text = |node: &Node, key: &str| node.get(key).and_then(Node::text).map(str::to_string);
    let namespace = node.at(&["metadata", "namespace"]).and_then(Node::text).unwrap_or_default();
    let source_namespace = text(source, "namespace").unwrap_or_else(|| namespace.to_string());
    let url = collector.git_repository(&source_namespace, &text(source, "name")?, &found.file);
    let path = spec.get("path").and_then(Node::text).unwrap_or("./");
    let folder = join("", path.trim_start_matches('/'))?;
    let mut problems = Vec::new();
    let place = spec.get("path").map_or(source.origin, |path| path.origin);
    let layer = layer(spec, collector, place, &mut problems);
    let name = text(node.get("metadata")?, "name")?;
    let variables = spec.get("postBuild").map(|build| collector.variables(build, namespace, &found.file));
    let metadata = |key: &str| spec.at(&["commonMetadata", key]).map(|map| map.entries().to_vec()).unwrap_or_default();
    Some(Application {
        kind: AgentKind::Flux,
        name: if namespace.is_empty() { format!("Kustomization {name}") } else { format!("Kustomization {namespace}/{name}") },
        object: name,
        origin: place,
        pointer: Pointer { url, folder, trusted: &*text(source, "name")? == "flux-system" },
        file: found.file.clone(),
        layer,
        variables,
        labels: metadata("labels"),
        annotations: metadata("annotations"),
        plain: super::Plain { recursive: true, nested: true, ..super::Plain::default() },
        problems,
    })
}

fn layer(spec: &Node, collector: &Collector<'_>, place: crate::yaml::Origin, problems: &mut Vec<Problem>) -> Layer {
    let mut made = Kustomization::empty(place.file, Arc::from(&*collector.path_of(place)), place.with(By::Flux));
    let mut decoder = Decoder::new(problems, Rules::Plugin);
    let mut items = |key: &str| spec.get(key).map(|list| list.items().to_vec()).unwrap_or_default();
    let (patches, images, components) = (items("patches"), items("images"), items("components"));
    made.patches = patches.iter().map(|node| PatchEntry::decode(node, &mut decoder)).collect();
    made.images = images.iter().map(|node| ImageEntry::decode(node, &mut decoder)).collect();
    made.components = components.iter().filter_map(|node| decoder.filled_text(node, "an item of components")).collect();
    let mut text = |key: &str| spec.get(key).and_then(|node| decoder.filled_text(node, key));
    made.namespace = text("targetNamespace");
    made.name_prefix = text("namePrefix");
    made.name_suffix = text("nameSuffix");
    Layer { kustomization: made }
}
