//! Flux Kustomizations: the folders that they apply, what they add, and how Flux reads a folder
//! without a kustomization (`github.com/fluxcd/pkg/kustomize`, `kustomize-controller` 1.x).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::sourceignore::Ignored;
use super::substitute::{PostBuild, Reference};
use super::{Layer, Plain, Pointer, name_of};
use crate::kustomize::decode::{Decoder, Pair, Rules, Text};
use crate::kustomize::kustomization::{ImageEntry, PatchEntry};
use crate::kustomize::loader::FILE_NAMES;
use crate::kustomize::{Kustomization, Problem, Rendered, Renderer, remote};
use crate::repo::{Agent, AgentKind};
use crate::source::join;
use crate::yaml::{By, FileId, Node, Origin};

/// The API group of Kustomizations.
pub(super) const GROUP: &str = "kustomize.toolkit.fluxcd.io";
/// The API group of GitRepositories.
pub(super) const SOURCES: &str = "source.toolkit.fluxcd.io";
/// The API group of HelmReleases.
pub(super) const RELEASES: &str = "helm.toolkit.fluxcd.io";
/// The name that `flux bootstrap` gives the source of the repository itself.
pub(super) const OWN: &str = "flux-system";

/// The GitRepositories of the tree.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources {
    /// URLs by name; several environments may have one of the same name.
    urls: BTreeMap<String, Vec<String>>,
    /// The revision that each GitRepository reads, by its name, with the path of its file.
    revisions: BTreeMap<String, Vec<(String, String)>>,
    /// GitRepositories that contain files of others (`spec.include`).
    composed: BTreeSet<String>,
    /// `spec.ignore` of the source of the repository itself.
    ignore: Vec<String>,
}

impl Sources {
    /// Notes a GitRepository.
    pub(super) fn add(&mut self, node: &Node, path: &str) {
        let text = |path: &[&str]| node.at(path).and_then(Node::text);
        let (Some(name), Some(url)) = (text(&["metadata", "name"]), text(&["spec", "url"])) else {
            return;
        };
        self.urls
            .entry(name.to_string())
            .or_default()
            .push(url.to_string());
        // the first one counts
        let keys = ["commit", "name", "semver", "tag", "branch"];
        let reference = node.at(&["spec", "ref"]);
        let text = |key: &&str| reference?.get(key).and_then(Node::text);
        let revision = keys.iter().find_map(text).unwrap_or_default();
        self.revisions
            .entry(name.to_string())
            .or_default()
            .push((path.to_string(), revision.to_string()));
        if node.at(&["spec", "include"]).is_some() {
            self.composed.insert(name.to_string());
        }
        let ignore = node.at(&["spec", "ignore"]).and_then(Node::text);
        self.ignore
            .extend(ignore.filter(|_| name == OWN).map(str::to_string));
    }
    /// URLs of the repository itself.
    pub(super) fn own(&self) -> &[String] {
        self.urls.get(OWN).map_or(&[], Vec::as_slice)
    }
    /// The URLs that a Kustomization reads its path from; empty when they are not known.
    pub(super) fn of(&self, kustomization: &Node) -> &[String] {
        let name = kustomization
            .at(&["spec", "sourceRef", "name"])
            .and_then(Node::text)
            .unwrap_or_default();
        self.named(name)
    }
    /// The URLs of the GitRepositories of a name; empty if they are not known.
    pub(super) fn named(&self, name: &str) -> &[String] {
        self.urls.get(name).map_or(&[], Vec::as_slice)
    }
    /// The branch or tag that the GitRepository of a name reads; empty if it is not known. Each
    /// cluster may have one of the same name: the nearest to the object in the file `path` counts.
    pub(super) fn revision(&self, name: &str, path: &str) -> &str {
        let near = |other: &str| {
            let pairs = path.split('/').zip(other.split('/'));
            pairs.take_while(|(one, other)| one == other).count()
        };
        let named = self.revisions.get(name).map_or(&[][..], Vec::as_slice);
        let nearest = named.iter().rev().max_by_key(|(other, _)| near(other));
        nearest.map_or("", |(_, revision)| revision)
    }
    /// True if the GitRepository of a name contains files of other repositories.
    pub(super) fn is_composed(&self, name: &str) -> bool {
        self.composed.contains(name)
    }
    /// True if a Kustomization reads the source that `flux bootstrap` creates: this repository.
    pub(super) fn is_bootstrap(kustomization: &Node) -> bool {
        kustomization
            .at(&["spec", "sourceRef", "name"])
            .and_then(Node::text)
            == Some(OWN)
    }
    /// The files that never reach Flux.
    pub(super) fn ignored(&self, renderer: &Renderer) -> Ignored {
        Ignored::of(
            renderer.source(),
            &self.ignore.iter().map(String::as_str).collect::<Vec<_>>(),
        )
    }
}

