//! `source.kustomize`: what an Application adds to the kustomization it points at.

use super::super::{Layer, Note};
use super::environment::Environment;
use crate::kustomize::decode::{Decoder, Pair, Rules, Text};
use crate::kustomize::kustomization::{ImageEntry, LabelEntry, PatchEntry, ReplicaEntry};
use crate::kustomize::{Kustomization, Problem};
use crate::repo::AgentKind;
use crate::yaml::{By, FileId, Node, Origin};
use std::sync::Arc;

/// `source.kustomize`. Fields that depend on what is not known here are left out and noted.
pub(super) fn layer(
    fields: &Node,
    (file, path, origin): (FileId, &str, Origin),
    environment: &Environment<'_>,
    problems: &mut Vec<Problem>,
    notes: &mut Vec<Note>,
) -> Layer {
    let mut made = Kustomization::empty(file, Arc::from(path), origin.with(By::ArgoCd));
    let mut unknown = |node: &Node, what: &str| {
        let open = templated(node);
        if open {
            let message = format!(
                "`kustomize.{what}` cannot be resolved from the repository; the Application is checked without it"
            );
            notes.push(Note {
                origin: node.origin,
                message,
            });
        }
        open
    };
    let mut items = |key: &str| -> Vec<Node> {
        let list = fields.get(key).map_or(&[][..], Node::items);
        list.iter()
            .filter(|node| !unknown(node, key))
            .cloned()
            .collect()
    };
    let images = items("images");
    let replicas = items("replicas");
    let patches = items("patches");
    let components = items("components");
    let mut field = |key: &str| fields.get(key).filter(|node| !unknown(node, key));
    let (namespace, prefix, suffix) =
        (field("namespace"), field("namePrefix"), field("nameSuffix"));
    let (labels, annotations) = (field("commonLabels"), field("commonAnnotations"));
    for node in &images {
        match image(node, environment) {
            Some(image) => made.images.push(image),
            None => {
                let message = "this image sets no new name, tag or digest; Argo CD cannot build it";
                problems.push(
                    Problem::error(node.origin, message)
                        .with_help("write `name:tag`, `name@digest` or `name=new:tag`"),
                );
            }
        }
    }
    let mut decoder = Decoder::new(problems, Rules::Plugin);
    made.replicas = replicas
        .iter()
        .map(|node| replica(node, &mut decoder))
        .collect();
    made.patches = patches
        .iter()
        .map(|node| PatchEntry::decode(node, &mut decoder))
        .collect();
    made.components = components
        .iter()
        .filter_map(|node| decoder.filled_text(node, "an item of components"))
        .collect();
    let mut text = |node: Option<&Node>, what: &str| {
        node.and_then(|node| decoder.filled_text(node, what))
            .filter(|text| !text.is_empty())
    };
    made.namespace = text(namespace, "namespace");
    made.name_prefix = text(prefix, "namePrefix");
    made.name_suffix = text(suffix, "nameSuffix");
    let flag = |key: &str| fields.get(key).and_then(Node::as_bool).unwrap_or(false);
    made.common_annotations = annotations
        .map(|node| decoder.pairs(node, "commonAnnotations"))
        .unwrap_or_default();
    if flag("commonAnnotationsEnvsubst") {
        made.common_annotations
            .iter_mut()
            .for_each(|pair| expand(pair, environment));
    }
    let mut pairs = labels
        .map(|node| decoder.pairs(node, "commonLabels"))
        .unwrap_or_default();
    pairs.iter_mut().for_each(|pair| expand(pair, environment));
    let include_templates = flag("labelIncludeTemplates");
    match labels.filter(|_| !pairs.is_empty()) {
        Some(node) if flag("labelWithoutSelector") => {
            made.labels = vec![LabelEntry {
                pairs,
                include_selectors: false,
                include_templates,
                include_volume_claim_templates: false,
                fields: Vec::new(),
                origin: node.origin,
            }];
        }
        Some(node) if include_templates => {
            let message =
                "`labelIncludeTemplates` needs `labelWithoutSelector`; Argo CD cannot build this";
            problems.push(
                Problem::error(node.origin, message).with_help("set `labelWithoutSelector: true`"),
            );
        }
        _ => made.common_labels = pairs,
    }
    let mut layer = Layer::new(AgentKind::ArgoCd, made);
    layer.ignore_missing_components = flag("ignoreMissingComponents");
    layer.force_labels = flag("forceCommonLabels");
    layer.force_annotations = flag("forceCommonAnnotations");
    layer
}

pub(super) fn expand(pair: &mut Pair, environment: &Environment<'_>) {
    pair.value.value = environment.expand(&pair.value).into();
}

/// Whether a text of a tree still has a template in it.
pub(super) fn templated(node: &Node) -> bool {
    node.text().is_some_and(|text| text.contains("{{"))
        || node
            .entries()
            .iter()
            .any(|entry| entry.key.contains("{{") || templated(&entry.value))
        || node.items().iter().any(templated)
}

/// The count may be written as a text.
pub(super) fn replica(node: &Node, decoder: &mut Decoder<'_>) -> ReplicaEntry {
    let count = node.get("count").filter(|count| count.as_str().is_some());
    let number = count.and_then(|count| count.text()?.parse::<i64>().ok());
    match (number, node.get("name")) {
        (Some(number), Some(name)) => ReplicaEntry {
            name: decoder.filled_text(name, "name"),
            count: number,
            count_origin: count.map_or(node.origin, |count| count.origin),
            origin: node.origin,
        },
        _ => ReplicaEntry::decode(node, decoder),
    }
}

/// `name:tag`, `name@digest` or `old=new:tag@digest`, as `kustomize edit set image` takes it;
/// `None` when it says nothing new.
pub(super) fn image(node: &Node, environment: &Environment<'_>) -> Option<ImageEntry> {
    let written = environment.expand(node.text()?);
    let part = |text: &str| Text::new(text, node.clone());
    let (old, new) = written
        .split_once('=')
        .map_or((None, written.as_str()), |(old, new)| (Some(old), new));
    let (rest, digest) = new
        .split_once('@')
        .map_or((new, None), |(rest, digest)| (rest, Some(digest)));
    let (name, tag) = match rest.rsplit_once(':') {
        // the port of a registry is not a tag
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (rest, None),
    };
    if old.is_none() && tag.is_none() && digest.is_none() {
        return None;
    }
    Some(ImageEntry {
        name: Some(part(old.unwrap_or(name))),
        new_name: old.is_some().then(|| part(name)),
        new_tag: tag.map(part),
        tag_suffix: None,
        digest: digest.map(part),
        origin: node.origin,
    })
}
