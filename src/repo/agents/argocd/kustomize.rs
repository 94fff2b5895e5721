//! `source.kustomize`: what an Application adds to the kustomization it points at.

use super::super::{Layer, Note};
use super::environment::{Environment, unknown_in};
use crate::kustomize::decode::{Decoder, Pair, Rules, Text};
use crate::kustomize::kustomization::{ImageEntry, LabelEntry, PatchEntry, ReplicaEntry};
use crate::kustomize::{Kustomization, Problem};
use crate::repo::AgentKind;
use crate::yaml::Node;
use std::sync::Arc;

/// Reads `source.kustomize` of one Application.
pub(super) struct Fields<'r> {
    pub(super) fields: &'r Node,
    pub(super) environment: &'r Environment<'r>,
    pub(super) problems: &'r mut Vec<Problem>,
    pub(super) notes: &'r mut Vec<Note>,
}

impl<'r> Fields<'r> {
    /// The additions of the Application, as fields of the empty kustomization `made`. Fields that
    /// cannot be resolved are left out and noted.
    pub(super) fn layer(mut self, mut made: Kustomization) -> Layer {
        // the order of these calls is the order of the notes
        let (images, replicas) = (self.items("images"), self.items("replicas"));
        let (patches, components) = (self.items("patches"), self.items("components"));
        let (namespace, prefix, suffix) = (
            self.field("namespace"),
            self.field("namePrefix"),
            self.field("nameSuffix"),
        );
        let (labels, annotations) = (self.field("commonLabels"), self.field("commonAnnotations"));
        made.images = self.images(&images);
        let mut decoder = Decoder::new(self.problems, Rules::Plugin);
        for node in replicas {
            made.replicas.push(replica(node, &mut decoder));
        }
        for node in patches {
            made.patches.push(PatchEntry::decode(node, &mut decoder));
        }
        for node in components {
            let component = decoder.filled_text(node, "an item of components");
            made.components.extend(component);
        }
        let mut text = |node: Option<&Node>, what: &str| {
            decoder
                .filled_text(node?, what)
                .filter(|text| !text.is_empty())
        };
        made.namespace = text(namespace, "namespace");
        made.name_prefix = text(prefix, "namePrefix");
        made.name_suffix = text(suffix, "nameSuffix");
        let mut pairs = |node: Option<&Node>, what: &str| {
            node.map(|node| decoder.pairs(node, what))
                .unwrap_or_default()
        };
        made.common_annotations = pairs(annotations, "commonAnnotations");
        let label_pairs = pairs(labels, "commonLabels");
        if self.flag("commonAnnotationsEnvsubst") {
            self.expand(&mut made.common_annotations);
        }
        self.set_labels(&mut made, label_pairs, labels);
        let texts = images.iter().filter_map(|node| node.text());
        let pairs = made.common_labels.iter().chain(&made.common_annotations);
        let pairs = pairs.chain(made.labels.iter().flat_map(|entry| &entry.pairs));
        let texts = texts.chain(pairs.map(|pair| &*pair.value));
        let unknown = texts.flat_map(unknown_in).map(Arc::from).collect();
        let mut layer = Layer::new(AgentKind::ArgoCd, made);
        layer.unknown = unknown;
        layer.ignore_missing_components = self.flag("ignoreMissingComponents");
        layer.force_labels = self.flag("forceCommonLabels");
        layer.force_annotations = self.flag("forceCommonAnnotations");
        layer
    }

    fn images(&mut self, nodes: &[&Node]) -> Vec<ImageEntry> {
        let mut images = Vec::new();
        for node in nodes {
            match image(node, self.environment) {
                Some(image) => images.push(image),
                None => {
                    let message =
                        "this image sets no new name, tag or digest; Argo CD cannot build it";
                    self.problems.push(
                        Problem::error(node.origin, message)
                            .with_help("write `name:tag`, `name@digest` or `name=new:tag`"),
                    );
                }
            }
        }
        images
    }

    /// `commonLabels`, which become `labels` if selectors stay without them.
    fn set_labels(
        &mut self,
        made: &mut Kustomization,
        mut pairs: Vec<Pair>,
        labels: Option<&Node>,
    ) {
        self.expand(&mut pairs);
        let include_templates = self.flag("labelIncludeTemplates");
        match labels.filter(|_| !pairs.is_empty()) {
            Some(node) if self.flag("labelWithoutSelector") => {
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
                let message = "`labelIncludeTemplates` needs `labelWithoutSelector`; Argo CD cannot build this";
                self.problems.push(
                    Problem::error(node.origin, message)
                        .with_help("set `labelWithoutSelector: true`"),
                );
            }
            _ => made.common_labels = pairs,
        }
    }

    fn flag(&self, key: &str) -> bool {
        let flag = self.fields.get(key).and_then(Node::as_bool);
        flag.unwrap_or(false)
    }

    fn expand(&self, pairs: &mut [Pair]) {
        for pair in pairs {
            pair.value.value = self.environment.expand(&pair.value).into();
        }
    }

    /// The items of a list that can be resolved.
    fn items(&mut self, key: &str) -> Vec<&'r Node> {
        let items = self.fields.get(key).map_or(&[][..], Node::items);
        items
            .iter()
            .filter(|node| self.is_resolved(node, key))
            .collect()
    }

    /// A field, if it can be resolved.
    fn field(&mut self, key: &str) -> Option<&'r Node> {
        let node = self.fields.get(key)?;
        self.is_resolved(node, key).then_some(node)
    }

    /// True if a value has no template left; notes it otherwise.
    fn is_resolved(&mut self, node: &Node, what: &str) -> bool {
        let open = templated(node);
        if open {
            let message = format!(
                "`kustomize.{what}` cannot be resolved from the repository; the Application is checked without it"
            );
            self.notes.push(Note::new(node.origin, message));
        }
        !open
    }
}

/// True if a text in a tree still contains a template.
fn templated(node: &Node) -> bool {
    node.text().is_some_and(|text| text.contains("{{"))
        || node
            .entries()
            .iter()
            .any(|entry| entry.key.contains("{{") || templated(&entry.value))
        || node.items().iter().any(templated)
}

/// An item of `replicas`. Unlike kustomize, Argo CD accepts a count in quotes.
fn replica(node: &Node, decoder: &mut Decoder<'_>) -> ReplicaEntry {
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
/// `None` if it sets nothing new.
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