/// Labels and annotations that Flux sets on every object when it applies it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CommonMetadata {
    labels: Vec<Pair>,
    annotations: Vec<Pair>,
}

impl CommonMetadata {
    /// True if nothing is set.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.annotations.is_empty()
    }
    /// Sets them on every object, even if they are set already. Selectors and pod templates stay as
    /// they are.
    pub fn apply(&self, rendered: &mut Rendered) {
        for resource in &mut rendered.resources {
            for (map, pairs) in [("labels", &self.labels), ("annotations", &self.annotations)] {
                let Some(metadata) = resource
                    .node
                    .get_mut("metadata")
                    .filter(|_| !pairs.is_empty())
                else {
                    continue;
                };
                let here = |pair: &Pair| pair.value.origin().with(By::Flux);
                if let Some(first) = pairs
                    .first()
                    .filter(|_| metadata.get(map).is_none_or(|node| node.as_map().is_none()))
                {
                    metadata.set(map, Node::map(Vec::new(), here(first)), here(first));
                }
                let Some(node) = metadata.get_mut(map) else {
                    continue;
                };
                for pair in pairs {
                    match node.get_mut(&pair.key) {
                        Some(present) => {
                            let new = Node::string(&*pair.value, here(pair));
                            present.replace(new.data, new.origin);
                        }
                        None => node.set(
                            &pair.key,
                            Node::string(&*pair.value, here(pair)),
                            pair.key_origin,
                        ),
                    }
                }
            }
        }
    }
}

/// The folder that a Kustomization applies; `None` if it reads another source.
pub(super) fn pointer(
    node: &Node,
    file: FileId,
    path: &str,
    renderer: &Renderer,
) -> Option<Pointer> {
    let spec = node.get("spec")?;
    if spec.at(&["sourceRef", "kind"]).and_then(Node::text) != Some("GitRepository") {
        return None;
    }
    let target = spec.get("path");
    let origin = target.unwrap_or(spec).origin;
    // Without a path, Flux builds the root of the repository. If nothing can be built there, a
    // patch elsewhere sets the path.
    if target.is_none() && renderer.kustomization("").is_none() {
        return None;
    }
    let target = target.map_or(Some(""), Node::text)?;
    let folder = join("", target.trim_start_matches('/'))?;
    let mut problems = Vec::new();
    let made = Kustomization::empty(file, Arc::from(path), origin.with(By::Flux));
    let mut decoder = Decoder::new(&mut problems, Rules::Plugin);
    let mut layer = layer(spec, made, &mut decoder);
    let mut pairs = |key: &str| {
        spec.at(&["commonMetadata", key])
            .map(|node| decoder.pairs(node, "commonMetadata"))
            .unwrap_or_default()
    };
    let common_metadata = CommonMetadata {
        labels: pairs("labels"),
        annotations: pairs("annotations"),
    };
    keep_relative(&mut layer.kustomization.components, &mut problems);
    Some(Pointer {
        folder,
        agent: Arc::new(Agent {
            kind: AgentKind::Flux,
            name: name_of(node, "Kustomization"),
            origin,
        }),
        file: Arc::from(path),
        read: vec![file],
        hints: hints(node),
        file_placement: None,
        folder_placement: None,
        inherited: None,
        written_in: None,
        named: None,
        layer: (!layer.is_empty()).then_some(layer),
        plain: Plain::Generated,
        post_build: post_build(node).filter(|build| !build.is_empty()),
        common_metadata,
        problems,
        object: node.clone(),
        assumed: false,
    })
}

/// The additions of a Kustomization, as fields of the empty kustomization `made`.
pub(super) fn layer(spec: &Node, mut made: Kustomization, decoder: &mut Decoder<'_>) -> Layer {
    let items = |key: &str| spec.get(key).map_or(&[][..], Node::items);
    // patches and images of Flux have fewer fields than those of kustomizations
    for node in items("patches") {
        made.patches.push(PatchEntry {
            path: None,
            allow_name_change: false,
            allow_kind_change: false,
            ..PatchEntry::decode(node, decoder)
        });
    }
    for node in items("images") {
        made.images.push(ImageEntry {
            tag_suffix: None,
            ..ImageEntry::decode(node, decoder)
        });
    }
    let mut texts = |key: &str| -> Vec<Text> {
        let what = format!("an item of {key}");
        let nodes = items(key).iter();
        nodes
            .filter_map(|node| decoder.filled_text(node, &what))
            .collect()
    };
    made.components = texts("components");
    made.build_metadata = texts("buildMetadata");
    let mut text = |key: &str| decoder.filled_text(spec.get(key)?, key);
    made.namespace = text("targetNamespace");
    made.name_prefix = text("namePrefix");
    made.name_suffix = text("nameSuffix");
    let ignore = spec.get("ignoreMissingComponents").and_then(Node::as_bool);
    let mut layer = Layer::new(AgentKind::Flux, made);
    layer.ignore_missing_components = ignore.unwrap_or(false);
    layer
}

/// Removes and reports components that are no relative paths.
fn keep_relative(components: &mut Vec<Text>, problems: &mut Vec<Problem>) {
    components.retain(|component| {
        let relative = !component.starts_with('/')
            && remote::parse(component).is_none()
            && !remote::is_http(component);
        if !relative {
            let message = format!(
                "component {:?} is not a relative path; Flux refuses the Kustomization",
                &**component
            );
            problems.push(Problem::error(component.origin(), message));
        }
        relative
    });
}

/// Names that may tell the environment of a Kustomization, if the folder of its file does not.
fn hints(node: &Node) -> Vec<String> {
    let text = |path: &[&str]| node.at(path).and_then(Node::text).map(str::to_string);
    let paths: [&[&str]; 3] = [
        &["metadata", "name"],
        &["spec", "targetNamespace"],
        &["metadata", "namespace"],
    ];
    paths.into_iter().filter_map(text).collect()
}

fn post_build(node: &Node) -> Option<PostBuild> {
    let build = node.at(&["spec", "postBuild"])?;
    let text = |node: &Node, key: &str| node.get(key).and_then(Node::text).map(str::to_string);
    let namespace = node
        .at(&["metadata", "namespace"])
        .and_then(Node::text)
        .map(str::to_string);
    let inline = build
        .get("substitute")
        .map_or(&[][..], Node::entries)
        .iter();
    let from = build
        .get("substituteFrom")
        .map_or(&[][..], Node::items)
        .iter();
    Some(PostBuild {
        inline: inline
            .filter_map(|entry| {
                let value = entry.value.text()?.replace('\n', "");
                Some((
                    entry.key.to_string(),
                    (Arc::from(value), entry.value.origin),
                ))
            })
            .collect(),
        from: from
            .filter_map(|entry| {
                Some(Reference {
                    kind: text(entry, "kind")?,
                    name: text(entry, "name")?,
                    namespace: namespace.clone(),
                })
            })
            .collect(),
        always: text(build, "substituteStrategy").as_deref() == Some("Always"),
        lenient: false,
    })
}

/// The kustomization that Flux writes for a folder without one: every YAML file in and below it,
/// and every folder below it that has a kustomization of its own.
pub(super) fn generated(
    folder: &str,
    origin: Origin,
    renderer: &Renderer,
    ignored: &Ignored,
) -> Kustomization {
    let file = origin.file;
    let mut made = Kustomization::empty(file, renderer.files().get(file).path.clone(), origin);
    let prefix = if folder.is_empty() {
        String::new()
    } else {
        format!("{folder}/")
    };
    let mut paths: Vec<&str> = renderer
        .source()
        .files()
        .iter()
        .filter_map(|path| path.strip_prefix(&*prefix))
        .collect();
    // folder by folder, as a walk meets them
    paths.sort_by(|one, other| one.split('/').cmp(other.split('/')));
    let mut built: Option<String> = None;
    for path in paths {
        if built
            .as_ref()
            .is_some_and(|built| path.starts_with(built.as_str()))
        {
            continue;
        }
        let kustomization = path
            .match_indices('/')
            .map(|(at, _)| &path[..at])
            .find(|below| {
                let holds = |name: &&str| {
                    renderer.source().kind(&format!("{prefix}{below}/{name}"))
                        == Some(crate::source::EntryKind::File)
                };
                FILE_NAMES.iter().any(holds)
            });
        let resource = match kustomization {
            Some(below) => {
                built = Some(format!("{below}/"));
                if FILE_NAMES
                    .iter()
                    .all(|name| ignored.leaves_out(&format!("{prefix}{below}/{name}")))
                {
                    continue;
                }
                below
            }
            None if !(path.ends_with(".yaml") || path.ends_with(".yml"))
                || ignored.leaves_out(&format!("{prefix}{path}")) =>
            {
                continue;
            }
            None => path,
        };
        made.resources
            .push(Text::new(resource, Node::string(resource, origin)));
    }
    made
}
